/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * broker/dispatch/main.c - the broker: start-up, the loop, control messages
 *
 * Serves one guest's ioreq server: takes requests from Xen, passes each to the
 * worker that owns the address, completes them.  Holds no device state, opens
 * nothing and forks nothing after it is confined.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/log.h"
#include "dispatch/broker.h"
#include "hv/hv.h"
#include "policy_broker.h"
#include "ring/memfd.h"
#include "runtime/sandbox.h"

#define TURNS_PER_LOOK	64u	/* then control messages get a look */
#define STUCK_WAIT_MS	1	/* between looks at a full ring */
#define BUF_REST_MS	10	/* how long buffered writes may wait at most */
#define HANG_MS		5000	/* a worker that moves later is slow */

struct broker broker;

void tell_supervisor(enum ctl_kind kind, uint64_t arg, const char *text)
{
	struct ctl_msg m = { .kind = kind, .arg = arg };

	snprintf(m.text, sizeof(m.text), "%s", text);
	if (write(FD_CTL, &m, sizeof(m)) != (ssize_t)sizeof(m))
		log_errno(errno, "cannot tell the supervisor: kind=%u", kind);
}

/* ---- the loop ---- */

/* All workers are confined and serving: believe their announcements. */
static void start(void)
{
	for (unsigned int i = 0; i < broker.plan->worker_count; i++) {
		struct peer *p = &broker.peer[i];

		if (p->plan->role == PLAN_ABSENT)
			continue;
		if (!peer_import(p))
			die(0, "worker announced nonsense: worker=%s",
			    p->plan->name);
	}
	pause_adopt();
	dirty_adopt();
	account_calibrate();
	/* A restored guest's video memory is where it was, but not pinned. */
	if (broker.st->vram_gfn != broker.plan->vram_gfn &&
	    hv_pin_wb(broker.hv, broker.st->vram_gfn, broker.plan->vram_frames,
		      true) == 0)
		STATE_SET(broker.st->vram_pinned, (uint8_t)1);
	broker.started = true;
	STATE_SET(broker.st->started, 1u);
	log_info("ioreq server up: vcpus=%u workers=%u", broker.vcpus,
		 broker.plan->worker_count);
	tell_supervisor(CTL_READY, policy_broker.syscalls, "");
}

static bool all_announced(void)
{
	for (unsigned int i = 0; i < broker.plan->worker_count; i++)
		if (broker.peer[i].plan->role != PLAN_ABSENT &&
		    !atomic_load(&broker.peer[i].ch.c->ready))
			return false;
	return true;
}

/* A successor: nobody says CTL_START to us, if it was said before. */
static void go_on(void)
{
	if (broker.st->started) {
		adopt_go_on();
		pause_adopt();
		dirty_adopt();
		account_calibrate();
		broker.started = true;
		tell_supervisor(CTL_READY, policy_broker.syscalls, "");
	} else if (all_announced()) {
		start();
	}
}

/* NULL and a log line: there is no such worker. */
static struct peer *peer_named(const struct ctl_msg *m)
{
	if (m->arg < broker.plan->worker_count &&
	    broker.peer[m->arg].plan->role != PLAN_ABSENT && broker.started)
		return &broker.peer[m->arg];
	log_err("control message about nobody: kind=%u worker=%llu", m->kind,
		(unsigned long long)m->arg);
	return NULL;
}

