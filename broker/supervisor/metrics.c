/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/metrics.c - all figures of a family, as text
 *
 * Runs in the supervisor, when somebody asks.  Of what a confined process
 * wrote only numbers are taken, each read once; names and labels are ours.
 * Two formats from one list: OpenMetrics, and the older one that textfile
 * collectors and promtool read.
 */
#include "supervisor/metrics.h"

#include <errno.h>
#include <event2/buffer.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/stat.h"
#include "supervisor/metrics_host.h"

#define NAME_ROOM	600	/* a guest's name, every byte quoted */
#define LABELS_ROOM	1024
#define US_PER_S	UINT64_C(1000000)

const char *const metrics_content_type[2] = {
	[METRICS_OPEN] = "application/openmetrics-text; version=1.0.0; charset=utf-8",
	[METRICS_CLASSIC] = "text/plain; version=0.0.4; charset=utf-8",
};

/* ---- the list ---- */

enum type { TYPE_COUNTER, TYPE_GAUGE, TYPE_HISTOGRAM };

#define UNIT_NONE	NULL
#define UNIT_BYTES	"bytes"
#define UNIT_SECONDS	"seconds"
#define UNIT_PAGES	"pages"

enum figure {
#define STAT(id, name, type, unit, set, where, help)
#define FIGURE(id, name, type, unit, set, help) FIGURE_##id,
#include "abi/stat.def"
#undef STAT
#undef FIGURE
	FIGURE_COUNT,
	FIGURE_NONE
};

