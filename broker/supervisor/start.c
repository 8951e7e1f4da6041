/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/start.c - a start, step by step; each says what went wrong
 *
 * Runs in the supervisor.  Opens what the guest is made of, makes the shared
 * memory, starts all children; when they are ready, what a guest need not wait
 * for.  A family that is there already is adopt.c's.
 */
#include "supervisor/start.h"

#include <errno.h>
#include <fcntl.h>

#include "base/log.h"
#include "supervisor/cgroup.h"
#include "supervisor/limits.h"
#include "supervisor/migrate.h"
#include "supervisor/nic.h"
#include "supervisor/notify.h"
#include "supervisor/rest.h"
#include "supervisor/save.h"
#include "supervisor/store.h"
#include "supervisor/tap.h"

#define PATIENCE_MS	2000	/* the guest's last device model may still be going */
#define VGA_ROM		CLOISTER_SEABIOS_DIR "/vgabios-stdvga.bin"

/* ---- what the guest is made of ---- */

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
	}
	sup_tell_serials();
	return true;
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
	sup_tell_vnc();
	return true;
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
		if (!n->model && !sup_drain_tap(fd))
			return false;
		open_rom(i);
	}
	return true;
}

/* ---- the family ---- */

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

static void on_family_ready(void)
{
	sup.qmp.status = sup.conf.incoming ? QMP_STATUS_PAUSED :
		sup.conf.hold ? QMP_STATUS_PRELAUNCH : QMP_STATUS_RUNNING;
	sup.qmp.suspended = migrate_was_suspended();
	/* Whoever replaces a worker later goes on from what that one left. */
	sup.roster.restoring = false;
	/* The toolstack says when: the guest's memory, disk and address may still
	   be somebody else's, and the tap is not yet up. */
	if (sup.conf.incoming)
		rest_hold();
	if (!sup.conf.hold)
		sup_say_running();
	/* From here on its death would be noticed. */
	store_open();
	if (notify_is_heard()) {
		family_keep();
		limits_keep();
	}
	sup_say_serving();
	if (!start_late())
		sup_break();
	sup_begin_rest();
}

/*
 * All children first, then the slow things, while they start.  Only vga has to
 * wait for its memory.
 */
static bool start_family(void)
{
	bool good;
	int rc;

	family_begin(sup.base, &sup.roster, sup_family_ops(on_family_ready));
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

/* The start-up order.  Each step logs what went wrong. */
const struct step start_steps[] = {
	{ "xen",	sup_reach_xen },
	{ "events",	sup_begin_events },
	{ "disks",	open_disks },
	{ "serials",	open_serials },
	{ "display",	open_display },
	{ "nics",	open_nics },
	{ "qmp",	sup_open_qmp },
	{ "xenstore",	sup_open_xenstore },
	{ "incoming",	read_incoming },
	{ "roster",	make_roster },
	{ "family",	start_family },
	{ 0 }
};
