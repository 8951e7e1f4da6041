/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/metrics_family.c - the figures of the running family
 *
 * Runs in the supervisor.  Says who is in the family, what each is called in
 * labels and where its numbers are; opens the ways out.
 */
#include "supervisor/metrics_family.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "supervisor/cgroup.h"
#include "supervisor/family.h"
#include "supervisor/group.h"
#include "supervisor/metrics_path.h"
#include "supervisor/metrics_serve.h"
#include "supervisor/run_dir.h"

#define BACKLOG		16
#define SOCKET		"metrics.sock"
#define GROUP		"cloister"	/* contrib/systemd/cloister.sysusers */
#define IN_RUN_DIR	"on"	/* instead of a file's name */

_Static_assert(MEMBER_COUNT + 1 <= METRICS_MEMBERS, "and the supervisor");

static struct {
	struct metrics m;
	enum member who[METRICS_MEMBERS];	/* from 1 on; 0 is ourselves */
	bool begun;
} us;

static void refresh(struct metrics *m)
{
	for (unsigned int i = 1; i < m->count; i++) {
		struct family_view v = family_look(us.who[i]);

		m->member[i].pid = v.pid;
		m->member[i].is_failed = v.state == FAMILY_FAILED;
	}
}

static void describe(const struct roster *r, enum member m, struct metrics_member *p)
{
	switch (m) {
	case MEMBER_BROKER:
		p->in = STAT_IN_BROKER;
		break;
	case MEMBER_PLATFORM:
		p->in = STAT_IN_PLATFORM;
		p->device = "chipset";
		for (unsigned int i = 0; i < CONF_SERIALS; i++)
			if (r->conf->serial[i].kind != SERIAL_ABSENT)
				p->units |= 1u << i;
		break;
	case MEMBER_DISK0:
		p->in = STAT_IN_DISK;
		p->device = "piix3-ide";
		for (unsigned int i = 0; i < CONF_DRIVES; i++)
			if (r->host->image[i].size_bytes)
				p->units |= 1u << i;
		break;
	case MEMBER_VGA:
		p->in = STAT_IN_VGA;
		p->device = "stdvga";
		break;
	case MEMBER_VNC:
		p->in = STAT_IN_VNC;
		break;
	default:
		p->in = STAT_IN_NET;
		for (unsigned int i = 0; i < r->conf->nic_count; i++)
			if (m == roster_net(i) && r->conf->nic[i].model)
				p->device = r->conf->nic[i].model->name;
		break;
	}
}

static void add(const struct roster *r, enum member m)
{
	const struct stat_page *broker = r->stat_page[MEMBER_BROKER];
	struct metrics_member *p = &us.m.member[us.m.count];
	int ch = roster_channel(m);

	us.who[us.m.count++] = m;
	*p = (struct metrics_member){ .worker = roster_name(m),
		.page = r->stat_page[m], .about = family_about(m),
		.peer = broker && ch >= 0 ? &broker->block[1 + ch] : NULL,
		.cgroup = cgroup_make(roster_name(m)), .pid = family_look(m).pid };
	describe(r, m, p);
}

/* For whom the host lets read; for root alone, if it names nobody. */
static int make_socket(void)
{
	gid_t group;
	int fd = group_find(GROUP_FILE, GROUP, &group);

	if (fd == 0)
		fd = run_dir_listen_group(SOCKET, group, BACKLOG);
	if (fd >= 0)
		return fd;
	if (fd != -ENOENT)
		log_event(LOG_L_WARN, -fd, "metrics socket is for root alone: group=%s",
			  GROUP);
	return run_dir_listen(SOCKET, BACKLOG);
}

static void listen_in_run_dir(struct event_base *base)
{
	int fd, rc;

	if (run_dir_fd() < 0)
		return;		/* said */
	fd = make_socket();
	rc = fd < 0 ? fd : metrics_serve_begin(base, &us.m, fd);
	if (rc)
		log_event(LOG_L_WARN, -rc, "no metrics socket: dir=%.200s", run_dir_path());
}

static void write_file(struct event_base *base, const struct conf *c)
{
	const char *file = c->metrics_file;
	char path[METRICS_FILE_ROOM];
	int rc = 0;

	if (file && strcmp(file, IN_RUN_DIR) == 0) {
		if (run_dir_fd() < 0)
			return;
		snprintf(path, sizeof(path), "%s/metrics.prom", run_dir_path());
	} else if (file) {
		rc = metrics_path_make(file, c->domid, c->name, path, sizeof(path));
	}
	if (file && rc == 0)
		rc = metrics_file_begin(base, &us.m, path, c->metrics_interval_s);
	if (rc)
		log_event(LOG_L_WARN, -rc, "no metrics file: file=%.200s", file);
}

void metrics_family_begin(struct event_base *base, const struct roster *r,
			  int64_t began_ns)
{
	us.m = (struct metrics){ .domid = r->conf->domid, .name = r->conf->name,
		.began_ns = began_ns, .refresh = refresh, .count = 1 };
	us.m.member[0] = (struct metrics_member){ .worker = "supervisor",
		.cgroup = cgroup_make("supervisor"), .pid = getpid() };
	for (enum member m = 0; m < MEMBER_COUNT; m++)
		if (roster_has(r, m))
			add(r, m);
	us.begun = true;
	listen_in_run_dir(base);
	write_file(base, r->conf);
}

struct metrics *metrics_family(void)
{
	return us.begun ? &us.m : NULL;
}

void metrics_family_end(void)
{
	if (!us.begun)
		return;
	metrics_serve_end();
	metrics_file_end();
	for (unsigned int i = 0; i < us.m.count; i++)
		if (us.m.member[i].cgroup >= 0)
			close(us.m.member[i].cgroup);
	us.begun = false;
}
