/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/store.h - descriptors that systemd keeps for our successor
 *
 * The store of sd_notify(3): each descriptor under a name of its own.  Where no
 * systemd listens nothing here does anything.  A store that was not asked for
 * in the unit (FileDescriptorStoreMax=) loses what it is given, and nobody
 * tells us: then the family ends with its supervisor, as under xl.
 */
#ifndef SUPERVISOR_STORE_H
#define SUPERVISOR_STORE_H

#include <stdbool.h>

#define FD_NAME_ROOM	40

/*
 * Once, before descriptors that nobody named are closed: what the one before us
 * left (LISTEN_FDS, LISTEN_FDNAMES), now close-on-exec.  Returns the first
 * number behind them; 3: there are none.
 */
unsigned int store_take(void);

/* Was something left to us, and not claimed or discarded? */
bool store_has_any(void);

/* The caller's from now on; -1: there is none of this name. */
int store_claim(const char *name);

/* Closes what nobody claimed; it stays in the store. */
void store_close_rest(void);

/* Closes what nobody claimed, and has all that was left to us forgotten. */
void store_discard(void);

/*
 * From now on changes are told.  Before that the family is not worth keeping,
 * and store_put() and store_drop() do nothing.
 */
void store_open(void);

/* Whatever had @name is replaced by @fd (borrowed). */
void store_put(const char *name, int fd);
void store_drop(const char *name);

/* Returns once dropped descriptors are closed; waits at most a second. */
void store_settle(void);

#endif /* SUPERVISOR_STORE_H */
