/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/test_family.c - the supervisor's children: birth, talk and death
 *
 * The supervisor's own code starts stand-ins (family_child) in real namespaces
 * at the real descriptor numbers.  Needs root, no Xen.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "supervisor/family.h"
#include "tap.h"

static const struct nic_model card = { .name = "rtl8139" };
static struct conf conf = { .domid = 7, .vcpus = 1, .max_vcpus = 1, .boot = "cda",
	.pci_platform = true, .have_vga = true, .vga_mib = 16, .have_vnc = true,
	.log_level = LOG_L_DEBUG, .nic = { { .model = &card } }, .nic_count = 1 };
static struct vram_layout layout;
static struct roster_host host;
static struct roster roster;
static struct event_base *base;
static int ready, broken, downs;
static char log_text[65536];

static void on_ready(void)
{
	ready++;
	event_base_loopexit(base, NULL);
}

static void on_broken(void)
{
	broken++;
	event_base_loopexit(base, NULL);
}

static int on_sleep(void) { return 0; }
static void on_down(unsigned int reason) { downs += (int)reason + 1; }
static const struct family_ops ops = { .ready = on_ready, .broken = on_broken,
	.sleep = on_sleep, .powered_off = on_down };

static void explain(void)
{
	for (char *line = strtok(log_text, "\n"); line; line = strtok(NULL, "\n"))
		printf("# %s\n", line);
}

static bool start_all(void)
{
	bool good = spawn_namespaces_enter() == 0;

	for (enum member m = 0; m < MEMBER_COUNT; m++)
		if (good && roster_has(&roster, m))
			good = family_start(m) == 0;
	return spawn_namespaces_leave() == 0 && good;
}

/* How many processes are our children now? */
static int count_children(void)
{
	siginfo_t si = { 0 };

	return waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) < 0 &&
		errno == ECHILD ? 0 : 1;
}

static void on_time(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	event_base_loopbreak(base);
}

/* Until somebody ends it, and no longer than this: nothing of it is left for
   the next life. */
static void run_loop(int limit_ms)
{
	const struct timeval limit = { limit_ms / 1000, limit_ms % 1000 * 1000 };
	struct event *ev = evtimer_new(base, on_time, NULL);

	evtimer_add(ev, &limit);
	event_base_dispatch(base);
	event_free(ev);
}

/*
 * One life in which the children behave like @way.  Runs the loop until ready,
 * then for @more_ms, then stops; returns how long stopping took.
 */
static int live(const char *dir, const char *program, const char *way, int more_ms)
{
	static const char *const role[] = { "broker", "platform", "disk", "net",
		"vga", "vnc" };
	char path[200], log_path[120];
	int saved = dup(STDERR_FILENO), log_fd;
	int64_t began;
	ssize_t len;

	snprintf(path, sizeof(path), "%s/%s", dir, way);
	mkdir(path, 0755);
	spawn_use_programs(path);
	for (int i = 0; i < 6; i++) {
		snprintf(path, sizeof(path), "%s/%s/cloister-%s", dir, way, role[i]);
		if (symlink(program, path) && errno != EEXIST)
			return -1;
	}
	snprintf(log_path, sizeof(log_path), "%s/log", dir);
	log_fd = open(log_path, O_CREAT | O_TRUNC | O_RDWR, 0600);
	dup2(log_fd, STDERR_FILENO);

	ready = broken = 0;
	family_begin(base, &roster, &ops);
	ok(start_all(), "%s: all start", way);
	run_loop(10000);
	if (more_ms)
		run_loop(more_ms);
	began = clock_now_ns();
	family_stop();
	began = clock_now_ns() - began;
	dup2(saved, STDERR_FILENO);
	close(saved);
	len = pread(log_fd, log_text, sizeof(log_text) - 1, 0);
	log_text[len > 0 ? len : 0] = '\0';
	close(log_fd);
	ok(count_children() == 0, "%s: nobody is left", way);
	return (int)(began / NS_PER_MS);
}

static int count(const char *what)
{
	int n = 0;

	for (const char *at = log_text; (at = strstr(at, what)); at++)
		n++;
	return n;
}

