/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/cgroup_limit.c - limits of a process: what they mean, setting them
 *
 * Runs in the supervisor, at the start and when `cloisterctl limit` asks.  The
 * kernel's files take almost anything; what makes no sense is refused here,
 * with a reason.
 */
#include "supervisor/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define TEXT_LEN	160
#define PATH_LEN	640
#define DEVICE_LEN	400
#define NUMBER_LEN	24	/* "4095:1048575" */
#define PERIOD_US	100000u
#define MEMORY_MIN	(UINT64_C(1) << 20)	/* less than any of us needs */
#define BFQ_WEIGHT_MAX	1000u
#define IMAGES_MAX	16u
#define LIMITED_MAX	32u	/* processes of a family, and the family */
#define LIMITED_LEN	33	/* find_group() knows no longer names */

/* A value in the kernel's words. */
struct told {
	char text[TEXT_LEN];
	char device[DEVICE_LEN];	/* io.max: before the text */
	uint64_t bytes;			/* memory.*; UINT64_MAX: no limit */
};

static const char *image[IMAGES_MAX];
static char limited[LIMITED_MAX][LIMITED_LEN];	/* names; "": free */

void cgroup_use_images(const char *const *path, unsigned int count)
{
	for (unsigned int i = 0; i < IMAGES_MAX; i++)
		image[i] = i < count ? path[i] : NULL;
}

/* ---- values ---- */

static bool take_number(const char **s, uint64_t *n)
{
	char *end;

	if (**s < '0' || **s > '9')
		return false;
	errno = 0;
	*n = strtoull(*s, &end, 10);
	*s = end;
	return errno == 0;
}

static bool is_number(const char *s, uint64_t min, uint64_t max, uint64_t *n)
{
	return take_number(&s, n) && !*s && *n >= min && *n <= max;
}

/* "64M", or "max"; what is left of @s starts with @end. */
static bool take_amount(const char **s, uint64_t *n)
{
	static const char unit[] = "KMGT";
	const char *u;

	if (strncmp(*s, "max", 3) == 0) {
		*s += 3;
		*n = UINT64_MAX;
		return true;
	}
	if (!take_number(s, n))
		return false;
	u = **s ? strchr(unit, **s) : NULL;
	if (!u)
		return true;
	(*s)++;
	for (const char *i = unit; i <= u; i++)
		if (__builtin_mul_overflow(*n, UINT64_C(1024), n))
			return false;
	return true;
}

