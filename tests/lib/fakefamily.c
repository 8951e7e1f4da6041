/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/lib/fakefamily.c - starts the real programs around a fake guest
 *
 * Runs in the test; one thread, the monitor, collects logs and control
 * messages.  Children are started by the caller's thread, whose end is theirs.
 */
#include "fakefamily.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "abi/chan.h"
#include "abi/fds.h"
#include "abi/log_msg.h"
#include "base/clock.h"
#include "patience.h"
#include "ring/memfd.h"
#include "ring/stat.h"
#include "ring/trace.h"

#define CHILD_FDS	64
#define ARGS		40
#define LOG_BYTES	(256u * 1024u)
#define DEVFN(dev, fn)	((dev) << 3 | (fn))
#define VGA_SLOT	3u

static const struct {
	const char *name, *role, *dir;
} about[FF_COUNT] = {
	[FF_PLATFORM] = { "platform", "platform", "workers" },
	[FF_DISK] = { "disk0", "disk", "workers" },
	[FF_VGA] = { "vga", "vga", "workers" },
	[FF_NET] = { "net0", "net", "workers" },
	[FF_BROKER] = { "broker", "broker", "broker/dispatch" },
};

static void path_of(enum fakefamily_who who, char *path, size_t len)
{
	const char *bin = getenv("CLOISTER_BINDIR");

	snprintf(path, len, "%s/%s/cloister-%s", bin ? bin : ".", about[who].dir,
		 about[who].role);
}

static bool is_in(const struct fakefamily_conf *conf, enum fakefamily_who who)
{
	return !(who == FF_DISK && conf->no_disk) &&
		!(who == FF_VGA && conf->no_vga) && !(who == FF_NET && !conf->nic);
}

static bool is_real(const struct fakefamily_conf *conf, enum fakefamily_who who)
{
	return is_in(conf, who) && !conf->played[who];
}

bool fakefamily_make_image(char *path, uint32_t sectors)
{
	int fd = mkstemp(path);
	bool good = fd >= 0 && ftruncate(fd, (off_t)sectors * 512) == 0;

	if (fd >= 0)
		close(fd);
	return good;
}

const char *fakefamily_missing(const struct fakefamily_conf *conf)
{
	static char why[300];

	for (enum fakefamily_who w = 0; w < FF_COUNT; w++) {
		char path[256];

		path_of(w, path, sizeof(path));
		if (is_real(conf, w) && access(path, X_OK)) {
			snprintf(why, sizeof(why), "not built: %s", path);
			return why;
		}
	}
	return NULL;
}

/* ---- the plan: generous, but each worker its own ---- */

static void allow(struct plan_worker *w, enum chan_space space, uint64_t first,
		  uint64_t last)
{
	w->range[w->range_count++] = (struct plan_range){ first, last,
							  (uint8_t)space, { 0 } };
}

static struct plan_worker *plan_add(struct fakefamily *f, enum fakefamily_who who,
				    enum plan_role role, uint8_t verbs)
{
	struct plan_worker *w = &f->plan.worker[who];

	w->role = (uint8_t)role;
	w->verbs = verbs;
	snprintf(w->name, sizeof(w->name), "%s", about[who].name);
	/* BARs: anywhere (above what is fixed). */
	allow(w, CHAN_PIO, f->conf.wide_plan ? 0 : 0x1000, 0xffff);
	allow(w, CHAN_MMIO, f->conf.wide_plan ? 0 : 0x100000,
	      f->conf.wide_plan ? UINT32_MAX : 0xfebfffff);
	return w;
}

