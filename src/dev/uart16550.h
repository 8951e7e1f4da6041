/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/uart16550.h - a serial port at 16550A level
 */
#ifndef DEV_UART16550_H
#define DEV_UART16550_H

#include <stdbool.h>
#include <stdint.h>

#include "bus/bus.h"
#include "bus/chr.h"
#include "bus/timer.h"
#include "dev/fifo16.h"

struct uart_regs {		/* committed */
	uint16_t divisor;
	uint8_t ier, fcr, lcr, mcr, lsr, msr, scr;
	uint8_t rbr;		/* last byte received, read again when empty */
	uint8_t thr_pending;	/* transmitter-empty interrupt not yet seen */
	uint8_t thr_busy;	/* it follows as soon as requests are served */
	uint8_t rx_timeout;	/* bytes waited four character times */
	uint8_t irq;		/* our share of the line */
	struct fifo16 rx;
};

struct uart {
	struct uart_regs r;
	struct bus *bus;
	bus_dev_id id;
	unsigned int line;
	const struct uart *shares;	/* another port on the line, or NULL */
	struct chr *chr;		/* or NULL: nothing connected */
	struct bus_timer timeout;	/* bytes wait below the trigger level */
	struct bus_timer sent;		/* due at once while thr_busy */
	bool rx_held;			/* refused bytes: call rx_ready() */
};

extern const struct reg_file uart_regs;

/* @u is zeroed.  @chr's rx and dev are set here. */
void uart_init(struct uart *u, struct bus *b, const char *name, uint16_t port,
	       unsigned int line, struct chr *chr);
/* Both drive the same line: its level is the OR. */
void uart_share_line(struct uart *a, struct uart *b);

#endif /* DEV_UART16550_H */
