/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/perf/stall.c - how long a guest waits when one of its processes dies
 *
 * The real supervisor, broker and workers on the in-memory hypervisor.  The
 * guest's vCPU, a thread of this process, makes an access to the one that is
 * killed, again and again; every access takes the hop.  Each process in turn is
 * killed, and the next only when the guest had an answer from the successor.
 *
 * Prints per process percentiles of the longest access around a kill, and of
 * its parts, as the supervisor's log tells them: until the supervisor has
 * noticed (kill); until the successor is READY (start: clone, exec,
 * confinement, take-over); until the guest has its answer (answer; before READY
 * was heard of counts as 0).  Never fails on time.
 *
 * usage: stall CLOISTER-FAKE BUILD-DIR [KILLS [CRASH-DIR]]
 *	KILLS of each; needs root.  With CRASH-DIR the first four deaths of a
 *	minute are reported there, as by default in real life.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "bus/pci.h"
#include "fakedoor.h"
#include "fakeguest.h"

#define KILLS_MAX	2000u
#define KILLS		40u
#define MEMORY_MIB	64u
#define VRAM_FRAMES	4096u
#define IMAGE_BYTES	(1 << 20)
#define NIC_SLOT	4u
#define PAUSE_US	100		/* between two accesses */
#define PACE_MS		520		/* the log has five lines of each a second */
#define PATIENCE_MS	10000

enum part { STALL, NOTICE, START, ANSWER, PARTS };

/* A process of the family. */
struct who {
	const char *name;
	pid_t pid;			/* 0: there is none */
	int64_t died_ns, ready_ns;	/* when the log said so */
	int64_t killed_ns;
	unsigned int kills;
	int64_t took[PARTS][KILLS_MAX];
};

static struct who family[] = {
	{ .name = "platform" }, { .name = "disk0" }, { .name = "vga" },
	{ .name = "net0" }, { .name = "broker" },
};
#define FAMILY (sizeof(family) / sizeof(family[0]))

static struct fakeguest *g;
static char dir[] = "/tmp/cloister-stall-XXXXXX";
static pid_t supervisor;

/* What the threads tell each other. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool serving;
static int64_t longest_ns, longest_end_ns, last_began_ns;	/* accesses */
static _Atomic unsigned int target;
static _Atomic bool stop;

/* ---- the guest ---- */

static void access_member(unsigned int who)
{
	static const uint16_t port[FAMILY] = { 0x3ff, 0x1f7, 0x3d5, 0, 0x3ff };

	if (port[who])
		fakeguest_in(g, 0, port[who], 1);
	else
		fakeguest_cfg_read(g, 0, PCI_DEVFN(NIC_SLOT, 0), 4, 2);
}

static void *run_guest(void *arg)
{
	while (!stop) {
		int64_t began = clock_now_ns(), ended;

		access_member(target);
		ended = clock_now_ns();
		pthread_mutex_lock(&lock);
		last_began_ns = began;
		if (ended - began > longest_ns) {
			longest_ns = ended - began;
			longest_end_ns = ended;
		}
		pthread_mutex_unlock(&lock);
		usleep(PAUSE_US);
	}
	return arg;
}

/* ---- what the supervisor says ---- */

#define LAST_LINES	12u

static char last_line[LAST_LINES][200];
static unsigned int line_count;

static void print_last_lines(void)
{
	pthread_mutex_lock(&lock);
	for (unsigned int i = 0; i < LAST_LINES; i++)
		if (last_line[(line_count + i) % LAST_LINES][0])
			printf("# %s\n", last_line[(line_count + i) % LAST_LINES]);
	pthread_mutex_unlock(&lock);
}

static struct who *find(const char *name)
{
	for (unsigned int i = 0; i < FAMILY; i++)
		if (strcmp(family[i].name, name) == 0)
			return &family[i];
	return NULL;
}

static void take_line(const char *line, int64_t at_ns)
{
	char what[32], name[20];
	struct who *w;
	int pid;

	snprintf(last_line[line_count++ % LAST_LINES], sizeof(last_line[0]), "%.199s", line);
	if (strstr(line, "cloister: serving: "))
		serving = true;
	/* "confined", "child killed", "child replaced" */
	if (sscanf(line, "cloister: %31[a-z ]: name=%19s pid=%d", what, name, &pid) != 3)
		return;
	w = find(name);
	if (!w)
		return;
	if (strcmp(what, "child killed") == 0) {
		w->died_ns = at_ns;
	} else {
		w->pid = pid;
		w->ready_ns = at_ns;
	}
}

