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

/* A -drive if=none, until a -device takes it. */
struct conf_loose {
	const char *id, *path;
	bool taken;
};

struct conf {
	uint32_t domid;
	bool have_domid;
	bool help, version;
	bool probe;		/* -machine none: QMP only */
	bool hold;		/* -S */
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
	enum log_level log_level;
	const char *run_dir;	/* instead of RUN_DIR_DEFAULT, or NULL */

	const char *note[CONF_NOTES];	/* what is accepted but not served */
	unsigned int note_count;
	char why[400];			/* after a refusal: the whole line */
	char text[48 * 1024];		/* strings of all the above */
	size_t text_used;
	bool text_full;			/* something did not fit */
};

enum conf_result { CONF_OK = 0, CONF_REFUSED = 1, CONF_USAGE = 2 };

/* @c is filled; the result is the exit status, c->why the line to print. */
enum conf_result conf_parse(struct conf *c, int argc, char *const *argv);

/* ---- for the files that make it up ---- */

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

/* conf_dev.c: -drive, -device, -netdev, -serial, and what joins them. */
enum conf_result conf_drive(struct conf *c, const char *arg);
enum conf_result conf_device(struct conf *c, const char *arg);
enum conf_result conf_netdev(struct conf *c, const char *arg);
enum conf_result conf_serial(struct conf *c, const char *arg);
enum conf_result conf_join_devices(struct conf *c);

#endif /* SUPERVISOR_CONF_H */
