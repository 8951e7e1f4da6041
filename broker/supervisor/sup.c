/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/sup.c - what xl, systemd, signals and the family tell a supervisor
 *                    that serves, and what it tells them
 *
 * Runs in the supervisor.  Whether the family was started or adopted makes no
 * difference here; start.c and adopt.c know.
 */
#include "supervisor/sup.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "abi/io_msg.h"
#include "base/clock.h"
#include "base/log.h"
#include "supervisor/cgroup.h"
#include "supervisor/control_family.h"
#include "supervisor/metrics_family.h"
#include "supervisor/migrate.h"
#include "supervisor/notify.h"
#include "supervisor/rest.h"
#include "supervisor/run_dir.h"
#include "supervisor/tap.h"
#include "supervisor/xs.h"

struct sup sup;

/* ---- ends ---- */

void sup_end(void)
{
	event_base_loopexit(sup.base, NULL);
}

void sup_break(void)
{
	sup.broken = true;
	sup_end();
}

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
	(void)what;
	(void)arg;
	log_info("told to end: sig=SIG%s", sigabbrev_np(sig));
	sup_end();
}

static void on_xenstore(evutil_socket_t fd, short what, void *arg)
{
	unsigned int events = xs_store_poll();

	(void)fd;
	(void)what;
	(void)arg;
	if (events & XS_EVENT_DIR_GONE) {
		log_info("told to end: xenstore=removed");
		sup_end();
	} else if ((events & XS_EVENT_DOMAIN) && !vram_domain_lives()) {
		log_info("told to end: domain=gone");
		sup_end();
	}
}

/* ---- what the family and xl tell ---- */

void sup_say_running(void)
{
	int rc = xs_store_say_running();

	if (rc)
		log_errno(-rc, "cannot write xenstore: node=device-model/%u/state",
			  sup.conf.domid);
}

static void on_cont(void)
{
	rest_end();
	sup_say_running();
}

static int on_save(int fd, const char *path, char *why, size_t why_len)
{
	/* Who takes over commits what it found, and that would be read by halves. */
	if (rest_is_on() && !family_is_settled())
		return -EINPROGRESS;
	return migrate_save(&sup.roster, sup.qmp.status == QMP_STATUS_SUSPENDED, fd,
			    path, why, why_len);
}

/*
 * Before anybody is started again.  A toolstack that ends a guest may kill us
 * one by one; what it removed before that, it removed for good.
 */
static bool on_wanted(void)
{
	const char *gone = !xs_store_is_wanted() ? "xenstore=removed" :
		!vram_domain_lives() ? "domain=gone" : NULL;

	if (!gone)
		return true;
	log_info("told to end: %s", gone);
	sup_end();
	return false;
}

static void on_settled(enum member m)
{
	if (m == MEMBER_BROKER)
		rest_on_new_broker();
	qmp_go_on();
}

static int on_guest_sleeps(void)
{
	int rc = vram_set_sleep_state(3);

	if (rc == 0)
		sup.qmp.status = QMP_STATUS_SUSPENDED;
	return rc;
}

static int on_wakeup(void)
{
	return vram_set_sleep_state(0);
}

static void on_powered_off(unsigned int reason)
{
	static struct log_limit limit;

	if (log_allow(&limit))
		log_info("guest went down: reason=%s",
			 reason == IO_SHUTDOWN_REBOOT ? "reboot" : "poweroff");
	sup.qmp.status = QMP_STATUS_SHUTDOWN;
}

/* ---- host ---- */

void sup_tell_serials(void)
{
	for (int i = 0; i < CONF_SERIALS; i++)
		sup.qmp.serial_name[i] = sup.host.serial[i].name;
}

/* Where clients connect, for query-vnc. */
void sup_tell_vnc(void)
{
	sup.qmp.vnc_host = sup.host.vnc.host;
	sup.qmp.vnc_port = sup.host.vnc.port;
	sup.qmp.vnc_ipv6 = sup.host.vnc.ipv6;
}

static void on_tap(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	if (tap_drain(fd))
		return;
	/* It would say so for ever. */
	log_warn("tap is gone: fd=%d", (int)fd);
	event_del(arg);
}

bool sup_drain_tap(int fd)
{
	struct event *ev = event_new(sup.base, fd, EV_READ | EV_PERSIST, on_tap,
				     event_self_cbarg());

	return ev && event_add(ev, NULL) == 0;
}

/* ---- Xen, xl, systemd ---- */

bool sup_reach_xen(void)
{
	char why[240];

	if (vram_open(sup.conf.domid, why, sizeof(why)) == 0)
		return true;
	log_err("%s", why);
	return false;
}

