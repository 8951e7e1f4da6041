/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/roster_fds.c - the descriptors of a roster by name
 *
 * Runs in the supervisor.  One table for keeping them where a successor finds
 * them and for finding them there.  What children are given is roster.c's.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ring/memfd.h"
#include "ring/stat.h"
#include "supervisor/roster.h"
#include "supervisor/store.h"

enum row_need {
	NEED_ALWAYS,
	NEED_CHANNEL,	/* of each worker that is there */
	NEED_NOT,	/* the guest can unplug it, or there was none */
};

#define OF(field)	false, offsetof(struct roster, field)
#define OF_HOST(field)	true, offsetof(struct roster_host, field)

/* Names are words of other versions of us: they stay. */
static const struct row {
	const char *name;	/* and "-N", if there can be more than one */
	bool of_host;
	size_t at;
	unsigned int count;
	size_t stride;
	enum row_need need;
} rows[] = {
	{ "plan",	OF(plan), 1, 0, NEED_ALWAYS },
	{ "broker",	OF(broker_state), 1, 0, NEED_ALWAYS },
	{ "answer",	OF(answer_kick), 1, 0, NEED_ALWAYS },
	{ "fb",		OF(fb), 1, 0, NEED_ALWAYS },
	{ "fb-ro",	OF(fb_read_only), 1, 0, NEED_ALWAYS },
	{ "scan",	OF(scan), 1, 0, NEED_ALWAYS },
	{ "painted",	OF(painted), 1, 0, NEED_ALWAYS },
	{ "input",	OF(input), 1, 0, NEED_ALWAYS },
	{ "input-kick",	OF(input_kick), 1, 0, NEED_ALWAYS },
	{ "chan",	OF(chan), WORKERS_MAX, sizeof(int), NEED_CHANNEL },
	{ "kick",	OF(kick), WORKERS_MAX, sizeof(int), NEED_CHANNEL },
	{ "state",	OF(state), WORKERS_MAX, sizeof(int), NEED_CHANNEL },
	{ "trace",	OF(trace), WORKERS_MAX, sizeof(int), NEED_NOT },
	{ "stat",	OF(stat), MEMBER_COUNT, sizeof(int), NEED_NOT },
	{ "image",	OF_HOST(image[0].fd), CONF_DRIVES, sizeof(struct image), NEED_NOT },
	{ "spare",	OF_HOST(image[0].spare), CONF_DRIVES, sizeof(struct image), NEED_NOT },
	{ "serial",	OF_HOST(serial[0].fd), CONF_SERIALS, sizeof(struct serial), NEED_NOT },
	{ "pty",	OF_HOST(serial[0].slave), CONF_SERIALS, sizeof(struct serial), NEED_NOT },
	{ "vnc",	OF_HOST(vnc.fd), 1, 0, NEED_NOT },
	{ "vga-rom",	OF_HOST(vga_rom), 1, 0, NEED_NOT },
	{ "tap",	OF_HOST(tap), CONF_NICS, sizeof(int), NEED_NOT },
	{ "nic-rom",	OF_HOST(nic_rom), CONF_NICS, sizeof(int), NEED_NOT },
};
#define ROWS	(sizeof(rows) / sizeof(rows[0]))

static int *fd_of(const struct roster *r, const struct row *row, unsigned int i)
{
	char *base = row->of_host ? (char *)r->host : (char *)(uintptr_t)r;

	return (int *)(void *)(base + row->at + i * row->stride);
}

static const char *name_of(const struct row *row, unsigned int i, char name[FD_NAME_ROOM])
{
	if (row->count == 1)
		snprintf(name, FD_NAME_ROOM, "%s", row->name);
	else
		snprintf(name, FD_NAME_ROOM, "%s-%u", row->name, i);
	return name;
}

static void keep_row(const struct roster *r, const struct row *row)
{
	char name[FD_NAME_ROOM];

	for (unsigned int i = 0; i < row->count; i++)
		/* Nothing of ours is where standard output is. */
		if (*fd_of(r, row, i) > STDERR_FILENO)
			store_put(name_of(row, i, name), *fd_of(r, row, i));
}

void roster_keep(const struct roster *r)
{
	for (const struct row *row = rows; row < rows + ROWS; row++)
		keep_row(r, row);
}

/*
 * Of the two that are kept of each drive one changes, and takes the name of the
 * one that is gone.  Not each its own name: systemd passes over what it has
 * under another, and there has to be one at every moment.
 */
void roster_keep_image(const struct roster *r, unsigned int drive)
{
	const struct image *img = &r->host->image[drive];
	char name[FD_NAME_ROOM];

	if (img->fd < 0)
		return;
	snprintf(name, sizeof(name), "%s-%u", img->is_crossed ? "image" : "spare", drive);
	if (img->spare > STDERR_FILENO)
		store_put(name, img->spare);
	else
		store_drop(name);
}

void roster_forget(const struct roster *r)
{
	char name[FD_NAME_ROOM];

	for (const struct row *row = rows; row < rows + ROWS; row++)
		for (unsigned int i = 0; row->need == NEED_NOT && i < row->count; i++)
			if (*fd_of(r, row, i) < 0)
				store_drop(name_of(row, i, name));
}

static bool is_needed(const struct roster *r, const struct row *row, unsigned int i)
{
	if (row->need != NEED_CHANNEL)
		return row->need == NEED_ALWAYS;
	for (enum member m = 0; m < MEMBER_COUNT; m++)
		if (roster_channel(m) == (int)i && roster_has(r, m))
			return true;
	return false;
}

static int check_plan(const struct roster *r, char *why, size_t why_len)
{
	const struct plan *was = memfd_map(r->plan, sizeof(*was), 0);
	struct plan plan;
	bool same;

	if (!was) {
		snprintf(why, why_len, "plan: not as promised");
		return -EINVAL;
	}
	plan_fill(&plan, r->conf, r->layout);
	same = memcmp(was, &plan, sizeof(plan)) == 0;
	munmap((void *)(uintptr_t)was, sizeof(*was));
	if (!same)
		snprintf(why, why_len, "plan: the settings are not those it was started with");
	return same ? 0 : -EINVAL;
}

int roster_adopt(struct roster *r, char *why, size_t why_len)
{
	char name[FD_NAME_ROOM];

	for (const struct row *row = rows; row < rows + ROWS; row++) {
		for (unsigned int i = 0; i < row->count; i++) {
			int *fd = fd_of(r, row, i);

			*fd = store_claim(name_of(row, i, name));
			if (*fd >= 0 || !is_needed(r, row, i))
				continue;
			snprintf(why, why_len, "%s: not in the store", name);
			return -ENOENT;
		}
	}
	for (enum member m = 0; m < MEMBER_COUNT; m++)
		if (r->stat[m] >= 0)
			r->stat_page[m] = stat_map(r->stat[m], false);
	return check_plan(r, why, why_len);
}
