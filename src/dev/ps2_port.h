/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/ps2_port.h - what a PS/2 device has to send
 *
 * Replies to commands go before events, and an event is queued whole or not
 * at all.  A new command discards replies nobody read, as the devices do.
 */
#ifndef DEV_PS2_PORT_H
#define DEV_PS2_PORT_H

#include <stdbool.h>

#include "dev/fifo16.h"

#define PS2_ACK		0xfau
#define PS2_RESEND	0xfeu
#define PS2_BAT_OK	0xaau

struct ps2_port {
	struct fifo16 reply;
	struct fifo16 event;
};

static inline bool ps2_port_has(const struct ps2_port *p)
{
	return fifo16_count(&p->reply) || fifo16_count(&p->event);
}

static inline uint8_t ps2_port_pop(struct ps2_port *p)
{
	return fifo16_pop(fifo16_count(&p->reply) ? &p->reply : &p->event);
}

static inline void ps2_port_reply(struct ps2_port *p, uint8_t v)
{
	fifo16_push(&p->reply, v);
}

static inline void ps2_port_clear(struct ps2_port *p)
{
	fifo16_clear(&p->reply);
	fifo16_clear(&p->event);
}

#endif /* DEV_PS2_PORT_H */
