/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/metrics_rig.c - a real family with a busy guest, and the exporter
 *
 * For metrics.py: serves DIR/metrics.sock and writes DIR/metrics.prom as the
 * supervisor does, until its standard input ends.  The cgroup of each process
 * is the directory DIR/cgroup, whose files the script makes; vnc is not a
 * process, but has counters.
 */
#include <event2/event.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/stat.h"
#include "fakefamily.h"
#include "fakeguest.h"
#include "patience.h"
#include "supervisor/metrics_serve.h"

#define IDE	0x1f0
#define BM	0xc000u
#define PRD_GPA	0x310000u
#define BUF_GPA	0x320000u

static struct fakefamily f;
static struct metrics m;
static struct stat_page vnc_page;
static struct stat_block about;
static struct event_base *base;
static _Atomic bool stop;

static void out(uint16_t port, unsigned int size, uint32_t v)
{
	fakeguest_out(f.g, 0, port, size, v);
}

static void read_disk(void)
{
	uint32_t prd[2] = { BUF_GPA, 4096 | 0x80000000u };

	fakeguest_store(f.g, PRD_GPA, prd, sizeof(prd));
	out(BM + 4, 4, PRD_GPA);
	out(BM + 2, 1, 0x06);
	out(IDE + 6, 1, 0xe0);
	out(IDE + 2, 1, 8);
	out(IDE + 7, 1, 0xc8);
	out(BM, 1, 0x09);
	fakeguest_until_isa(f.g, 14, true, PATIENCE_MS);
	out(BM, 1, 0);
	fakeguest_in(f.g, 0, IDE + 7, 1);
}

static void *be_guest(void *arg)
{
	(void)arg;
	fakeguest_cfg_write(f.g, 0, 9, 0x20, 4, BM);
	fakeguest_cfg_write(f.g, 0, 9, 0x04, 2, 5);
	while (!stop) {
		for (int i = 0; i < 20; i++) {
			fakeguest_in(f.g, 0, 0x3ff, 1);
			fakeguest_in(f.g, 0, IDE + 7, 1);
		}
		fakeguest_cfg_read(f.g, 0, FF_NIC_SLOT << 3, 0x10, 4);
		fakeguest_in(f.g, 0, 0x3da, 1);
		read_disk();
		usleep(20000);
	}
	return NULL;
}

static void add(const char *worker, const char *device, unsigned int in,
		unsigned int units, int who, int cgroup)
{
	m.member[m.count++] = (struct metrics_member){ .worker = worker,
		.device = device, .in = in, .units = units,
		.page = who < 0 ? &vnc_page : f.stats[who],
		.peer = who >= 0 && who < FF_BROKER ?
			&f.stats[FF_BROKER]->block[1 + who] : NULL,
		.about = &about, .cgroup = cgroup,
		.pid = who < 0 ? 0 : f.member[who].pid };
}

static void describe(const char *dir)
{
	char path[200];
	int cg;

	snprintf(path, sizeof(path), "%s/cgroup", dir);
	cg = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	m = (struct metrics){ .domid = 7, .name = "web\"1\xe9", .began_ns = clock_now_ns(),
		.count = 1, .member = { { .worker = "supervisor", .cgroup = cg,
					  .pid = getpid() } } };
	add("broker", NULL, STAT_IN_BROKER, 0, FF_BROKER, cg);
	add("platform", "chipset", STAT_IN_PLATFORM, 1, FF_PLATFORM, cg);
	add("disk0", "piix3-ide", STAT_IN_DISK, 1, FF_DISK, cg);
	add("net0", "e1000", STAT_IN_NET, 0, FF_NET, cg);
	add("vga", "stdvga", STAT_IN_VGA, 0, FF_VGA, cg);
	add("vnc", NULL, STAT_IN_VNC, 0, -1, cg);
}

static int listen_in(const char *dir)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/metrics.sock", dir);
	return bind(fd, (struct sockaddr *)&sa, sizeof(sa)) || listen(fd, 16) ? -1 : fd;
}

static void on_input(evutil_socket_t fd, short what, void *arg)
{
	char c;

	(void)what;
	(void)arg;
	if (read(fd, &c, 1) <= 0)
		event_base_loopbreak(base);
}

int main(int argc, char **argv)
{
	static char image[] = "/tmp/cloister-rig-XXXXXX";
	struct fakefamily_conf conf = { .guest = { .vcpus = 1, .low_bytes = 32 << 20 },
		.image = { image }, .nic = "e1000", .quiet = true };
	char path[200];
	pthread_t guest;
	int wire[2];

	signal(SIGPIPE, SIG_IGN);
	log_init(-1, "rig", LOG_L_INFO);
	if (argc != 2 || !fakefamily_make_image(image, 4096) ||
	    socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, wire))
		return 2;
	conf.tap = wire[0];
	if (!fakefamily_start(&f, &conf))
		return 1;
	describe(argv[1]);
	base = event_base_new();
	event_add(event_new(base, 0, EV_READ | EV_PERSIST, on_input, NULL), NULL);
	snprintf(path, sizeof(path), "%s/metrics.prom", argv[1]);
	if (metrics_serve_begin(base, &m, listen_in(argv[1])) ||
	    metrics_file_begin(base, &m, path, 1))
		return 1;
	pthread_create(&guest, NULL, be_guest, NULL);
	puts("ready");
	fflush(stdout);
	event_base_dispatch(base);
	stop = true;
	pthread_join(guest, NULL);
	metrics_serve_end();
	metrics_file_end();
	fakefamily_stop(&f);
	unlink(image);
	return 0;
}
