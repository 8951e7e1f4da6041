/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * handles: what the Xen handles of a confined process are good for.
 *
 * Run in the lab's dom0, as root, by cases.d/handles.sh:
 *
 *	handles look ROLE PID OWN OTHER
 *	handles force ROLE PID OWN OTHER CALL
 *
 * ROLE is the kind of process PID is, OWN the guest it serves, OTHER another
 * guest.  `look` takes duplicates of the process's descriptors and uses them
 * with no filter in the way: what is refused then, the handle refuses.  Each
 * call is also made where it has to work.  `force` makes the process itself
 * try, within its filter: first what the filter lets pass, for its own and for
 * other domains; then CALL, of which it has to die.  TAP; the process that was
 * looked at goes on as before.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <xen/xen.h>
#include <xen/sys/evtchn.h>

#include "abi/fds.h"
#include "policy/inject.h"
#include "tap.h"
#include "xenlab/attempt.h"

#define PAGE		4096u
#define BIOS_GFN	0xffu	/* never empty, never written, RAM to Xen */
#define SERVERS_MAX	8u
#define FDS_MAX		256

enum device { D_NONE, D_PRIVCMD, D_EVTCHN, D_NULL, D_UNKNOWN, D_COUNT };

static const char *const device_name[D_COUNT] = {
	"no Xen handle", "privcmd", "evtchn", "/dev/null", "another Xen device"
};

/* All Xen handles that a role may have, and what became of others. */
static const struct held {
	const char *role;
	int fd;
	enum device device;
} held[] = {
	{ "broker", FD_HV_MEM, D_PRIVCMD },
	{ "broker", FD_EVTCHN, D_EVTCHN },
	{ "broker", FD_DM_CALL, D_NULL },
	{ "broker", FD_DM_BUF, D_NULL },
	{ "broker", FD_DM, D_PRIVCMD },
	{ "disk", FD_HV_MEM, D_PRIVCMD },
	{ "net", FD_HV_MEM, D_PRIVCMD },
	{ "vga", FD_HV_MEM, D_PRIVCMD },
};

/* What a restricted handle answers; 0: it works.  An open one does it all. */
struct trial {
	const char *what;
	attempt_fn *make;
	int own, other;
	bool no_control;	/* would change the open handle */
};

static const struct trial privcmd_trials[] = {
	{ "device-model call", attempt_dm_op, 0, EPERM, false },
	{ "map the ioreq page", attempt_resource, 0, EPERM, false },
	{ "map memory", attempt_map, 0, EPERM, false },
	{ "map memory the old way", attempt_map_v1, 0, EPERM, false },
	{ "map memory the oldest way", attempt_map_v0, 0, EPERM, false },
	{ "hypercall xen_version", attempt_version, EPERM, EPERM, false },
	{ "hypercall hvm_op", attempt_param, EPERM, EPERM, false },
	{ "hypercall domctl", attempt_domctl, EPERM, EPERM, false },
	{ "hypercall event_channel_op", attempt_alloc_port, EPERM, EPERM, false },
	{ "restrict it again", attempt_restrict, 0, EINVAL, true },
};

static const struct trial evtchn_trials[] = {
	{ "bind a channel", attempt_bind, 0, EACCES, false },
	{ "make a channel", attempt_bind_unbound, EACCES, EACCES, false },
	{ "bind a VIRQ", attempt_bind_virq, EACCES, EACCES, false },
	{ "restrict it again", attempt_restrict_evtchn, EACCES, EACCES, true },
};

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

static struct {
	const char *role;
	pid_t pid;
	struct caller us;
	int privcmd, evtchn;		/* open handles of our own */
	struct target own, other, dom0;
	int foreign_port;		/* bound on our evtchn */
} me;

/* ==== saying =========================================================== */

static const char *outcome(int64_t r)
{
	static char text[64];

	if (r < ATTEMPT_DIED)
		snprintf(text, sizeof(text), "died of SIG%s",
			 sigabbrev_np((int)(ATTEMPT_DIED - r)));
	else if (r < 0)
		snprintf(text, sizeof(text), "%s", strerrorname_np((int)-r));
	else
		snprintf(text, sizeof(text), "works");
	return text;
}

/* @err 0: it has to work. */
static void expect(int64_t r, int err, const char *who, const char *what,
		   uint32_t domid)
{
	bool good = err ? r == -err : r >= 0;

	ok(good, "%s: %s, domain %u: %s", who, what, domid, outcome(r));
	if (!good)
		printf("# wanted: %s\n", err ? strerrorname_np(err) : "works");
}

/* ==== what is there ==================================================== */

static bool is_node(const struct stat *st, const char *path)
{
	struct stat node;

	return stat(path, &node) == 0 && S_ISCHR(node.st_mode) &&
		st->st_rdev == node.st_rdev;
}

/* By device, not by name: its root is gone. */
static enum device device_of(int fd)
{
	struct dirent *e;
	struct stat st, xenfs;
	DIR *dir;
	bool other = false;