static void *read_log(void *arg)
{
	int fd = *(int *)arg;
	static char text[4096];
	size_t len = 0;
	ssize_t r;

	while ((r = read(fd, text + len, sizeof(text) - 1 - len)) > 0) {
		int64_t now_ns = clock_now_ns();
		char *from = text, *end;

		len += (size_t)r;
		text[len] = '\0';
		pthread_mutex_lock(&lock);
		for (; (end = strchr(from, '\n')); from = end + 1) {
			*end = '\0';
			take_line(from, now_ns);
		}
		pthread_mutex_unlock(&lock);
		len -= (size_t)(from - text);
		memmove(text, from, len);
		if (len == sizeof(text) - 1)
			len = 0;
	}
	return NULL;
}

/* ---- starting it ---- */

/* The supervisor looks for programs beside itself, and a link is not there. */
static bool copy(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	bool good = in >= 0 && out >= 0;
	ssize_t n = 1;

	while (good && n > 0)
		n = sendfile(out, in, NULL, 1 << 20);
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return good && n == 0;
}

static const char *in_dir(const char *name)
{
	static char path[4][80];
	static unsigned int next;
	char *p = path[next++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	return p;
}

static const char *crash_dir = "off";

static bool write_settings(void)
{
	FILE *f = fopen(in_dir("settings"), "w");

	if (!f)
		return false;
	fprintf(f, "[defaults]\nrun-dir = %s\ncrash-dir = %s\nrestart-limit = 100/1\n"
		"shadow = off\nposted = off\n", dir, crash_dir);
	return fclose(f) == 0;
}

static bool fill_dir(const char *fake, const char *build)
{
	static const char *const program[] = { "broker/dispatch/cloister-broker",
		"workers/cloister-platform", "workers/cloister-disk",
		"workers/cloister-net", "workers/cloister-vga", "workers/cloister-vnc" };
	char path[512];
	int fd;

	if (!mkdtemp(dir) || !copy(fake, in_dir("cloister")))
		return false;
	for (size_t i = 0; i < sizeof(program) / sizeof(program[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", build, program[i]);
		if (symlink(path, in_dir(strrchr(program[i], '/') + 1)))
			return false;
	}
	fd = open(in_dir("image"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, IMAGE_BYTES) || close(fd))
		return false;
	return write_settings();
}

static void empty_dir(void)
{
	char command[80];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	if (system(command))
		perror(dir);
}

_Noreturn static void become_supervisor(uint32_t domid, int log)
{
	const char *argv[24] = { in_dir("cloister"), "serve", "--memory", "64",
		"--serial", "null", "--vnc", "none", "--config", in_dir("settings") };
	char id[12], disk[120], nic[80];
	unsigned int n = 10;
	static char path[80];

	snprintf(path, sizeof(path), "%s", argv[0]);
	snprintf(id, sizeof(id), "%u", domid);
	snprintf(disk, sizeof(disk), "file=%s/image", dir);
	snprintf(nic, sizeof(nic), "tap=cls%u,mac=00:16:3e:00:00:01", getppid());
	argv[0] = path;
	argv[n++] = "--domid";
	argv[n++] = id;
	argv[n++] = "--disk";
	argv[n++] = disk;
	if (access("/dev/net/tun", F_OK) == 0) {
		argv[n++] = "--nic";
		argv[n++] = nic;
	}
	argv[n] = NULL;
	setenv("CLOISTER_FAKE_MACHINE", in_dir("machine"), 1);
	dup2(log, STDERR_FILENO);
	execv(path, (char *const *)(uintptr_t)argv);
	_exit(127);
}

static bool is_up(void)
{
	bool up;

	pthread_mutex_lock(&lock);
	up = serving;
	pthread_mutex_unlock(&lock);
	return up;
}

/* NULL, or why not. */
static const char *start(const char *fake, const char *build)
{
	static int log[2];
	const uint32_t domid = 31600 + (uint32_t)getpid() % 100;
	pthread_t reader;

	if (geteuid())
		return "needs root";
	if (!fill_dir(fake, build))
		return strerror(errno);
	g = fakeguest_new(&(struct fakeguest_conf){ .domid = domid,
		.low_bytes = (uint64_t)MEMORY_MIB << 20,
		.vram_gfn = ((uint64_t)MEMORY_MIB << 20) >> 12,
		.vram_frames = VRAM_FRAMES });
	if (!fakedoor_open(g, in_dir("machine")) || pipe2(log, O_CLOEXEC))
		return strerror(errno);
	supervisor = fork();
	if (supervisor == 0)
		become_supervisor(domid, log[1]);
	close(log[1]);
	if (pthread_create(&reader, NULL, read_log, &log[0]))
		return "no thread";
	for (int ms = 0; !is_up(); ms++, usleep(1000))
		if (ms > PATIENCE_MS || waitpid(supervisor, NULL, WNOHANG) > 0)
			return "the family did not start";
	return NULL;
}

/* ---- killing ---- */

/* The successor is READY, and an access that began after that is answered. */
static bool is_over(const struct who *w)
{
	bool over;

	pthread_mutex_lock(&lock);
	/* One read may bring both lines. */
	over = w->died_ns > w->killed_ns && w->ready_ns >= w->died_ns &&
		last_began_ns > w->ready_ns;
	pthread_mutex_unlock(&lock);
	return over;
}

static void note(struct who *w)
{
	int64_t after = longest_end_ns - w->ready_ns;

	w->took[STALL][w->kills] = longest_ns;
	w->took[NOTICE][w->kills] = w->died_ns - w->killed_ns;
	w->took[START][w->kills] = w->ready_ns - w->died_ns;
	w->took[ANSWER][w->kills] = after > 0 ? after : 0;
	w->kills++;
}

static bool kill_one(unsigned int who)
{
	struct who *w = &family[who];
	int64_t until;

	target = who;
	usleep(20000 + (unsigned int)rand() % 5000);
	while (clock_now_ns() < w->killed_ns + PACE_MS * NS_PER_MS)
		usleep(2000);
	pthread_mutex_lock(&lock);
	longest_ns = 0;
	w->killed_ns = clock_now_ns();
	pthread_mutex_unlock(&lock);
	kill(w->pid, SIGKILL);
	until = w->killed_ns + PATIENCE_MS * NS_PER_MS;
	while (!is_over(w)) {
		if (clock_now_ns() > until || fakeguest_fault(g))
			return false;
		usleep(1000);
	}
	note(w);
	return true;
}

/* False: one was not replaced. */
static bool kill_all(unsigned int kills)
{
	for (unsigned int n = 0; n < kills; n++)
		for (unsigned int i = 0; i < FAMILY; i++)
			if (family[i].pid && !kill_one(i)) {
				printf("%s: no successor within %d ms: died=%d ready=%d\n",
				       family[i].name, PATIENCE_MS,
				       family[i].died_ns > family[i].killed_ns,
				       family[i].ready_ns > family[i].killed_ns);
				print_last_lines();
				return false;
			}
	return true;
}

/* ---- telling ---- */

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void print(struct who *w)
{
	unsigned int n = w->kills;

	if (n == 0)
		return;
	printf("%-9s %5u", w->name, n);
	for (enum part p = 0; p < PARTS; p++) {
		qsort(w->took[p], n, sizeof(int64_t), by_value);
		printf("  %7.2f %7.2f %7.2f", (double)w->took[p][n / 2] / 1e6,
		       (double)w->took[p][n - 1 - n / 100] / 1e6,
		       (double)w->took[p][n - 1] / 1e6);
	}
	putchar('\n');
}

static bool run(unsigned int kills)
{
	pthread_t vcpu;
	bool good;

	if (pthread_create(&vcpu, NULL, run_guest, NULL))
		return false;
	good = kill_all(kills);
	stop = true;
	pthread_join(vcpu, NULL);
	printf("%-9s %5s  %-24s %-24s %-24s %-24s\n%-15s", "ms", "kills",
	       " longest access", " kill -> noticed", " -> READY", " -> answer", "");
	for (enum part p = 0; p < PARTS; p++)
		printf("  %7s %7s %7s", "p50", "p99", "max");
	putchar('\n');
	for (unsigned int i = 0; i < FAMILY; i++)
		print(&family[i]);
	if (fakeguest_fault(g))
		printf("fault: %s\n", fakeguest_fault(g));
	return good && !fakeguest_fault(g);
}

int main(int argc, char **argv)
{
	unsigned int kills = argc > 3 ? (unsigned int)atoi(argv[3]) : KILLS;
	const char *why;
	bool good = true;

	if (argc < 3) {
		fprintf(stderr, "usage: %s CLOISTER-FAKE BUILD-DIR [KILLS [CRASH-DIR]]\n",
			argv[0]);
		return 2;
	}
	if (kills < 1 || kills > KILLS_MAX)
		kills = KILLS_MAX;
	if (argc > 4)
		crash_dir = argv[4];
	why = start(argv[1], argv[2]);
	if (why)
		printf("nothing measured: %s\n", why);
	else
		good = run(kills);
	if (supervisor > 0) {
		kill(supervisor, SIGHUP);
		waitpid(supervisor, NULL, 0);
	}
	empty_dir();
	return !good;
}
