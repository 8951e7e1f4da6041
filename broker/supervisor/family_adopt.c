/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/family_adopt.c - what a new supervisor needs to take a family over
 *
 * Runs in the supervisor.  Sockets and pidfds of children are kept in systemd's
 * store beside the roster's descriptors, and what has to be remembered of each
 * in a memfd that is there too.  An adopted child is nobody's child any more
 * that we could wait for: that it is gone is all its pidfd tells.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "ring/memfd.h"
#include "supervisor/family_core.h"
#include "supervisor/store.h"

#define NOTES_MAGIC	0x746f6e63u	/* "cnot" */
#define NOTES_VERSION	1u
#define NOTES		"notes"

/* Written by one supervisor, read by the next, which may be a later version. */
struct notes {
	uint32_t magic, version;
	uint32_t is_served;	/* set while the family is worth adopting */
	uint32_t has_password;
	uint32_t owes_done;	/* the broker a CTL_DONE */
	uint32_t began_s;	/* CLOCK_MONOTONIC; 0: not told */
	char password[sizeof(((struct ctl_msg *)0)->text)];
	struct note {
		int32_t pid;
		uint32_t number, syscalls;
		uint8_t is_ready, is_crippled, is_gone, has_lied;
		int64_t began_ns;
	} child[MEMBER_COUNT];
};

static const char *const ns_name[2] = { "ns-net", "ns-ipc" };
static struct notes nowhere, *notes = &nowhere;

static const char *name_of(const char *kind, enum member m, char name[FD_NAME_ROOM])
{
	snprintf(name, FD_NAME_ROOM, "%s-%s", kind, roster_name(m));
	return name;
}

/* ---- for whoever comes after us ---- */

void family_note(enum member m)
{
	const struct child *c = &fam.child[m];

	notes->child[m] = (struct note){ .pid = c->pid, .number = c->number,
		.syscalls = c->syscalls, .is_ready = c->ready,
		.is_crippled = c->is_crippled, .is_gone = c->phase == PHASE_GONE,
		.has_lied = c->has_lied, .began_ns = c->began_ns };
}

void family_note_password(void)
{
	memcpy(notes->password, fam.password, sizeof(notes->password));
	notes->has_password = fam.has_password;
}

void family_note_owed(bool owes)
{
	notes->owes_done = owes;
}

void family_keep_child(enum member m)
{
	const struct child *c = &fam.child[m];
	char name[FD_NAME_ROOM];

	family_note(m);
	store_put(name_of("ctl", m, name), c->ctl);
	store_put(name_of("log", m, name), c->log);
	store_put(name_of("pid", m, name), c->pidfd);
}

void family_drop_child(enum member m)
{
	char name[FD_NAME_ROOM];

	store_drop(name_of("ctl", m, name));
	store_drop(name_of("log", m, name));
	store_drop(name_of("pid", m, name));
}

void family_keep(void)
{
	int fd = memfd_make("cloister-notes", sizeof(*notes));
	struct notes *map = fd < 0 ? NULL : memfd_map(fd, sizeof(*notes), 1);

	if (!map) {
		log_errno(fd < 0 ? -fd : errno, "a successor will not know the family");
		if (fd >= 0)
			close(fd);
		return;
	}
	*map = *notes;
	map->magic = NOTES_MAGIC;
	map->version = NOTES_VERSION;
	map->began_s = (uint32_t)(fam.began_ns / NS_PER_S);
	notes = map;
	family_note_password();
	roster_keep(fam.roster);
	for (unsigned int i = 0; i < 2; i++)
		store_put(ns_name[i], *spawn_namespace(i));
	for (enum member m = 0; m < MEMBER_COUNT; m++)
		if (fam.child[m].pid)
			family_keep_child(m);
	notes->is_served = 1;
	store_put(NOTES, fd);	/* last: with it, all is there */
	close(fd);
}

int64_t family_began_ns(void)
{
	return fam.began_ns;
}

void family_disown(void)
{
	notes->is_served = 0;
}

/* ---- what the one before us left ---- */

