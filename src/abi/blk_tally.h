/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi/blk_tally.h - what a disk worker counts (struct state, tally)
 *
 * Requests that ended well, since the family began; of drive n from
 * n * BLK_TALLIES on.  Written by the worker, read by the supervisor.
 */
#ifndef ABI_BLK_TALLY_H
#define ABI_BLK_TALLY_H

#include <assert.h>

#include "abi/state.h"

#define BLK_TALLY_DRIVES	4u

enum blk_tally {
	BLK_READS, BLK_READ_BYTES, BLK_WRITES, BLK_WRITTEN_BYTES, BLK_FLUSHES,
	BLK_TALLIES
};
static_assert(BLK_TALLY_DRIVES * BLK_TALLIES <= STATE_TALLIES, "room");

#endif /* ABI_BLK_TALLY_H */