static void read_ctl(void)
{
	struct ctl_msg m;
	struct peer *p;
	ssize_t r = read(FD_CTL, &m, sizeof(m));

	if (r < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (r != (ssize_t)sizeof(m)) {
		broker.stopping = true;
		return;
	}
	switch (m.kind) {
	case CTL_GO:	/* another supervisor's, to make sure */
		break;
	case CTL_START:
		if (!broker.started)
			start();
		break;
	case CTL_DONE:
		answer_ctl_done();
		break;
	case CTL_STOP:
		broker.stopping = true;
		break;
	case CTL_PAUSE:
		pause_begin((uint16_t)m.arg);
		break;
	case CTL_RESUME:
		pause_end();
		break;
	case CTL_LOG_DIRTY:
		dirty_set(m.arg != 0);
		break;
	case CTL_RENEWED:
		p = peer_named(&m);
		if (p)
			peer_renewed(p);
		break;
	case CTL_FAILED:
		p = peer_named(&m);
		if (p)
			peer_failed(p);
		break;
	default:
		log_err("unknown control message: kind=%u", m.kind);
		break;
	}
}

/* True: the buffered ring's channel was among them. */
static bool take_channels(void)
{
	unsigned int ev[XEN_IOREQ_SLOTS + 1];
	unsigned int n = hv_ev_take(broker.hv, ev, XEN_IOREQ_SLOTS + 1);
	bool buffered = false;

	for (unsigned int i = 0; i < n; i++)
		buffered |= ev[i] == HV_EV_BUFIOREQ;
	return buffered;
}

/* What became ready needs no handling here: the loop looks anyway. */
static void wait_events(int timeout_ms)
{
	struct epoll_event got[4];
	int n = epoll_wait(FD_EPOLL, got, 4, timeout_ms);
	bool took_buffered = false;
	bool rested = n == 0 && timeout_ms > 0, due = false;

	for (int i = 0; i < n; i++) {
		if (got[i].data.u32 == FD_CTL)
			read_ctl();
		else if (got[i].data.u32 == (uint32_t)hv_ev_fd(broker.hv))
			took_buffered |= take_channels();
		else if (got[i].data.u32 == FD_ANSWER_KICK)
			broker.kicked = true;
		else if (got[i].data.u32 == FD_TIMER)
			due = true;
	}
	if (took_buffered)
		broker.buf_hot = true;
	else if (rested)
		broker.buf_hot = false;
	if (due)
		watch_take_timer();
	if (due || n == 0 || timeout_ms == 0)
		watch_look(due || rested);
}

static bool work_waits(void *arg)
{
	(void)arg;
	if (ioreq_any_ready() || buffered_is_full_enough())
		return true;
	for (unsigned int i = 0; i < broker.plan->worker_count; i++)
		if (broker.peer[i].alive && !broker.peer[i].held &&
		    chan_answers_waiting(&broker.peer[i].ch))
			return true;
	return false;
}

static void set_asleep(bool asleep)
{
	for (unsigned int i = 0; i < broker.plan->worker_count; i++)
		if (broker.peer[i].plan->role != PLAN_ABSENT)
			chan_broker_sleeps(&broker.peer[i].ch, asleep);
}

/* Something waits for room in a ring, which nobody wakes us for. */
static bool is_stuck(void)
{
	if (ioreq_is_stuck() || broker.st->unplug_ask || pause_waits() ||
	    dirty_waits())
		return true;
	for (unsigned int i = 0; i < broker.plan->worker_count; i++)
		if (broker.peer[i].alive && broker.peer[i].rec->reply)
			return true;
	return false;
}

/* Does a process of this machine have to get on first, or do we wait for a
   vCPU? */
static bool neighbour_works(void)
{
	if (hv_guest_is_process(broker.hv))
		return true;
	for (unsigned int i = 0; i < broker.vcpus; i++)
		if (broker.vcpu[i].state != VCPU_IDLE)
			return true;
	/* A doorbell's, or what came from the host. */
	for (unsigned int i = 0; i < broker.plan->worker_count; i++) {
		struct peer *p = &broker.peer[i];

		if (p->alive && (!chan_committed(&p->ch, p->awaited) ||
				 !chan_worker_sleeps(&p->ch)))
			return true;
	}
	return false;
}

/*
 * Not for its count: but all workers share it, and one of them could fill it,
 * so that the writes of the others would fail and wake nobody.  Filling it
 * wakes us as well; we sleep with an empty one.
 */
static void empty_kick(void)
{
	uint64_t count;

	if (broker.kicked && read(FD_ANSWER_KICK, &count, sizeof(count)) < 0 &&
	    errno != EAGAIN)
		log_errno(errno, "cannot read: fd=%d", FD_ANSWER_KICK);
	broker.kicked = false;
}

/* Every vCPU waits for us: nobody can raise a channel. */
static bool all_wait(void)
{
	for (unsigned int i = 0; i < broker.vcpus; i++)
		if (broker.vcpu[i].state == VCPU_IDLE)
			return false;
	return true;
}

static void idle(void)
{
	uint64_t since;

	if (poll_window_spin(&broker.poll, neighbour_works(), work_waits, NULL))
		return;
	buffered_drain();
	peer_kick_all();
	empty_kick();
	set_asleep(true);
	atomic_thread_fence(memory_order_seq_cst); /* C, ring/chan.h */
	if (!work_waits(NULL)) {
		since = poll_window_now(&broker.poll);
		/* What went pending while masked makes the fd readable now.
		   The buffered ring's channel comes back after a rest: one
		   wake-up per burst of output, not one per character. */
		if (!all_wait())
			hv_ev_unmask(broker.hv, !broker.buf_hot);
		wait_events(is_stuck() ? STUCK_WAIT_MS :
			    broker.buf_hot ? BUF_REST_MS : watch_timeout_ms());
		poll_window_slept(&broker.poll, since, work_waits(NULL));
		stat_add(STAT_SLEEPS, 1);
	}
	set_asleep(false);
}

/* One round over everything that may have work.  False: there was none. */
static bool turn(void)
{
	bool any = ioreq_take_all();

	if (buffered_is_full_enough() || broker.buf_stuck)
		buffered_drain();
	any |= answer_take_all();
	ioreq_retry();
	answer_retry();
	pause_step();
	dirty_step();
	peer_kick_all();
	return any;
}

static void serve(void)
{
	unsigned int turns = 0;

	while (!broker.stopping) {
		if (!broker.started) {
			wait_events(-1);
		} else if (!turn()) {
			idle();
		} else if (++turns >= TURNS_PER_LOOK) {
			/* A busy guest must not shut the supervisor out, nor
			   its own buffered writes. */
			turns = 0;
			buffered_drain();
			wait_events(0);
		}
	}
}

/* ---- start-up ---- */

static void map_state(void)
{
	struct broker_state *st = memfd_map(FD_BROKER_STATE, sizeof(*st), 1);

	if (!st || st->magic != BROKER_STATE_MAGIC ||
	    st->version != BROKER_STATE_VERSION)
		die(0, "broker state is not as promised");
	broker.st = st;
	broker.vcpu = st->vcpu;
}

static void map_plan(void)
{
	struct plan *plan = memfd_map(FD_PLAN, sizeof(*plan), 0);

	if (!plan || plan->magic != PLAN_MAGIC || plan->version != PLAN_VERSION ||
	    plan->worker_count > WORKERS_MAX || plan->vcpus == 0 ||
	    plan->vcpus > XEN_IOREQ_SLOTS)
		die(0, "plan is not as promised");
	broker.plan = plan;
	broker.vcpus = plan->vcpus;
	for (unsigned int i = 0; i < plan->worker_count; i++) {
		struct chan *c;

		broker.peer[i].plan = &plan->worker[i];
		broker.peer[i].rec = &broker.st->peer[i];
		if (plan->worker[i].role == PLAN_ABSENT)
			continue;
		c = memfd_map(FD_CHAN0 + (int)i, sizeof(*c), 1);
		if (!c || c->magic != CHAN_MAGIC || c->version != CHAN_VERSION)
			die(0, "channel is not as promised: worker=%s",
			    plan->worker[i].name);
		chan_broker_init(&broker.peer[i].ch, c);
	}
}

static void add_epoll(int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.u32 = (uint32_t)fd };

	if (epoll_ctl(FD_EPOLL, EPOLL_CTL_ADD, fd, &ev))
		die(errno, "cannot watch: fd=%d", fd);
}