static void plan_platform(struct fakefamily *f)
{
	static const uint16_t ports[][2] = {
		{ 0x00, 0x1f }, { 0x60, 0x64 }, { 0x70, 0x71 }, { 0x80, 0x9f },
		{ 0xb2, 0xb3 }, { 0xc0, 0xff }, { 0x278, 0x27f }, { 0x2e8, 0x2ef },
		{ 0x2f8, 0x2ff }, { 0x378, 0x37f }, { 0x3e8, 0x3ef },
		{ 0x3f0, 0x3f5 }, { 0x3f8, 0x3ff }, { 0x480, 0x48f },
		{ 0xcf8, 0xcff },
	};
	struct plan_worker *w = plan_add(f, FF_PLATFORM, PLAN_PLATFORM,
		PLAN_MAY_LINK_ROUTE | PLAN_MAY_POWER | PLAN_MAY_UNPLUG |
		PLAN_MAY_ROM_LOCK);

	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		allow(w, CHAN_PIO, ports[i][0], ports[i][1]);
	allow(w, CHAN_PCI, DEVFN(0, 0), DEVFN(0, 0));
	allow(w, CHAN_PCI, DEVFN(1, 0), DEVFN(1, 0));
	allow(w, CHAN_PCI, DEVFN(1, 3), DEVFN(1, 3));
	allow(w, CHAN_PCI, DEVFN(2, 0), DEVFN(2, 0));
	w->isa_lines = 1 << 1 | 1 << 3 | 1 << 4 | 1 << 9 | 1 << 12;
	w->intx_devs = 1u << 2;
}

static void plan_disk(struct fakefamily *f)
{
	struct plan_worker *w = plan_add(f, FF_DISK, PLAN_DISK, PLAN_MAY_MODIFIED);

	allow(w, CHAN_PIO, 0x170, 0x177);
	allow(w, CHAN_PIO, 0x376, 0x376);
	allow(w, CHAN_PIO, 0x1f0, 0x1f7);
	allow(w, CHAN_PIO, 0x3f6, 0x3f6);
	allow(w, CHAN_PCI, DEVFN(1, 1), DEVFN(1, 1));
	w->isa_lines = 1 << 14 | 1 << 15;
}

static void plan_vga(struct fakefamily *f)
{
	struct plan_worker *w = plan_add(f, FF_VGA, PLAN_VGA,
					 PLAN_MAY_VRAM | PLAN_MAY_BATCH);

	allow(w, CHAN_PIO, 0x1ce, 0x1d1);
	allow(w, CHAN_PIO, 0x3b0, 0x3df);
	allow(w, CHAN_MMIO, 0xa0000, 0xbffff);
	allow(w, CHAN_PCI, DEVFN(VGA_SLOT, 0), DEVFN(VGA_SLOT, 0));
}

static void plan_net(struct fakefamily *f)
{
	struct plan_worker *w = plan_add(f, FF_NET, PLAN_NET, PLAN_MAY_MODIFIED);

	allow(w, CHAN_PCI, DEVFN(FF_NIC_SLOT, 0), DEVFN(FF_NIC_SLOT, 0));
	w->intx_devs = 1u << FF_NIC_SLOT;
}

static void make_plan(struct fakefamily *f)
{
	const struct fakeguest_conf *c = &f->g->conf;

	f->plan = (struct plan){ .magic = PLAN_MAGIC, .version = PLAN_VERSION,
		.domid = c->domid, .vcpus = c->vcpus,
		.ram_below_4g_bytes = c->low_bytes,
		.ram_above_4g_bytes = c->high_bytes,
		.vram_gfn = c->vram_gfn, .vram_frames = (uint32_t)c->vram_frames,
		.vram_now_gfn = f->conf.vram_now_gfn,
		.flags = f->conf.plan_flags, .worker_count = FF_BROKER };
	plan_platform(f);
	if (!f->conf.no_disk)
		plan_disk(f);
	if (!f->conf.no_vga)
		plan_vga(f);
	if (f->conf.nic)
		plan_net(f);
}

/* ---- descriptors ---- */

static int up(int fd)
{
	int at = fd < 0 ? fd : fcntl(fd, F_DUPFD_CLOEXEC, FAKEGUEST_FDS);

	if (fd >= 0)
		close(fd);
	return at;
}

