/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/lib/nicrig.h - the host's side of a network card, for model tests
 *
 * Keeps what the card sends, gives it frames as a back end would, and is full
 * when the test says so.
 */
#ifndef TESTS_LIB_NICRIG_H
#define TESTS_LIB_NICRIG_H

#include "bus/nic.h"

#define NICRIG_SENT	512u	/* frames kept; later ones are only counted */

struct nicrig_frame {
	struct nic_todo todo;
	size_t len_bytes;
	uint8_t *bytes;		/* private copy */
};

struct nicrig {
	struct nic nic;
	bool full;		/* send() says -EAGAIN */
	bool closed;
	unsigned int sent_count;	/* all that send() took */
	unsigned int refused;		/* times send() said -EAGAIN */
	unsigned int ready_count;	/* receive_ready() calls */
	struct nicrig_frame sent[NICRIG_SENT];
};

/* Frees what the last use kept; link up, @mac copied. */
void nicrig_init(struct nicrig *r, const uint8_t mac[NIC_MAC_BYTES]);
void nicrig_clear(struct nicrig *r);	/* forget what was sent */
/* One frame, then received(); what receive() returned. */
bool nicrig_give(struct nicrig *r, const void *frame, size_t len_bytes,
		 bool csum_good);
/* No longer full: send_ready(). */
void nicrig_drain(struct nicrig *r);
void nicrig_link(struct nicrig *r, bool up);

#endif /* TESTS_LIB_NICRIG_H */