	if (fstat(fd, &st))
		return D_UNKNOWN;
	if (stat("/proc/xen/privcmd", &xenfs) == 0 && st.st_dev == xenfs.st_dev)
		return D_PRIVCMD;
	if (!S_ISCHR(st.st_mode))
		return D_NONE;
	if (is_node(&st, "/dev/xen/privcmd"))
		return D_PRIVCMD;
	if (is_node(&st, "/dev/xen/evtchn"))
		return D_EVTCHN;
	if (is_node(&st, "/dev/null"))
		return D_NULL;
	dir = opendir("/dev/xen");
	while (dir && (e = readdir(dir))) {
		char path[300];

		snprintf(path, sizeof(path), "/dev/xen/%s", e->d_name);
		other |= is_node(&st, path);
	}
	if (dir)
		closedir(dir);
	return other ? D_UNKNOWN : D_NONE;
}

static enum device device_expected(int fd)
{
	for (size_t i = 0; i < COUNT(held); i++)
		if (held[i].fd == fd && !strcmp(held[i].role, me.role))
			return held[i].device;
	return D_NONE;
}

static bool find_server(struct target *t)
{
	for (t->server = 0; t->server < SERVERS_MAX; t->server++)
		if (attempt_resource(&me.us, me.privcmd, t) >= 0)
			return true;
	return false;
}

static bool find_target(struct target *t, const char *domid)
{
	int64_t port;

	*t = (struct target){ .domid = (uint32_t)strtoul(domid, NULL, 10),
			      .gfn = BIOS_GFN };
	port = attempt_alloc_port(&me.us, me.privcmd, t);
	t->port = (uint32_t)port;
	return port > 0 && find_server(t);
}

/* A channel of our own handle that no other handle may touch. */
static int make_port(void)
{
	struct ioctl_evtchn_bind_unbound_port b = { 0 };

	return ioctl(me.evtchn, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &b);
}

static bool prepare(char **argv)
{
	me.role = argv[2];
	me.pid = (pid_t)strtol(argv[3], NULL, 10);
	me.privcmd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
	me.evtchn = open("/dev/xen/evtchn", O_RDWR | O_CLOEXEC);
	if (me.privcmd < 0 || me.evtchn < 0 || !caller_be_us(&me.us))
		return false;
	me.dom0.gfn = 1;
	me.foreign_port = make_port();
	return me.foreign_port > 0 && find_target(&me.own, argv[4]) &&
		find_target(&me.other, argv[5]);
}

/* ==== look ============================================================= */

/* All trials on one handle of the process, and the same on one of ours. */
static void try_handle(int fd, int open_fd, const char *who,
		       const struct trial *t, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!t[i].no_control) {
			expect(t[i].make(&me.us, open_fd, &me.own), 0,
			       "open handle", t[i].what, me.own.domid);
			expect(t[i].make(&me.us, open_fd, &me.other), 0,
			       "open handle", t[i].what, me.other.domid);
		}
		expect(t[i].make(&me.us, fd, &me.own), t[i].own, who,
		       t[i].what, me.own.domid);
		expect(t[i].make(&me.us, fd, &me.other), t[i].other, who,
		       t[i].what, me.other.domid);
		expect(t[i].make(&me.us, fd, &me.dom0), t[i].other, who,
		       t[i].what, 0);
	}
}

/* That "works" means the guest's memory. */
static void compare_pages(int fd, const char *who)
{
	static uint8_t ours[PAGE], theirs[PAGE], empty[PAGE];
	struct target a = me.own, b = me.own;

	a.copy = ours;
	b.copy = theirs;
	ok(attempt_map(&me.us, me.privcmd, &a) >= 0 &&
	   attempt_map(&me.us, fd, &b) >= 0 &&
	   memcmp(ours, theirs, PAGE) == 0 && memcmp(ours, empty, PAGE) != 0,
	   "%s: the page mapped is the guest's BIOS", who);
}

static void try_privcmd(int fd, const char *who)
{
	try_handle(fd, me.privcmd, who, privcmd_trials, COUNT(privcmd_trials));
	compare_pages(fd, who);
}

static void try_evtchn(int fd, const char *who)
{
	const struct target t = { .port = (uint32_t)me.foreign_port };

	try_handle(fd, me.evtchn, who, evtchn_trials, COUNT(evtchn_trials));
	expect(attempt_notify(&me.us, me.evtchn, &t), 0, "open handle",
	       "notify a channel of dom0's", 0);
	expect(attempt_notify(&me.us, fd, &t), ENOTCONN, who,
	       "notify a channel of dom0's", 0);
}

