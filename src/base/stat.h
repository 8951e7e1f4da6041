/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * base/stat.h - counts what this process does, in abi/stat.h's memory
 *
 * Every process has one writer, its main thread: a counter is a plain load and
 * store, no locked instruction, and no other process writes its cache line.
 * While nobody counts (no FD_STATS) each call is one branch.
 */
#ifndef BASE_STAT_H
#define BASE_STAT_H

#include "abi/stat.h"

/* Of this process; NULL: nobody counts.  ring/stat.h sets it. */
extern struct stat_block *stat_own;

/* @slot: enum stat_slot, plus the number of its label values. */
static inline void stat_block_add(struct stat_block *b, unsigned int slot,
				  uint64_t n)
{
	_Atomic uint64_t *w = &b->word[slot];

	atomic_store_explicit(w, atomic_load_explicit(w, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

static inline uint64_t stat_block_get(const struct stat_block *b, unsigned int slot)
{
	return atomic_load_explicit(&b->word[slot], memory_order_relaxed);
}

static inline void stat_add(unsigned int slot, uint64_t n)
{
	if (stat_own)
		stat_block_add(stat_own, slot, n);
}

static inline void stat_set(unsigned int slot, uint64_t value)
{
	if (stat_own)
		atomic_store_explicit(&stat_own->word[slot], value,
				      memory_order_relaxed);
}

/* 0 while nobody counts. */
static inline uint64_t stat_get(unsigned int slot)
{
	return stat_own ? stat_block_get(stat_own, slot) : 0;
}

/* Bucket of a histogram that @ns falls into. */
static inline unsigned int stat_bucket(uint64_t ns)
{
	uint64_t above = ns ? (ns - 1) >> STAT_BUCKET_SHIFT : 0;
	unsigned int i = above ? 64u - (unsigned int)__builtin_clzll(above) : 0;

	return i < STAT_BUCKETS ? i : STAT_BUCKETS;
}

/* @slot: first word of a histogram. */
static inline void stat_block_time(struct stat_block *b, unsigned int slot,
				   uint64_t ns)
{
	stat_block_add(b, slot + stat_bucket(ns), 1);
	stat_block_add(b, slot + STAT_SUM, ns);
}

#endif /* BASE_STAT_H */
