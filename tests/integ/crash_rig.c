/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/crash_rig.c - a guest whose workers die, and the reports of it
 *
 * The real broker and workers on the in-memory hypervisor; this process plays
 * the guest and the supervisor, whose own code writes the reports to DIR.  disk0
 * is killed while it is at a command, platform while it has nothing to do.
 *
 * usage: crash_rig DIR IMAGE		(IMAGE is made)
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi/chan.h"
#include "base/clock.h"
#include "base/log.h"
#include "fakefamily.h"
#include "patience.h"
#include "supervisor/crash.h"

#define IDE		0x1f0
#define SECTORS		64u
#define BUF_GPA		0x200800u
#define IDE_FUNC	0x09u
#define BM_BAR		0xc000u

static struct fakefamily f;
static struct conf conf = { .name = "web.1" };
static struct roster roster;
static struct logsink words;
static unsigned int turns;
static int64_t longest_ns;		/* that a successor would have waited */
static unsigned int held;		/* reports that held what is not theirs */

static bool make_image(const char *path)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
	bool good = fd >= 0;

	for (uint32_t n = 0; good && n < SECTORS; n++) {
		uint8_t s[512];

		memset(s, (int)n + 1, sizeof(s));
		good = write(fd, s, sizeof(s)) == (ssize_t)sizeof(s);
	}
	return close(fd) == 0 && good;
}

static void out(uint16_t port, uint32_t v)
{
	fakeguest_out(f.g, 0, port, 1, v);
}

static bool wait_for(uint16_t port, uint8_t mask, uint8_t value)
{
	for (int64_t until = clock_now_ns() + PATIENCE_NS; clock_now_ns() < until; turns++)
		if ((fakeguest_in(f.g, 0, port, 1) & mask) == value)
			return true;
	return false;
}

/* As a BIOS does it: a function's place, two sectors, one by words. */
static bool use_disk(void)
{
	bool good;

	fakeguest_cfg_write(f.g, 0, IDE_FUNC, 0x20, 4, BM_BAR);
	fakeguest_cfg_write(f.g, 0, IDE_FUNC, 0x04, 2, 5);
	fakeguest_cfg_write(f.g, 0, IDE_FUNC, 0x40, 4, 0x80008000);
	fakeguest_in(f.g, 0, BM_BAR + 2, 1);
	out(IDE + 6, 0xe0);
	out(IDE + 2, 2);
	out(IDE + 3, 7);
	out(IDE + 4, 0);
	out(IDE + 5, 0);
	fakeguest_in(f.g, 0, IDE + 2, 1);
	fakeguest_in(f.g, 0, IDE + 3, 1);
	out(IDE + 7, 0x20);
	good = wait_for(IDE + 7, 0x88, 0x08);
	fakeguest_ins(f.g, 0, IDE, 2, 256, BUF_GPA, false);
	good = good && wait_for(IDE + 7, 0x88, 0x08);
	for (int i = 0; i < 256; i++)
		good = good && fakeguest_in(f.g, 0, IDE, 2) == 0x0909;
	return good && wait_for(IDE + 7, 0x88, 0) && *fakeguest_ram(f.g, BUF_GPA) == 8;
}

static bool use_platform(void)
{
	bool good = true;

	for (uint32_t i = 0; i < 200; i++) {
		out(0x3ff, i);
		good &= fakeguest_in(f.g, 0, 0x3ff, 1) == i;
		fakeguest_in(f.g, 0, 0x3fd, 1);
	}
	out(0x64, 0xaa);
	good &= wait_for(0x64, 0x01, 0x01) && fakeguest_in(f.g, 0, 0x60, 1) == 0x55;
	good &= fakeguest_cfg_read(f.g, 0, 0x08, 0, 4) == 0x70008086;
	/* A lazy write to 0xcf8 would still be on its way. */
	return fakeguest_in(f.g, 0, 0x3ff, 1) == 199 && good;
}

/* The broker counts and records when the guest has its answer already. */
static void settle(void)
{
	usleep(20000);
}

/* Is the other end of this pipe closed by everybody? */
static bool is_closed(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1 && p.revents & POLLHUP;
}

