/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/rest.c - brings the family to rest, and dirty logging
 *
 * Runs in the supervisor.  The broker does the work (dispatch/pause.c,
 * dispatch/dirty.c); this asks, waits no longer than is good for anybody, and
 * remembers.
 */
#include "supervisor/rest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/family.h"

#define REST_LIMIT_S	300	/* images are flushed */
#define LOG_LIMIT_S	8	/* libxl gives up after 10 */
#define GFN_MASK	((UINT64_C(1) << 48) - 1)
#define TICKET_SHIFT	48

/* One thing that is asked for and comes later. */
struct wish {
	enum { WISH_NONE, WISH_COMING, WISH_CAME, WISH_FAILED } stage;
	struct event *limit;
};

static struct {
	struct event_base *base;
	void (*changed)(void);
	struct wish rest, log;
	bool cancelled;		/* by rest_end(), not by the limit */
	bool log_on;		/* what was asked for last */
	uint16_t ticket;
	uint64_t vram_gfn;
	int64_t asked_ns;
} me;

/*
 * One that died hears nothing, and its successor everything that counts
 * (rest_on_new_broker()): to wait for that is no error.
 */
static int tell_broker(enum ctl_kind kind, uint64_t arg)
{
	int rc = family_tell_broker(kind, arg);

	return rc == -ENOTCONN || rc == -EPIPE || rc == -ECONNRESET ? 0 : rc;
}

static void end_wait(struct wish *w)
{
	if (w->limit)
		event_free(w->limit);
	w->limit = NULL;
}

/* Who asked hears of it; the next one asks anew. */
static void fail(struct wish *w)
{
	end_wait(w);
	w->stage = WISH_FAILED;
	me.changed();
	if (w->stage == WISH_FAILED)
		w->stage = WISH_NONE;
}

static void rest_too_slow(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	log_err("devices do not come to rest: after_s=%d", REST_LIMIT_S);
	me.cancelled = false;
	tell_broker(CTL_RESUME, 0);
	fail(&me.rest);
}

static void log_too_slow(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	log_err("dirty logging is not switched: after_s=%d", LOG_LIMIT_S);
	fail(&me.log);
}

static int set_limit(struct wish *w, int limit_s, event_callback_fn too_slow)
{
	const struct timeval limit = { limit_s, 0 };

	w->limit = evtimer_new(me.base, too_slow, NULL);
	if (w->limit && evtimer_add(w->limit, &limit) == 0)
		return 0;
	end_wait(w);
	return -ENOMEM;
}

static int begin_wait(struct wish *w, int limit_s, event_callback_fn too_slow,
		      enum ctl_kind kind, uint64_t arg)
{
	int rc = set_limit(w, limit_s, too_slow);

	if (rc)
		return rc;
	rc = tell_broker(kind, arg);
	if (rc) {
		end_wait(w);
		return rc;
	}
	w->stage = WISH_COMING;
	return -EINPROGRESS;
}

void rest_begin(struct event_base *base, void (*changed)(void))
{
	memset(&me, 0, sizeof(me));
	me.base = base;
	me.changed = changed;
}

int rest_ask(char *why, size_t why_len)
{
	int rc;

	switch (me.rest.stage) {
	case WISH_NONE:
		me.asked_ns = clock_now_ns();
		rc = begin_wait(&me.rest, REST_LIMIT_S, rest_too_slow, CTL_PAUSE,
				++me.ticket);
		break;
	case WISH_COMING:
		/* rest_hold() sets none: nobody waited yet. */
		if (!me.rest.limit)
			set_limit(&me.rest, REST_LIMIT_S, rest_too_slow);
		rc = -EINPROGRESS;
		break;
	case WISH_FAILED:
		rc = -ETIMEDOUT;
		break;
	default:
		rc = 0;
		break;
	}
	if (rc == -ETIMEDOUT && me.cancelled)
		snprintf(why, why_len, "the guest was told to go on meanwhile");
	else if (rc == -ETIMEDOUT)
		snprintf(why, why_len, "the devices did not come to rest within %d s",
			 REST_LIMIT_S);
	else if (rc && rc != -EINPROGRESS)
		snprintf(why, why_len, "cannot talk to the broker: %s",
			 strerrordesc_np(-rc));
	return rc;
}

/* Without a limit: if somebody is slow, that must not let the others go. */
void rest_hold(void)
{
	int rc = tell_broker(CTL_PAUSE, ++me.ticket);

	if (rc)
		log_errno(-rc, "cannot talk to child: name=broker");
	me.asked_ns = clock_now_ns();
	me.rest.stage = WISH_COMING;
}

void rest_on_rested(uint64_t arg)
{
	if (me.rest.stage != WISH_COMING || arg >> TICKET_SHIFT != me.ticket)
		return;
	end_wait(&me.rest);
	me.rest.stage = WISH_CAME;
	me.vram_gfn = arg & GFN_MASK;
	log_info("devices are at rest: took_us=%lld",
		 (long long)((clock_now_ns() - me.asked_ns) / NS_PER_US));
	me.changed();
}

void rest_end(void)
{
	bool coming = me.rest.stage == WISH_COMING;
	int rc;

	if (!coming && me.rest.stage != WISH_CAME)
		return;
	me.rest.stage = WISH_NONE;
	rc = tell_broker(CTL_RESUME, 0);
	if (rc)
		log_errno(-rc, "cannot talk to child: name=broker");
	me.cancelled = true;
	if (coming)
		fail(&me.rest);
}

bool rest_is_on(void)
{
	return me.rest.stage == WISH_CAME;
}

uint64_t rest_vram_gfn(void)
{
	return me.vram_gfn;
}

int rest_log_dirty(bool on, char *why, size_t why_len)
{
	int rc = -EINPROGRESS;

	if (me.log.stage == WISH_FAILED) {
		snprintf(why, why_len, "dirty logging was not switched within %d s",
			 LOG_LIMIT_S);
		return -ETIMEDOUT;
	}
	if (me.log.stage == WISH_CAME && me.log_on == on) {
		/* Told to whoever asked; a new command asks again. */
		me.log.stage = WISH_NONE;
		return 0;
	}
	if (me.log.stage == WISH_NONE || me.log.stage == WISH_CAME) {
		me.log_on = on;
		rc = begin_wait(&me.log, LOG_LIMIT_S, log_too_slow, CTL_LOG_DIRTY, on);
	}
	if (rc != -EINPROGRESS)
		snprintf(why, why_len, "cannot talk to the broker: %s",
			 strerrordesc_np(-rc));
	return rc;
}

void rest_on_logged(bool on)
{
	if (me.log.stage != WISH_COMING || on != me.log_on)
		return;
	end_wait(&me.log);
	me.log.stage = WISH_CAME;
	me.changed();
	/* Whoever asked may be gone. */
	me.log.stage = me.log.stage == WISH_CAME ? WISH_NONE : me.log.stage;
}

/*
 * It finds in its workers' channels who rests and who logs.  That is what its
 * predecessor did, and not what that one was told last.
 */
void rest_on_new_broker(void)
{
	int rc;

	if (me.rest.stage == WISH_COMING)
		rc = tell_broker(CTL_PAUSE, me.ticket);
	else
		rc = me.rest.stage == WISH_CAME ? 0 : tell_broker(CTL_RESUME, 0);
	if (rc == 0 && me.log.stage == WISH_COMING)
		rc = tell_broker(CTL_LOG_DIRTY, me.log_on);
	if (rc)
		log_errno(-rc, "cannot talk to child: name=broker");
}
