/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/test_broker_restart.c - the broker dies, the guest goes on
 *
 * Four vCPUs keep three workers busy that this process plays (played.h), and
 * the broker is killed and replaced: at random instants, with and without
 * workers that die beside it; before each of its hypercalls in turn; and, where
 * we may trace it, after any number of instructions.  No request may be lost,
 * done twice, or stay unanswered.
 *
 * And what it left is spoiled, field by field: its successor says so, or goes
 * on as well as it can, and ends by itself when it is told to.
 *
 *	test_broker_restart random|both|each|step|fuzz [HOW OFTEN]
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/broker_state.h"
#include "base/clock.h"
#include "patience.h"
#include "played.h"
#include "ring/memfd.h"
#include "tap.h"
#include "tracee.h"

#define VCPUS		4u
#define KILLS		200u
#define STEPS		60u
#define LIVES		40u
#define KILLS_MAX	2000u
#define OPS_MAX		400u
#define STALL_MS	50
#define SLEEPS_NS	(30 * NS_PER_MS)

static struct fakefamily f;
static _Atomic bool stop;
static _Atomic uint32_t acts_done, kill_number;
static _Atomic int64_t stall_ns[KILLS_MAX + 1];
static uint32_t seed = 1;

static uint32_t any(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % below;
}

/* ---- the guest ---- */

static const enum played_act acts[VCPUS][5] = {
	{ PLAYED_WRITE, PLAYED_READ, PLAYED_WRITE, PLAYED_READ, PLAYED_IRQ },
	{ PLAYED_POST, PLAYED_SHADOW, PLAYED_POST, PLAYED_POST, PLAYED_ROUTE },
	{ PLAYED_BUFFER, PLAYED_BUFFER, PLAYED_BUFFER, PLAYED_INS, PLAYED_OUTS },
	{ PLAYED_MAP, PLAYED_VRAM, PLAYED_DIRTY, PLAYED_MAP, PLAYED_INVALIDATE },
};

static void *run_vcpu(void *arg)
{
	unsigned int vcpu = (unsigned int)(uintptr_t)arg;

	for (uint32_t i = 0; !stop && !played_wrong(); i++) {
		int64_t from = clock_now_ns(), took;
		uint32_t at = kill_number;

		played_do(vcpu, acts[vcpu][i % 5]);
		took = clock_now_ns() - from;
		if (took > stall_ns[at])
			stall_ns[at] = took;
		acts_done++;
	}
	return NULL;
}

