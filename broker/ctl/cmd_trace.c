/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl/cmd_trace.c - cloisterctl trace: a guest's accesses, by register name
 *
 * Runs in cloisterctl.  The broker writes the ring, the supervisor hands out a
 * descriptor for it; nobody waits for us.  What rights we have end as soon as
 * we have that descriptor, before anything that the guest chose is looked at.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/ticks.h"
#include "ctl/client.h"
#include "ctl/confine.h"
#include "ctl/ctl.h"
#include "ctl/text.h"
#include "ctl/trace_file.h"
#include "ctl/trace_out.h"
#include "ring/trace.h"

#define POLL_MS		10	/* a ring holds what comes in so long */
#define BATCH		256u

struct live {
	struct tracer t;
	bool known;			/* there are models for it */
	struct trace *ring;
	struct trace_reader reader;
	uint64_t lost_told;
};

/* ---- whose accesses ---- */

/* The model of the card that @worker has, "" if it has none. */
static const char *model_of(const struct guest *g, const char *worker)
{
	const json_t *d;
	size_t i;

	json_array_foreach(json_object_get(g->status, "devices"), i, d)
		if (strcmp(text_of(d, "kind"), "nic") == 0 &&
		    strcmp(text_of(d, "worker"), worker) == 0)
			return text_of(d, "name");
	return "";
}

static bool kind_of(const struct guest *g, const json_t *process,
		    enum windows_kind *kind)
{
	const char *name = text_of(process, "name");

	return windows_kind_of(text_of(process, "role"), model_of(g, name), kind);
}

/* The worker that @what names, or that has the device @what; NULL. */
static const char *find_worker(struct live *l, const struct guest *g, const char *what)
{
	const json_t *p, *list = json_object_get(g->status, "processes");
	const char *found = NULL;
	bool is_device = windows_find_device(what) != NULL;
	enum windows_kind kind = WINDOWS_PLATFORM;
	size_t i;

	json_array_foreach(list, i, p) {
		bool known = kind_of(g, p, &kind);
		const char *name = text_of(p, "name");

		if (strcmp(name, what) == 0)
			l->t.device = NULL;
		else if (known && is_device && windows_find_device(what)->kind == kind)
			l->t.device = windows_find_device(what);
		else
			continue;
		if (found) {
			ctl_complain("more than one worker has it, say which: %s, %s",
				     found, name);
			return NULL;
		}
		found = name;
		l->t.kind = kind;
		l->known = known;
	}
	if (!found)
		ctl_complain("the guest has no such worker or device: %s", what);
	return found;
}

static void place_windows(struct live *l, const json_t *answer)
{
	const json_t *f;
	size_t i;

	trace_out_begin(&l->t, l->known);
	json_array_foreach(json_object_get(answer, "pci"), i, f)
		trace_out_configure(&l->t, text_uint(f, "devfn"), text_of(f, "config"));
}

/* ---- all of them ---- */

static void print_access(struct live *l, struct access *a)
{
	uint64_t age_ns = trace_age_ns(l->ring, &a->rec, ticks_now());
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	trace_out_put_time(a, !l->ring->ticks_per_ms ? TRACE_OUT_NO_TIME :
			   now.tv_sec * NS_PER_S + now.tv_nsec -
			   (int64_t)(age_ns & INT64_MAX));
	trace_out_print(&l->t, a);
}

static bool is_enough(const struct live *l)
{
	const struct tracer *t = &l->t;

	/* The guest goes on while we read what is there. */
	return t->ctl->follow ? t->ctl->count && t->printed >= t->ctl->count
		: t->seen >= TRACE_SLOTS;
}

/* What is new, named; those that are wanted go to @take. */
static void read_new(struct live *l, void (*take)(struct live *l, struct access *a))
{
	struct trace_rec rec[BATCH];
	unsigned int n;

	do {
		n = trace_read(&l->reader, rec, BATCH);
		for (unsigned int i = 0; i < n && !is_enough(l); i++) {
			struct access a;
			bool wanted = trace_out_name(&l->t, &rec[i], &a);

			l->t.seen++;
			trace_out_follow(&l->t, &rec[i]);
			if (wanted)
				take(l, &a);
		}
	} while (n && !is_enough(l));
}

