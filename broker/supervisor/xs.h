/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/xs.h - the xenstore nodes that libxl and the guest look at
 *
 * One connection per process.  Without a xenstore everything here does nothing
 * and xs_store_open() says so.
 */
#ifndef SUPERVISOR_XS_H
#define SUPERVISOR_XS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The domains with this name, before xs_store_open(): how many there are, and
 * the numbers of the first @room of them in @domid; or -errno.  Names are the
 * toolstack's, and nothing keeps it from giving one twice.
 */
int xs_find_domains(const char *name, uint32_t *domid, unsigned int room);

/* 0 or -errno. */
int xs_store_open(uint32_t domid);
void xs_store_close(void);

/* Is the PV back end of one of the guest's hard disks ours (qdisk)? */
bool xs_store_has_qdisk(void);

/* device-model/N/state = "running": libxl waits for it.  0 or -errno. */
int xs_store_say_running(void);

/*
 * Watches our directory, domain deaths and the vkbd back end, which is closed
 * whenever it opens: a front end that finds it closed does not wait for it.
 * 0 or -errno.
 */
int xs_store_watch(void);
/* Has libxl still a use for us?  It removes our directory before it ends us. */
bool xs_store_is_wanted(void);
int xs_store_fd(void);		/* readable: call xs_store_poll() */

enum xs_event {
	XS_EVENT_DIR_GONE = 1,	/* libxl removed our directory: end */
	XS_EVENT_DOMAIN = 2,	/* some domain died: is it ours? */
};
/* Handles what is there without blocking; mask of enum xs_event. */
unsigned int xs_store_poll(void);

#endif /* SUPERVISOR_XS_H */
