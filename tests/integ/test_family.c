/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/test_family.c - the supervisor's children: birth, talk and death
 *
 * The supervisor's own code starts stand-ins (family_child) in real namespaces
 * at the real descriptor numbers.  Needs root, no Xen.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/chan.h"
#include "base/clock.h"
#include "base/stat.h"
#include "patience.h"
#include "ring/memfd.h"
#include "supervisor/family.h"
#include "supervisor/rest.h"
#include "tap.h"

#define DEATHS		3u	/* conf.restarts: then it is failed */

static const struct nic_model card = { .name = "rtl8139" };
static struct conf conf = { .domid = 7, .vcpus = 1, .max_vcpus = 1, .boot = "cda",
	.pci_platform = true, .have_vga = true, .vga_mib = 16, .have_vnc = true,
	.restarts = DEATHS, .restart_window_s = 60,
	.log_level = LOG_L_DEBUG, .nic = { { .model = &card } }, .nic_count = 1 };
static struct vram_layout layout;
static struct roster_host host;
static struct roster roster;
static struct event_base *base;
static int ready, broken, downs;
static bool unwanted;
static const char *early_password;	/* set before anybody is started */
static char log_text[262144];

static void on_ready(void)
{
	ready++;
	event_base_loopbreak(base);
}

static void on_broken(void)
{
	broken++;
	event_base_loopbreak(base);
}

static int on_sleep(void) { return 0; }
static void on_down(unsigned int reason) { downs += (int)reason + 1; }
static bool on_wanted(void) { return !unwanted; }
static void on_settled(enum member m) { if (m == MEMBER_BROKER) rest_on_new_broker(); }
static const struct family_ops ops = { .ready = on_ready, .broken = on_broken,
	.sleep = on_sleep, .powered_off = on_down, .wanted = on_wanted,
	.rested = rest_on_rested, .logged = rest_on_logged, .settled = on_settled };

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

/* Turns the loop until @done.  How long it took, or -1. */
static int run_until(bool (*done)(void))
{
	const int64_t began_ns = clock_now_ns();

	while (!done()) {
		if (clock_now_ns() - began_ns > PATIENCE_NS)
			return -1;
		run_loop(5);
	}
	return (int)((clock_now_ns() - began_ns) / NS_PER_MS);
}

static bool has_begun(void) { return ready || broken; }

static void make_programs(const char *dir, const char *program, const char *way)
{
	static const char *const role[] = { "broker", "platform", "disk", "net",
		"vga", "vnc" };
	char path[200];

	/* Each life is counted from one. */
	for (enum member m = 0; m < MEMBER_COUNT; m++) {
		snprintf(path, sizeof(path), "%s/%s/%s.lives", dir, way, roster_name(m));
		unlink(path);
	}

	snprintf(path, sizeof(path), "%s/%s", dir, way);
	mkdir(path, 0755);
	spawn_use_programs(path);
	for (int i = 0; i < 6; i++) {
		snprintf(path, sizeof(path), "%s/%s/cloister-%s", dir, way, role[i]);
		if (symlink(program, path) && errno != EEXIST)
			perror(path);
	}
}

/*
 * One life in which the children behave like @way.  Runs the loop until ready,
 * calls @more, then stops; returns how long stopping took.
 */
