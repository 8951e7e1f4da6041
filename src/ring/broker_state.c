/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ring/broker_state.c - what others than the broker may know of its state
 *
 * Runs in the supervisor, to which the broker is hostile: one word at a time,
 * checked.
 */
#include "ring/broker_state.h"

#include "abi/broker_state.h"
#include "base/log.h"
#include "ring/memfd.h"

const struct broker_state *broker_state_map(int fd)
{
	const struct broker_state *s = memfd_map(fd, sizeof(*s), 0);

	if (s && (s->magic != BROKER_STATE_MAGIC ||
		  s->version != BROKER_STATE_VERSION)) {
		log_err("the broker's state is not as promised: fd=%d", fd);
		return NULL;
	}
	return s;
}

uint64_t broker_state_vram_gfn(const struct broker_state *s, uint64_t parked)
{
	uint64_t gfn = __atomic_load_n(&s->vram_gfn, __ATOMIC_ACQUIRE);

	return gfn == 0 || gfn >= VRAM_GFN_END ? parked : gfn;
}
