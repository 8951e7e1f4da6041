/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl/sample.c - what the processes of all guests use, from one look to the
 *                next
 *
 * Runs in cloisterctl.
 */
#include "ctl/sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "ctl/client.h"
#include "ctl/rows.h"
#include "ctl/text.h"

/*
 * Resident sizes are counted in batches by the kernel, up to 256 KiB a thread
 * off, which is much of a small process.  What smaps_rollup says is exact, and
 * costs a walk through the page tables: seldom, and a few processes a look.
 */
#define MEMORY_AGE_NS	(10 * NS_PER_S)
#define MEMORY_READS	16u

const char *const ctl_sort_name[CTL_SORT_COUNT] = {
	"cpu", "memory", "requests", "io", "name",
};

void sample_free(struct sample *s)
{
	free(s->row);
	*s = (struct sample){ 0 };
}

static const struct sample_row *find_before(const struct sample *before,
					    const struct sample_row *now)
{
	for (size_t i = 0; before && i < before->count; i++) {
		const struct sample_row *r = &before->row[i];

		if (r->domid == now->domid && r->pid == now->pid &&
		    strcmp(r->process, now->process) == 0)
			return r;
	}
	return NULL;
}

/* A counter that went back is another one. */
static double rate(uint64_t now, uint64_t before, double seconds)
{
	return now > before ? (double)(now - before) / seconds : 0;
}

static void add_row(struct sample *s, const struct guest *g, const struct row *r,
		    const struct sample *before)
{
	struct sample_row *to = &s->row[s->count++];
	const struct sample_row *was;

	*to = (struct sample_row){ .domid = g->client.domid, .pid = r->pid,
		.cpu_ms = r->use.cpu_ms, .resident_bytes = r->use.resident_bytes,
		.requests = r->requests, .io_bytes = r->io_bytes,
		.map_pages = r->map_pages };
	text_quote(to->guest, sizeof(to->guest), text_of(g->status, "name"));
	text_quote(to->process, sizeof(to->process), text_of(r->process, "name"));
	was = find_before(before, to);
	to->memory_bytes = was ? was->memory_bytes : r->use.resident_bytes;
	to->memory_ns = was ? was->memory_ns : 0;
	if (!was || s->interval_s <= 0)
		return;
	to->cpu_percent = rate(to->cpu_ms, was->cpu_ms, s->interval_s) / 10;
	to->requests_per_s = rate(to->requests, was->requests, s->interval_s);
	to->io_per_s = rate(to->io_bytes, was->io_bytes, s->interval_s);
	s->cpu_percent += to->cpu_percent;
}

static void read_memory(struct sample *s, struct sample_row *r)
{
	uint64_t pss = proc_pss_bytes(r->pid);

	r->memory_bytes = pss ? pss : r->resident_bytes;
	r->memory_ns = s->taken_ns;
}

static struct sample_row *find_oldest(struct sample *s)
{
	struct sample_row *oldest = NULL;

	for (size_t i = 0; i < s->count; i++)
		if (!oldest || s->row[i].memory_ns < oldest->memory_ns)
			oldest = &s->row[i];
	return oldest;
}

/* All that are new, and some of those that were read long ago. */
static void look_at_memory(struct sample *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (!s->row[i].memory_ns)
			read_memory(s, &s->row[i]);
	for (unsigned int i = 0; i < MEMORY_READS; i++) {
		struct sample_row *r = find_oldest(s);

		if (!r || s->taken_ns - r->memory_ns < MEMORY_AGE_NS)
			return;
		read_memory(s, r);
	}
}

static size_t count_rows(const struct guest_list *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->count; i++)
		n += json_array_size(json_object_get(l->guest[i].status, "processes"));
	return n;
}

enum ctl_exit sample_take(const char *dir, const char *which,
			  const struct sample *before, struct sample *s)
{
	struct guest_list l;
	enum ctl_exit status = guest_list_find(dir, which, &l);
	struct row r;

	*s = (struct sample){ .taken_ns = clock_now_ns() };
	if (status)
		snprintf(s->why, sizeof(s->why), "%.199s", l.why);
	if (before && before->taken_ns)
		s->interval_s = (double)(s->taken_ns - before->taken_ns) / (double)NS_PER_S;
	s->row = status ? NULL : calloc(count_rows(&l) + 1, sizeof(*s->row));
	for (size_t i = 0; s->row && i < l.count; i++) {
		const struct guest *g = &l.guest[i];

		s->guests++;
		s->silent += !g->status;
		for (size_t k = 0; g->status && row_get(g, k, &r); k++)
			if (r.pid)
				add_row(s, g, &r, before);
	}
	look_at_memory(s);
	guest_list_free(&l);
	return status;
}

/* ---- order ---- */

static enum ctl_sort sort_by;

static double key_of(const struct sample_row *r)
{
	switch (sort_by) {
	case CTL_SORT_CPU:	return r->cpu_percent;
	case CTL_SORT_MEMORY:	return (double)r->memory_bytes;
	case CTL_SORT_REQUESTS:	return r->requests_per_s;
	case CTL_SORT_IO:	return r->io_per_s;
	case CTL_SORT_NAME:
	case CTL_SORT_COUNT:	break;
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct sample_row *x = a, *y = b;
	double p = key_of(x), q = key_of(y);
	int by_name;

	if (p != q)
		return p > q ? -1 : 1;
	by_name = sort_by == CTL_SORT_NAME ? strcmp(x->guest, y->guest) : 0;
	if (by_name)
		return by_name;
	if (x->domid != y->domid)
		return x->domid < y->domid ? -1 : 1;
	return strcmp(x->process, y->process);
}

void sample_sort(struct sample *s, enum ctl_sort by)
{
	sort_by = by;
	if (s->count)
		qsort(s->row, s->count, sizeof(s->row[0]), compare);
}
