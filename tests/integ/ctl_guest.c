/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/ctl_guest.c - a guest with a control socket, on the in-memory
 *                           hypervisor
 *
 * The real broker and workers, the supervisor's own control socket and run
 * directory; this process is their supervisor and plays the guest, which looks
 * at a few registers a hundred times a second.  Prints "up" when all runs, and
 * ends with its standard input.
 *
 * usage: ctl_guest RUN-DIR DOMID NAME
 */
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "fakefamily.h"
#include "supervisor/control.h"
#include "supervisor/metrics.h"
#include "supervisor/run_dir.h"

static const char *const names[FF_COUNT] = { [FF_PLATFORM] = "platform",
	[FF_DISK] = "disk0", [FF_VGA] = "vga", [FF_NET] = "net0", [FF_BROKER] = "broker" };
static const char *const roles[FF_COUNT] = { [FF_PLATFORM] = "platform",
	[FF_DISK] = "disk", [FF_VGA] = "vga", [FF_NET] = "net", [FF_BROKER] = "broker" };

static struct fakefamily f;
static struct event_base *base;
static struct conf conf = { .ram_mib = 16, .vcpus = 1, .max_vcpus = 1,
	.have_vga = true, .pci_platform = true,
	.drive = { { .path = "/images/root" } } };
static struct nic_model card = { .name = "rtl8139" };
static struct qmp_host guest = { .conf = &conf, .status = QMP_STATUS_RUNNING };
static int64_t began_ns;
static struct metrics figures;
static uint64_t turns;
static int64_t turned_ns, longest_ns;	/* from one turn to the next */

static bool look(unsigned int i, struct control_process *p)
{
	const struct fakefamily_member *m = &f.member[i];

	if (i >= FF_COUNT)
		return false;
	*p = (struct control_process){ .name = names[i], .role = roles[i],
		.state = m->ready ? "running" : "starting", .pid = m->pid,
		.uid = geteuid(), .began_ns = began_ns,
		.syscalls = (unsigned int)m->syscalls };
	return true;
}

static int find_chan(const char *name)
{
	for (int i = 0; i < FF_BROKER; i++)
		if (strcmp(names[i], name) == 0)
			return f.chan_fd[i];
	return -1;
}

/* What each has counted; of disk0, also how the loop did. */
static json_t *count(const char *name)
{
	json_t *o = metrics_counters(&figures, name);

	if (strcmp(name, "disk0") == 0)
		json_object_set_new(o, "longest_ms",
				    json_integer(longest_ns / NS_PER_MS));
	return o;
}

static char *metrics(void)
{
	return metrics_string(&figures, METRICS_OPEN);
}

static int find_ring(const char *name)
{
	for (int i = 0; i < FF_BROKER; i++)
		if (strcmp(names[i], name) == 0)
			return f.trace_fd[i];
	return -1;
}

static void describe_figures(void)
{
	static const unsigned int in[FF_COUNT] = { [FF_PLATFORM] = STAT_IN_PLATFORM,
		[FF_DISK] = STAT_IN_DISK, [FF_VGA] = STAT_IN_VGA,
		[FF_NET] = STAT_IN_NET, [FF_BROKER] = STAT_IN_BROKER };

	figures = (struct metrics){ .domid = conf.domid, .name = conf.name,
		.began_ns = began_ns, .count = FF_COUNT };
	for (int i = 0; i < FF_COUNT; i++)
		figures.member[i] = (struct metrics_member){ .worker = names[i], .in = in[i],
			.units = 1, .page = f.stats[i], .peer = i < FF_BROKER ?
			&f.stats[FF_BROKER]->block[1 + i] : NULL, .cgroup = -1,
			.pid = f.member[i].pid };
}

static void play(evutil_socket_t fd, short what, void *arg)
{
	int64_t now_ns = clock_now_ns();

	if (turned_ns && now_ns - turned_ns > longest_ns)
		longest_ns = now_ns - turned_ns;
	turned_ns = now_ns;
	(void)fd;
	(void)what;
	(void)arg;
	turns++;
	fakeguest_out(f.g, 0, 0x3ff, 1, (uint32_t)turns & 0xff);	/* COM1 scratch */
	fakeguest_in(f.g, 0, 0x3fd, 1);				/* COM1 LSR */
	fakeguest_in(f.g, 0, 0x1f7, 1);				/* IDE status */
	fakeguest_cfg_read(f.g, 0, 0x09, 0x04, 2);		/* its COMMAND */
	if (fakeguest_fault(f.g)) {
		fprintf(stderr, "fault: %s\n", fakeguest_fault(f.g));
		event_base_loopbreak(base);
	}
}

static void on_input(evutil_socket_t fd, short what, void *arg)
{
	char byte;

	(void)what;
	(void)arg;
	if (read(fd, &byte, 1) <= 0)
		event_base_loopexit(base, NULL);
}

static struct event *input, *timer;

static bool begin(const char *dir)
{
	const struct timeval each = { 0, 10000 };
	char why[240];

	if (run_dir_open(dir, conf.domid, why, sizeof(why))) {
		fprintf(stderr, "%s\n", why);
		return false;
	}
	base = event_base_new();
	input = event_new(base, STDIN_FILENO, EV_READ | EV_PERSIST, on_input, NULL);
	timer = event_new(base, -1, EV_PERSIST, play, NULL);
	return event_add(input, NULL) == 0 && event_add(timer, &each) == 0;
}

int main(int argc, char **argv)
{
	struct fakefamily_conf fc = { .quiet = true };
	struct control_host host = { .guest = &guest, .process = look,
		.counters = count, .metrics = metrics, .channel = find_chan, .trace = find_ring };
	int tap[2];
	bool good;

	if (argc != 4 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, tap))
		return 2;
	signal(SIGPIPE, SIG_IGN);
	log_init(-1, "ctl_guest", LOG_L_WARN);
	conf.domid = fc.guest.domid = (uint32_t)strtoul(argv[2], NULL, 10);
	conf.name = argv[3];
	conf.nic_count = 1;
	conf.nic[0] = (struct conf_nic){ .model = &card, .ifname = "vif-emu" };
	fc.nic = card.name;
	fc.tap = tap[0];
	began_ns = clock_now_ns();
	if (fakefamily_missing(&fc) || !fakefamily_start(&f, &fc))
		return 3;
	describe_figures();
	host.began_ns = began_ns;
	host.plan = f.plan_fd;
	if (!begin(argv[1]) || control_begin(base, &host))
		return 4;
	printf("up\n");
	fflush(stdout);
	event_base_dispatch(base);
	control_end();
	run_dir_close();
	event_free(input);
	event_free(timer);
	event_base_free(base);
	good = !fakeguest_fault(f.g);
	return fakefamily_stop(&f) && good ? 0 : 5;
}
