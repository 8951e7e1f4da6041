/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/limits_kept.c - limits that were set since the start, for a successor
 *
 * Runs in the supervisor, when `cloisterctl limit` asks and when a family is
 * adopted.  The kernel's files do not say it: making room for a successor takes
 * the controllers away, and the limits with them (cgroup_tear_down()).  What a
 * limit means is cgroup_limit.c's.
 */
#include "supervisor/limits.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "ring/memfd.h"
#include "supervisor/cgroup.h"
#include "supervisor/store.h"

#define KEPT		"limits"
#define KEPT_MAGIC	0x6d696c63u	/* "clim" */
#define KEPT_VERSION	1u
#define KEPT_MAX	64u

/* Written by one supervisor, read by the next, which may be a later version. */
struct kept {
	uint32_t magic, version;
	struct kept_limit {
		uint32_t number;	/* in this order; 0: nothing here */
		char process[36], key[24], value[576];
	} limit[KEPT_MAX];
};

static struct kept *kept;

static size_t device_len(const char *value)
{
	return strcspn(value, " ") + 1;
}

/* Does a limit with @key and @value take the place of @l? */
static bool replaces(const struct kept_limit *l, const char *process, const char *key,
		     const char *value)
{
	if (!l->number || strcmp(l->process, process) != 0 || strcmp(l->key, key) != 0)
		return false;
	return strcmp(key, "io.max") != 0 || (device_len(l->value) == device_len(value) &&
		memcmp(l->value, value, device_len(value) - 1) == 0);
}

/* We may be killed at any instant: what has a number is whole. */
static void note(const char *process, const char *key, const char *value)
{
	struct kept_limit *free_one = NULL;
	uint32_t last = 0;

	for (struct kept_limit *l = kept->limit; l < kept->limit + KEPT_MAX; l++) {
		last = l->number > last ? l->number : last;
		if (replaces(l, process, key, value))
			__atomic_store_n(&l->number, 0, __ATOMIC_SEQ_CST);
		if (!l->number && !free_one)
			free_one = l;
	}
	if (!free_one || strlen(process) >= sizeof(free_one->process) ||
	    strlen(key) >= sizeof(free_one->key) ||
	    strlen(value) >= sizeof(free_one->value)) {
		log_warn("limit is in force, but a successor of ours will not know it: %.40s.%.24s=%.80s",
			 process, key, value);
		return;
	}
	snprintf(free_one->process, sizeof(free_one->process), "%s", process);
	snprintf(free_one->key, sizeof(free_one->key), "%s", key);
	snprintf(free_one->value, sizeof(free_one->value), "%s", value);
	__atomic_store_n(&free_one->number, last + 1, __ATOMIC_SEQ_CST);
}

int limits_set(const char *process, const char *key, const char *value, char *why,
	       size_t why_len)
{
	int rc = cgroup_set_limit(process, key, value, why, why_len);

	if (rc == 0 && kept)
		note(process, key, value);
	return rc;
}

void limits_keep(void)
{
	int fd = memfd_make("cloister-limits", sizeof(*kept));

	kept = fd < 0 ? NULL : memfd_map(fd, sizeof(*kept), 1);
	if (kept) {
		kept->magic = KEPT_MAGIC;
		kept->version = KEPT_VERSION;
		store_put(KEPT, fd);
	} else {
		log_errno(fd < 0 ? -fd : errno,
			  "a successor will not know limits that are set from now on");
	}
	if (fd >= 0)
		close(fd);
}

void limits_adopt(void)
{
	int fd = store_claim(KEPT);

	kept = fd < 0 ? NULL : memfd_map(fd, sizeof(*kept), 1);
	if (fd >= 0)
		close(fd);
	if (kept && kept->magic == KEPT_MAGIC && kept->version == KEPT_VERSION)
		return;
	if (kept)
		munmap(kept, sizeof(*kept));
	log_info("the supervisor before us kept no limits for us");
	limits_keep();
}

static bool is_text(const char *s, size_t room)
{
	return memchr(s, '\0', room) != NULL;
}

/* The first one behind @number; NULL: there is none. */
static const struct kept_limit *find_next(uint32_t number)
{
	const struct kept_limit *next = NULL;

	for (const struct kept_limit *l = kept->limit; l < kept->limit + KEPT_MAX; l++)
		if (l->number > number && (!next || l->number < next->number))
			next = l;
	return next;
}

/* The guest runs, and is worth more than its limit. */
static void set_again(const struct kept_limit *l)
{
	char why[240];
	/* Of one that died meanwhile the group is gone, too. */
	int fd = strcmp(l->process, "family") ? cgroup_make(l->process) : -1;

	if (fd >= 0)
		close(fd);
	if (cgroup_set_limit(l->process, l->key, l->value, why, sizeof(why)))
		log_err("limit is not in force any more: %s.%s=%.80s: %s",
			l->process, l->key, l->value, why);
}

void limits_apply_kept(void)
{
	const struct kept_limit *l = kept ? find_next(0) : NULL;

	for (; l; l = find_next(l->number))
		if (is_text(l->process, sizeof(l->process)) &&
		    is_text(l->key, sizeof(l->key)) &&
		    is_text(l->value, sizeof(l->value)))
			set_again(l);
}
