/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/family_renew.c - successors: when, how many, and what if none
 *
 * Runs in the supervisor.  A child that served is replaced at once: the guest
 * waits for it.  One that did not get as far waits longer each time.  Both
 * count, and who dies too often loses its device, then its place, so that
 * neither a bug nor a guest that likes to see workers die keeps the host busy
 * or fills its log.
 */
#include <errno.h>

#include "base/clock.h"
#include "supervisor/family_core.h"

#define PAUSE_FIRST_MS	50
#define PAUSE_DOUBLINGS	5u	/* up to 1.6 s */

/* Remembers a death; true: it was the @most'th within the window. */
bool tally_add(struct tally *t, int64_t now_ns, unsigned int most, int64_t window_ns)
{
	t->at_ns[t->count % most] = now_ns;
	t->count++;
	return t->count >= most && now_ns - t->at_ns[t->count % most] <= window_ns;
}

static bool is_over_limit(struct child *c)
{
	const struct conf *conf = fam.roster->conf;
	unsigned int most = conf->restarts ? conf->restarts : CONF_RESTARTS;

	return tally_add(&c->tally, clock_now_ns(), most,
			 conf->restart_window_s * NS_PER_S);
}

void family_forgive(enum member m)
{
	struct child *c = &fam.child[m];

	c->tally.count = 0;
	c->false_starts = 0;
	c->is_crippled = false;
	c->by_hand = false;
	family_note(m);
}

static void wait_a_while(enum member m)
{
	struct child *c = &fam.child[m];
	unsigned int n = c->false_starts < PAUSE_DOUBLINGS ? c->false_starts :
		PAUSE_DOUBLINGS;

	c->phase = PHASE_WAITING;
	family_set_timer(m, PAUSE_FIRST_MS << n);
}

static void give_up(enum member m)
{
	struct child *c = &fam.child[m];

	c->phase = PHASE_GONE;
	family_note(m);
	if (m == MEMBER_BROKER) {
		log_err("broker died too often, the guest is given up");
		family_lose();
		return;
	}
	log_err("child died too often and has no successor: name=%s; cloisterctl restart %u %s tries again",
		roster_name(m), fam.roster->conf->domid, roster_name(m));
	family_brief_broker(m);
	family_finish_unplug();
	if (fam.ops->settled)
		fam.ops->settled(m);
}

/* Too many deaths. */
static void fail(enum member m)
{
	struct child *c = &fam.child[m];

	c->tally.count = 0;
	if (c->is_crippled || !roster_holds_host(m)) {
		give_up(m);
		return;
	}
	log_err("child died too often, its device is failed: name=%s; cloisterctl restart %u %s tries again",
		roster_name(m), fam.roster->conf->domid, roster_name(m));
	c->is_crippled = true;
	family_note(m);
	wait_a_while(m);
}

/* It is dead, or was never born: what next? */
void family_died(enum member m)
{
	struct child *c = &fam.child[m];

	c->phase = PHASE_WAITING;
	if (c->by_hand)
		family_forgive(m);
	else if (is_over_limit(c)) {
		fail(m);
		return;
	}
	if (c->ready) {
		c->false_starts = 0;
		family_renew_now(m);
	} else {
		wait_a_while(m);
		c->false_starts++;
	}
}

static int spawn(enum member m)
{
	int rc = spawn_namespaces_enter(), back;

	if (rc)
		return rc;
	rc = family_spawn(m);
	back = spawn_namespaces_leave();
	if (back) {
		/* What we open from now on would be in the guest's. */
		log_errno(-back, "cannot return to our namespaces");
		family_lose();
	}
	return rc;
}

void family_renew_now(enum member m)
{
	struct child *c = &fam.child[m];
	int rc;

	if (fam.ops->wanted && !fam.ops->wanted()) {
		fam.state = FAMILY_STOPPING;
		return;
	}
	if (c->has_lied)
		roster_repair(fam.roster, m);
	c->has_lied = false;
	roster_renew(fam.roster, m);
	c->number++;
	c->ready = false;
	c->verdict = NULL;
	rc = spawn(m);
	if (rc == 0 || fam.state != FAMILY_SERVING)
		return;
	if (log_allow(&c->limit))
		log_errno(-rc, "cannot start: name=%s", roster_name(m));
	family_died(m);
}

void family_brief_successor(void)
{
	for (enum member m = 0; m < MEMBER_COUNT; m++)
		if (roster_has(fam.roster, m))
			family_brief_broker(m);
	/* What its predecessor waited for, it may still wait for. */
	family_finish_unplug();
}

void family_renewed(enum member m)
{
	struct child *c = &fam.child[m];

	c->false_starts = 0;
	stat_block_add(&fam.about[m], STAT_RESTARTS, 1);
	if (log_allow(&c->limit))
		log_info("child replaced: name=%s pid=%d number=%u syscalls=%u after_us=%lld%s",
			 roster_name(m), c->pid, c->number, c->syscalls,
			 (long long)((clock_now_ns() - c->died_ns) / NS_PER_US),
			 c->is_crippled ? " device=failed" : "");
	if (m == MEMBER_BROKER)
		family_brief_successor();
	else
		family_brief_broker(m);
	if (m == MEMBER_VNC && fam.has_password)
		family_tell(m, CTL_PASSWORD, 0, fam.password);
	family_finish_unplug();
	if (fam.ops->settled)
		fam.ops->settled(m);
}

int family_restart(enum member m)
{
	struct child *c = &fam.child[m];

	if (!roster_has(fam.roster, m))
		return -ENOENT;
	if (fam.state != FAMILY_SERVING || c->phase == PHASE_NONE)
		return -EAGAIN;
	family_forgive(m);
	switch (c->phase) {
	case PHASE_STARTING:
	case PHASE_SERVING:
		c->by_hand = true;
		/* It need not prove that it could have served. */
		c->ready = true;
		family_condemn(m, VERDICT_ASKED);
		break;
	case PHASE_ENDING:
		c->by_hand = true;
		break;
	case PHASE_WAITING:
	case PHASE_GONE:
		family_renew_now(m);
		break;
	case PHASE_NONE:
		break;
	}
	return fam.state == FAMILY_SERVING ? 0 : -EAGAIN;
}