static void enable(void)
{
	int rc;

	broker.page = hv_ioreq_page(broker.hv);
	broker.buf = hv_bufioreq_page(broker.hv);
	rc = hv_ioreq_enable(broker.hv, broker.vcpus);
	if (rc)
		die(-rc, "cannot enable ioreq server: vcpus=%u", broker.vcpus);
}

/* False: there is nothing that we could go on with. */
static bool adopt_server(void)
{
	uint32_t server = broker.st->server;
	const char *what;
	int rc;

	if (server == 0)
		return false;
	rc = hv_ioreq_adopt(broker.hv, server - 1);
	if (rc) {
		log_errno(-rc, "cannot adopt the ioreq server, starting anew: id=%u",
			  server - 1);
		return false;
	}
	enable();
	what = adopt_find_nonsense();
	if (!what)
		return true;
	log_err("the predecessor's state makes no sense, starting anew: field=%s",
		what);
	adopt_forget();
	ioreq_abandon_slots();
	hv_ioreq_destroy(broker.hv);
	return false;
}

static void create_server(uint32_t domid)
{
	int rc;

	adopt_forget();
	rc = hv_ioreq_create(broker.hv, true);
	if (rc)
		die(-rc, "cannot create ioreq server: domid=%u", domid);
	STATE_SET(broker.st->server, hv_ioreq_id(broker.hv) + 1);
	/* No range yet, so nothing is routed here before start(). */
	enable();
}

