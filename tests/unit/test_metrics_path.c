/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_metrics_path.c - metrics=FILE: which file is whose
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "supervisor/conf_file.h"
#include "supervisor/metrics_path.h"
#include "tap.h"

static char why[200];

static const char *make(const char *pattern, uint32_t domid, const char *name)
{
	static char to[64];

	memset(to, 'x', sizeof(to));
	return metrics_path_make(pattern, domid, name, to, sizeof(to)) ? "too long" : to;
}

static void test_make(void)
{
	char to[8] = "before";

	is_str(make("/a/b.prom", 7, "web1"), "/a/b.prom", "no placeholder");
	is_str(make("/a/%d.prom", 7, "web1"), "/a/7.prom", "the domid");
	is_str(make("/%n/%d%n", 32751, "web1"), "/web1/32751web1", "both, and twice");
	is_str(make("/100%%d", 7, "web1"), "/100%d", "a per cent sign is none");
	is_str(make("/%n", 7, "%d"), "/%d", "a name is not looked into");
	is_hex((uint64_t)-metrics_path_make("/%n", 7, "123456", to, 8), 0, "fits");
	is_str(to, "/123456", "to the last character");
	is_hex((uint64_t)-metrics_path_make("/%n", 7, "1234567", to, 8), ENAMETOOLONG,
	       "does not fit");
	is_str(to, "", "and is no half name");
}

static bool good(const char *pattern)
{
	return metrics_path_check(pattern, why, sizeof(why)) == 0;
}

static bool fits(const char *pattern, const char *name)
{
	return metrics_path_check_name(pattern, name, why, sizeof(why)) == 0;
}

static void test_check(void)
{
	ok(good("/a") && good("/%d") && good("/%n%d") && good("/%%"), "good patterns");
	ok(!good("/%s") && !good("/%") && !good("/%%%") && !good("/%5d"),
	   "others: %s", why);
	ok(fits("/a", NULL) && fits("/%d", "../x") && fits("/%%n", "../x"),
	   "a name that is not asked for may be any");
	ok(fits("/%n", "web1") && fits("/%n", "a.b"), "names for files");
	ok(!fits("/%n", "..") && !fits("/%d%n", "a/b") && !fits("/%n", ""),
	   "names that lead elsewhere: %s", why);
	ok(!fits("/%n", NULL), "none: %s", why);
	ok(metrics_path_differs("/%d") && metrics_path_differs("/%%%n") &&
	   !metrics_path_differs("/a") && !metrics_path_differs("/%%d"),
	   "which are each guest's own");
}

/* @late: a file of one guest's; NULL: everybody's. */
static enum conf_result read_conf(const char *value, struct serve_late *late,
				  struct conf *c)
{
	char path[] = "/tmp/test_metrics_path.XXXXXX";
	int fd = mkstemp(path);
	enum conf_result rc;

	dprintf(fd, "[defaults]\nmetrics = %s\n", value);
	close(fd);
	conf_begin(c);
	rc = conf_file_read(c, path, 0, late);
	unlink(path);
	return rc;
}

static void test_general(void)
{
	static struct conf c;
	struct serve_late late = { 0 };

	ok(read_conf("/x/all.prom", NULL, &c) == CONF_REFUSED &&
	   strstr(c.why, ":2: metrics: /x/all.prom: would be the same file for all guests"),
	   "one file for everybody: %s", c.why);
	ok(read_conf("/x/%%d.prom", NULL, &c) == CONF_REFUSED, "nor one that looks like more");
	ok(read_conf("/x/%d.prom", NULL, &c) == CONF_OK &&
	   strcmp(c.metrics_file, "/x/%d.prom") == 0, "one for each");
	ok(read_conf("on", NULL, &c) == CONF_OK && read_conf("off", NULL, &c) == CONF_OK &&
	   !c.metrics_file, "on and off");
	ok(read_conf("/x/all.prom", &late, &c) == CONF_OK, "a guest's own file may say anything");
}

int main(void)
{
	test_make();
	test_check();
	test_general();
	return tap_done();
}