static int make_kick(void)
{
	return up(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

static void make_counters(struct fakefamily *f)
{
	for (enum fakefamily_who w = 0; w < FF_COUNT; w++) {
		f->stat_fd[w] = -1;
		if (f->conf.no_stats)
			continue;
		f->stat_fd[w] = up(memfd_make_stats());
		f->stats[w] = stat_map(f->stat_fd[w], false);
	}
	for (enum fakefamily_who w = 0; w < FF_BROKER; w++) {
		f->trace_fd[w] = -1;
		if (f->conf.no_stats)
			continue;
		f->trace_fd[w] = up(memfd_make_trace());
		f->trace[w] = trace_map(f->trace_fd[w], false);
	}
}

static void close_counters(struct fakefamily *f)
{
	for (enum fakefamily_who w = 0; w < FF_COUNT; w++) {
		if (f->stat_fd[w] < 0)
			continue;
		munmap((void *)(uintptr_t)f->stats[w], sizeof(*f->stats[w]));
		close(f->stat_fd[w]);
	}
	for (enum fakefamily_who w = 0; w < FF_BROKER; w++) {
		if (f->trace_fd[w] < 0)
			continue;
		munmap((void *)(uintptr_t)f->trace[w], sizeof(*f->trace[w]));
		close(f->trace_fd[w]);
	}
}

static void make_shared(struct fakefamily *f)
{
	struct plan *plan;

	for (enum fakefamily_who w = 0; w < FF_BROKER; w++) {
		f->chan_fd[w] = up(memfd_make_chan());
		f->state_fd[w] = up(memfd_make_state());
		f->kick_fd[w] = make_kick();
	}
	make_counters(f);
	f->plan_fd = up(memfd_make("cloister-plan", sizeof(f->plan)));
	f->broker_state_fd = up(memfd_make_broker_state());
	f->answer_kick_fd = make_kick();
	f->null_fd = up(open("/dev/null", O_RDWR | O_CLOEXEC));
	f->fb_fd = up(memfd_make_fb());
	f->scan_fd = make_kick();
	f->painted_fd = make_kick();
	f->input_fd = f->input_kick_fd = -1;
	if (f->conf.input) {
		f->input_fd = up(memfd_make_input());
		f->input_kick_fd = make_kick();
		f->input = memfd_map(f->input_fd, sizeof(*f->input), 1);
	}
	f->nic_rom_fd = f->conf.nic_rom ?
		up(open(f->conf.nic_rom, O_RDONLY | O_CLOEXEC)) : -1;
	for (int i = 0; i < FF_DRIVES; i++) {
		int how = f->conf.read_only[i] ? O_RDONLY : O_RDWR;

		f->image_fd[i] = -1;
		if (f->conf.image[i])
			f->image_fd[i] = up(open(f->conf.image[i], how | O_CLOEXEC));
	}
	make_plan(f);
	plan = memfd_map(f->plan_fd, sizeof(f->plan), 1);
	*plan = f->plan;
	munmap(plan, sizeof(*plan));
}

static void close_shared(struct fakefamily *f)
{
	for (enum fakefamily_who w = 0; w < FF_BROKER; w++) {
		close(f->chan_fd[w]);
		close(f->state_fd[w]);
		close(f->kick_fd[w]);
	}
	close_counters(f);
	close(f->plan_fd);
	close(f->broker_state_fd);
	close(f->answer_kick_fd);
	close(f->null_fd);
	close(f->fb_fd);
	close(f->scan_fd);
	close(f->painted_fd);
	if (f->nic_rom_fd >= 0)
		close(f->nic_rom_fd);
	if (f->input) {
		munmap(f->input, sizeof(*f->input));
		close(f->input_fd);
		close(f->input_kick_fd);
	}
	for (int i = 0; i < FF_DRIVES; i++)
		if (f->image_fd[i] >= 0)
			close(f->image_fd[i]);
}

/* ---- one child ---- */

struct child {
	int fd[CHILD_FDS];		/* -1: not open */
	char text[ARGS][64];
	char *argv[ARGS + 1];
	unsigned int args;
};

__attribute__((format(printf, 2, 3)))
static void arg(struct child *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->text[c->args], sizeof(c->text[0]), fmt, ap);
	va_end(ap);
	c->argv[c->args] = c->text[c->args];
	c->args++;
}

static void give_broker(struct fakefamily *f, struct child *c)
{
	c->fd[FD_HV_MEM] = f->g->mem_fd;
	c->fd[FD_ANSWER_KICK] = f->answer_kick_fd;
	c->fd[FD_EVTCHN] = f->g->broker_evt_fd;
	/* What libxencall leaves behind when it is restricted. */
	c->fd[FD_DM_CALL] = c->fd[FD_DM_BUF] = f->null_fd;
	c->fd[FD_DM] = f->g->machine_fd;
	c->fd[FD_PLAN] = f->plan_fd;
	c->fd[FD_BROKER_STATE] = f->broker_state_fd;
	for (int w = 0; w < FF_BROKER; w++) {
		if (!is_in(&f->conf, (enum fakefamily_who)w))
			continue;
		c->fd[FD_CHAN0 + w] = f->chan_fd[w];
		c->fd[FD_KICK0 + w] = f->kick_fd[w];
		c->fd[FD_TRACE0 + w] = f->trace_fd[w];
	}
}

static void give_worker(struct fakefamily *f, enum fakefamily_who who,
			struct child *c)
{
	c->fd[FD_CHAN] = f->chan_fd[who];
	c->fd[FD_KICK] = f->kick_fd[who];
	c->fd[FD_BROKER_KICK] = f->answer_kick_fd;
	c->fd[FD_STATE] = f->state_fd[who];
	if (who == FF_PLATFORM) {
		if (f->conf.serial0)
			c->fd[FD_SERIAL0] = f->conf.serial0;
		c->fd[FD_INPUT] = f->input_fd;
		c->fd[FD_INPUT_KICK] = f->input_kick_fd;
		arg(c, "serial0=%s", f->conf.serial0 ? "fd" : "null");
		arg(c, "vcpus=%u", f->g->conf.vcpus);
		arg(c, "maxvcpus=%u", f->g->conf.vcpus);
		arg(c, "boot=c");
		arg(c, "pci=1");
		arg(c, "unplug=%s", f->conf.decline_unplug ? "decline" : "accept");
		return;
	}
	c->fd[FD_HV_MEM] = f->g->mem_fd;
	if (who == FF_DISK) {
		for (int i = 0; i < FF_DRIVES; i++) {
			c->fd[FD_DISK0 + i] = f->image_fd[i];
			if (f->image_fd[i] >= 0)
				arg(c, "drive%d=%s", i,
				    f->conf.read_only[i] ? "ro" : "rw");
		}
		return;
	}
	if (who == FF_NET) {
		c->fd[FD_NET_TAP] = f->conf.tap;
		c->fd[FD_NET_ROM] = f->nic_rom_fd;
		arg(c, "model=%s", f->conf.nic);
		arg(c, "mac=" FF_NIC_MAC);
		arg(c, "devfn=%u", DEVFN(FF_NIC_SLOT, 0));
		arg(c, "rom=%d", f->nic_rom_fd >= 0);
		return;
	}
	c->fd[FD_VGA_FB] = f->fb_fd;
	c->fd[FD_VGA_SCAN] = f->scan_fd;
	c->fd[FD_VGA_PAINTED] = f->painted_fd;
	arg(c, "vram=%llu,%llu", (unsigned long long)fakeguest_vram_gfn(f->g),
	    (unsigned long long)f->g->conf.vram_frames);
	arg(c, "devfn=%u", DEVFN(VGA_SLOT, 0));
}

static void common_args(struct fakefamily *f, enum fakefamily_who who,
			struct child *c)
{
	uint64_t mask = 0;

	for (int i = 3; i < CHILD_FDS; i++)
		if (c->fd[i] >= 0)
			mask |= UINT64_C(1) << i;
	arg(c, "--name");
	arg(c, "%s", about[who].name);
	arg(c, "--hv");
	arg(c, "fake");
	arg(c, "--domid");
	arg(c, "%u", f->g->conf.domid);
	arg(c, "--uid");
	arg(c, "0");
	arg(c, "--gid");
	arg(c, "0");
	arg(c, "--ram-low");
	arg(c, "%llu", (unsigned long long)f->g->conf.low_bytes);
	arg(c, "--ram-high");
	arg(c, "%llu", (unsigned long long)f->g->conf.high_bytes);
	arg(c, "--log");
	arg(c, "2");
	arg(c, "--fds");
	arg(c, "%llx", (unsigned long long)mask);
}

/* Between fork and exec: system calls only. */
_Noreturn static void become(const char *path, struct child *c)
{
	int at[CHILD_FDS];

	for (int i = 0; i < CHILD_FDS; i++)
		at[i] = c->fd[i] < 0 ? -1 : fcntl(c->fd[i], F_DUPFD_CLOEXEC, 200);
	for (int i = 0; i < CHILD_FDS; i++) {
		if (i == 1)
			dup2(2, 1);	/* the test's output is not theirs */
		else if (i > 2 && at[i] < 0)
			close(i);
		else if (i != 2 && dup2(at[i], i) != i)
			_exit(126);
	}
	close_range(CHILD_FDS, ~0u, 0);
	execv(path, c->argv);
	_exit(127);
}

static void keep_log(struct fakefamily *f, enum fakefamily_who who)
{
	struct log_msg msg;
	char line[LOG_TEXT_MAX + 40];
	ssize_t r = recv(f->member[who].log_fd, &msg, sizeof(msg), MSG_DONTWAIT);
	int n;

	if (r < 2)
		return;
	n = snprintf(line, sizeof(line), "%s: %.*s\n", about[who].name,
		     msg.len <= LOG_TEXT_MAX ? msg.len : 0, msg.text);
	if (!f->conf.quiet)
		printf("# %s", line);
	if (f->log_len + (size_t)n < LOG_BYTES) {
		memcpy(f->log + f->log_len, line, (size_t)n + 1);
		f->log_len += (size_t)n;
	}
}

static bool spawn(struct fakefamily *f, enum fakefamily_who who)
{
	struct fakefamily_member *m = &f->member[who];
	int log[2], ctl[2];
	static struct child c;
	char path[256];

	path_of(who, path, sizeof(path));
	memset(&c, 0, sizeof(c));
	for (int i = 0; i < CHILD_FDS; i++)
		c.fd[i] = -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, log) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ctl))
		return false;
	arg(&c, "cloister-%s", about[who].role);
	c.fd[0] = f->null_fd;
	c.fd[FD_LOG] = log[1];
	c.fd[FD_CTL] = ctl[1];
	c.fd[FD_STATS] = f->stat_fd[who];
	if (who == FF_BROKER)
		give_broker(f, &c);
	else
		give_worker(f, who, &c);
	common_args(f, who, &c);
	for (int i = 0; i < FF_OPTS && f->conf.opt[who][i]; i++)
		arg(&c, "%s", f->conf.opt[who][i]);
	if (who == FF_BROKER && f->adopt)
		arg(&c, "adopt=1");
	pthread_mutex_lock(&f->lock);
	m->ready = false;
	for (int i = 0; i < 16 && m->log_fd >= 0; i++)
		keep_log(f, who);	/* its predecessor's last words */
	if (m->log_fd >= 0)
		close(m->log_fd);
	if (m->ctl_fd >= 0)
		close(m->ctl_fd);
	m->log_fd = up(log[0]);
	m->ctl_fd = up(ctl[0]);
	pthread_mutex_unlock(&f->lock);
	m->pid = fork();
	if (m->pid == 0)
		become(path, &c);
	close(log[1]);
	close(ctl[1]);
	return m->pid > 0;
}

