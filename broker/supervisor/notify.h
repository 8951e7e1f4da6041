/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/notify.h - tells systemd how we are (sd_notify(3))
 *
 * Where no systemd asked for it, nothing here does anything.
 */
#ifndef SUPERVISOR_NOTIFY_H
#define SUPERVISOR_NOTIFY_H

#include <event2/event.h>
#include <stdbool.h>

/* Once, before others use the environment: NOTIFY_SOCKET, WATCHDOG_USEC. */
void notify_begin(void);
/* Feeds the watchdog from @base at half its period: it bites when the loop
   does not turn. */
void notify_watch(struct event_base *base);
/* "READY=1\nSTATUS=..."; never blocks, a full socket loses it. */
void notify_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Does somebody listen? */
bool notify_is_heard(void);
/*
 * A message with a descriptor (borrowed; -1: none).  Waits for room, at most a
 * second.  0, or -errno; -ENOTCONN: nobody listens.
 */
int notify_pass(const char *text, int fd);
/*
 * Returns when what was said before is taken, and descriptors told to be closed
 * are: 0; -ETIMEDOUT: not within @limit_ms; or as notify_pass().
 */
int notify_wait_taken(int limit_ms);
/* We are about to end; before the base is freed. */
void notify_end(void);

#endif /* SUPERVISOR_NOTIFY_H */
