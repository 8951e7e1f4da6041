/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/roster.c - who is in the family and what each is given
 *
 * Runs in the supervisor.  The numbers are abi/fds.h's; this file and that one
 * are the whole list of what a confined process holds.
 */
#include "supervisor/roster.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/io_msg.h"
#include "ring/broker_state.h"
#include "ring/chan.h"
#include "ring/memfd.h"
#include "ring/stat.h"

#define UIDS_PER_GUEST	16u

static_assert(MEMBER_COUNT <= UIDS_PER_GUEST, "a uid each");

static const struct {
	const char *name, *role;
	int channel;
} member[MEMBER_COUNT] = {
	[MEMBER_BROKER]   = { "broker", "broker", -1 },
	[MEMBER_PLATFORM] = { "platform", "platform", PLAN_CHAN_PLATFORM },
	[MEMBER_DISK0]    = { "disk0", "disk", PLAN_CHAN_DISK0 },
	[MEMBER_NET0]     = { "net0", "net", PLAN_CHAN_NET0 },
	[MEMBER_NET1]     = { "net1", "net", PLAN_CHAN_NET0 + 1 },
	[MEMBER_NET2]     = { "net2", "net", PLAN_CHAN_NET0 + 2 },
	[MEMBER_NET3]     = { "net3", "net", PLAN_CHAN_NET0 + 3 },
	[MEMBER_NET4]     = { "net4", "net", PLAN_CHAN_NET0 + 4 },
	[MEMBER_NET5]     = { "net5", "net", PLAN_CHAN_NET0 + 5 },
	[MEMBER_NET6]     = { "net6", "net", PLAN_CHAN_NET0 + 6 },
	[MEMBER_NET7]     = { "net7", "net", PLAN_CHAN_NET0 + 7 },
	[MEMBER_VGA]      = { "vga", "vga", PLAN_CHAN_VGA },
	[MEMBER_VNC]      = { "vnc", "vnc", -1 },
};

const char *roster_name(enum member m)
{
	return member[m].name;
}

const char *roster_role(enum member m)
{
	return member[m].role;
}

int roster_channel(enum member m)
{
	return member[m].channel;
}

static_assert(MEMBER_COUNT - MEMBER_NET1 == CONF_NICS - 1, "a worker each");

enum member roster_net(unsigned int nic)
{
	return nic == 0 ? MEMBER_NET0 : (enum member)(MEMBER_NET1 + nic - 1);
}

/* NULL: @m is no net worker, or there is no card for it. */
static const struct conf_nic *nic_of(const struct conf *c, enum member m)
{
	for (unsigned int i = 0; i < c->nic_count; i++)
		if (m == roster_net(i) && c->nic[i].model)
			return &c->nic[i];
	return NULL;
}

bool roster_has(const struct roster *r, enum member m)
{
	switch (m) {
	case MEMBER_BROKER:
	case MEMBER_PLATFORM:
	case MEMBER_DISK0:	/* the controller is part of the chipset */
		return true;
	case MEMBER_VGA:
		return r->conf->have_vga;
	case MEMBER_VNC:
		return r->conf->have_vnc;
	default:
		return nic_of(r->conf, m) != NULL;
	}
}

uint32_t roster_uid(const struct roster *r, enum member m)
{
	return CLOISTER_UID_BASE + r->conf->domid * UIDS_PER_GUEST + (uint32_t)m;
}

int roster_check_uids(const struct roster *r, char *why, size_t why_len)
{
	for (enum member m = 0; m < MEMBER_COUNT; m++) {
		struct passwd *pw;

		if (!roster_has(r, m))
			continue;
		pw = getpwuid(roster_uid(r, m));
		if (pw) {
			snprintf(why, why_len,
				 "uid for %s belongs to a user: uid=%u user=%.40s; build with another uid_base",
				 member[m].name, roster_uid(r, m), pw->pw_name);
			return -EEXIST;
		}
	}
	return 0;
}

/* Keeps the first error; @fd is a descriptor or -errno. */
static int keep(int *rc, int fd)
{
	if (fd < 0 && *rc == 0)
		*rc = fd;
	return fd;
}