static int live(const char *dir, const char *program, const char *way, void (*more)(void))
{
	char log_path[120];
	int saved = dup(STDERR_FILENO), log_fd;
	int64_t began;
	ssize_t len;

	make_programs(dir, program, way);
	snprintf(log_path, sizeof(log_path), "%s/log", dir);
	log_fd = open(log_path, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
	dup2(log_fd, STDERR_FILENO);

	ready = broken = 0;
	unwanted = false;
	family_begin(base, &roster, &ops);
	if (early_password)
		ok(family_set_password(early_password) == 0, "%s: a password, early", way);
	ok(start_all(), "%s: all start", way);
	run_until(has_begun);
	if (more)
		more();
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
	int ms = live(dir, program, "good", NULL);

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

static void settle(void) { run_loop(300); }

/* What is wrong before the guest is served ends the start. */
static void test_bad(const char *dir, const char *program)
{
	int ms;

	live(dir, program, "exit", NULL);
	ok(broken == 1 && !ready && count("child ended: name=disk0") == 1 &&
	   count("status=42") == 1, "exit: the line has name and status");
	live(dir, program, "babble", NULL);
	ok(broken == 1 && count("child said what it may not: name=platform kind=2") == 1,
	   "babble: a worker cannot unplug");
	live(dir, program, "flood", settle);
	if (!ok(count("devices unplugged") >= 5 && count("guest suspends") >= 5 &&
		count("cannot talk") + count("unplugged") + count("suspends") < 60,
		"flood: what a broker asks for a thousand times is a few lines"))
		explain();
	ms = live(dir, program, "deaf", NULL);
	ok(ready == 1 && count("killed: name=broker") == 1 && ms < 1000,
	   "deaf: killed, within a second (%d ms)", ms);
}

/* ---- successors ---- */

static unsigned int restarts_of(enum member m)
{
	return (unsigned int)stat_block_get(family_about(m), STAT_RESTARTS);
}

static int took_ms;
static enum member who;
static unsigned int wanted_restarts;
static bool was_replaced(void) { return restarts_of(who) >= wanted_restarts; }
static bool is_failed(void) { return family_look(who).state == FAMILY_FAILED; }
static bool is_whole(void) { return family_look(who).state == FAMILY_RUNNING; }
static bool is_gone(void) { return is_failed() && !family_look(who).pid; }
static bool is_broken(void) { return broken; }

static void wait_for(enum member m, unsigned int restarts)
{
	who = m;
	wanted_restarts = restarts;
	took_ms = run_until(was_replaced);
}

/* vnc comes when it comes. */
static enum member to_come;
static bool has_come(void) { return family_look(to_come).ready; }

static void kill_one(enum member m, int sig)
{
	pid_t pid;

	to_come = m;
	run_until(has_come);
	pid = family_look(m).pid;
	if (pid > 0)
		kill(pid, sig);
}

/* It is dead, and the family has not looked yet. */
static void kill_unseen(enum member m)
{
	pid_t pid = family_look(m).pid;
	siginfo_t si;

	kill_one(m, SIGKILL);
	while (waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT) && errno == EINTR)
		;
}

static void kill_disk(void)
{
	kill_one(MEMBER_DISK0, SIGKILL);
	wait_for(MEMBER_DISK0, 1);
	settle();
}

static void kill_twice(void)
{
	kill_one(MEMBER_DISK0, SIGKILL);
	wait_for(MEMBER_DISK0, 2);
	settle();
}

/* The text after the @nth "holds=" of @name, "" if there is none. */
static const char *holds(const char *name, unsigned int nth)
{
	static char value[4][32];
	static unsigned int turn;
	char what[40];
	const char *at = log_text;

	snprintf(what, sizeof(what), "%s: life: number=%u ", name, nth);
	at = strstr(at, what);
	at = at ? strstr(at, "holds=") : NULL;
	turn = (turn + 1) % 4;
	snprintf(value[turn], sizeof(value[0]), "%.22s", at ? at : "");
	return value[turn];
}

static void test_successor(const char *dir, const char *program)
{
	int ms = live(dir, program, "one", kill_disk);

	if (!ok(!broken && took_ms >= 0, "one: a worker that is killed is replaced (%d ms)",
		took_ms))
		explain();
	ok(count("child killed: name=disk0") == 1 && count("sig=SIGKILL") == 1 &&
	   count("child replaced: name=disk0") == 1, "one: said, who, why and after how long");
	ok(strlen(holds("disk0", 1)) == 22 && strcmp(holds("disk0", 1), holds("disk0", 2)) == 0,
	   "one: it has the same descriptors (%s)", holds("disk0", 2));
	ok(strcmp(holds("disk0", 1), holds("net0", 1)) != 0, "one: and another has others");
	ok(count("disk0: fds right") == 2 && count("disk0: place: pid=1 cwd=/ env=empty") == 2,
	   "one: and the same place");
	ok(count("broker: told: renewed arg=1 ") == 1, "one: the broker is told, once");
	ok(count("told: start") == 0, "one: and not to start again");
	ok(ms < 1000 && count("did not end") == 0, "one: all end in time (%d ms)", ms);

	live(dir, program, "filter", kill_twice);
	if (!ok(!broken && took_ms >= 0 && count("sig=SIGILL") == 1,
		"signal: the second is replaced as well; the line has the signal"))
		explain();
}

static void wait_failed(void)
{
	kill_one(who, SIGKILL);
	took_ms = run_until(is_failed);
	settle();
}

static void wait_gone(void)
{
	kill_one(who, SIGKILL);
	took_ms = run_until(is_gone);
	settle();
}

static void wait_broken(void)
{
	kill_one(who, SIGKILL);
	took_ms = run_until(is_broken);
}

static void test_limits(const char *dir, const char *program)
{
	who = MEMBER_DISK0;
	live(dir, program, "fall", wait_failed);
	if (!ok(!broken && took_ms >= 0 && count("its device is failed: name=disk0") == 1 &&
		count("disk0: life: number=4 failed=1") == 1,
		"limit: after %u deaths its device is failed", DEATHS))
		explain();
	ok(count("disk0: life: number=5") == 0 && strcmp(holds("disk0", 1), holds("disk0", 4)),
	   "limit: and that one lives, without images");

	who = MEMBER_DISK0;
	live(dir, program, "stillborn", wait_failed);
	if (!ok(!broken && took_ms >= 140 && count("number=4 failed=1") == 1,
		"stillborn: who dies at birth does so at intervals (%d ms)", took_ms))
		explain();

	family_use_patience(400);
	live(dir, program, "mute", kill_disk);
	if (!ok(!broken && took_ms >= 400 && count("why=\"is not ready in time\"") == 1 &&
		count("disk0: life: number=3") == 1,
		"mute: who does not say that it is there is ended (%d ms)", took_ms))
		explain();
	family_use_patience(10000);

	who = MEMBER_DISK0;
	live(dir, program, "doomed", wait_gone);
	if (!ok(!broken && took_ms >= 0 && count("has no successor: name=disk0") == 1 &&
		count("broker: told: failed arg=1 ") == 1,
		"doomed: and if it dies even so, the broker answers for it"))
		explain();

	who = MEMBER_PLATFORM;
	live(dir, program, "platform", wait_gone);
	ok(!broken && took_ms >= 0 && count("name=platform; cloisterctl") == 1 &&
	   count("broker: told: failed arg=0 ") == 1 && count("failed=1") == 0,
	   "platform: cannot be failed, so it is gone at once");

	who = MEMBER_VNC;
	live(dir, program, "vnc", wait_gone);
	if (!ok(!broken && took_ms >= 0 && count("broker: told") == 0, "vnc: is missed by nobody"))
		explain();

	who = MEMBER_BROKER;
	live(dir, program, "nobroker", wait_broken);
	ok(broken == 1 && took_ms >= 0 && count("broker died too often") == 1,
	   "nobroker: the family ends");
}

static void kill_broker_and_disk(void)
{
	kill_one(MEMBER_BROKER, SIGKILL);
	kill_one(MEMBER_DISK0, SIGKILL);
	wait_for(MEMBER_BROKER, 1);
	wait_for(MEMBER_DISK0, 1);
	settle();
}

static void kill_vnc(void)
{
	family_set_password("sesame");
	settle();
	kill_unseen(MEMBER_VNC);
	ok(family_set_password("sesame") == 0, "tvnc: one that is dead has a successor to hear");
	wait_for(MEMBER_VNC, 1);
	settle();
}

static void wait_accused(void) { wait_for(MEMBER_DISK0, 1); settle(); }
/* Its successor is on its way when the broker finds what it left. */
static void spoil_and_kill(void)
{
	struct chan *c = memfd_map(roster.chan[PLAN_CHAN_DISK0], sizeof(*c), 1);

	c->ans_tail = 0x12345678;
	kill_one(MEMBER_DISK0, SIGKILL);
	wait_for(MEMBER_DISK0, 1);
	settle();
	ok(c->ans_tail == 0, "late: its rings are put right");
	munmap(c, sizeof(*c));
}

static void wait_slander(void) { wait_for(MEMBER_BROKER, 1); settle(); }

static void test_others(const char *dir, const char *program)
{
	live(dir, program, "broker", kill_broker_and_disk);
	if (!ok(!broken && ready == 1 && took_ms >= 0 &&
		count("broker: life: number=1 failed=0 adopt=0") == 1 &&
		count("broker: life: number=2 failed=0 adopt=1") == 1,
		"broker: its successor is to adopt"))
		explain();
	ok(strcmp(holds("broker", 1), holds("broker", 2)) == 0 &&
	   strlen(holds("broker", 2)) == 22, "broker: and has the same descriptors");
	ok(count("broker: told: renewed arg=1 ") >= 1 && count("broker: told: renewed arg=0 ") == 1 &&
	   count("told: start") == 0, "broker: it hears who is there");
	live(dir, program, "tvnc", kill_vnc);
	ok(!broken && took_ms >= 0 && count("vnc: told: password arg=0 text=sesame") == 2,
	   "vnc: a successor has the password");
	early_password = "early";
	live(dir, program, "evnc", settle);
	early_password = NULL;
	ok(count("vnc: told: password arg=0 text=early") == 1, "evnc: heard, once");
	live(dir, program, "lie", wait_accused);
	ok(!broken && took_ms >= 0 && count("worker broke the protocol: worker=disk0") == 1 &&
	   count("why=\"lied\"") == 1, "lie: a worker that lied is replaced");
	live(dir, program, "late", spoil_and_kill);
	if (!ok(!broken && took_ms >= 0 && count("why=\"lied\"") == 1 &&
		count("disk0: life: number=3") == 1,
		"late: who found what a liar left is replaced"))
		explain();
	live(dir, program, "hang", wait_accused);
	ok(!broken && took_ms >= 0 && count("worker hangs: worker=disk0") == 1 &&
	   count("why=\"hangs\"") == 1, "hang: one that hangs, too");
	live(dir, program, "slander", wait_slander);
	ok(!broken && took_ms >= 0 && count("broker accuses nobody: kind=5 arg=99") == 1,
	   "slander: a broker that accuses nobody is replaced itself");
}

static void restart_once(unsigned int nth)
{
	took_ms = family_restart(MEMBER_DISK0) ? -1 : 0;
	if (took_ms == 0)
		wait_for(MEMBER_DISK0, nth);
}

/* ---- rest ---- */

static char why[240];
static bool log_asked, log_came;

static void on_changed(void)
{
	if (log_asked && !log_came)
		log_came = rest_log_dirty(true, why, sizeof(why)) == 0;
}

static bool is_at_rest(void) { return rest_is_on(); }
static bool is_logging(void) { return log_came; }

/* What is asked of a broker that is dead is asked of its successor. */
static void rest_and_kill(void)
{
	rest_begin(base, on_changed);
	ok(rest_ask(why, sizeof(why)) == -EINPROGRESS && run_until(is_at_rest) >= 0,
	   "rest: at rest");
	kill_unseen(MEMBER_BROKER);
	rest_end();
	wait_for(MEMBER_BROKER, 1);
	settle();
	kill_unseen(MEMBER_BROKER);
	ok(rest_ask(why, sizeof(why)) == -EINPROGRESS, "rest: asked of nobody, it waits");
	log_asked = true;
	ok(rest_log_dirty(true, why, sizeof(why)) == -EINPROGRESS, "rest: and so does logging");
	ok(run_until(is_at_rest) >= 0 && run_until(is_logging) >= 0,
	   "rest: and both come when there is a broker");
	settle();
}

static void test_rest(const char *dir, const char *program)
{
	const char *second, *resumed;

	live(dir, program, "rest", rest_and_kill);
	second = strstr(log_text, "broker: life: number=2");
	resumed = second ? strstr(second, "broker: told: resume") : NULL;
	if (!ok(!broken && resumed && count("told: pause") == 2 &&
		count("told: log-dirty") == 1,
		"rest: who was told to go on when nobody was there goes on"))
		explain();
}

/* ---- what is left of those that died ---- */

#define MANY	100u

static int count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static void replace_many(void)
{
	int fds;

	restart_once(1);
	fds = count_fds();
	for (unsigned int i = 2; i <= MANY && took_ms >= 0; i++)
		restart_once(i);
	ok(took_ms >= 0 && count_fds() == fds, "many: no descriptor is left of %u (%d, %d)",
	   MANY, fds, count_fds());
}

/* ---- stopped ---- */

static void stop_disk(void)
{
	kill_one(MEMBER_DISK0, SIGSTOP);
	wait_for(MEMBER_DISK0, 1);
	settle();
}

static void pause_disk(void)
{
	kill_one(MEMBER_DISK0, SIGSTOP);
	run_loop(200);
	kill_one(MEMBER_DISK0, SIGCONT);
	run_loop(1300);
}

static void test_stops(const char *dir, const char *program)
{
	live(dir, program, "stop", stop_disk);
	if (!ok(!broken && took_ms >= 900 && took_ms < 4000 &&
		count("child was stopped: name=disk0") == 1 &&
		count("why=\"was stopped and not continued\"") == 1,
		"stop: after a second it is replaced (%d ms)", took_ms))
		explain();
	live(dir, program, "pause", pause_disk);
	ok(!broken && restarts_of(MEMBER_DISK0) == 0 && count("was ended") == 0,
	   "pause: stopped for a moment, it goes on");
}

/* ---- no successors ---- */

static void kill_unwanted(void)
{
	unwanted = true;
	kill_one(MEMBER_DISK0, SIGKILL);
	kill_one(MEMBER_NET0, SIGKILL);
	settle();
}

static void test_unwanted(const char *dir, const char *program)
{
	live(dir, program, "unwanted", kill_unwanted);
	ok(!broken && count("life: number=2") == 0 && count("child replaced") == 0,
	   "unwanted: a guest that is being destroyed has no successors");
}

/* ---- by hand ---- */

static void restart_disk(void)
{
	ok(family_restart(MEMBER_NET7) == -ENOENT, "hand: nobody of that name");
	for (unsigned int i = 1; i <= 2 * DEATHS; i++) {
		ok(family_restart(MEMBER_DISK0) == 0 && family_restart(MEMBER_DISK0) == 0,
		   "hand: told, and told again");
		wait_for(MEMBER_DISK0, i);
		if (!ok(took_ms >= 0, "hand: replaced (%d ms)", took_ms))
			return;
	}
}

static void restart_failed(void)
{
	kill_one(MEMBER_DISK0, SIGKILL);
	who = MEMBER_DISK0;
	took_ms = run_until(is_failed);
	ok(family_restart(MEMBER_DISK0) == 0, "back: a failed one is told");
	took_ms = run_until(is_whole);
	run_loop(50);
}

static void test_by_hand(const char *dir, const char *program)
{
	live(dir, program, "hand", restart_disk);
	if (!ok(!broken && count("failed=1") == 0 &&
		count("why=\"restart asked for\"") >= (int)DEATHS,
		"hand: as often as one likes"))
		explain();
	live(dir, program, "fall", restart_failed);
	ok(!broken && count("disk0: life: number=5 failed=0") == 1 &&
	   strcmp(holds("net0", 2), "") == 0,
	   "back: what was failed has its images again");
}

/* ---- unplug ---- */

static void wait_unplugged(void)
{
	wait_for(MEMBER_DISK0, 1);
	wait_for(MEMBER_NET0, 1);
	settle();
}

static void wait_both(void)
{
	wait_for(MEMBER_DISK0, 1);
	wait_for(MEMBER_BROKER, 1);
	settle();
}

/* Is the first @a in the log before the first @b? */
static bool is_before(const char *a, const char *b)
{
	const char *at = strstr(log_text, a), *then = strstr(log_text, b);

	return at && then && at < then;
}

/* Last: the images are closed then. */
static void test_unplug(const char *dir, const char *program)
{
	live(dir, program, "race", wait_accused);
	if (!ok(!broken && count("broker: told: done") == 1 &&
		is_before("child replaced: name=disk0", "broker: told: done"),
		"race: an unplug is done when nobody is on the way who could hold it"))
		explain();
	live(dir, program, "twice", wait_both);
	if (!ok(!broken && took_ms >= 0 && count("broker: told: done") == 1,
		"twice: a broker that asks again is told once"))
		explain();
	live(dir, program, "unplug", wait_unplugged);
	if (!ok(!broken && took_ms >= 0 && host.image[0].fd == -1 && host.tap[0] == -1,
		"unplug: our images and taps are closed before the guest goes on"))
		explain();
	ok(count("disk0: life: number=1 failed=0 adopt=0 drive0=1") == 1 &&
	   count("disk0: life: number=2 failed=0 adopt=0 drive0=0") == 1,
	   "unplug: a successor is told of no drive");
	ok(count("net0: life: number=2 failed=0") == 1 &&
	   strcmp(holds("net0", 1), holds("net0", 2)) != 0,
	   "unplug: and a card has no wire");
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
		host.image[i].fd = i ? -1 : dup(null);
	for (int i = 0; i < CONF_SERIALS; i++)
		host.serial[i].fd = -1;
	host.vga_rom = host.vnc.fd = host.nic_rom[0] = null;
	host.tap[0] = dup(null);
	roster = (struct roster){ .conf = &conf, .layout = &layout, .host = &host };
	ok(roster_make(&roster) == 0, "shared memory");
	if (spawn_namespaces_enter())
		return skip_all("no namespaces here");
	spawn_namespaces_leave();
	test_good(dir, program);
	test_bad(dir, program);
	test_successor(dir, program);
	test_limits(dir, program);
	test_others(dir, program);
	test_rest(dir, program);
	live(dir, program, "many", replace_many);
	test_stops(dir, program);
	test_unwanted(dir, program);
	test_by_hand(dir, program);
	test_unplug(dir, program);
	test_no_program(dir);
	free(program);
	event_base_free(base);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd) ? 1 : tap_done();
}
