/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/rest.h - brings the family to rest, and dirty logging
 *
 * What QMP's stop, cont and xen-set-global-dirty-log ask of the broker.  Each
 * takes a while; nobody blocks.  An asking function says -EINPROGRESS and is
 * to be called again when @changed was called: it then says how it ended.
 */
#ifndef SUPERVISOR_REST_H
#define SUPERVISOR_REST_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* @changed runs from the event loop. */
void rest_begin(struct event_base *base, void (*changed)(void));

/*
 * Requests in flight end, then nothing moves until rest_end(): state memfds
 * are complete and stable.  0, -EINPROGRESS, or -errno and @why: the family
 * goes on as before.
 */
int rest_ask(char *why, size_t why_len);
/* A family that started at rest, of a guest that is restored: from the broker's
   READY on until rest_end(), without a limit. */
void rest_hold(void);
void rest_end(void);
bool rest_is_on(void);
/* Where VRAM is, while rest_is_on(). */
uint64_t rest_vram_gfn(void);

/*
 * From the 0 of rest_log_dirty(true) on each frame that is written to is told
 * to Xen.  0, -EINPROGRESS, or -errno and @why: as it was asked, or not.
 */
int rest_log_dirty(bool on, char *why, size_t why_len);

/* struct family_ops */
void rest_on_rested(uint64_t arg);
void rest_on_logged(bool on);
/* A new broker serves: it hears what its predecessor may not have heard. */
void rest_on_new_broker(void);

#endif /* SUPERVISOR_REST_H */