static int make_kick(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

/* Each has its own page, so that nobody can spoil another's figures. */
static void make_counters(struct roster *r, int *rc)
{
	for (enum member m = 0; m < MEMBER_COUNT; m++)
		r->stat[m] = -1;
	for (unsigned int ch = 0; ch < WORKERS_MAX; ch++)
		r->trace[ch] = -1;
	for (enum member m = 0; m < MEMBER_COUNT && !r->conf->no_stats; m++) {
		int ch = member[m].channel;

		if (!roster_has(r, m))
			continue;
		r->stat[m] = keep(rc, memfd_make_stats());
		if (r->stat[m] >= 0)
			r->stat_page[m] = stat_map(r->stat[m], false);
		if (r->stat[m] >= 0 && !r->stat_page[m])
			keep(rc, -ENOMEM);
		if (ch >= 0)
			r->trace[ch] = keep(rc, memfd_make_trace());
	}
}

int roster_make(struct roster *r)
{
	struct plan plan;
	int rc = 0;

	plan_fill(&plan, r->conf, r->layout);
	r->plan = keep(&rc, plan_make_fd(&plan));
	r->broker_state = keep(&rc, memfd_make_broker_state());
	r->answer_kick = keep(&rc, make_kick());
	for (enum member m = 0; m < MEMBER_COUNT; m++) {
		int ch = member[m].channel;

		if (ch < 0 || !roster_has(r, m))
			continue;
		r->chan[ch] = keep(&rc, memfd_make_chan());
		r->kick[ch] = keep(&rc, make_kick());
		r->state[ch] = keep(&rc, memfd_make_state());
	}
	r->fb = keep(&rc, memfd_make_fb());
	r->scan = keep(&rc, make_kick());
	r->painted = keep(&rc, make_kick());
	r->input = keep(&rc, memfd_make_input());
	r->input_kick = keep(&rc, make_kick());
	make_counters(r, &rc);
	if (rc == 0)
		r->fb_read_only = keep(&rc, plan_reopen_read_only(r->fb));
	return rc;
}

static void give_broker(const struct roster *r, struct spawn_spec *s)
{
	s->fd[FD_ANSWER_KICK] = r->answer_kick;
	s->fd[FD_PLAN] = r->plan;
	s->fd[FD_BROKER_STATE] = r->broker_state;
	for (enum member m = 0; m < MEMBER_COUNT; m++) {
		int ch = member[m].channel;

		if (ch < 0 || !roster_has(r, m))
			continue;
		s->fd[FD_CHAN0 + ch] = r->chan[ch];
		s->fd[FD_KICK0 + ch] = r->kick[ch];
		s->fd[FD_TRACE0 + ch] = r->trace[ch];
	}
}

/* For the CMOS: cylinders of 16 heads and 63 sectors, as IDENTIFY has them. */
static unsigned int cylinders(const struct image *img)
{
	uint64_t cyls = img->size_bytes / (16 * 63 * 512);

	if (img->fd < 0)
		return 0;
	return cyls == 0 ? 1 : cyls > 16383 ? 16383 : (unsigned int)cyls;
}

static void give_platform(const struct roster *r, struct spawn_spec *s)
{
	const struct image *img = r->host->image;
	const struct conf *c = r->conf;

	for (int i = 0; i < CONF_SERIALS; i++) {
		s->fd[FD_SERIAL0 + i] = r->host->serial[i].fd;
		if (c->serial[i].kind != SERIAL_ABSENT)
			spawn_spec_opt(s, "serial%d=%s", i,
				       r->host->serial[i].fd >= 0 ? "fd" : "null");
	}
	s->fd[FD_INPUT] = r->input;
	s->fd[FD_INPUT_KICK] = r->input_kick;
	spawn_spec_opt(s, "vcpus=%u", c->vcpus);
	spawn_spec_opt(s, "maxvcpus=%u", c->max_vcpus);
	spawn_spec_opt(s, "boot=%s", c->boot);
	spawn_spec_opt(s, "cyls=%u,%u,%u,%u", cylinders(&img[0]),
		       cylinders(&img[1]), cylinders(&img[2]), cylinders(&img[3]));
	spawn_spec_opt(s, "unplug=%s", r->decline_unplug ? "decline" : "accept");
	spawn_spec_opt(s, "pci=%d", c->pci_platform);
}

static void give_disk(const struct roster *r, struct spawn_spec *s)
{
	for (int i = 0; i < CONF_DRIVES; i++) {
		s->fd[FD_DISK0 + i] = r->host->image[i].fd;
		if (r->host->image[i].fd >= 0)
			spawn_spec_opt(s, "drive%d=%s", i,
				       r->conf->drive[i].read_only ? "ro" : "rw");
	}
}

/* Where video memory is now: the guest moves it. */
static uint64_t find_vram(const struct roster *r)
{
	static const struct broker_state *state;
	static int of = -1;
	uint64_t born = r->layout->now_gfn ? r->layout->now_gfn : r->layout->gfn;

	if (of != r->broker_state)
		state = broker_state_map(of = r->broker_state);
	return state ? broker_state_vram_gfn(state, born) : born;
}

static void give_vga(const struct roster *r, struct spawn_spec *s)
{
	s->fd[FD_VGA_FB] = r->fb;
	s->fd[FD_VGA_SCAN] = r->scan;
	s->fd[FD_VGA_PAINTED] = r->painted;
	s->fd[FD_VGA_ROM] = r->host->vga_rom;
	spawn_spec_opt(s, "vram=%llu,%u", (unsigned long long)find_vram(r),
		       r->layout->frames);
	spawn_spec_opt(s, "devfn=%u", plan_vga_slot(r->conf) << 3);
	spawn_spec_opt(s, "rom=%d", r->host->vga_rom >= 0);
}

static void give_vnc(const struct roster *r, struct spawn_spec *s)
{
	s->fd[FD_VNC_FB] = r->fb_read_only;
	s->fd[FD_VNC_SCAN] = r->scan;
	s->fd[FD_VNC_PAINTED] = r->painted;
	s->fd[FD_VNC_LISTEN] = r->host->vnc.fd;
	s->fd[FD_VNC_INPUT] = r->input;
	s->fd[FD_VNC_INPUT_KICK] = r->input_kick;
	spawn_spec_opt(s, "password=%s", r->conf->vnc.password ? "on" : "off");
}

static void give_net(const struct roster *r, enum member m, struct spawn_spec *s)
{
	const struct conf_nic *n = nic_of(r->conf, m);
	unsigned int i;

	if (!n)
		return;
	i = (unsigned int)(n - r->conf->nic);
	s->fd[FD_NET_TAP] = r->host->tap[i];
	s->fd[FD_NET_ROM] = r->host->nic_rom[i];
	spawn_spec_opt(s, "model=%s", n->model->name);
	spawn_spec_opt(s, "mac=%02x:%02x:%02x:%02x:%02x:%02x", n->mac[0], n->mac[1],
		       n->mac[2], n->mac[3], n->mac[4], n->mac[5]);
	spawn_spec_opt(s, "devfn=%u", plan_nic_slot(r->conf, i) << 3);
	spawn_spec_opt(s, "rom=%d", r->host->nic_rom[i] >= 0);
}

/*
 * The CPU on which everything that a request passes through takes turns, or -1:
 * any.  They wait for each other, so a second one wins nothing; and with two in
 * all, the one that is left is for what the guest waits for besides us.
 */
static int path_cpu(const struct conf *c)
{
	unsigned int count, nth;
	cpu_set_t set;

	if (c->one_cpu == CONF_ONE_CPU_OFF || sched_getaffinity(0, sizeof(set), &set))
		return -1;
	count = (unsigned int)CPU_COUNT(&set);
	if (c->one_cpu == CONF_ONE_CPU_AUTO && count != 2)
		return -1;
	nth = c->domid % count;
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &set) && nth-- == 0)
			return i;
	return -1;
}