static void test_good(const char *dir, const char *program)
{
	int ms = live(dir, program, "good", 0);

	ok(ready == 1 && broken == 0, "good: ready once");
	ok(count(": fds right") == 6, "good: each has exactly its descriptors");
	ok(count("place: pid=1 cwd=/ env=empty") == 6,
	   "good: pid 1 of its namespace, at /, no environment");
	ok(count("stderr is null") == 6, "good: no way to our terminal");
	ok(count("disk0: fds") == 1 && count("vnc: fds") == 1, "good: lines have subjects");
	ok(ms >= 0 && ms < 300, "good: ends at once (%d ms)", ms);
	ok(count("killed") == 0 && count("ended") == 0, "good: and quietly");
	if (count(": fds right") != 6)
		explain();
}

static void test_bad(const char *dir, const char *program)
{
	int ms;

	live(dir, program, "exit", 0);
	ok(broken == 1 && !ready && count("child ended: name=disk0") == 1 &&
	   count("status=42") == 1, "exit: the line has name and status");
	live(dir, program, "filter", 300);
	if (!ok(broken == 1 && count("child killed: name=disk0") == 1 && count("sig=SIGILL") == 1,
		"signal: the line has name and signal"))
		explain();
	live(dir, program, "babble", 0);
	ok(broken == 1 && count("child said what it may not: name=platform kind=2") == 1,
	   "babble: a worker cannot unplug");
	live(dir, program, "lie", 300);
	ok(broken == 1 && count("worker broke the protocol") == 1 &&
	   count("worker=disk0") == 1, "lie: the broker's word ends the family");
	live(dir, program, "flood", 300);
	if (!ok(count("devices unplugged") >= 5 && count("guest suspends") >= 5 &&
		count("cannot talk") + count("unplugged") + count("suspends") < 60,
		"flood: what a broker asks for a thousand times is a few lines"))
		explain();
	ms = live(dir, program, "deaf", 0);
	ok(ready == 1 && count("killed: name=broker") == 1 && ms < 1000,
	   "deaf: killed, within a second (%d ms)", ms);
}

/* A program that the kernel will not run: told at once, and nobody is left. */
static void test_no_program(const char *dir)
{
	char path[200];
	FILE *file;

	snprintf(path, sizeof(path), "%s/none", dir);
	mkdir(path, 0755);
	spawn_use_programs(path);
	snprintf(path, sizeof(path), "%s/none/cloister-broker", dir);
	file = fopen(path, "w");
	fputs("no program\n", file);
	fclose(file);
	chmod(path, 0755);
	family_begin(base, &roster, &ops);
	is_hex((uint64_t)-family_start(MEMBER_BROKER), ENOEXEC, "none: says why");
	ok(count_children() == 0, "none: nobody is left");
	family_stop();
}

int main(int argc, char **argv)
{
	char dir[] = "/tmp/test_family.XXXXXX", cmd[64];
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	char *program;

	program = argc < 2 ? NULL : realpath(argv[1], NULL);
	if (!program)
		return 2;
	if (geteuid() || unshare(CLONE_NEWUTS))
		return skip_all("needs root");
	base = event_base_new();
	if (!base || !mkdtemp(dir))
		return 1;
	log_init(-1, "cloister", LOG_L_DEBUG);
	vram_lay_out(256, 0xf0000000, 16, &layout);
	for (int i = 0; i < CONF_DRIVES; i++)
		host.image[i].fd = i ? -1 : null;
	for (int i = 0; i < CONF_SERIALS; i++)
		host.serial[i].fd = -1;
	host.vga_rom = host.vnc.fd = host.tap[0] = host.nic_rom[0] = null;
	roster = (struct roster){ .conf = &conf, .layout = &layout, .host = &host };
	ok(roster_make(&roster) == 0, "shared memory");
	if (spawn_namespaces_enter())
		return skip_all("no namespaces here");
	spawn_namespaces_leave();
	test_good(dir, program);
	test_bad(dir, program);
	test_no_program(dir);
	free(program);
	event_base_free(base);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd) ? 1 : tap_done();
}