static const struct row {
	const char *name, *unit, *help;
	enum type type;
	enum stat_set set;
	enum figure figure;
	unsigned int slot, in;		/* of a STAT */
} rows[] = {
#define STAT(id, name, type, unit, set, where, help)			\
	{ name, UNIT_##unit, help, TYPE_##type, STAT_SET_##set,		\
	  FIGURE_NONE, STAT_##id, STAT_IN_##where },
#define FIGURE(id, name, type, unit, set, help)				\
	{ name, UNIT_##unit, help, TYPE_##type, STAT_SET_##set,		\
	  FIGURE_##id, 0, 0 },
#include "abi/stat.def"
#undef STAT
#undef FIGURE
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* ---- labels ---- */

struct axis {
	const char *label;
	unsigned int count;
	const char *value[4];
	bool unit;			/* of devices, which may be absent */
};

static const struct axis
	dirs = { "direction", 2, { "read", "write" }, false },
	kinds = { "kind", 4, { "shadow", "mirror", "posted", "hop" }, false },
	paths = { "path", 2, { "spared", "hop" }, false },
	irqs = { "line", 2, { "isa", "intx" }, false },
	drives = { "device", 4, { "ide0-hd0", "ide0-hd1", "ide1-hd0", "ide1-hd1" }, true },
	ops = { "operation", 4, { "read", "write", "flush", "discard" }, false },
	wires = { "direction", 2, { "send", "receive" }, false },
	ports = { "device", 4, { "serial0", "serial1", "serial2", "serial3" }, true },
	none = { NULL, 1, { NULL }, false };

/* Of STATs; FIGUREs say their own. */
static const struct axis *const sets[STAT_SET_COUNT][2] = {
	[STAT_SET_NONE] = { &none, &none },
	[STAT_SET_DIR] = { &none, &dirs },
	[STAT_SET_KIND_DIR] = { &kinds, &dirs },
	[STAT_SET_PATH] = { &none, &paths },
	[STAT_SET_IRQ] = { &none, &irqs },
	[STAT_SET_DRIVE_OP] = { &drives, &ops },
	[STAT_SET_DRIVE_DIR] = { &drives, &dirs },
	[STAT_SET_WIRE] = { &none, &wires },
	[STAT_SET_PORT] = { &none, &ports },
	[STAT_SET_PORT_WIRE] = { &ports, &wires },
};

/* A guest's name may be anything; a scrape must not fail for it. */
static void quote(const char *from, char to[NAME_ROOM])
{
	json_t *utf8 = json_string(from);
	size_t used = 0;

	for (; *from && used < NAME_ROOM - 3; from++) {
		char c = *from;

		if (c == '\\' || c == '"' || c == '\n')
			to[used++] = '\\';
		if (c == '\n')
			c = 'n';
		to[used++] = utf8 || !(c & 0x80) ? c : '?';
	}
	/* Not in the middle of a character. */
	while (*from && used && (to[used - 1] & 0xc0) == 0x80)
		used--;
	if (*from && used && (to[used - 1] & 0x80))
		used--;
	to[used] = '\0';
	json_decref(utf8);
}

/* ---- one text ---- */

struct text {
	struct metrics *m;
	enum metrics_format format;
	struct evbuffer *out, *part;	/* all; samples of one family */
	const struct row *row;
	char name[NAME_ROOM];
	struct metrics_host host[METRICS_MEMBERS];
	bool failed;
};

__attribute__((format(printf, 3, 4)))
static void put(struct text *t, struct evbuffer *to, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	t->failed |= evbuffer_add_vprintf(to, fmt, ap) < 0;
	va_end(ap);
}

/* "name_suffix{labels," ; @more: further labels with their comma, or "". */
static void begin_sample(struct text *t, const struct metrics_member *p,
			 const char *suffix, const char *more, bool own_device)
{
	put(t, t->part, "cloister_%s%s{domid=\"%u\",name=\"%s\",worker=\"%s\"",
	    t->row->name, suffix, t->m->domid, t->name, p->worker);
	if (p->device && !own_device)
		put(t, t->part, ",device=\"%s\"", p->device);
	put(t, t->part, "%s} ", more);
}

static void put_value(struct text *t, const struct metrics_member *p,
		      const char *more, bool own_device, uint64_t value)
{
	begin_sample(t, p, t->row->type == TYPE_COUNTER ? "_total" : "", more,
		     own_device);
	put(t, t->part, "%" PRIu64 "\n", value);
}

static void put_us(struct text *t, const struct metrics_member *p,
		   const char *more, uint64_t us)
{
	begin_sample(t, p, t->row->type == TYPE_COUNTER ? "_total" : "", more, false);
	put(t, t->part, "%" PRIu64 ".%06" PRIu64 "\n", us / US_PER_S, us % US_PER_S);
}

/* What a bad process wrote must not make a histogram that is none. */
static uint64_t add_up(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static void put_histogram(struct text *t, const struct metrics_member *p,
			  const char *more, bool own_device,
			  const struct stat_block *b, unsigned int slot)
{
	uint64_t sum_ns = stat_block_get(b, slot + STAT_SUM), count = 0;
	char le[LABELS_ROOM + 40];

	for (unsigned int i = 0; i <= STAT_BUCKETS; i++) {
		count = add_up(count, stat_block_get(b, slot + i));
		if (i < STAT_BUCKETS)
			snprintf(le, sizeof(le), "%s,le=\"%.10g\"", more,
				 (double)(STAT_BUCKET_NS << i) / (double)NS_PER_S);
		else
			snprintf(le, sizeof(le), "%s,le=\"+Inf\"", more);
		begin_sample(t, p, "_bucket", le, own_device);
		put(t, t->part, "%" PRIu64 "\n", count);
	}
	begin_sample(t, p, "_sum", more, own_device);
	put(t, t->part, "%" PRIu64 ".%09" PRIu64 "\n", sum_ns / NS_PER_S,
	    sum_ns % NS_PER_S);
	begin_sample(t, p, "_count", more, own_device);
	put(t, t->part, "%" PRIu64 "\n", count);
}

/* ---- what processes count ---- */

/* Is unit @i there, if it is one?  Its label goes to @more. */
static bool put_label(const struct metrics_member *p, const struct axis *a,
		      unsigned int i, char *more, size_t room)
{
	if (!a->label)
		return true;
	if (a->unit && !(p->units >> i & 1))
		return false;
	snprintf(more + strlen(more), room - strlen(more), ",%s=\"%s\"", a->label,
		 a->value[i]);
	return true;
}

static void put_block(struct text *t, const struct metrics_member *p,
		      const struct stat_block *b)
{
	const struct axis *x = sets[t->row->set][0], *y = sets[t->row->set][1];
	unsigned int words = t->row->type == TYPE_HISTOGRAM ? STAT_HIST_WORDS : 1;
	unsigned int slot = t->row->slot;

	for (unsigned int i = 0; i < x->count; i++)
		for (unsigned int k = 0; k < y->count; k++, slot += words) {
			char more[LABELS_ROOM] = "";

			if (!put_label(p, x, i, more, sizeof(more)) ||
			    !put_label(p, y, k, more, sizeof(more)))
				continue;
			if (t->row->type == TYPE_HISTOGRAM)
				put_histogram(t, p, more, x->unit || y->unit, b, slot);
			else
				put_value(t, p, more, x->unit || y->unit,
					  stat_block_get(b, slot));
		}
}

/* Where @p's numbers of a STAT are; NULL: it has none. */
static const struct stat_block *find_block(const struct row *r,
					   const struct metrics_member *p)
{
	if (r->in & STAT_IN_PEER)
		return p->peer;
	if (r->in & STAT_IN_ABOUT)
		return p->about;
	return (r->in & p->in) && p->page ? &p->page->block[0] : NULL;
}

static void put_stat(struct text *t, const struct metrics_member *p)
{
	const struct stat_block *b = find_block(t->row, p);

	if (b)
		put_block(t, p, b);
}

/* ---- what the host knows ---- */

static void put_disks(struct text *t, const struct metrics_member *p,
		      const struct metrics_host *h, bool bytes)
{
	static const char *const dir[3] = { "read", "write", "discard" };

	for (unsigned int i = 0; i < h->disks; i++)
		for (unsigned int d = 0; d < 3; d++) {
			const struct metrics_disk *k = &h->disk[i];
			char more[80];

			snprintf(more, sizeof(more), ",disk=\"%u:%u\",direction=\"%s\"",
				 k->major, k->minor, dir[d]);
			put_value(t, p, more, false,
				  bytes ? k->bytes[d] : k->requests[d]);
		}
}

static void put_pressure(struct text *t, const struct metrics_member *p,
			 const struct metrics_host *h)
{
	static const char *const resource[METRICS_RESOURCES] = { "cpu", "io", "memory" };
	static const char *const share[2] = { "some", "full" };

	for (unsigned int r = 0; r < METRICS_RESOURCES; r++)
		for (unsigned int s = 0; s < 2; s++) {
			char more[80];

			snprintf(more, sizeof(more), ",resource=\"%s\",share=\"%s\"",
				 resource[r], share[s]);
			if (h->has_pressure[r][s])
				put_us(t, p, more, h->pressure_us[r][s]);
		}
}

static void put_if(struct text *t, const struct metrics_member *p, bool has,
		   uint64_t value)
{
	if (has)
		put_value(t, p, "", false, value);
}

static void put_figure(struct text *t, const struct metrics_member *p,
		       const struct metrics_host *h)
{
	switch (t->row->figure) {
	case FIGURE_UP:
		put_value(t, p, "", false, p->pid > 0);
		break;
	case FIGURE_FAILED:
		if (p->in)
			put_value(t, p, "", false, p->is_failed);
		break;
	case FIGURE_UPTIME:
		if (p == &t->m->member[0])
			put_us(t, p, "", (uint64_t)(clock_now_ns() - t->m->began_ns) /
			       (uint64_t)NS_PER_US);
		break;
	case FIGURE_CPU:
		if (h->has_cpu) {
			put_us(t, p, ",mode=\"user\"", h->user_us);
			put_us(t, p, ",mode=\"system\"", h->system_us);
		}
		break;
	case FIGURE_THROTTLED:
		if (h->has_throttled)
			put_us(t, p, "", h->throttled_us);
		break;
	case FIGURE_MEMORY:
		put_if(t, p, h->has_memory, h->memory_bytes);
		break;
	case FIGURE_MEMORY_PEAK:
		put_if(t, p, h->has_peak, h->peak_bytes);
		break;
	case FIGURE_RESIDENT:
		put_if(t, p, h->has_resident, h->resident_bytes);
		break;
	case FIGURE_TASKS:
		put_if(t, p, h->has_tasks, h->tasks);
		break;
	case FIGURE_IO_BYTES:
	case FIGURE_IO_REQUESTS:
		put_disks(t, p, h, t->row->figure == FIGURE_IO_BYTES);
		break;
	case FIGURE_PRESSURE:
		put_pressure(t, p, h);
		break;
	case FIGURE_COUNT:
	case FIGURE_NONE:
		break;
	}
}

/* ---- for programs of ours ---- */

static uint64_t sum_of(const struct row *r, const struct stat_block *b)
{
	unsigned int words = sets[r->set][0]->count * sets[r->set][1]->count;
	uint64_t sum = 0;

	for (unsigned int i = 0; i < words; i++)
		sum = add_up(sum, stat_block_get(b, r->slot + i));
	return sum;
}

json_t *metrics_counters(const struct metrics *m, const char *worker)
{
	const struct metrics_member *p = NULL;
	json_t *all;

	for (unsigned int i = 0; i < m->count && !p; i++)
		if (strcmp(m->member[i].worker, worker) == 0)
			p = &m->member[i];
	if (!p || (!p->page && !p->peer))
		return NULL;
	all = json_object();
	for (size_t i = 0; i < ROWS; i++) {
		const struct stat_block *b = rows[i].figure == FIGURE_NONE ?
			find_block(&rows[i], p) : NULL;

		if (b && rows[i].type != TYPE_HISTOGRAM)
			json_object_set_new(all, rows[i].name, json_integer(
				(json_int_t)(sum_of(&rows[i], b) & INT64_MAX)));
	}
	return all;
}

char *metrics_string(struct metrics *m, enum metrics_format format)
{
	struct evbuffer *out = evbuffer_new();
	char *text = NULL;
	size_t len;

	if (out && metrics_text(m, format, out) == 0) {
		len = evbuffer_get_length(out);
		text = malloc(len + 1);
		if (text) {
			evbuffer_remove(out, text, len);
			text[len] = '\0';
		}
	}
	if (out)
		evbuffer_free(out);
	return text;
}

/* ---- all of it ---- */

static void put_head(struct text *t)
{
	static const char *const type[] = { "counter", "gauge", "histogram" };
	const struct row *r = t->row;
	const char *suffix = t->format == METRICS_CLASSIC &&
		r->type == TYPE_COUNTER ? "_total" : "";

	put(t, t->out, "# HELP cloister_%s%s %s\n", r->name, suffix, r->help);
	put(t, t->out, "# TYPE cloister_%s%s %s\n", r->name, suffix, type[r->type]);
	if (r->unit && t->format == METRICS_OPEN)
		put(t, t->out, "# UNIT cloister_%s %s\n", r->name, r->unit);
}

static void put_family(struct text *t)
{
	for (unsigned int i = 0; i < t->m->count; i++) {
		const struct metrics_member *p = &t->m->member[i];

		if (t->row->figure == FIGURE_NONE)
			put_stat(t, p);
		else
			put_figure(t, p, &t->host[i]);
	}
	if (!evbuffer_get_length(t->part))
		return;
	put_head(t);
	t->failed |= evbuffer_add_buffer(t->out, t->part) != 0;
}

int metrics_text(struct metrics *m, enum metrics_format format,
		 struct evbuffer *out)
{
	static struct text t;		/* large, and there is one thread */

	memset(&t, 0, sizeof(t));
	t.m = m;
	t.format = format;
	t.out = out;
	t.part = evbuffer_new();
	if (!t.part)
		return -ENOMEM;
	if (m->refresh)
		m->refresh(m);
	quote(m->name ? m->name : "", t.name);
	for (unsigned int i = 0; i < m->count; i++)
		metrics_host_read(m->member[i].cgroup, m->member[i].pid, &t.host[i]);
	for (size_t i = 0; i < ROWS && !t.failed; i++) {
		t.row = &rows[i];
		put_family(&t);
	}
	if (format == METRICS_OPEN)
		put(&t, out, "# EOF\n");
	evbuffer_free(t.part);
	return t.failed ? -ENOMEM : 0;
}