bool sup_open_qmp(void)
{
	for (unsigned int i = 0; i < sup.conf.chardev_count; i++) {
		const struct conf_chardev *d = &sup.conf.chardev[i];
		int rc = qmp_listen(d->path, d->fd);

		if (rc && d->path)
			log_errno(-rc, "cannot listen for QMP: -chardev id=%.40s path=%.120s",
				  d->id, d->path);
		else if (rc)
			log_errno(-rc, "cannot listen for QMP: -chardev id=%.40s fd=%d",
				  d->id, d->fd);
		if (rc)
			return false;
	}
	return true;
}

bool sup_open_xenstore(void)
{
	int rc = xs_store_open(sup.conf.domid);

	if (rc) {
		log_errno(-rc, "cannot reach xenstore");
		return false;
	}
	sup.roster.decline_unplug = xs_store_has_qdisk();
	if (sup.roster.decline_unplug)
		log_info("PV disk back end qdisk is not served yet: "
			 "unplug is declined, disks stay IDE");
	return true;
}

static bool watch_xenstore(void)
{
	struct event *ev;
	int rc = xs_store_watch();

	if (rc) {
		log_errno(-rc, "cannot watch xenstore");
		return false;
	}
	ev = event_new(sup.base, xs_store_fd(), EV_READ | EV_PERSIST, on_xenstore, NULL);
	if (!ev || event_add(ev, NULL))
		return false;
	event_active(ev, EV_READ, 0);	/* what came while we subscribed */
	return true;
}

/* A guest does not depend on it. */
static void open_run_dir(void)
{
	char why[240];
	int rc = run_dir_open(sup.conf.run_dir, sup.conf.domid, why, sizeof(why));

	if (rc)
		log_event(LOG_L_WARN, -rc, "no control socket: %s", why);
}

/* systemd takes a line for each thing that it is told. */
static const char *name_for_systemd(char to[61])
{
	snprintf(to, 61, "%s", sup.conf.name ? sup.conf.name : "-");
	for (char *c = to; *c; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f)
			*c = '?';
	return to;
}

/* The guest is served: say so. */
void sup_say_serving(void)
{
	char text[160], name[61];

	qmp_set_ready();
	log_info("serving: domid=%u name=\"%.60s\" ready_ms=%lld", sup.conf.domid,
		 sup.conf.name ? sup.conf.name : "",
		 (long long)((clock_now_ns() - sup.began_ns) / NS_PER_MS));
	/* Behind all that was put into the store: there may be no room yet. */
	snprintf(text, sizeof(text), "READY=1\nSTATUS=serving: domid=%u name=%.60s",
		 sup.conf.domid, name_for_systemd(name));
	notify_pass(text, -1);
}

void sup_begin_rest(void)
{
	if (!watch_xenstore())
		sup_break();
	open_run_dir();
	control_family_begin(sup.base, &sup.roster, &sup.qmp, sup.began_ns);
	/* Moving a process waits for all CPUs. */
	cgroup_enter_own();
	cgroup_remove_dead();
	metrics_family_begin(sup.base, &sup.roster, family_began_ns());
}

const struct family_ops *sup_family_ops(void (*ready)(void))
{
	static struct family_ops ops;

	ops = (struct family_ops){ ready, sup_break, on_guest_sleeps,
		on_powered_off, on_wanted, rest_on_rested, rest_on_logged,
		on_settled };
	return &ops;
}

bool sup_begin_events(void)
{
	static const int sigs[] = { SIGHUP, SIGTERM, SIGINT };

	sup.base = event_base_new();
	for (size_t i = 0; sup.base && i < sizeof(sigs) / sizeof(sigs[0]); i++) {
		struct event *ev = evsignal_new(sup.base, sigs[i], on_signal, NULL);

		if (!ev || event_add(ev, NULL))
			return false;
	}
	sup.qmp = (struct qmp_host){ .conf = &sup.conf, .set_password =
		family_set_password, .cont = on_cont, .stop = rest_ask, .log_dirty = rest_log_dirty,
		.save = on_save, .wakeup = on_wakeup,
		.quit = sup_end };
	if (!sup.base)
		return false;
	qmp_begin(sup.base, &sup.qmp);
	rest_begin(sup.base, qmp_go_on);
	notify_watch(sup.base);
	return true;
}

bool sup_run_steps(const struct step *steps)
{
	for (const struct step *s = steps; s->name; s++) {
		if (!s->run())
			return false;
		log_debug("start-up step done: step=%s at_us=%lld", s->name,
			  (long long)((clock_now_ns() - sup.began_ns) / NS_PER_US));
	}
	return true;
}
