/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi/ctl_msg.h - control messages between the supervisor and its children
 *
 * One SOCK_SEQPACKET packet each, fixed size, on FD_CTL.  A child that gets
 * end of file there ends at once.
 */
#ifndef ABI_CTL_MSG_H
#define ABI_CTL_MSG_H

#include <assert.h>
#include <stdint.h>

enum ctl_kind {
	CTL_NONE,
	/* child -> supervisor */
	CTL_READY,	/* confined and serving; @arg: system calls in the filter */
	CTL_UNPLUG,	/* broker: the workers let go of their images; @arg:
			   UNPLUG_* mask; close your copies, then CTL_DONE */
	CTL_SLEEP,	/* broker: guest entered ACPI S3; set HVM_PARAM_ACPI_S_STATE,
			   then CTL_DONE */
	CTL_SHUTDOWN,	/* broker: told Xen; @arg enum io_shutdown */
	CTL_LIED,	/* broker: worker @arg broke the protocol; text says how.
			   What it owed is answered by ones, what comes for it
			   waits until CTL_RENEWED or CTL_FAILED */
	CTL_HANGS,	/* broker: worker @arg does not move though it has work */
	CTL_STOPPED,	/* broker: every pending access answered, server gone */
	CTL_PAUSED,	/* broker: after CTL_PAUSE: nothing is in flight, no worker
			   touches its state or the guest; @arg: bits 0-47 the
			   guest frame where VRAM is now, 48-63 the ticket */
	CTL_LOGGED,	/* broker: after CTL_LOG_DIRTY: what anybody writes from
			   now on is told to Xen, or no more */
	/* supervisor -> child */
	CTL_DONE,	/* the last CTL_UNPLUG or CTL_SLEEP is carried out */
	CTL_START,	/* broker: all workers are READY: enable the server */
	CTL_STOP,	/* broker: answer what is pending, destroy the server, end;
			   worker: finish writes in flight, end */
	CTL_PASSWORD,	/* vnc: text is the new password, empty: refuse all */
	CTL_RENEWED,	/* broker: a successor of worker @arg is READY; if it was
			   given up, believe it again.  Its channel was put right
			   by chan_repair() then, before the successor started.
			   To be said again to a new broker */
	CTL_FAILED,	/* broker: worker @arg has no successor: answer for it */
	CTL_PAUSE,	/* broker: the guest is paused; let workers finish what is
			   in flight, then CTL_PAUSED; @arg: a ticket, 16 bits */
	CTL_RESUME,	/* broker: go on, also if not yet CTL_PAUSED */
	CTL_LOG_DIRTY,	/* broker: @arg 1: tell Xen of all frames written to,
			   0: not; then CTL_LOGGED */
	CTL_GO,		/* to a child with --kept 2, which does nothing before: all
			   that another supervisor needs of it has a keeper.  May
			   be said again */
	CTL_KIND_COUNT
};

/* Worker @arg is its channel number, as in abi/plan.h. */

struct ctl_msg {
	uint32_t kind;		/* enum ctl_kind */
	uint32_t rsvd;
	uint64_t arg;
	char text[48];		/* terminated */
};
static_assert(sizeof(struct ctl_msg) == 64, "layout");

#endif /* ABI_CTL_MSG_H */
