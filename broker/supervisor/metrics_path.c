/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/metrics_path.c - what metrics=FILE stands for, by guest
 *
 * Runs in the supervisor.  Texts only; metrics_file.c writes the file.
 */
#include "supervisor/metrics_path.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The letter of the next placeholder from *@at on, which is moved behind it;
   '\0': none is left. */
static char next_letter(const char **at)
{
	const char *mark = strchr(*at, '%');

	if (!mark || !mark[1]) {
		*at += strlen(*at);
		return mark ? '?' : '\0';
	}
	*at = mark + 2;
	return mark[1];
}

static bool has_letter(const char *pattern, char letter)
{
	char found;

	while ((found = next_letter(&pattern)))
		if (found == letter)
			return true;
	return false;
}

int metrics_path_check(const char *pattern, char *why, size_t why_len)
{
	char found;

	while ((found = next_letter(&pattern))) {
		if (strchr("dn%", found))
			continue;
		snprintf(why, why_len, "a %% is part of %%d, the domid, of %%n, "
			 "the name, or of %%%%");
		return -EINVAL;
	}
	return 0;
}

/* It becomes part of one name below a directory, and of no other path. */
int metrics_path_check_name(const char *pattern, const char *name, char *why,
			    size_t why_len)
{
	if (!has_letter(pattern, 'n') || (name && name[0] && name[0] != '.' &&
					  !strchr(name, '/')))
		return 0;
	snprintf(why, why_len, name ? "%%n: the guest's name is not one for a file" :
		 "%%n: the guest has no name");
	return -EINVAL;
}

bool metrics_path_differs(const char *pattern)
{
	return has_letter(pattern, 'd') || has_letter(pattern, 'n');
}

int metrics_path_make(const char *pattern, uint32_t domid, const char *name,
		      char *to, size_t room)
{
	size_t used = 0;

	for (const char *at = pattern; *at; at++) {
		char number[12], one[2] = { *at, '\0' };
		const char *part = one;
		size_t len;

		if (*at == '%' && at[1] == 'd') {
			snprintf(number, sizeof(number), "%u", domid);
			part = number;
		} else if (*at == '%' && at[1] == 'n') {
			part = name ? name : "";
		}
		at += *at == '%' && at[1];
		len = strlen(part);
		if (used + len >= room) {
			to[0] = '\0';
			return -ENAMETOOLONG;
		}
		memcpy(to + used, part, len);
		used += len;
	}
	to[used] = '\0';
	return 0;
}