static void tell_lost(struct live *l)
{
	uint64_t lost = l->reader.lost + l->reader.bad;

	if (lost == l->lost_told)
		return;
	l->lost_told = lost;
	ctl_complain("some %" PRIu64 " accesses were too fast to be shown", lost);
}

/* Until enough are printed, or the guest is gone. */
static enum ctl_exit follow(struct live *l, const struct guest *g)
{
	for (;;) {
		struct pollfd p = { g->client.fd, POLLIN, 0 };

		read_new(l, print_access);
		fflush(stdout);
		if (is_enough(l) || ferror(stdout))
			return CTL_OK;
		tell_lost(l);
		/* Nothing is due on this socket but its end. */
		if (poll(&p, 1, POLL_MS) > 0)
			return CTL_OK;
	}
}

/* The last ones, which are known at the end only. */
static struct {
	struct access access[TRACE_SLOTS];
	uint64_t count;
} kept;

static void keep_access(struct live *l, struct access *a)
{
	(void)l;
	kept.access[kept.count++ % TRACE_SLOTS] = *a;
}

static enum ctl_exit dump(struct live *l)
{
	uint64_t there, wanted;

	read_new(l, keep_access);
	there = kept.count < TRACE_SLOTS ? kept.count : TRACE_SLOTS;
	wanted = trace_out_wanted(l->t.ctl->count, there);
	l->t.list = l->t.ctl->json ? json_array() : NULL;
	for (uint64_t i = kept.count - wanted; i < kept.count; i++)
		print_access(l, &kept.access[i % TRACE_SLOTS]);
	if (l->t.list)
		ctl_print_json(l->t.list);
	return CTL_OK;
}

/* The ring of @worker, mapped; and what came along with it, the caller's. */
static json_t *get_ring(struct live *l, struct guest *g, const char *worker)
{
	json_t *answer;
	int fd;

	answer = client_ask(&g->client, "trace", json_pack("{s:s}", "worker", worker),
			    &fd, g->why, sizeof(g->why));
	if (!answer) {
		ctl_complain("guest %u: %s", g->client.domid, g->why);
		return NULL;
	}
	l->ring = fd >= 0 ? trace_map(fd, false) : NULL;
	if (fd >= 0)
		close(fd);
	if (l->ring)
		return answer;
	ctl_complain("guest %u: no trace came with the answer", g->client.domid);
	json_decref(answer);
	return NULL;
}

static enum ctl_exit trace_worker(struct live *l, struct guest *g, const char *worker)
{
	json_t *answer = get_ring(l, g, worker);
	enum ctl_exit status;

	if (!answer)
		return CTL_FAILED;
	if (!confine_self()) {
		json_decref(answer);
		return CTL_FAILED;
	}
	place_windows(l, answer);
	json_decref(answer);
	trace_reader_init(&l->reader, l->ring, !l->t.ctl->follow);
	status = l->t.ctl->follow ? follow(l, g) : dump(l);
	munmap(l->ring, sizeof(*l->ring));
	return status;
}

static enum ctl_exit trace_live(const struct ctl *ctl)
{
	static struct guest_list l;	/* not freed: its socket may not be closed */
	struct live live = { .t = { .ctl = ctl } };
	enum ctl_exit status = guest_list_get(ctl->run_dir, ctl->arg[0], &l);
	const char *worker;

	if (status != CTL_OK)
		return status;
	worker = find_worker(&live, &l.guest[0], ctl->arg[1]);
	return worker ? trace_worker(&live, &l.guest[0], worker) : CTL_FAILED;
}

enum ctl_exit cmd_trace(const struct ctl *ctl)
{
	if (ctl->file ? ctl->args > 1 || ctl->follow : ctl->args != 2) {
		ctl_complain("usage: cloisterctl trace GUEST DEVICE | "
			     "trace --file FILE [DEVICE], without --follow");
		return CTL_USAGE;
	}
	return ctl->file ? trace_file(ctl) : trace_live(ctl);
}
