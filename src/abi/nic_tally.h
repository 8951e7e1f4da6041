/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi/nic_tally.h - what a net worker counts (struct state, tally)
 *
 * Since the family began.  A frame that the kernel or we cut counts as one
 * when it is sent and as its segments when it is received.  Written by the
 * worker, for the host to look at.
 */
#ifndef ABI_NIC_TALLY_H
#define ABI_NIC_TALLY_H

#include <assert.h>

#include "abi/state.h"

enum nic_tally {
	NIC_TALLY_SENT, NIC_TALLY_SENT_BYTES, NIC_TALLY_SEND_DROPS,
	NIC_TALLY_SEND_WAITS,		/* times the tap was full */
	NIC_TALLY_RECEIVED, NIC_TALLY_RECEIVED_BYTES, NIC_TALLY_RECEIVE_DROPS,
	NIC_TALLY_RECEIVE_WAITS,	/* times the card had no buffer */
	NIC_TALLIES
};
static_assert(NIC_TALLIES <= STATE_TALLIES, "room");

#endif /* ABI_NIC_TALLY_H */
