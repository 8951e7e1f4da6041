/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/main.c - `cloister`: start-up in order, then the event loop
 *
 * The one privileged process of a guest.  libxl execs it in QEMU's place.  It
 * opens what the guest is made of, hands it to confined children, and then
 * answers xl, watches xenstore and waits for somebody's end.  It never looks
 * at a guest's request, memory or disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/io_msg.h"
#include "base/clock.h"
#include "base/log.h"
#include "supervisor/adopt.h"
#include "supervisor/cgroup.h"
#include "supervisor/conf.h"
#include "supervisor/conf_file.h"
#include "supervisor/domain.h"
#include "supervisor/dry_run.h"
#include "supervisor/control.h"
#include "supervisor/control_family.h"
#include "supervisor/family.h"
#include "supervisor/metrics_family.h"
#include "supervisor/migrate.h"
#include "supervisor/qmp.h"
#include "supervisor/rest.h"
#include "supervisor/roster.h"
#include "supervisor/run_dir.h"
#include "supervisor/limits.h"
#include "supervisor/notify.h"
#include "supervisor/serve.h"
#include "supervisor/store.h"
#include "supervisor/tap.h"
#include "supervisor/save.h"
#include "supervisor/vram.h"
#include "supervisor/xs.h"

#define PATIENCE_MS	2000	/* the guest's last device model may still be going */
#define VGA_ROM		CLOISTER_SEABIOS_DIR "/vgabios-stdvga.bin"

static struct {
	struct conf conf;
	struct vram_layout layout;
	struct roster_host host;
	struct roster roster;
	struct qmp_host qmp;
	struct event_base *base;
	int64_t began_ns;
	bool broken;
} sup;

/* ---- ends ---- */

static void quit(void)
{
	event_base_loopexit(sup.base, NULL);
}

static void on_broken(void)
{
	sup.broken = true;
	quit();
}

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
	(void)what;
	(void)arg;
	log_info("told to end: sig=SIG%s", sigabbrev_np(sig));
	quit();
}

static void on_xenstore(evutil_socket_t fd, short what, void *arg)
{
	unsigned int events = xs_store_poll();

	(void)fd;
	(void)what;
	(void)arg;
	if (events & XS_EVENT_DIR_GONE) {
		log_info("told to end: xenstore=removed");
		quit();
	} else if ((events & XS_EVENT_DOMAIN) && !vram_domain_lives()) {
		log_info("told to end: domain=gone");
		quit();
	}
}

/* ---- what the family and xl tell ---- */

static void say_running(void)
{
	int rc = xs_store_say_running();

	if (rc)
		log_errno(-rc, "cannot write xenstore: node=device-model/%u/state",
			  sup.conf.domid);
}

static void on_cont(void)
{
	rest_end();
	say_running();
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
	quit();
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

/* ---- start-up, step by step; each says what went wrong ---- */

/* Undo what libxl's restrictions and somebody's leaks left to us. */
static void clean_process(void)
{
	const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };
	unsigned int from = store_take();
	sigset_t no_signals;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	sigemptyset(&no_signals);
	sigprocmask(SIG_SETMASK, &no_signals, NULL);
	setrlimit(RLIMIT_FSIZE, &none);	/* 256 KiB under dm_restrict */
	umask(022);
	/* Everything but what is left to us and what the command line names. */
	for (;;) {
		unsigned int next = ~0u;

		for (unsigned int i = 0; i <= sup.conf.chardev_count; i++) {
			int fd = i < sup.conf.chardev_count ?
				sup.conf.chardev[i].fd : sup.conf.incoming_fd;

			if (fd >= (int)from && (unsigned int)fd < next)
				next = (unsigned int)fd;
		}
		if (next == ~0u)
			break;
		if (next > from)
			close_range(from, next - 1, 0);
		fcntl((int)next, F_SETFD, FD_CLOEXEC);
		from = next + 1;
	}
	close_range(from, ~0u, 0);
}

/* ps shows "cloister: dom7 guestname". */
static void set_title(int argc, char **argv)
{
	char *end = argv[argc - 1] + strlen(argv[argc - 1]) + 1;
	size_t room = (size_t)(end - argv[0]);

	memset(argv[0], 0, room);
	snprintf(argv[0], room, "cloister: dom%u%s%.60s", sup.conf.domid,
		 sup.conf.name ? " " : "", sup.conf.name ? sup.conf.name : "");
}

static bool open_disks(void)
{
	char why[240];

	for (int i = 0; i < CONF_DRIVES; i++) {
		const struct conf_drive *d = &sup.conf.drive[i];

		sup.host.image[i].fd = sup.host.image[i].spare = -1;
		if (!d->path || d->is_cdrom)
			continue;
		if (image_open(d->path, d->read_only, PATIENCE_MS, &sup.host.image[i],
			       why, sizeof(why))) {
			log_err("cannot open disk: -drive %s", why);
			return false;
		}
	}
	return true;
}