/* ---- the monitor ---- */

static void reply_done(struct fakefamily *f)
{
	struct ctl_msg m = { .kind = CTL_DONE };

	send(f->member[FF_BROKER].ctl_fd, &m, sizeof(m), MSG_NOSIGNAL);
}

static void take_ctl(struct fakefamily *f, enum fakefamily_who who)
{
	struct ctl_msg m;

	if (recv(f->member[who].ctl_fd, &m, sizeof(m), MSG_DONTWAIT) !=
	    (ssize_t)sizeof(m))
		return;
	switch (m.kind) {
	case CTL_READY:
		f->member[who].syscalls = m.arg;
		f->member[who].ready = true;
		break;
	case CTL_UNPLUG:
		f->unplug_mask = (uint32_t)m.arg;
		f->unplugs++;
		reply_done(f);
		break;
	case CTL_SLEEP:
		f->sleeps++;
		reply_done(f);
		break;
	case CTL_SHUTDOWN:
		f->shutdowns++;
		break;
	case CTL_PAUSED:
		f->paused_arg = m.arg;
		f->paused++;
		break;
	case CTL_LOGGED:
		f->logged++;
		break;
	case CTL_LIED:
		memcpy(f->lie, m.text, sizeof(f->lie));
		f->lies++;
		break;
	case CTL_HANGS:
		f->hanging = (uint32_t)m.arg;
		f->hangs++;
		break;
	default:
		break;
	}
}

