/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/lib/slowsync.c - see slowsync.h
 *
 * A filter that our children inherit reports each such call to a thread of
 * ours, which lets it go on when the time is over: who is killed before has not
 * made it.  Their own filters stay in force beside it; nothing is preloaded, so
 * it works with every program.
 */
#include "slowsync.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int listener = -1;
static unsigned int sync_ms, write_ms;

static void *hold_back(void *arg)
{
	(void)arg;
	for (;;) {
		struct seccomp_notif req;
		struct seccomp_notif_resp resp = { 0 };
		struct timespec pause;
		unsigned int ms;

		memset(&req, 0, sizeof(req));
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &req))
			continue;
		ms = req.data.nr == SYS_fdatasync ? sync_ms : write_ms;
		pause = (struct timespec){ ms / 1000, ms % 1000 * 1000000l };
		nanosleep(&pause, NULL);
		resp.id = req.id;
		resp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &resp);
	}
	return NULL;
}

bool slow_disk_start(unsigned int for_sync_ms, unsigned int for_write_ms)
{
	const int held = for_write_ms ? SYS_pwritev : SYS_fdatasync;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fdatasync, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)held, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };
	pthread_t thread;

	sync_ms = for_sync_ms;
	write_ms = for_write_ms;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return false;
	listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
				SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);
	return listener >= 0 &&
		pthread_create(&thread, NULL, hold_back, NULL) == 0;
}

bool slow_sync_start(unsigned int ms)
{
	return slow_disk_start(ms, 0);
}