static bool die(enum fakefamily_who who, enum member m, int sig)
{
	const siginfo_t how = { .si_code = CLD_KILLED, .si_status = sig };
	pid_t pid = f.member[who].pid;
	int64_t began;
	int image[2];

	if (!fakefamily_kill(&f, who, sig) || pipe2(image, O_CLOEXEC))
		return false;
	began = clock_now_ns();
	crash_note(&(struct crash_death){ .roster = &roster, .member = m, .pid = pid,
		.how = &how, .log = &words });
	crash_write();
	began = clock_now_ns() - began;
	if (began > longest_ns)
		longest_ns = began;
	/* As an image is that the guest unplugs now. */
	close(image[1]);
	held += !is_closed(image[0]);
	close(image[0]);
	return true;
}

/* A worker that is stopped is at whatever it is sent. */
static bool die_at_command(void)
{
	const struct xen_ioreq r = { .addr = IDE + 7, .data = 0x20, .count = 1, .size = 1,
		.type = XEN_IOREQ_TYPE_PIO };
	struct chan *c = fakefamily_chan(&f, FF_DISK);
	uint64_t data;

	settle();
	kill(f.member[FF_DISK].pid, SIGSTOP);
	if (!fakeguest_post(f.g, 0, &r))
		return false;
	for (int i = 0; i < PATIENCE_MS && c->req_head == c->req_tail; i++)
		usleep(1000);
	return die(FF_DISK, MEMBER_DISK0, SIGKILL) && fakefamily_respawn(&f, FF_DISK) &&
		fakeguest_wait(f.g, 0, PATIENCE_MS, &data);
}

static void hire(void)
{
	static const enum fakefamily_who who[] = { [PLAN_CHAN_PLATFORM] = FF_PLATFORM,
		[PLAN_CHAN_DISK0] = FF_DISK };

	roster.conf = &conf;
	for (int ch = 0; ch < 2; ch++) {
		roster.chan[ch] = f.chan_fd[who[ch]];
		roster.trace[ch] = f.trace_fd[who[ch]];
		roster.state[ch] = f.state_fd[who[ch]];
	}
	/* More lines than a report may have, as one can say who wants to. */
	for (words.tail_bytes = 0; words.tail_bytes < LOGSINK_TAIL_BYTES / 2; )
		words.tail_bytes += (uint64_t)snprintf(words.tail + words.tail_bytes, 8,
						       "vnc: \n");
	words.tail_bytes += (uint64_t)snprintf(words.tail + words.tail_bytes,
		sizeof(words.tail) - words.tail_bytes,
		"disk0: image failed: error=EIO\ndisk0: last words\n");
}

int main(int argc, char **argv)
{
	struct fakefamily_conf fc = { .no_vga = true, .quiet = true };
	bool good;

	if (argc != 3 || !make_image(argv[2]))
		return 2;
	log_init(-1, "crash_rig", LOG_L_INFO);
	fc.image[0] = argv[2];
	conf.crash_dir = argv[1];
	conf.domid = 7;
	if (fakefamily_missing(&fc) || !fakefamily_start(&f, &fc))
		return 3;
	hire();
	good = use_disk() && use_platform();
	printf("guest: %s\n", good ? "right" : "wrong");
	settle();
	good &= die(FF_PLATFORM, MEMBER_PLATFORM, SIGSEGV) &&
		fakefamily_respawn(&f, FF_PLATFORM) && die_at_command();
	printf("deaths: %s\n", good ? "right" : "wrong");
	if (fakeguest_fault(f.g))
		printf("fault: %s\n", fakeguest_fault(f.g));
	/* More than anybody wants to read. */
	for (int i = 0; i < 4; i++)
		good &= die(FF_PLATFORM, MEMBER_PLATFORM, SIGSEGV) &&
			fakefamily_respawn(&f, FF_PLATFORM);
	printf("held: %u\n", held);
	printf("longest_us: %lld\n", (long long)(longest_ns / NS_PER_US));
	good &= !fakeguest_fault(f.g);
	fakefamily_stop(&f);
	return good ? 0 : 4;
}