static void *monitor(void *arg_)
{
	struct fakefamily *f = arg_;
	struct pollfd p[FF_COUNT * 2];

	while (!f->stopping) {
		pthread_mutex_lock(&f->lock);
		for (int w = 0; w < FF_COUNT; w++) {
			p[w * 2] = (struct pollfd){ f->member[w].log_fd, POLLIN, 0 };
			p[w * 2 + 1] = (struct pollfd){ f->member[w].ctl_fd, POLLIN, 0 };
		}
		pthread_mutex_unlock(&f->lock);
		poll(p, FF_COUNT * 2, 20);
		pthread_mutex_lock(&f->lock);
		for (int w = 0; w < FF_COUNT; w++) {
			if (p[w * 2].revents && f->member[w].log_fd == p[w * 2].fd)
				keep_log(f, (enum fakefamily_who)w);
			if (p[w * 2 + 1].revents &&
			    f->member[w].ctl_fd == p[w * 2 + 1].fd)
				take_ctl(f, (enum fakefamily_who)w);
		}
		pthread_mutex_unlock(&f->lock);
		/* Somebody hung up: do not spin on it. */
		for (int i = 0; i < FF_COUNT * 2; i++)
			if (p[i].revents & POLLHUP) {
				usleep(1000);
				break;
			}
	}
	return NULL;
}