__attribute__((format(printf, 3, 4)))
static int refuse(char *why, size_t why_len, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, why_len, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static int on_cpu_max(const char *value, struct told *t, char *why, size_t why_len)
{
	uint64_t quota, period = PERIOD_US;
	const char *s = value;

	if (strcmp(value, "max") == 0) {
		snprintf(t->text, sizeof(t->text), "max");
		return 0;
	}
	if (!take_number(&s, &quota))
		goto bad;
	if (strcmp(s, "%") == 0) {
		if (quota < 1 || quota > 1000000)
			return refuse(why, why_len, "not 1%% to 1000000%%");
		quota *= PERIOD_US / 100;
	} else if (*s == ' ') {
		s += strspn(s, " ");
		if (!is_number(s, 1000, 1000000, &period))
			return refuse(why, why_len,
				      "the period is not 1000 to 1000000 us");
	} else if (*s) {
		goto bad;
	}
	if (quota < 1000 || quota > UINT64_C(1) << 40)
		return refuse(why, why_len, "less than 1000 us in a period, or far too much");
	snprintf(t->text, sizeof(t->text), "%llu %llu", (unsigned long long)quota,
		 (unsigned long long)period);
	return 0;
bad:
	return refuse(why, why_len, "max, N%% or QUOTA_US PERIOD_US expected");
}

static int on_weight(const char *value, struct told *t, char *why, size_t why_len)
{
	uint64_t n;

	if (!is_number(value, 1, 10000, &n))
		return refuse(why, why_len, "not 1 to 10000");
	snprintf(t->text, sizeof(t->text), "%llu", (unsigned long long)n);
	return 0;
}

static int on_memory(const char *value, struct told *t, char *why, size_t why_len)
{
	const char *s = value;

	if (!take_amount(&s, &t->bytes) || *s)
		return refuse(why, why_len, "bytes with K, M, G or T, or max expected");
	if (t->bytes < MEMORY_MIN)
		return refuse(why, why_len, "less than 1M leaves no process room");
	if (t->bytes == UINT64_MAX)
		snprintf(t->text, sizeof(t->text), "max");
	else
		snprintf(t->text, sizeof(t->text), "%llu",
			 (unsigned long long)t->bytes);
	return 0;
}

static int on_pids(const char *value, struct told *t, char *why, size_t why_len)
{
	uint64_t n;

	if (strcmp(value, "max") == 0) {
		snprintf(t->text, sizeof(t->text), "max");
		return 0;
	}
	if (!is_number(value, 1, 4194304, &n))
		return refuse(why, why_len, "not 1 to 4194304, nor max");
	/* As it stands, the kernel would take 010 for octal. */
	snprintf(t->text, sizeof(t->text), "%llu", (unsigned long long)n);
	return 0;
}

/* One "rbps=10M" of io.max. */
static int take_rate(const char **s, struct told *t, unsigned int *seen, char *why,
		     size_t why_len)
{
	static const char *const rate[] = { "rbps=", "wbps=", "riops=", "wiops=" };
	size_t used = strlen(t->text);
	unsigned int i;
	uint64_t n;

	for (i = 0; i < 4 && strncmp(*s, rate[i], strlen(rate[i])) != 0; i++)
		;
	if (i == 4 || (*seen >> i & 1))
		return refuse(why, why_len,
			      "rbps=, wbps=, riops= or wiops= expected, each once");
	*seen |= 1u << i;
	*s += strlen(rate[i]);
	if (!take_amount(s, &n) || n == 0 || (**s && **s != ' '))
		return refuse(why, why_len, "%sN: 1 and up with K, M, G or T, or max expected",
			      rate[i]);
	if (n == UINT64_MAX)
		snprintf(t->text + used, sizeof(t->text) - used, " %smax", rate[i]);
	else
		snprintf(t->text + used, sizeof(t->text) - used, " %s%llu", rate[i],
			 (unsigned long long)n);
	*s += strspn(*s, " ");
	return 0;
}

/* Of what the kernel has; it cuts off what is too large, and has another disk. */
static bool is_major_minor(const char *s)
{
	uint64_t major_nr, minor_nr;

	return strlen(s) < NUMBER_LEN && take_number(&s, &major_nr) && *s++ == ':' &&
		take_number(&s, &minor_nr) && !*s && major_nr < 1u << 12 &&
		minor_nr < 1u << 20;
}

static int on_io_max(const char *value, struct told *t, char *why, size_t why_len)
{
	size_t len = strcspn(value, " ");
	const char *s = value + len;
	unsigned int seen = 0;

	if (len >= sizeof(t->device))
		return refuse(why, why_len, "too long");
	memcpy(t->device, value, len);
	t->device[len] = '\0';
	if (t->device[0] != '/' && strcmp(t->device, "images") != 0 &&
	    !is_major_minor(t->device))
		return refuse(why, why_len, "/PATH, MAJOR:MINOR or images expected first");
	s += strspn(s, " ");
	if (!*s)
		return refuse(why, why_len, "rbps=, wbps=, riops= or wiops= expected");
	while (*s) {
		int rc = take_rate(&s, t, &seen, why, why_len);

		if (rc)
			return rc;
	}
	return 0;
}

static const struct limit_key {
	const char *key, *controller;
	int (*parse)(const char *value, struct told *t, char *why, size_t why_len);
} limit_keys[] = {
	{ "cpu.max",	"cpu",		on_cpu_max },
	{ "cpu.weight",	"cpu",		on_weight },
	{ "io.max",	"io",		on_io_max },
	{ "io.weight",	"io",		on_weight },
	{ "memory.high", "memory",	on_memory },
	{ "memory.max",	"memory",	on_memory },
	{ "pids.max",	"pids",		on_pids },
};

static const struct limit_key *parse_limit(const char *key, const char *value,
					   struct told *t, char *why, size_t why_len)
{
	const size_t n = sizeof(limit_keys) / sizeof(limit_keys[0]);

	*t = (struct told){ .bytes = UINT64_MAX };
	for (size_t i = 0; i < n; i++)
		if (strcmp(limit_keys[i].key, key) == 0)
			return limit_keys[i].parse(value, t, why, why_len) ? NULL
				: &limit_keys[i];
	refuse(why, why_len, "no such limit; there are cpu.max, cpu.weight, io.max, "
	       "io.weight, memory.high, memory.max and pids.max");
	return NULL;
}

int cgroup_check_limit(const char *key, const char *value, char *why, size_t why_len)
{
	struct told t;

	return parse_limit(key, value, &t, why, why_len) ? 0 : -EINVAL;
}

/* ---- block devices ---- */

/* A partition's I/O is limited on its disk.  "8:0" of where @path is. */
static int find_disk(const char *path, char *number, size_t len, char *why,
		     size_t why_len)
{
	char sys[120];
	struct stat st;
	dev_t dev;
	ssize_t r;
	int fd;

	if (stat(path, &st)) {
		int rc = -errno;

		snprintf(why, why_len, "%.160s: %s", path, strerrordesc_np(-rc));
		return rc;
	}
	dev = S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev;
	if (major(dev) == 0) {
		snprintf(why, why_len, "%.160s: on no single block device; "
			 "name one as MAJOR:MINOR", path);
		return -ENODEV;
	}
	snprintf(number, len, "%u:%u", major(dev), minor(dev));
	snprintf(sys, sizeof(sys), "/sys/dev/block/%.40s/partition", number);
	if (access(sys, F_OK))
		return 0;
	snprintf(sys, sizeof(sys), "/sys/dev/block/%.40s/../dev", number);
	fd = open(sys, O_RDONLY | O_CLOEXEC);
	r = fd < 0 ? -1 : read(fd, number, len - 1);
	if (fd >= 0)
		close(fd);
	if (r <= 0) {
		snprintf(why, why_len, "%.160s: its disk cannot be found", path);
		return -ENODEV;
	}
	number[r] = '\0';
	number[strcspn(number, "\n")] = '\0';
	return 0;
}

/* ---- setting ---- */

static int put_limit(const char *at, const char *file, const char *text, char *why,
		     size_t why_len)
{
	int rc = cgroup_put(at, file, text);

	if (rc)
		snprintf(why, why_len, "%s: %s", strerrordesc_np(-rc), text);
	return rc;
}

static int put_io_max(const char *at, const struct told *t, char *why, size_t why_len)
{
	const char *one[1] = { t->device };
	bool images = strcmp(t->device, "images") == 0;
	const char *const *path = images ? image : one;
	unsigned int count = images ? IMAGES_MAX : 1;
	char number[IMAGES_MAX][NUMBER_LEN];

	/* All before the first is set: half of it would be in force. */
	for (unsigned int i = 0; i < count; i++) {
		int rc = 0;

		if (!images && path[i][0] != '/')
			snprintf(number[i], NUMBER_LEN, "%.*s", NUMBER_LEN - 1, path[i]);
		else if (path[i])
			rc = find_disk(path[i], number[i], NUMBER_LEN, why, why_len);
		if (rc)
			return rc;
	}
	for (unsigned int i = 0; i < count; i++) {
		char line[TEXT_LEN + 48];
		int rc;

		if (!path[i])
			continue;
		snprintf(line, sizeof(line), "%.*s%s", NUMBER_LEN - 1, number[i], t->text);
		rc = put_limit(at, "io.max", line, why, why_len);
		if (rc)
			return rc;
	}
	return 0;
}

/* The kernel has one of two schedulers, or none, that knows weights. */
static int put_io_weight(const char *at, const char *text, char *why, size_t why_len)
{
	int rc = cgroup_put(at, "io.weight", text);
	unsigned long n = strtoul(text, NULL, 10);
	char bfq[12];
	int rc_bfq;

	snprintf(bfq, sizeof(bfq), "%lu", n > BFQ_WEIGHT_MAX ? BFQ_WEIGHT_MAX : n);
	rc_bfq = cgroup_put(at, "io.bfq.weight", bfq);
	if (rc == 0 || rc_bfq == 0)
		return 0;
	if (rc == -ENOENT && rc_bfq == -ENOENT) {
		snprintf(why, why_len, "this kernel has no weights for I/O");
		return -EOPNOTSUPP;
	}
	rc = rc == -ENOENT ? rc_bfq : rc;
	snprintf(why, why_len, "%s", strerrordesc_np(-rc));
	return rc;
}

/* Less than is in use: the kernel would end the process to make it so. */
static int check_room(const char *at, const struct told *t, char *why, size_t why_len)
{
	char path[PATH_LEN + 16], text[32];
	uint64_t used = 0;
	ssize_t r;
	int fd;

	snprintf(path, sizeof(path), "%s/memory.current", at);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	r = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	if (r > 0) {
		text[r] = '\0';
		used = strtoull(text, NULL, 10);
	}
	if (used <= t->bytes)
		return 0;
	snprintf(why, why_len, "%llu bytes are in use", (unsigned long long)used);
	return -EBUSY;
}

static int find_group(const char *process, char *at, size_t len, char *why,
		      size_t why_len)
{
	bool whole = strcmp(process, "family") == 0;

	if (!cgroup_path()[0]) {
		snprintf(why, why_len, "no cgroup version 2 here");
		return -EOPNOTSUPP;
	}
	snprintf(at, len, "%s%s%.32s", cgroup_path(), whole ? "" : "/",
		 whole ? "" : process);
	if (!process[0] || process[0] == '.' || strchr(process, '/') ||
	    strlen(process) > 32 || access(at, F_OK)) {
		snprintf(why, why_len, "no such process");
		return -ENOENT;
	}
	return 0;
}

/* ---- who has limits ---- */

void cgroup_forget_limits(void)
{
	memset(limited, 0, sizeof(limited));
}

static bool is_noted(const char *process)
{
	for (unsigned int i = 0; i < LIMITED_MAX; i++)
		if (strcmp(limited[i], process) == 0)
			return true;
	return false;
}

bool cgroup_is_limited(const char *process)
{
	return is_noted(process) || is_noted("family");
}

static int note(const char *process, int rc)
{
	if (rc || is_noted(process))
		return rc;
	for (unsigned int i = 0; i < LIMITED_MAX; i++) {
		if (limited[i][0])
			continue;
		snprintf(limited[i], LIMITED_LEN, "%s", process);
		break;
	}
	return 0;
}

/* ---- one limit ---- */

int cgroup_set_limit(const char *process, const char *key, const char *value,
		     char *why, size_t why_len)
{
	const struct limit_key *k;
	char at[PATH_LEN], file[PATH_LEN + 16];
	struct told t;
	int rc;

	k = parse_limit(key, value, &t, why, why_len);
	if (!k)
		return -EINVAL;
	rc = find_group(process, at, sizeof(at), why, why_len);
	if (rc)
		return rc;
	cgroup_enable(k->controller);
	snprintf(file, sizeof(file), "%s/%s", at,
		 strcmp(key, "io.weight") == 0 ? "io.stat" : key);
	if (access(file, F_OK)) {
		snprintf(why, why_len, "controller %s is not available in %.200s",
			 k->controller, at);
		return -EOPNOTSUPP;
	}
	if (strcmp(key, "io.max") == 0)
		rc = put_io_max(at, &t, why, why_len);
	else if (strcmp(key, "io.weight") == 0)
		rc = put_io_weight(at, t.text, why, why_len);
	else if (strcmp(key, "memory.max") == 0)
		rc = check_room(at, &t, why, why_len);
	if (rc == 0 && strncmp(key, "io.", 3) != 0)
		rc = put_limit(at, key, t.text, why, why_len);
	return note(process, rc);
}