static void open_hypervisor(const struct sandbox_args *a, bool adopt)
{
	broker.hv = hv_open(a->hv, a->domid, HV_BROKER);
	if (!adopt || !adopt_server())
		create_server(a->domid);
	hv_restrict(broker.hv);
}

/* "hang=MS": how long a worker may stand still. */
static void set_hang_time(const struct sandbox_args *a)
{
	const char *ms = sandbox_opt(a, "hang");
	unsigned long value = ms ? strtoul(ms, NULL, 10) : HANG_MS;

	if (value < 100 || value > 3600000)
		die(0, "hang=%s: not a time in ms", ms);
	broker.hang_ns = (int64_t)value * NS_PER_MS;
}

int main(int argc, char **argv)
{
	struct sandbox_args a;
	bool adopt;
	uint64_t own = 1ull << FD_EPOLL | 1ull << FD_TIMER | 1ull << FD_HV_MEM |
		1ull << FD_EVTCHN | 1ull << FD_DM | 1ull << FD_DM_CALL |
		1ull << FD_DM_BUF;

	sandbox_inherit(&a, "broker", argc, argv);
	map_state();
	map_plan();
	set_hang_time(&a);
	adopt = sandbox_opt(&a, "adopt") != NULL;
	account_begin(a.fds);
	if (epoll_create1(EPOLL_CLOEXEC) != FD_EPOLL)
		die(errno, "epoll is not at its number");
	if (timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK) != FD_TIMER)
		die(errno, "timer is not at its number");
	open_hypervisor(&a, adopt);
	guest_start();
	add_epoll(FD_CTL, EPOLLIN);
	add_epoll(FD_TIMER, EPOLLIN);
	add_epoll(FD_ANSWER_KICK, EPOLLIN | EPOLLET);
	add_epoll(hv_ev_fd(broker.hv), EPOLLIN);
	poll_window_init(&broker.poll, !(broker.plan->flags & PLAN_NO_POLL),
			 POLL_BROKER_CPUS);

	sandbox_enter(&a, own, &policy_broker);

	if (adopt)
		go_on();
	serve();
	account_log();
	/* Every vCPU gets an answer before the server goes, or it hangs in Xen. */
	ioreq_abandon(-1);
	hv_ioreq_disable(broker.hv);
	hv_ioreq_destroy(broker.hv);
	tell_supervisor(CTL_STOPPED, 0, "");
	return 0;
}