bool fakefamily_logged(struct fakefamily *f, const char *text)
{
	bool found;

	pthread_mutex_lock(&f->lock);
	found = strstr(f->log, text) != NULL;
	pthread_mutex_unlock(&f->lock);
	return found;
}

bool fakefamily_logs(struct fakefamily *f, const char *text)
{
	for (int64_t until = clock_now_ns() + PATIENCE_NS;
	     !fakefamily_logged(f, text); usleep(1000))
		if (clock_now_ns() > until)
			return false;
	return true;
}

/* ---- life ---- */

bool fakefamily_runs(struct fakefamily *f, enum fakefamily_who who)
{
	struct fakefamily_member *m = &f->member[who];

	if (m->pid > 0 && waitpid(m->pid, &m->status, WNOHANG) == m->pid)
		m->pid = 0;
	return m->pid > 0;
}

static bool wait_end(struct fakefamily *f, enum fakefamily_who who, int ms)
{
	for (int64_t until = clock_now_ns() + ms * NS_PER_MS;
	     fakefamily_runs(f, who); usleep(1000))
		if (clock_now_ns() > until)
			return false;
	return true;
}

static bool is_ready(struct fakefamily *f, enum fakefamily_who who)
{
	bool ready;

	pthread_mutex_lock(&f->lock);
	ready = f->member[who].ready;
	pthread_mutex_unlock(&f->lock);
	return ready;
}

static bool wait_ready(struct fakefamily *f, enum fakefamily_who who)
{
	int64_t until = clock_now_ns() + PATIENCE_NS;

	while (!is_ready(f, who)) {
		if (!fakefamily_runs(f, who) || clock_now_ns() > until) {
			usleep(50000);	/* its last words */
			printf("# %s did not come up: %s, status 0x%x\n",
			       about[who].name,
			       f->member[who].pid ? "runs" : "ended",
			       f->member[who].status);
			return false;
		}
		usleep(500);
	}
	return true;
}

bool fakefamily_tell(struct fakefamily *f, enum fakefamily_who who,
		     enum ctl_kind kind, uint64_t arg_)
{
	struct ctl_msg m = { .kind = kind, .arg = arg_ };

	return send(f->member[who].ctl_fd, &m, sizeof(m), MSG_NOSIGNAL) ==
		(ssize_t)sizeof(m);
}