static void look_at(int number, int fd)
{
	enum device want = device_expected(number), is = device_of(fd);
	char who[64];

	if (want == D_NONE && (is == D_NONE || is == D_NULL))
		return;
	ok(is == want, "%s has %s at descriptor %d", me.role, device_name[is],
	   number);
	if (is != want)
		printf("# wanted: %s\n", device_name[want]);
	snprintf(who, sizeof(who), "%s fd %d", me.role, number);
	if (is == D_PRIVCMD)
		try_privcmd(fd, who);
	else if (is == D_EVTCHN)
		try_evtchn(fd, who);
	else
		expect(attempt_version(&me.us, fd, &me.own), ENOTTY, who,
		       "hypercall xen_version", me.own.domid);
}

/* The refusals above, made by hand: these are what Linux answers. */
static void calibrate(void)
{
	int priv = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
	int ev = open("/dev/xen/evtchn", O_RDWR | O_CLOEXEC);
	const char *who = "handle restricted here";

	expect(attempt_dm_op(&me.us, priv, &me.own), 0, who,
	       "before: device-model call", me.own.domid);
	expect(attempt_restrict(&me.us, priv, &me.other), 0, who, "restrict",
	       me.other.domid);
	expect(attempt_dm_op(&me.us, priv, &me.other), 0, who,
	       "device-model call", me.other.domid);
	expect(attempt_dm_op(&me.us, priv, &me.own), EPERM, who,
	       "device-model call", me.own.domid);
	expect(attempt_restrict_evtchn(&me.us, ev, &me.other), 0, who,
	       "restrict channels", me.other.domid);
	expect(attempt_bind(&me.us, ev, &me.own), EACCES, who,
	       "bind a channel", me.own.domid);
	close(priv);
	close(ev);
}

static void look(void)
{
	int pidfd = (int)syscall(SYS_pidfd_open, me.pid, 0), found = 0;

	calibrate();
	for (int number = 0; number < FDS_MAX; number++) {
		int fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);

		if (fd < 0) {
			if (errno != EBADF || device_expected(number) != D_NONE)
				ok(false, "%s: descriptor %d: %s", me.role,
				   number, strerror(errno));
			continue;
		}
		look_at(number, fd);
		close(fd);
		found++;
	}
	ok(found > 4, "%s: %d descriptors looked at", me.role, found);
	close(pidfd);
}

/* ==== force ============================================================ */

static const struct fatal {
	const char *name;
	int fd;
	attempt_fn *make;
} fatals[] = {
	{ "hypercall", FD_HV_MEM, attempt_version },
	{ "domctl", FD_HV_MEM, attempt_domctl },
	{ "dm-op", FD_HV_MEM, attempt_dm_op },
	{ "resource", FD_HV_MEM, attempt_resource },
	{ "map", FD_HV_MEM, attempt_map },
	{ "dm-hypercall", FD_DM, attempt_version },
	{ "bind", FD_EVTCHN, attempt_bind },
};

/* What passes the filter: the handle's restriction is all there is. */
static void force_allowed(struct caller *c)
{
	bool broker = !strcmp(me.role, "broker");

	if (broker || !strcmp(me.role, "disk") || !strcmp(me.role, "net")) {
		expect(attempt_map(c, FD_HV_MEM, &me.own), 0, me.role,
		       "itself maps memory", me.own.domid);
		expect(attempt_map(c, FD_HV_MEM, &me.other), EPERM, me.role,
		       "itself maps memory", me.other.domid);
		expect(attempt_map(c, FD_HV_MEM, &me.dom0), EPERM, me.role,
		       "itself maps memory", 0);
	}
	if (broker) {
		expect(attempt_dm_op(c, FD_DM, &me.own), 0, me.role,
		       "itself makes a device-model call", me.own.domid);
		expect(attempt_dm_op(c, FD_DM, &me.other), EPERM, me.role,
		       "itself makes a device-model call", me.other.domid);
		expect(attempt_dm_op(c, FD_DM, &me.dom0), EPERM, me.role,
		       "itself makes a device-model call", 0);
	}
}

static void force(const char *name)
{
	struct victim v = { .pid = me.pid };
	struct caller c;

	for (size_t i = 0; i < COUNT(fatals); i++) {
		const struct fatal *f = &fatals[i];
		int64_t r;

		if (strcmp(f->name, name))
			continue;
		if (!ok(victim_attach(&v) && caller_be_victim(&c, &v),
			"%s %d is held", me.role, v.pid))
			return;
		force_allowed(&c);
		r = f->make(&c, f->fd, &me.own);
		ok(r == ATTEMPT_DIED - SIGSYS, "%s itself tries %s, domain %u: %s",
		   me.role, name, me.own.domid, outcome(r));
		return;
	}
	ok(false, "no such call: %s", name);
}

int main(int argc, char **argv)
{
	if (argc == 6 && !strcmp(argv[1], "look") && prepare(argv)) {
		look();
	} else if (argc == 7 && !strcmp(argv[1], "force") && prepare(argv)) {
		force(argv[6]);
	} else {
		printf("Bail out! usage, no such domain, or not dom0: %s\n",
		       strerror(errno));
		return 2;
	}
	return tap_done();
}
