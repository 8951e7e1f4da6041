/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi/fds.h - every descriptor a confined process ever holds, at a fixed
 *             number
 *
 * Fixed, so that a seccomp policy can name them.  The supervisor puts most in
 * place before exec and lists their numbers on the command line (--fds); the
 * process itself makes those marked "ours", and checks all of them through
 * /proc/self/fd before it gives up its rights.  policy/mkpolicy reads the
 * enums: one name and number per line.
 */
#ifndef ABI_FDS_H
#define ABI_FDS_H

/* All confined processes. */
enum common_fd {
	FD_LOG = 3,		/* seqpacket to the supervisor: struct log_msg */
	FD_CTL = 4,		/* seqpacket to the supervisor: struct ctl_msg */
	FD_EPOLL = 5,		/* ours: waits for all the others */
	FD_TIMER = 6,		/* ours: timerfd, next deadline (CLOCK_MONOTONIC) */
	FD_HV_MEM = 7,		/* privcmd through libxenforeignmemory, or the
				   in-memory hypervisor's guest memory */
	FD_STATS = 8,		/* memfd: struct stat_page, abi/stat.h; not open
				   while nobody counts */
};

/* Workers. */
enum worker_fd {
	FD_CHAN = 9,		/* memfd: struct chan, see abi/chan.h */
	FD_KICK = 10,		/* eventfd: requests are waiting for us */
	FD_BROKER_KICK = 11,	/* eventfd: answers are waiting for the broker */
	FD_STATE = 12,		/* memfd: committed device state, abi/state.h */
	FD_DEV0 = 13,		/* what the role needs, FD_DEV0 .. FD_DEV_END-1 */
	FD_DEV1 = 14,
	FD_DEV2 = 15,
	FD_DEV3 = 16,
	FD_DEV4 = 17,
	FD_DEV5 = 18,
	FD_DEV6 = 19,
	FD_DEV7 = 20,
	FD_DEV_END = 21,
	FD_CALM = 21,		/* ours: epoll of nothing but FD_KICK and FD_CTL,
				   to wait at while the guest is paused */
};

/* platform: serial ports in order; an absent one is not open. */
enum platform_fd {
	FD_SERIAL0 = 13,	/* pty master, file or nothing */
	FD_SERIAL1 = 14,
	FD_SERIAL2 = 15,
	FD_SERIAL3 = 16,
	FD_INPUT = 17,		/* memfd: struct input_ring, written by vnc */
	FD_INPUT_KICK = 18,	/* eventfd: input is waiting */
};

/* disk: images in drive order; an absent one is not open. */
enum disk_fd {
	FD_DISK0 = 13,
	FD_DISK1 = 14,
	FD_DISK2 = 15,
	FD_DISK3 = 16,
	FD_BLK_DONE = 17,	/* ours: eventfd, the I/O threads finished something */
	FD_BLK_WORK = 18,	/* ours: eventfd (semaphore), wakes an I/O thread */
};

/* net: one card, one tap. */
enum net_fd {
	FD_NET_TAP = 13,	/* IFF_TAP with IFF_VNET_HDR */
	FD_NET_ROM = 14,	/* the card's boot ROM, read before confinement */
};

/* vga and vnc share the framebuffer. */
enum vga_fd {
	FD_VGA_FB = 13,		/* memfd: struct fb, vga writes, vnc reads */
	FD_VGA_SCAN = 14,	/* eventfd: vnc asks for a fresh picture */
	FD_VGA_PAINTED = 15,	/* eventfd: vga changed the picture */
	FD_VGA_ROM = 16,	/* the VGA BIOS image, read before confinement */
};

/* vnc has no channel, no state memfd and no hypervisor handle. */
enum vnc_fd {
	FD_VNC_FB = 13,
	FD_VNC_SCAN = 14,
	FD_VNC_PAINTED = 15,
	FD_VNC_LISTEN = 16,	/* bound and listening TCP socket */
	FD_VNC_INPUT = 17,	/* memfd: struct input_ring */
	FD_VNC_INPUT_KICK = 18,
	FD_VNC_CLIENT0 = 5,	/* ours: clients, at the lowest free numbers: */
	FD_VNC_CLIENT_END = 13,	/* FD_STATS is among them, if it is open */
	FD_VNC_MORE0 = 19,	/* ours: more clients */
	FD_VNC_MORE_END = 39,
};

/*
 * broker: FD_HV_MEM is its foreign-memory handle; it opens that and FD_EVTCHN
 * to FD_DM itself, in this order; FD_ANSWER_KICK and the rings are inherited.
 */
enum broker_fd {
	FD_ANSWER_KICK = 9,	/* eventfd: some worker answered (all share it) */
	FD_EVTCHN = 10,		/* /dev/xen/evtchn */
	FD_DM_CALL = 11,	/* privcmd and hypercall buffers of libxencall, which */
	FD_DM_BUF = 12,		/* libxendevicemodel opens first; /dev/null once restricted */
	FD_DM = 13,		/* privcmd through libxendevicemodel: DM_OP */
	FD_PLAN = 14,		/* sealed memfd: struct plan, abi/plan.h */
	FD_BROKER_STATE = 15,	/* memfd: what a successor needs to go on */
	FD_CHAN0 = 16,		/* channel memfd of worker i: FD_CHAN0 + i */
	FD_CHAN_END = 32,
	FD_KICK0 = 32,		/* eventfd that wakes worker i: FD_KICK0 + i */
	FD_KICK_END = 48,
	FD_TRACE0 = 48,		/* memfd: struct trace of worker i: FD_TRACE0 + i;
				   as FD_STATS */
	FD_TRACE_END = 64,
};

/* Who holds one, in abi/fd_use.def. */
#define FD_ALL		"broker platform disk net vga vnc"
#define FD_WORKERS	"platform disk net vga"

#define WORKERS_MAX	16	/* slots of a guest's family, abi/plan.h */

#endif /* ABI_FDS_H */
