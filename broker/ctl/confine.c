/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl/confine.c - gives up every right of cloisterctl's, for good
 *
 * Runs in cloisterctl.  Who looks at a guest's accesses is root, and builds
 * device models from words that the guest chose: that happens with the rights
 * of nobody.
 */
#include "ctl/confine.h"

#include <errno.h>
#include <grp.h>
#include <jansson.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "policy/policy_trace.h"

#define NOBODY		65534u
#define CAPS_MAX	64

/* As src/runtime/sandbox.c has it. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED	1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED	1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED	0
#endif

/* What libraries open or ask for at their first use. */
static void prepare_libraries(void)
{
	static char buffer[BUFSIZ];

	tzset();
	json_decref(json_object());
	setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
}

static bool drop_capabilities(void)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3];

	memset(none, 0, sizeof(none));
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return syscall(SYS_capset, &head, none) == 0;
}

/* The bounding set first: it needs CAP_SETPCAP, which goes with the uid.  A
   root that has not got that cannot regain anything either: no new privileges. */
static bool drop_identity(void)
{
	if (geteuid() != 0)
		return drop_capabilities();
	for (int cap = 0; cap < CAPS_MAX; cap++)
		prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	return setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
		setresuid(NOBODY, NOBODY, NOBODY) == 0 && drop_capabilities() &&
		setresuid(-1, 0, -1) != 0;
}

static bool install_filter(void)
{
	struct sock_fprog prog = {
		.len = policy_trace.filter_len,
		.filter = (struct sock_filter *)(uintptr_t)policy_trace.filter,
	};

	/* The sanitizers' allocator needs calls that no policy grants. */
	return SANITIZED || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) == 0;
}

bool confine_self(void)
{
	prepare_libraries();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && drop_identity() &&
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && install_filter())
		return true;
	ctl_complain("cannot give up our rights: %s", strerror(errno));
	return false;
}