static void wait_acts(uint32_t more)
{
	uint32_t want = acts_done + more;

	for (int i = 0; i < 20000 && (int32_t)(acts_done - want) < 0 &&
	     !played_wrong(); i++)
		usleep(500);
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void print_stalls(uint32_t kills)
{
	int64_t s[KILLS_MAX];

	for (uint32_t i = 0; i < kills; i++)
		s[i] = stall_ns[i + 1];
	qsort(s, kills, sizeof(s[0]), by_value);
	printf("# stall of the guest, ms: p50 %.1f p99 %.1f max %.1f; goal p99 %d\n",
	       (double)s[kills / 2] / 1e6, (double)s[kills * 99 / 100] / 1e6,
	       (double)s[kills - 1] / 1e6, STALL_MS);
}

static void end(const char *name)
{
	const char *why = played_wrong();

	ok(!why && played_is_complete(), "%s: nothing lost, doubled or wrong%s%s",
	   name, played_wrong() ? ": " : "", played_wrong() ? played_wrong() : "");
	ok(f.lies == 0, "%s: nobody is called a liar %s", name, f.lie);
	if (played_wrong() || f.lies)
		printf("%s", f.log);
	ok(played_stop(), "%s: it ends by itself", name);
}

/* ---- at random instants ---- */

static void test_random(uint32_t kills, bool workers_too)
{
	pthread_t t[VCPUS];
	uint32_t n;

	if (!ok(played_start(&f, NULL), "the family is up"))
		return;
	stop = false;
	played_workers_die(workers_too ? 50 : 0);
	for (uintptr_t i = 0; i < VCPUS; i++)
		pthread_create(&t[i], NULL, run_vcpu, (void *)i);
	for (n = 0; n < kills && !played_wrong(); n++) {
		wait_acts(10 + any(40));
		usleep(any(2000));
		kill_number = n + 1;
		if (!fakefamily_kill(&f, FF_BROKER, SIGKILL) ||
		    !fakefamily_respawn(&f, FF_BROKER))
			break;
	}
	ok(n == kills, "killed and replaced %u times", n);
	ok((played_worker_deaths() > kills) == workers_too,
	   "beside %u deaths of workers", played_worker_deaths());
	wait_acts(100);
	stop = true;
	for (unsigned int i = 0; i < VCPUS; i++)
		pthread_join(t[i], NULL);
	if (n)
		print_stalls(n);
	end("random");
}

/* ---- before each hypercall ---- */

static _Atomic enum { OVER, RESTING, REPLACING } phase;
static _Atomic uint32_t deaths;

/* The supervisor's part: who is gone is replaced.  Its end is that of those
   that it started. */
static void *replace(void *arg)
{
	(void)arg;
	while (phase != OVER) {
		if (phase == REPLACING && !fakefamily_runs(&f, FF_BROKER)) {
			deaths++;
			/* It may die on its way, too. */
			fakefamily_respawn(&f, FF_BROKER);
		}
		usleep(200);
	}
	return NULL;
}

static void run_script(void)
{
	for (unsigned int i = 0; i < PLAYED_ACTS && !played_wrong(); i++)
		played_do(0, (enum played_act)i);
}

static void test_each(void)
{
	uint32_t n, before = 1;
	pthread_t t;

	if (!ok(played_start(&f, NULL), "the family is up"))
		return;
	run_script();
	phase = REPLACING;
	pthread_create(&t, NULL, replace, NULL);
	for (n = 1; n < OPS_MAX && !played_wrong(); n++) {
		before = deaths;
		f.g->m->die_in = n;
		run_script();
		run_script();
		/* Not even in two rounds: there are fewer. */
		if (f.g->m->die_in)
			break;
		for (int i = 0; i < 10000 && deaths == before; i++)
			usleep(500);
	}
	f.g->m->die_in = 0;
	run_script();
	phase = RESTING;
	usleep(2000);
	ok(n > 20 && n < OPS_MAX && deaths >= n - 1,
	   "died before each of %u operations: %u times", n - 1, deaths);
	end("each");
	phase = OVER;
	pthread_join(t, NULL);
}

/* ---- after any instruction ---- */

static void *run_act(void *arg)
{
	played_do(0, (enum played_act)(uintptr_t)arg);
	return NULL;
}

/* False: we may not trace it. */
static bool kill_in_act(enum played_act act, uint32_t after)
{
	pid_t pid = f.member[FF_BROKER].pid;
	pthread_t t;
	bool stopped;

	usleep(1000);		/* it sleeps */
	stopped = tracee_stop(pid);
	if (!stopped && (errno == EPERM || errno == EACCES))
		return false;
	pthread_create(&t, NULL, run_act, (void *)(uintptr_t)act);
	usleep(300);
	while (after-- && tracee_step(pid, SLEEPS_NS))
		;
	fakefamily_kill(&f, FF_BROKER, SIGKILL);
	fakefamily_respawn(&f, FF_BROKER);
	pthread_join(t, NULL);
	return true;
}

static void test_step(uint32_t times)
{
	uint32_t n;

	if (!ok(played_start(&f, NULL), "the family is up"))
		return;
	for (n = 0; n < times && !played_wrong(); n++)
		if (!kill_in_act((enum played_act)(n % PLAYED_ACTS), any(4000)))
			break;
	if (n == 0)
		skip("the broker may not be traced");
	else
		ok(n == times, "killed after any number of instructions: %u", n);
	end("step");
}

/* ---- after a predecessor gone mad ---- */

static void spoil_state(void)
{
	struct broker_state *st = memfd_map(f.broker_state_fd, sizeof(*st), 1);
	uint8_t *at = (uint8_t *)&st->server;
	size_t len = offsetof(struct broker_state, peer) -
		offsetof(struct broker_state, server);

	if (any(3) == 0) {
		at = (uint8_t *)&st->peer[any(3)];
		len = offsetof(struct broker_peer, win[3]);
	} else if (any(2)) {
		at = (uint8_t *)&st->vcpu[any(VCPUS)];
		len = sizeof(struct vcpu);
	}
	for (uint32_t n = any(3) + 1, i = any((uint32_t)len); n-- && i < len; i++)
		at[i] = (uint8_t)(any(3) ? any(256) : any(8) ? any(5) : 0xff);
	munmap(st, sizeof(*st));
}

static bool post(unsigned int vcpu, uint16_t port, uint8_t flags)
{
	return fakeguest_post(f.g, vcpu, &(struct xen_ioreq){
		.type = XEN_IOREQ_TYPE_PIO, .addr = port, .size = 1, .count = 1,
		.flags = flags });
}

/* One life, from its middle on with a spoiled memory. */
static bool live_on(void)
{
	bool up, ended;
	uint64_t data;

	if (!played_start(&f, NULL))
		return false;
	for (unsigned int i = 0; i < any(PLAYED_ACTS); i++)
		played_do(0, (enum played_act)i);
	post(1, 0x1f3, XEN_IOREQ_READ);
	post(2, 0x1f2, 0);
	if (any(2))
		usleep(any(500));
	fakefamily_kill(&f, FF_BROKER, SIGKILL);
	spoil_state();
	post(3, 0x3ff, XEN_IOREQ_READ);
	up = fakefamily_respawn(&f, FF_BROKER);
	for (enum fakefamily_who w = 0; up && w <= FF_VGA; w++)
		fakefamily_tell(&f, FF_BROKER, CTL_FAILED, w);
	for (unsigned int i = 1; up && i < VCPUS; i++)
		up = fakeguest_wait(f.g, i, PATIENCE_MS, &data);
	ended = played_stop();
	return up && ended;
}

static void test_fuzz(uint32_t times)
{
	uint32_t n, first = seed;

	for (n = 0; n < times; n++) {
		seed = first = first * 31 + n;
		if (!live_on())
			break;
	}
	ok(n == times, "%u lives with a spoiled memory; seed %u", n, first);
}

int main(int argc, char **argv)
{
	struct fakefamily_conf conf = { .played = { [FF_DISK] = true,
		[FF_PLATFORM] = true, [FF_VGA] = true } };
	const char *why = fakefamily_missing(&conf);
	const char *how = argc > 1 ? argv[1] : "random";
	uint32_t often = argc > 2 ? (uint32_t)atoi(argv[2]) : 0;

	if (why)
		return skip_all(why);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (often > KILLS_MAX)
		often = KILLS_MAX;
	if (strcmp(how, "each") == 0)
		test_each();
	else if (strcmp(how, "fuzz") == 0)
		test_fuzz(often ? often : LIVES);
	else if (strcmp(how, "step") == 0)
		test_step(often ? often : STEPS);
	else
		test_random(often ? often : KILLS, strcmp(how, "both") == 0);
	return tap_done();
}
