/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/roster.h - who is in the family and what each is given
 */
#ifndef SUPERVISOR_ROSTER_H
#define SUPERVISOR_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/stat.h"
#include "supervisor/conf.h"
#include "supervisor/image.h"
#include "supervisor/plan.h"
#include "supervisor/serial.h"
#include "supervisor/spawn.h"
#include "supervisor/vnc_listen.h"
#include "supervisor/vram.h"

/* Slots of a guest's family: the last part of a uid. */
enum member {
	MEMBER_BROKER, MEMBER_PLATFORM, MEMBER_DISK0, MEMBER_NET0, MEMBER_VGA,
	MEMBER_VNC,
	MEMBER_NET1, MEMBER_NET2, MEMBER_NET3, MEMBER_NET4, MEMBER_NET5,
	MEMBER_NET6, MEMBER_NET7,
	MEMBER_COUNT
};

/* What the supervisor opened on the host; -1 where there is nothing. */
struct roster_host {
	struct image image[CONF_DRIVES];
	struct serial serial[CONF_SERIALS];
	struct vnc_listener vnc;
	int vga_rom;
	int tap[CONF_NICS];
	int nic_rom[CONF_NICS];
};

struct roster {
	const struct conf *conf;
	const struct vram_layout *layout;
	struct roster_host *host;
	bool decline_unplug;
	bool restoring;		/* workers find state of a save file, which has
				   to be valid */
	/* Shared memory and eventfds; they outlive the children. */
	int plan, broker_state, answer_kick;
	int chan[WORKERS_MAX], kick[WORKERS_MAX], state[WORKERS_MAX];
	int fb, fb_read_only, scan, painted;
	int input, input_kick;
	/* What is counted and recorded; -1 and NULL with conf->no_stats. */
	int stat[MEMBER_COUNT];
	const struct stat_page *stat_page[MEMBER_COUNT];	/* as we read it */
	int trace[WORKERS_MAX];		/* by channel */
};

/* Makes the shared memory.  @r's first four fields are filled in.  0 or -errno. */
int roster_make(struct roster *r);
/* Puts all of @r and of its host into the store. */
void roster_keep(const struct roster *r);
/* After image_renew(), or image_look() of one of two: puts into the store what
   that opened. */
void roster_keep_image(const struct roster *r, unsigned int drive);
/* Takes out of the store what is not open any more. */
void roster_forget(const struct roster *r);
/*
 * As roster_make(), of what is in the store; so is @r->host, of which only
 * descriptors are known then.  0; or -errno and @why: -ENOENT, something is
 * missing, -EINVAL, it is the family of another guest, or of other settings.
 */
int roster_adopt(struct roster *r, char *why, size_t why_len);
bool roster_has(const struct roster *r, enum member m);
/* The worker of conf.nic[@nic]. */
enum member roster_net(unsigned int nic);
/* "disk0" */
const char *roster_name(enum member m);
/* "disk" */
const char *roster_role(enum member m);
uint32_t roster_uid(const struct roster *r, enum member m);
/* Everything but log, control socket and cgroup. */
void roster_spec(const struct roster *r, enum member m, struct spawn_spec *s);
/* As roster_spec() filled it, but its device is failed: "failed=1", and neither
   images (but their sizes) nor tap.  Of a member that roster_holds_host(). */
void roster_cripple(const struct roster *r, enum member m, struct spawn_spec *s);
/* Does it hold what the guest can unplug: images, a tap? */
bool roster_holds_host(enum member m);
/* Closes what is unplugged (UNPLUG_* of abi/io_msg.h): nobody is given it any
   more.  Closing it twice does nothing. */
void roster_unplug(struct roster *r, uint32_t mask);
/* Between the end of a member and its successor: image_renew() if it has any. */
void roster_renew(struct roster *r, enum member m);
/* Between the end of a worker that broke the protocol and its successor: makes
   its rings usable again.  Nothing is in them then. */
void roster_repair(const struct roster *r, enum member m);
/* Plan index of a member, or -1. */
int roster_channel(enum member m);
/* 0; or -EEXIST and @why if a uid of this guest belongs to somebody. */
int roster_check_uids(const struct roster *r, char *why, size_t why_len);

#endif /* SUPERVISOR_ROSTER_H */
