/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl/trace_file.c - cloisterctl trace --file: a crash report by register name
 *
 * Runs in cloisterctl.  The file is read as bytes; what is in it is looked at
 * with the rights of nobody.
 */
#include "ctl/trace_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/confine.h"
#include "ctl/crash_file.h"
#include "ctl/trace_out.h"

static char text[CRASH_FILE_BYTES_MAX + 1];
static struct crash_file file;

/* Length, or -1 and a complaint. */
static ssize_t read_bytes(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t len = 0, r = 1;
	struct stat st;

	if (fd < 0 || fstat(fd, &st)) {
		ctl_complain("%s: %s", path, strerror(errno));
	} else if (!S_ISREG(st.st_mode) || st.st_size > (off_t)CRASH_FILE_BYTES_MAX) {
		ctl_complain("%s: not a crash report: %s", path,
			     S_ISREG(st.st_mode) ? "too large" : "not a regular file");
	} else {
		while (r > 0 && len <= (ssize_t)CRASH_FILE_BYTES_MAX) {
			r = read(fd, text + len, sizeof(text) - (size_t)len);
			len += r > 0 ? r : 0;
		}
		if (r == 0) {
			close(fd);
			return len;
		}
		ctl_complain("%s: %s", path, r < 0 ? strerror(errno) : "it grows");
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

/* ---- the head ---- */

/* "request: access 4711 W1 port 0x1f7 ide0 COMMAND 0x20", by name if it has one. */
static void print_request(struct tracer *t)
{
	struct access a;

	if (!file.request[0])
		return;
	printf("request: %s %" PRIu64, file.request, file.request_seq);
	if (file.request_is_access) {
		const struct trace_rec *r = &file.request_rec;

		trace_out_name(t, r, &a);
		printf(" %s%u 0x%" PRIx64 " %s %s", r->flags & TRACE_WRITE ? "W" : "R", r->size,
		       r->addr, a.device[0] ? a.device : "-", a.reg[0] ? a.reg : "-");
		if (r->flags & TRACE_STRING)
			printf(" %u items", r->count);
		else if (r->flags & TRACE_WRITE)
			printf(" 0x%" PRIx64, r->value);
	}
	putchar('\n');
}

static void print_head(struct tracer *t)
{
	printf("time: %s\nversion: %s\nguest: %" PRIu64 " %s\nworker: %s\npid: %" PRIu64
	       "\nended: %s\n", file.time, file.version, file.domid, file.guest, file.worker,
	       file.pid, file.ended);
	if (file.why[0])
		printf("why: %s\n", file.why);
	print_request(t);
	if (file.waiting)
		printf("waiting: %" PRIu64 "\n", file.waiting);
	for (unsigned int i = 0; i < file.log_count; i++)
		printf("log: %s\n", file.log[i]);
	putchar('\n');
}

static json_t *request_json(struct tracer *t)
{
	struct access a;
	json_t *o;

	if (!file.request[0])
		return json_null();
	o = json_pack("{s:s,s:I}", "kind", file.request, "number",
		      (json_int_t)file.request_seq);
	if (file.request_is_access) {
		trace_out_name(t, &file.request_rec, &a);
		snprintf(a.time, sizeof(a.time), "?");
		json_object_set_new(o, "access", trace_out_json(&a));
	}
	return o;
}

static void print_json(struct tracer *t, json_t *list)
{
	json_t *log = json_array();

	for (unsigned int i = 0; i < file.log_count; i++)
		json_array_append_new(log, json_string(file.log[i]));
	ctl_print_json(json_pack("{s:s,s:s,s:I,s:s,s:s,s:I,s:s,s:s,s:o,s:I,s:o,s:I,s:o}",
		"time", file.time, "version", file.version, "domid", (json_int_t)file.domid,
		"guest", file.guest, "worker", file.worker, "pid", (json_int_t)file.pid,
		"ended", file.ended, "why", file.why, "request", request_json(t),
		"waiting", (json_int_t)file.waiting, "log", log,
		"before", (json_int_t)(file.before & INT64_MAX), "accesses", list));
}

/* ---- the accesses ---- */

static bool find_device(struct tracer *t, const char *name, bool known)
{
	if (!name)
		return true;
	t->device = windows_find_device(name);
	if (t->device && known && t->device->kind == t->kind)
		return true;
	ctl_complain("the report's worker has no such device: %s", name);
	return false;
}

static void print_accesses(struct tracer *t)
{
	static struct access named[TRACE_SLOTS];
	uint64_t there = 0;

	for (unsigned int i = 0; i < file.access_count; i++) {
		const struct crash_access *from = &file.access[i];
		struct access *a = &named[there];

		if (trace_out_name(t, &from->rec, a)) {
			trace_out_put_time(a, file.time_ns -
					   (int64_t)(from->age_ns & INT64_MAX));
			there++;
		}
		trace_out_follow(t, &from->rec);
	}
	for (uint64_t i = there - trace_out_wanted(t->ctl->count, there); i < there; i++)
		trace_out_print(t, &named[i]);
}

static void print_report(struct tracer *t)
{
	json_t *list = t->ctl->json ? json_array() : NULL;

	for (unsigned int i = 0; i < file.function_count; i++)
		trace_out_configure(t, file.function[i].devfn, file.function[i].config);
	if (!list)
		print_head(t);
	t->list = list;
	print_accesses(t);
	if (list)
		print_json(t, list);
}

enum ctl_exit trace_file(const struct ctl *ctl)
{
	struct tracer t = { .ctl = ctl };
	ssize_t len = read_bytes(ctl->file);
	char why[200];
	bool whole, known;

	if (len < 0 || !confine_self())
		return CTL_FAILED;
	whole = crash_file_parse(&file, text, (size_t)len, why, sizeof(why));
	if (whole || file.access_count) {
		known = windows_kind_of(file.role, file.model, &t.kind);
		if (!find_device(&t, ctl->arg[0], known))
			return CTL_FAILED;
		trace_out_begin(&t, known);
		print_report(&t);
	}
	if (!whole)
		ctl_complain("%s: %s", ctl->file, why);
	return whole ? CTL_OK : CTL_FAILED;
}