bool family_was_left(char *why, size_t why_len)
{
	int fd = store_claim(NOTES);
	struct notes *map = fd < 0 ? NULL : memfd_map(fd, sizeof(*notes), 1);

	if (fd >= 0)
		close(fd);
	why[0] = '\0';
	if (!map) {
		if (fd >= 0)
			snprintf(why, why_len, "notes: not as promised");
		return false;
	}
	if (map->magic != NOTES_MAGIC || map->version != NOTES_VERSION) {
		snprintf(why, why_len, "notes: version=%u, not %u", map->version,
			 NOTES_VERSION);
		munmap(map, sizeof(*map));
		return false;
	}
	if (!map->is_served) {	/* ended in order: what is kept is of the dead */
		munmap(map, sizeof(*map));
		return false;
	}
	notes = map;
	return true;
}

/* -1: it is gone, and its status is taken. */
static pid_t pid_of(int pidfd)
{
	char path[40], text[512], *at;
	pid_t pid = -1;
	ssize_t len;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	f = fopen(path, "re");
	len = f ? (ssize_t)fread(text, 1, sizeof(text) - 1, f) : -1;
	if (f)
		fclose(f);
	if (len <= 0)
		return -1;
	text[len] = '\0';
	at = strstr(text, "\nPid:");
	if (at)
		pid = (pid_t)strtol(at + 5, NULL, 10);
	return pid > 0 ? pid : -1;
}

static void close_all(const int *fd, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fd[i] >= 0)
			close(fd[i]);
}

/* True if it lives, or died so lately that its pidfd will tell. */
static bool take_child(enum member m)
{
	const struct note *n = &notes->child[m];
	struct child *c = &fam.child[m];
	char name[FD_NAME_ROOM];
	const int fd[3] = { store_claim(name_of("ctl", m, name)),
		store_claim(name_of("log", m, name)),
		store_claim(name_of("pid", m, name)) };
	pid_t pid = fd[2] < 0 ? -1 : pid_of(fd[2]);

	c->number = n->number;
	c->has_lied = n->has_lied;
	c->is_crippled = n->is_crippled;
	c->died_ns = clock_now_ns();
	if (fd[0] < 0 || fd[1] < 0 || pid < 0) {
		close_all(fd, 3);
		return false;
	}
	c->pidfd = fd[2];
	c->began_ns = n->began_ns;
	c->is_adopted = true;
	family_begin_child(m, pid, fd[0], fd[1]);
	/* What was noted is about this one, unless it came just before the end. */
	if (n->pid == pid && n->is_ready) {
		c->ready = true;
		c->syscalls = n->syscalls;
		c->phase = PHASE_SERVING;
		family_look_again(m);
	}
	/* The one before us may not have come to that. */
	family_let_go(m);
	return true;
}

void family_take_children(struct event_base *base, struct roster *r,
			  const struct family_ops *ops)
{
	family_begin(base, r, ops);
	family_drop_event(&fam.start_timer);
	fam.state = FAMILY_SERVING;
	if (notes->began_s)
		fam.began_ns = notes->began_s * NS_PER_S;
	for (unsigned int i = 0; i < 2; i++)
		*spawn_namespace(i) = store_claim(ns_name[i]);
	memcpy(fam.password, notes->password, sizeof(fam.password) - 1);
	fam.has_password = notes->has_password;
	for (enum member m = 0; m < MEMBER_COUNT; m++) {
		struct child *c = &fam.child[m];

		if (!roster_has(r, m) || take_child(m))
			continue;
		/* Of one that was not kept whole, and waits: it ends by this. */
		family_drop_child(m);
		c->phase = notes->child[m].is_gone ? PHASE_GONE : PHASE_WAITING;
		c->ready = true;
	}
}

void family_go_on(void)
{
	unsigned int adopted = 0;

	/* What the broker said when nobody heard it, before it is told anything. */
	if (fam.child[MEMBER_BROKER].on_ctl)
		family_ctl_readable(fam.child[MEMBER_BROKER].ctl, EV_READ,
				    (void *)(uintptr_t)MEMBER_BROKER);
	/* Asked of the one before us, who may have done it, and told nobody. */
	fam.unplug_owed |= notes->owes_done;
	family_brief_successor();
	family_tell(MEMBER_BROKER, CTL_RESUME, 0, "");
	for (enum member m = 0; m < MEMBER_COUNT; m++) {
		adopted += fam.child[m].pid != 0;
		if (fam.child[m].phase == PHASE_WAITING)
			family_set_timer(m, 0);
	}
	log_info("adopted: domid=%u processes=%u", fam.roster->conf->domid, adopted);
}

bool family_is_gone(const struct child *c)
{
	struct pollfd p = { .fd = c->pidfd, .events = POLLIN };

	return poll(&p, 1, 0) != 0;
}
