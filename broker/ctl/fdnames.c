/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl/fdnames.c - what a confined process holds at which number
 *
 * Runs in cloisterctl.  Names and numbers are abi/fds.h's, their meaning is
 * abi/fd_use.def's.
 */
#include "ctl/fdnames.h"

#include <stdio.h>

#include "abi/fds.h"
#include "ctl/text.h"

static const struct {
	const char *roles;
	int first, last;		/* numbered from first on, if several */
	const char *name, *meaning;
} names[] = {
#define FD_ONE(roles, fd, meaning) { roles, fd, fd, #fd, meaning },
#define FD_MANY(roles, fd, end, meaning) { roles, fd, end - 1, #fd, meaning },
	{ FD_ALL, 0, 2, "standard", "input, output, error" },
#include "abi/fd_use.def"
#undef FD_ONE
#undef FD_MANY
};

const char *fdnames_find(const char *role, int fd, char *to, size_t room)
{
	to[0] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (fd < names[i].first || fd > names[i].last ||
		    !text_has_word(names[i].roles, role))
			continue;
		if (names[i].first == names[i].last || fd <= 2)
			snprintf(to, room, "%s: %s", names[i].name, names[i].meaning);
		else
			snprintf(to, room, "%s+%d: %s", names[i].name,
				 fd - names[i].first, names[i].meaning);
		break;
	}
	return to;
}
