/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/conf.h - what this guest is made of, read from the command line
 *
 * Opens nothing.  What cannot be honoured is refused here, by name, before
 * anything else happens; what is left out knowingly becomes a note.
 */
#ifndef SUPERVISOR_CONF_H
#define SUPERVISOR_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "base/mac.h"
#include "supervisor/nic.h"
#include "supervisor/opt.h"
#include "supervisor/vnc_listen.h"

#define CONF_CHARDEVS	8
#define CONF_SERIALS	4
#define CONF_DRIVES	4	/* two IDE channels, two drives each */
#define CONF_NICS	8	/* as many workers: roster.h, plan.h */
#define CONF_NOTES	24
#define CONF_INTERVAL_S	15	/* between two metrics files */
#define CONF_INTERVAL_MAX_S 3600
#define CONF_RESTARTS	5	/* deaths of a process, */
#define CONF_RESTARTS_MAX 100
#define CONF_RESTART_S	60	/* in so many seconds: then its device is failed */
#define CONF_RESTART_MAX_S 86400
#define CONF_LIMITS	64
#define CONF_VCPUS_MAX	128
#define CONF_DOMID_MAX	0x7fefu	/* DOMID_FIRST_RESERVED - 1 */

struct conf_chardev {
	const char *id;
	const char *path;	/* NULL: inherited */
	int fd;			/* -1: by path */
	bool is_mon;
};

enum serial_kind {
	SERIAL_ABSENT,		/* not asked for, or "none" */
	SERIAL_PTY, SERIAL_FILE, SERIAL_TTY, SERIAL_NULL,
};

struct conf_serial {
	enum serial_kind kind;
	const char *path;
};

struct conf_drive {
	const char *path;	/* NULL: absent */
	bool read_only;
	bool is_cdrom;		/* noted, not served */
};

struct conf_nic {
	const char *netdev;
	const char *ifname;
	const struct nic_model *model;	/* NULL: only the tap was asked for */
	const char *id;			/* of -device, or NULL */
	const char *romfile;		/* NULL: none */
	uint8_t mac[MAC_BYTES];
};

/* In the words of cgroup.h; @process may also be a role ("disk"). */
struct conf_limit {
	const char *process, *key, *value;
};

/* A -drive if=none, until a -device takes it. */
struct conf_loose {
	const char *id, *path;
	bool taken;
};

/* Whether all that a request passes through runs on one CPU; AUTO: where there
   are two. */
enum conf_one_cpu { CONF_ONE_CPU_AUTO, CONF_ONE_CPU_ON, CONF_ONE_CPU_OFF };

struct conf {
	uint32_t domid;
	bool have_domid;
	bool help, version;
	bool probe;		/* -machine none: QMP only */
	bool hold;		/* -S */
	bool incoming;		/* -incoming */
	int incoming_fd;	/* inherited, if @incoming_path is NULL */
	const char *incoming_path;
	bool pci_platform;	/* machine xenfv: the Xen platform device */
	bool usb, tablet;
	const char *name;
	const char *machine;
	uint64_t ram_mib;
	uint64_t max_low_bytes;	/* RAM below 4 GiB ends here at the latest */
	unsigned int vcpus, max_vcpus;
	char boot[8];
	bool have_vga, is_cirrus;
	unsigned int vga_mib;
	bool have_vnc;
	struct vnc_addr vnc;
	struct conf_chardev chardev[CONF_CHARDEVS];
	unsigned int chardev_count;
	struct conf_serial serial[CONF_SERIALS];
	unsigned int serial_count;
	struct conf_drive drive[CONF_DRIVES];
	struct conf_loose loose[CONF_DRIVES];
	unsigned int loose_count;
	struct conf_nic nic[CONF_NICS];
	unsigned int nic_count;
	uint32_t plan_flags;	/* PLAN_NO_* */
	enum conf_one_cpu one_cpu;
	enum log_level log_level;
	bool no_stats;			/* nobody counts, nothing is recorded */
	const char *metrics_file;	/* textfile (metrics_path.h), or "on": in
					   the run directory; NULL: none */
	unsigned int metrics_interval_s;
	unsigned int restarts, restart_window_s;
	const char *run_dir;	/* instead of RUN_DIR_DEFAULT, or NULL */
	const char *crash_dir;	/* of crash reports; NULL: none are written */
	const char *cgroup_parent;	/* NULL: the root of the hierarchy */
	struct conf_limit limit[CONF_LIMITS];	/* in order: later ones win */
	unsigned int limit_count;
	bool is_serve;		/* `cloister serve`: the domid may come later */
	bool dry_run;
	bool tear_down;		/* end what is left of a unit, and nothing else */

	const char *note[CONF_NOTES];	/* what is accepted but not served */
	unsigned int note_count;
	const char *said;		/* in refusals, in place of "refused: -OPTION" */
	char why[520];			/* after a refusal: the whole line */
	char text[48 * 1024];		/* strings of all the above */
	size_t text_used;
	bool text_full;			/* something did not fit */
};

enum conf_result { CONF_OK = 0, CONF_REFUSED = 1, CONF_USAGE = 2 };

/* @c is filled; the result is the exit status, c->why the line to print. */
enum conf_result conf_parse(struct conf *c, int argc, char *const *argv);

/* The same in steps, so that others can come before the command line: a guest
   of nothing; QEMU's options; what no single option can tell. */
void conf_begin(struct conf *c);
enum conf_result conf_take_options(struct conf *c, int argc, char *const *argv);
enum conf_result conf_check(struct conf *c);

/* ---- for the files that make it up ---- */

/* What one option of kind USE means. */
enum conf_result conf_use(struct conf *c, enum opt_id id, const char *arg);

/* c->why = "refused: -OPTION WHAT: reason"; always CONF_REFUSED. */
enum conf_result conf_refuse(struct conf *c, enum opt_id id, const char *what,
			     const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* A line to log later; @fmt as for printf. */
void conf_note(struct conf *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* A copy of @s that lives as long as @c; NULL if there is no room, and then
   the command line is refused. */
const char *conf_keep(struct conf *c, const char *s);
/* conf_refuse() for an element that a list may not have. */
enum conf_result conf_refuse_key(struct conf *c, enum opt_id id,
				 const struct opt_keys *k);
/* Is @k the element @key=@val?  @val NULL: any value. */
bool conf_key_is(const struct opt_keys *k, const char *key, const char *val);

/* conf_own.c: "disk0.memory.max=64M", and where our cgroups go. */
enum conf_result conf_limit(struct conf *c, const char *arg);
enum conf_result conf_limit_of(struct conf *c, const char *process, const char *key,
			       const char *value);
enum conf_result conf_cgroup_parent(struct conf *c, const char *arg);
enum conf_result conf_restart_limit(struct conf *c, const char *arg);
/* Is process @name ("disk0") one that @who ("disk0", "disk") means? */
bool conf_means(const char *who, const char *name);

/* conf_dev.c: -drive, -device, -netdev, -serial, and what joins them. */
enum conf_result conf_drive(struct conf *c, const char *arg);
enum conf_result conf_device(struct conf *c, const char *arg);
enum conf_result conf_netdev(struct conf *c, const char *arg);
enum conf_result conf_serial(struct conf *c, const char *arg);
enum conf_result conf_join_devices(struct conf *c);

#endif /* SUPERVISOR_CONF_H */
