/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/main.c - `cloister`: settings, a clean process, the event loop, the
 *                     end
 *
 * The one privileged process of a guest.  libxl execs it in QEMU's place.  It
 * opens what the guest is made of, hands it to confined children (start.c), or
 * finds them (adopt.c), and then answers xl, watches xenstore and waits for
 * somebody's end (sup.c).  It never looks at a guest's request, memory or disk.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/adopt.h"
#include "supervisor/cgroup.h"
#include "supervisor/conf_file.h"
#include "supervisor/control.h"
#include "supervisor/domain.h"
#include "supervisor/dry_run.h"
#include "supervisor/metrics_family.h"
#include "supervisor/notify.h"
#include "supervisor/opt.h"
#include "supervisor/run_dir.h"
#include "supervisor/serve.h"
#include "supervisor/start.h"
#include "supervisor/store.h"
#include "supervisor/xs.h"

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
	return sup_run_steps(adopts ? adopt_steps : start_steps);
}

/* libxl 4.20 asks which options there are: QMP, and nothing else. */
static int run_probe(void)
{
	if (!sup_begin_events() || !sup_open_qmp())
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