static bool open_serials(void)
{
	char why[240];

	for (int i = 0; i < CONF_SERIALS; i++) {
		if (serial_open(&sup.conf.serial[i], &sup.host.serial[i], why,
				sizeof(why))) {
			log_err("cannot open serial port: -serial %s", why);
			return false;
		}
		sup.qmp.serial_name[i] = sup.host.serial[i].name;
	}
	return true;
}

/* Where clients connect, for query-vnc. */
static void tell_vnc(void)
{
	sup.qmp.vnc_host = sup.host.vnc.host;
	sup.qmp.vnc_port = sup.host.vnc.port;
	sup.qmp.vnc_ipv6 = sup.host.vnc.ipv6;
}

static bool open_display(void)
{
	char why[240];

	sup.host.vga_rom = sup.host.vnc.fd = -1;
	if (sup.conf.have_vga) {
		sup.host.vga_rom = open(VGA_ROM, O_RDONLY | O_CLOEXEC);
		if (sup.host.vga_rom < 0) {
			log_errno(errno, "cannot open the VGA BIOS (package seabios): "
				  "-device VGA: %s", VGA_ROM);
			return false;
		}
	}
	if (!sup.conf.have_vnc)
		return true;
	if (vnc_listen(&sup.conf.vnc, PATIENCE_MS, &sup.host.vnc, why, sizeof(why))) {
		log_err("cannot listen for VNC: -vnc %s", why);
		return false;
	}
	tell_vnc();
	return true;
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

static bool drain_tap(int fd)
{
	struct event *ev = event_new(sup.base, fd, EV_READ | EV_PERSIST, on_tap,
				     event_self_cbarg());

	return ev && event_add(ev, NULL) == 0;
}

static void open_rom(unsigned int nic)
{
	const char *file = sup.conf.nic[nic].romfile;
	char why[240];

	sup.host.nic_rom[nic] = -1;
	if (!sup.conf.nic[nic].model || !file)
		return;
	sup.host.nic_rom[nic] = nic_open_rom(file, why, sizeof(why));
	if (sup.host.nic_rom[nic] < 0)
		log_warn("network card has no boot ROM (package ipxe-qemu): "
			 "nic=%u %s", nic, why);
}

static bool open_nics(void)
{
	char why[240];

	for (unsigned int i = 0; i < sup.conf.nic_count; i++) {
		const struct conf_nic *n = &sup.conf.nic[i];
		int fd = tap_open(n->ifname, n->model != NULL, PATIENCE_MS, why,
				  sizeof(why));

		if (fd < 0) {
			log_err("cannot open tap: -netdev %s", why);
			return false;
		}
		sup.host.tap[i] = fd;
		if (!n->model && !drain_tap(fd))
			return false;
		open_rom(i);
	}
	return true;
}

static bool open_qmp(void)
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

static bool open_xenstore(void)
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

static bool start_one(enum member m)
{
	int rc = roster_has(&sup.roster, m) ? family_start(m) : 0;

	if (rc)
		log_errno(-rc, "cannot start: name=%s", roster_name(m));
	return rc == 0;
}

/* Its library is the slowest to load, and its socket listens already. */
static bool start_late(void)
{
	int rc = spawn_namespaces_enter();
	bool good = rc == 0 && start_one(MEMBER_VNC);

	if (rc == 0)
		rc = spawn_namespaces_leave();
	if (rc)
		log_errno(-rc, "cannot change namespaces");
	return good && rc == 0;
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
static void say_serving(void)
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

static void begin_rest(void)
{
	if (!watch_xenstore())
		on_broken();
	open_run_dir();
	control_family_begin(sup.base, &sup.roster, &sup.qmp, sup.began_ns);
	/* Moving a process waits for all CPUs. */
	cgroup_enter_own();
	cgroup_remove_dead();
	metrics_family_begin(sup.base, &sup.roster, family_began_ns());
}

static void on_family_ready(void)
{
	sup.qmp.status = sup.conf.incoming ? QMP_STATUS_PAUSED :
		sup.conf.hold ? QMP_STATUS_PRELAUNCH : QMP_STATUS_RUNNING;
	sup.qmp.suspended = migrate_was_suspended();
	/* Whoever replaces a worker later goes on from what that one left. */
	sup.roster.restoring = false;
	if (!sup.conf.hold)
		say_running();
	/* From here on its death would be noticed. */
	store_open();
	if (notify_is_heard()) {
		family_keep();
		limits_keep();
	}
	say_serving();
	if (!start_late())
		on_broken();
	begin_rest();
}
static const struct family_ops family_ops = { on_family_ready, on_broken,
	on_guest_sleeps, on_powered_off, on_wanted, rest_on_rested, rest_on_logged,
	on_settled };

/* ---- instead of a start: a family whose supervisor died ---- */

/* First, so that whatever goes wrong later ends it in order. */
static bool take_children(void)
{
	store_open();
	family_take_children(sup.base, &sup.roster, &family_ops);
	return true;
}

static bool take_roster(void)
{
	char why[240];

	if (spawn_find_programs(why, sizeof(why)) ||
	    !adopt_roster(&sup.roster, why, sizeof(why))) {
		log_err("cannot adopt the family of domid=%u, it is ended: %s",
			sup.conf.domid, why);
		return false;
	}
	for (int i = 0; i < CONF_SERIALS; i++)
		sup.qmp.serial_name[i] = sup.host.serial[i].name;
	if (sup.conf.have_vnc)
		tell_vnc();
	sup.qmp.disk_stats = sup.roster.stat_page[MEMBER_DISK0];
	for (unsigned int i = 0; i < sup.conf.nic_count; i++)
		if (!sup.conf.nic[i].model && sup.host.tap[i] >= 0 &&
		    !drain_tap(sup.host.tap[i]))
			return false;
	limits_adopt();
	store_close_rest();
	return true;
}

static bool go_on(void)
{
	sup.qmp.status = QMP_STATUS_RUNNING;
	cgroup_begin(sup.conf.domid, sup.conf.cgroup_parent);
	if (!limits_apply(&sup.roster))
		return false;
	limits_apply_kept();
	family_go_on();
	say_serving();
	begin_rest();
	return true;
}

/*
 * All children first, then the slow things, while they start.  Only vga has to
 * wait for its memory.
 */
static bool start_family(void)
{
	bool good;
	int rc;

	family_begin(sup.base, &sup.roster, &family_ops);
	cgroup_begin(sup.conf.domid, sup.conf.cgroup_parent);
	cgroup_kill_left();
	if (!limits_apply(&sup.roster))
		return false;
	rc = spawn_namespaces_enter();
	if (rc) {
		log_errno(-rc, "cannot make namespaces (are we root?)");
		return false;
	}
	good = start_one(MEMBER_BROKER) && start_one(MEMBER_PLATFORM) &&
		start_one(MEMBER_DISK0);
	for (unsigned int i = 0; good && i < sup.conf.nic_count; i++)
		good = start_one(roster_net(i));
	/* A restored guest's is part of its memory. */
	rc = good && !sup.conf.incoming ? vram_populate(&sup.layout) : 0;
	if (rc) {
		log_errno(-rc, "cannot populate video memory: vgamem_mb=%u gfn=0x%llx",
			  sup.conf.vga_mib, (unsigned long long)sup.layout.gfn);
		good = false;
	}
	good = good && start_one(MEMBER_VGA);
	rc = spawn_namespaces_leave();
	if (rc)
		log_errno(-rc, "cannot return to our namespaces");
	return good && rc == 0;
}

static bool read_incoming(void)
{
	char why[SAVE_WHY];

	if (!sup.conf.incoming ||
	    migrate_read(&sup.roster, &sup.layout, why, sizeof(why)) == 0)
		return true;
	log_err("cannot restore: -incoming %s%.80s: %s",
		sup.conf.incoming_path ? "file:" : "fd",
		sup.conf.incoming_path ? sup.conf.incoming_path : "", why);
	return false;
}

static bool make_roster(void)
{
	char why[240];
	int rc;

	if (spawn_find_programs(why, sizeof(why)) ||
	    roster_check_uids(&sup.roster, why, sizeof(why))) {
		log_err("cannot start: %s", why);
		return false;
	}
	rc = roster_make(&sup.roster);
	if (rc == 0)
		rc = migrate_fill(&sup.roster);
	if (rc)
		log_errno(-rc, "cannot make shared memory");
	sup.qmp.disk_stats = sup.roster.stat_page[MEMBER_DISK0];
	return rc == 0;
}

static bool reach_xen(void)
{
	char why[240];

	if (vram_open(sup.conf.domid, why, sizeof(why)) == 0)
		return true;
	log_err("%s", why);
	return false;
}

static bool begin_events(void)
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
		.quit = quit };
	if (!sup.base)
		return false;
	qmp_begin(sup.base, &sup.qmp);
	rest_begin(sup.base, qmp_go_on);
	notify_watch(sup.base);
	return true;
}

