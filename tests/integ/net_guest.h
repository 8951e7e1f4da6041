/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/net_guest.h - drivers for the network cards, on a fake guest
 *
 * As small as drivers can be: one ring each way, no interrupts, one frame at a
 * time out.  The rtl8139 is driven in C+ mode.  Register names and layouts are
 * the data sheets'.
 */
#ifndef TESTS_INTEG_NET_GUEST_H
#define TESTS_INTEG_NET_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fakeguest.h"

#define NET_GUEST_RX	32u		/* descriptors */

struct net_guest {
	struct fakeguest *g;
	unsigned int slot;
	bool e1000;
	unsigned int tx_at, rx_at;
	unsigned int tx_done;		/* net_guest_reclaim() came so far */
	unsigned int given;		/* receive buffers the card has */
};

/* What the card is to do on a frame with TCP over IPv4, no tags. */
struct net_guest_todo {
	bool csum;			/* IP's and TCP's */
	unsigned int mss;		/* not 0: cut */
	unsigned int tcp_at, header_bytes;
};

/* Brings the card up with all receive buffers given. */
void net_guest_start(struct net_guest *n, struct fakeguest *g, const char *model,
		     unsigned int slot);
/* What a driver has in guest memory, but for piles. */
#define NET_GUEST_AT	0x100000u
#define NET_GUEST_BYTES	0x210000u
/* As drivers do when they go.  0: reset; 1: receiver and transmitter off; 2: no
   bus master.  On return the card has done with its memory. */
#define NET_GUEST_STOPS	3u
void net_guest_stop(struct net_guest *n, unsigned int how);
/* Returns when the card is done with it; false: it never was. */
bool net_guest_send(struct net_guest *n, const void *frame, size_t len,
		    const struct net_guest_todo *todo);
/* Asks with one doorbell for @count frames of @len, up to NET_GUEST_PILE()
   of them; the ring is another one from then on.  How many the card has done. */
#define NET_GUEST_PILE(n) ((n)->e1000 ? 4095u : 63u)
void net_guest_pile(struct net_guest *n, const void *frame, size_t len,
		    unsigned int count);
unsigned int net_guest_piled(struct net_guest *n);
/*
 * Many outstanding, each with a buffer of its own of up to NET_GUEST_POST_BYTES;
 * not together with the above.  post: false: no descriptor is free; doorbell
 * tells the card of all that were posted.  reclaim:
 * descriptors that the card is done with; their buffers are made unreadable, as
 * if somebody else had them now.  Returns how many are still the card's.
 */
#define NET_GUEST_POST_BYTES 2048u
bool net_guest_post(struct net_guest *n, const void *frame, size_t len);
void net_guest_doorbell(struct net_guest *n);
unsigned int net_guest_reclaim(struct net_guest *n);

/* The next frame received, without FCS; 0: none in @ms.  Its buffer is given
   back unless @keep. */
size_t net_guest_receive(struct net_guest *n, void *frame, bool *csum_good,
			 bool keep, int ms);
/* Frames the card says it had no buffer for.  Once. */
unsigned int net_guest_missed(struct net_guest *n);
/* Gives back all buffers that were kept. */
void net_guest_refill(struct net_guest *n);
bool net_guest_has_link(struct net_guest *n);
bool net_guest_is_there(struct net_guest *n);

#endif /* TESTS_INTEG_NET_GUEST_H */