struct chan *fakefamily_chan(struct fakefamily *f, enum fakefamily_who who)
{
	return memfd_map(f->chan_fd[who], sizeof(struct chan), 1);
}

void fakefamily_kick_broker(struct fakefamily *f)
{
	static const uint64_t one = 1;

	if (write(f->answer_kick_fd, &one, sizeof(one)) < 0)
		perror("answer kick");
}

bool fakefamily_start(struct fakefamily *f, const struct fakefamily_conf *conf)
{
	memset(f, 0, sizeof(*f));
	f->conf = *conf;
	for (int w = 0; w < FF_COUNT; w++)
		f->member[w].log_fd = f->member[w].ctl_fd = -1;
	f->log = calloc(1, LOG_BYTES);
	pthread_mutex_init(&f->lock, NULL);
	if (!f->conf.no_vga && !f->conf.guest.vram_frames) {
		f->conf.guest.vram_gfn = 0xff000;
		f->conf.guest.vram_frames = 4096;	/* 16 MiB */
	}
	f->g = fakeguest_new(&f->conf.guest);
	make_shared(f);
	if (conf->spoil)
		conf->spoil(f);
	pthread_create(&f->monitor, NULL, monitor, f);
	for (enum fakefamily_who w = 0; w < FF_COUNT; w++)
		if (is_real(conf, w) && !spawn(f, w))
			return false;
	for (enum fakefamily_who w = 0; w < FF_BROKER; w++)
		if (is_real(conf, w) && !wait_ready(f, w))
			return false;
	if (conf->announce)
		conf->announce(f);
	if (conf->played[FF_BROKER])
		return true;
	return fakefamily_tell(f, FF_BROKER, CTL_START, 0) &&
	       wait_ready(f, FF_BROKER);
}

void fakefamily_hang_up(struct fakefamily *f, enum fakefamily_who who)
{
	struct fakefamily_member *m = &f->member[who];

	pthread_mutex_lock(&f->lock);
	if (m->ctl_fd >= 0)
		close(m->ctl_fd);
	m->ctl_fd = -1;
	pthread_mutex_unlock(&f->lock);
}

bool fakefamily_kill(struct fakefamily *f, enum fakefamily_who who, int sig)
{
	struct fakefamily_member *m = &f->member[who];
	bool was;

	if (m->pid <= 0)
		return false;
	kill(m->pid, sig);
	was = wait_end(f, who, PATIENCE_MS) && WIFSIGNALED(m->status) &&
	      WTERMSIG(m->status) == sig;
	fakefamily_hang_up(f, who);
	return was;
}

bool fakefamily_respawn(struct fakefamily *f, enum fakefamily_who who)
{
	f->adopt = who == FF_BROKER;
	return spawn(f, who) && wait_ready(f, who);
}

/* True: it ran and ended with status 0, or did not run. */
static bool end(struct fakefamily *f, enum fakefamily_who who)
{
	struct fakefamily_member *m = &f->member[who];

	if (m->pid == 0)
		return true;
	fakefamily_hang_up(f, who);
	if (!wait_end(f, who, PATIENCE_MS)) {
		printf("# %s does not end\n", about[who].name);
		kill(m->pid, SIGKILL);
		wait_end(f, who, PATIENCE_MS);
	}
	if (m->status)
		printf("# %s ended with status 0x%x\n", about[who].name, m->status);
	return m->status == 0;
}

bool fakefamily_stop(struct fakefamily *f)
{
	bool good = true;

	if (fakefamily_runs(f, FF_BROKER)) {
		fakefamily_tell(f, FF_BROKER, CTL_STOP, 0);
		wait_end(f, FF_BROKER, PATIENCE_MS);
	}
	for (int w = FF_COUNT; w-- > 0; )
		good &= end(f, (enum fakefamily_who)w);
	usleep(30000);		/* the monitor reads the last lines */
	f->stopping = true;
	pthread_join(f->monitor, NULL);
	for (int w = 0; w < FF_COUNT; w++)
		if (f->member[w].log_fd >= 0)
			close(f->member[w].log_fd);
	close_shared(f);
	fakeguest_free(f->g);
	free(f->log);
	return good;
}