/* The start-up order.  Each step logs what went wrong. */
static const struct step {
	const char *name;
	bool (*run)(void);
} start_steps[] = {
	{ "xen",	reach_xen },
	{ "events",	begin_events },
	{ "disks",	open_disks },
	{ "serials",	open_serials },
	{ "display",	open_display },
	{ "nics",	open_nics },
	{ "qmp",	open_qmp },
	{ "xenstore",	open_xenstore },
	{ "incoming",	read_incoming },
	{ "roster",	make_roster },
	{ "family",	start_family },
	{ 0 }
}, adopt_steps[] = {
	{ "events",	begin_events },
	{ "children",	take_children },
	{ "xen",	reach_xen },
	{ "roster",	take_roster },
	{ "qmp",	open_qmp },
	{ "xenstore",	open_xenstore },
	{ "family",	go_on },
	{ 0 }
};

static bool start(void)
{
	char why[240];
	bool adopts;
	vram_lay_out(sup.conf.ram_mib, sup.conf.max_low_bytes, sup.conf.vga_mib,
		     &sup.layout);
	sup.roster = (struct roster){ .conf = &sup.conf, .layout = &sup.layout,
		.host = &sup.host };
	adopts = adopt_is_due(why, sizeof(why));
	if (why[0]) {
		log_err("cannot adopt the family of domid=%u: %s", sup.conf.domid, why);
		return false;
	}
	for (const struct step *s = adopts ? adopt_steps : start_steps; s->name; s++) {
		if (!s->run())
			return false;
		log_debug("start-up step done: step=%s at_us=%lld", s->name,
			  (long long)((clock_now_ns() - sup.began_ns) / NS_PER_US));
	}
	return true;
}