void roster_spec(const struct roster *r, enum member m, struct spawn_spec *s)
{
	int ch = member[m].channel;

	spawn_spec_init(s, member[m].name, member[m].role, roster_uid(r, m));
	if (m != MEMBER_VNC)
		s->cpu = path_cpu(r->conf);
	s->fd[FD_STATS] = r->stat[m];
	if (ch >= 0) {
		s->fd[FD_CHAN] = r->chan[ch];
		s->fd[FD_KICK] = r->kick[ch];
		s->fd[FD_BROKER_KICK] = r->answer_kick;
		s->fd[FD_STATE] = r->state[ch];
		if (r->conf->plan_flags & PLAN_NO_POLL)
			spawn_spec_opt(s, "poll=off");
		if (r->restoring)
			spawn_spec_opt(s, "state=restored");
	}
	switch (m) {
	case MEMBER_BROKER:	give_broker(r, s); break;
	case MEMBER_PLATFORM:	give_platform(r, s); break;
	case MEMBER_DISK0:	give_disk(r, s); break;
	case MEMBER_VGA:	give_vga(r, s); break;
	case MEMBER_VNC:	give_vnc(r, s); break;
	default:		give_net(r, m, s); break;
	}
}

bool roster_holds_host(enum member m)
{
	return m == MEMBER_DISK0 || m == MEMBER_NET0 ||
		(m >= MEMBER_NET1 && m <= MEMBER_NET7);
}

void roster_cripple(const struct roster *r, enum member m, struct spawn_spec *s)
{
	const struct image *img = r->host->image;

	if (m == MEMBER_DISK0) {
		for (int i = 0; i < CONF_DRIVES; i++)
			s->fd[FD_DISK0 + i] = -1;
		spawn_spec_opt(s, "sizes=%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64,
			       img[0].size_bytes, img[1].size_bytes,
			       img[2].size_bytes, img[3].size_bytes);
	} else {
		s->fd[FD_NET_TAP] = -1;
	}
	spawn_spec_opt(s, "failed=1");
}

static void let_go(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void roster_unplug(struct roster *r, uint32_t mask)
{
	uint32_t drives = mask & UNPLUG_IDE_DISKS ? 0xf :
		mask & UNPLUG_AUX_IDE_DISKS ? 0xe : 0;

	for (int i = 0; i < CONF_DRIVES; i++)
		if (drives >> i & 1)
			image_close(&r->host->image[i]);
	/* A tap without a card here is somebody else's. */
	for (unsigned int i = 0; i < r->conf->nic_count; i++)
		if (mask & UNPLUG_NICS && r->conf->nic[i].model)
			let_go(&r->host->tap[i]);
}

void roster_renew(struct roster *r, enum member m)
{
	if (m != MEMBER_DISK0)
		return;
	for (unsigned int i = 0; i < CONF_DRIVES; i++) {
		image_renew(&r->host->image[i]);
		roster_keep_image(r, i);
	}
}

void roster_repair(const struct roster *r, enum member m)
{
	int ch = member[m].channel;
	struct chan *c = ch < 0 ? NULL : memfd_map(r->chan[ch], sizeof(*c), 1);

	if (!c) {
		log_err("rings cannot be repaired: name=%s", member[m].name);
		return;
	}
	chan_repair(c);
	munmap(c, sizeof(*c));
}
