/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * workers/vnc.c - vnc worker: shows vga's picture, passes input to platform
 *
 * The only process that the network can connect to.  It has no channel, no
 * device state and no hypervisor; the supervisor binds the port.  Options:
 * password=on, title=TEXT.
 */
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "abi/ctl_msg.h"
#include "abi/fds.h"
#include "back/fb_shm.h"
#include "back/vnc_server.h"
#include "base/bug.h"
#include "policy/policy_vnc.h"
#include "ring/memfd.h"
#include "ring/stat.h"
#include "runtime/sandbox.h"

static struct sandbox_args args;

static struct input_ring *map_input(void)
{
	struct input_ring *in = memfd_map(FD_VNC_INPUT, sizeof(*in), true);

	if (!in || in->magic != INPUT_MAGIC || in->version != INPUT_VERSION)
		die(0, "not an input ring: fd=%d", FD_VNC_INPUT);
	return in;
}

#define PAGE_BYTES	4096u

static int forget_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	(void)arg;
	for (unsigned int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t from = info->dlpi_addr + p->p_vaddr;

		if (p->p_type != PT_LOAD || p->p_flags & PF_W)
			continue;
		from &= ~(uintptr_t)(PAGE_BYTES - 1);
		(void)madvise((void *)from, info->dlpi_addr + p->p_vaddr +
			      p->p_memsz - from, MADV_DONTNEED);
	}
	return 0;
}

/*
 * Most of what the libraries consist of is needed to link and to start them
 * and never again.  Pages that nobody can have written come back from their
 * files when they are needed.
 */
static void forget_start(void)
{
	dl_iterate_phdr(forget_object, NULL);
}

static void say_ready(void)
{
	struct ctl_msg m = { .kind = CTL_READY, .arg = policy_vnc.syscalls };

	if (send(FD_CTL, &m, sizeof(m), 0) != (ssize_t)sizeof(m))
		die(0, "cannot tell the supervisor that we serve");
}

int main(int argc, char **argv)
{
	static char title[64];
	struct vnc_conf conf = {
		.name = title, .listen_fd = FD_VNC_LISTEN,
		.scan_fd = FD_VNC_SCAN, .painted_fd = FD_VNC_PAINTED,
		.ctl_fd = FD_CTL, .input_kick_fd = FD_VNC_INPUT_KICK,
	};
	const char *opt;

	/* 1. Check what we inherited, start logging. */
	sandbox_inherit(&args, "vnc", argc, argv);

	/* 2. Build: map what we share, warm the library up. */
	stat_begin(args.fds);
	opt = sandbox_opt(&args, "title");
	if (opt)
		snprintf(title, sizeof(title), "%s", opt);
	else
		snprintf(title, sizeof(title), "dom%u", args.domid);
	opt = sandbox_opt(&args, "password");
	conf.password = opt && strcmp(opt, "on") == 0;
	conf.fb = fb_shm_map(FD_VNC_FB, false);
	conf.input = map_input();
	vnc_server_open(&conf);
	forget_start();

	/* 3. Point of no return: from here only policy/vnc.policy is left. */
	sandbox_enter(&args, 0, &policy_vnc);
	say_ready();

	/* 4. Serve clients until the supervisor hangs up. */
	vnc_server_serve();
	return 0;
}
