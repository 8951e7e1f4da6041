/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_xs.c - what the supervisor makes of what is in xenstore
 *
 * libxenstore's calls are played by the test.
 */
#include <errno.h>
#include <stdlib.h>
#include <xenstore.h>

#include "supervisor/xs.h"
#include "tap.h"

static const struct {
	const char *domid, *name;
} domain[] = {
	{ "0", "twin" },	/* whatever it says, it is no guest */
	{ "3", "web1" }, { "7", "twin" }, { "12", NULL }, { "32751", "twin" },
	{ "40", "twins" },
};

static int open_errno, list_errno;
static int opened, closed;

/* ---- libxenstore ---- */

struct xs_handle *xs_open(unsigned long flags)
{
	static int handle;

	(void)flags;
	errno = open_errno;
	opened += !open_errno;
	return open_errno ? NULL : (struct xs_handle *)(void *)&handle;
}

void xs_close(struct xs_handle *h)
{
	(void)h;
	closed++;
}

char **xs_directory(struct xs_handle *h, xs_transaction_t t, const char *path,
		    unsigned int *num)
{
	const size_t n = sizeof(domain) / sizeof(domain[0]);
	char **list = malloc(n * sizeof(*list));

	(void)h;
	(void)t;
	errno = list_errno;
	if (list_errno || strcmp(path, "/local/domain") != 0) {
		free(list);
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		list[i] = (char *)(uintptr_t)domain[i].domid;
	*num = (unsigned int)n;
	return list;
}

void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path,
	      unsigned int *len)
{
	char want[80];

	(void)h;
	(void)t;
	(void)len;
	for (size_t i = 0; i < sizeof(domain) / sizeof(domain[0]); i++) {
		snprintf(want, sizeof(want), "/local/domain/%s/name", domain[i].domid);
		if (domain[i].name && strcmp(want, path) == 0)
			return strdup(domain[i].name);
	}
	errno = ENOENT;
	return NULL;
}

/* ---- names ---- */

static void test_names(void)
{
	uint32_t domid[2] = { 0, 0 };

	is_hex((uint64_t)xs_find_domains("web1", domid, 2), 1, "one domain of a name");
	is_hex(domid[0], 3, "and which");
	is_hex((uint64_t)xs_find_domains("web", domid, 2), 0, "the start of a name is none");
	is_hex((uint64_t)xs_find_domains("twin", domid, 2), 2,
	       "two of the same name, and domain 0 is not counted");
	ok(domid[0] == 7 && domid[1] == 32751, "both are told: %u, %u", domid[0], domid[1]);
	domid[1] = 5;
	ok(xs_find_domains("twin", domid, 1) == 2 && domid[1] == 5,
	   "no more than there is room for");
}

static void test_errors(void)
{
	uint32_t domid;

	list_errno = ENOENT;
	is_hex((uint64_t)xs_find_domains("web1", &domid, 1), 0, "no domains at all");
	list_errno = EIO;
	is_hex((uint64_t)-xs_find_domains("web1", &domid, 1), EIO,
	       "a store that breaks is no store without the domain");
	open_errno = ECONNREFUSED;
	is_hex((uint64_t)-xs_find_domains("web1", &domid, 1), ECONNREFUSED, "no store");
	ok(opened == closed && opened > 0, "each connection was closed");
}

int main(void)
{
	test_names();
	test_errors();
	return tap_done();
}