/* libxl 4.20 asks which options there are: QMP, and nothing else. */
static int run_probe(void)
{
	if (!begin_events() || !open_qmp())
		return 1;
	sup.qmp.cont = NULL;
	sup.qmp.stop = NULL;
	sup.qmp.log_dirty = NULL;
	sup.qmp.save = NULL;
	qmp_set_ready();
	event_base_dispatch(sup.base);
	qmp_end();
	return 0;
}

static int run(void)
{
	bool started = start();

	if (started)
		event_base_dispatch(sup.base);
	metrics_family_end();
	notify_end();
	family_stop();
	cgroup_end();
	control_end();
	run_dir_close();
	qmp_end();
	xs_store_close();
	vram_close();
	return started && !sup.broken ? 0 : 1;
}

static enum conf_result read_conf(int argc, char **argv)
{
	enum conf_result rc, of_file;

	if (argc > 1 && strcmp(argv[1], "serve") == 0)
		return serve_parse(&sup.conf, CLOISTER_CONF, argc - 1, argv + 1);
	conf_begin(&sup.conf);
	of_file = conf_file_read(&sup.conf, CLOISTER_CONF, CONF_FILE_OPTIONAL, NULL);
	rc = conf_take_options(&sup.conf, argc, argv);
	/* A probe of the toolstack's is about no guest. */
	return rc || sup.conf.probe || sup.conf.help || sup.conf.version ? rc : of_file;
}

static int print_about(void)
{
	if (sup.conf.version)
		printf("cloister %s\n", CLOISTER_VERSION);
	else if (sup.conf.is_serve)
		serve_print_help(stdout);
	else
		opt_print_help(stdout);
	return 0;
}

static int print_dry_run(void)
{
	int rc;

	vram_lay_out(sup.conf.ram_mib, sup.conf.max_low_bytes, sup.conf.vga_mib,
		     &sup.layout);
	rc = dry_run_print(stdout, &sup.conf, &sup.layout);
	if (rc)
		log_errno(-rc, "cannot make shared memory");
	return rc ? 1 : 0;
}

static void set_up(int argc, char **argv)
{
	set_title(argc, argv);
	for (unsigned int i = 0; i < sup.conf.note_count; i++)
		if (sup.conf.note[i])
			log_warn("%s", sup.conf.note[i]);
}

/* What we open must not become what we log to. */
static void fill_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	enum conf_result rc;

	fill_standard();
	sup.began_ns = clock_now_ns();
	log_init(-1, "cloister", LOG_L_INFO);
	rc = read_conf(argc, argv);
	if (rc) {
		log_err("%s", sup.conf.why);
		return (int)rc;
	}
	if (sup.conf.help || sup.conf.version)
		return print_about();
	if (sup.conf.dry_run)
		return print_dry_run();
	if (sup.conf.tear_down)
		return adopt_tear_down();
	log_init(-1, "cloister", sup.conf.log_level);
	clean_process();
	if (sup.conf.probe)
		return run_probe();
	/* Under xl the socket, if any, is the toolstack's own. */
	if (sup.conf.is_serve)
		notify_begin();
	if (!domain_find(&sup.conf))
		return 1;
	set_up(argc, argv);
	return run();
}
