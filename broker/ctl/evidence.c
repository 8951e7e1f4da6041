/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl/evidence.c - how a process is confined, as the kernel has it
 *
 * Runs in cloisterctl, reads /proc and nothing else: neither the process nor
 * its supervisor is asked.
 */
#include "ctl/evidence.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/fds.h"
#include "ctl/fdnames.h"
#include "ctl/proc.h"
#include "policy/policy_broker.h"
#include "policy/policy_disk.h"
#include "policy/policy_net.h"
#include "policy/policy_platform.h"
#include "policy/policy_vga.h"
#include "policy/policy_vnc.h"

#define MAPS_MAX	(8u * 1024u * 1024u)
#define FDS_MAX		4096u

static json_t *unknown(int rc)
{
	const char *why = strerrordesc_np(-rc);

	return json_pack("{s:s}", "unknown", rc < 0 && why ? why : "not told");
}

/* A text out of /proc, which may be no UTF-8. */
static json_t *text(const char *s)
{
	json_t *t = json_string(s);

	return t ? t : json_string("(not UTF-8)");
}

/* ---- out of /proc/PID/status ---- */

/* "1 1 1 1" as 1; else as it stands. */
static json_t *one_id(const char *status, const char *key)
{
	char value[120];
	unsigned int id[4];

	if (!proc_field(status, key, value, sizeof(value)))
		return unknown(0);
	if (sscanf(value, "%u %u %u %u", &id[0], &id[1], &id[2], &id[3]) == 4 &&
	    id[0] == id[1] && id[0] == id[2] && id[0] == id[3])
		return json_integer(id[0]);
	return text(value);
}

static json_t *field(const char *status, const char *key)
{
	char value[120];

	return proc_field(status, key, value, sizeof(value)) ? text(value) : unknown(0);
}

static json_t *number(const char *status, const char *key)
{
	char value[120];

	return proc_field(status, key, value, sizeof(value)) ?
		json_integer(strtoll(value, NULL, 10)) : unknown(0);
}

static const struct sandbox_policy *find_policy(const char *role)
{
	static const struct sandbox_policy *const all[] = {
		&policy_broker, &policy_platform, &policy_disk, &policy_net,
		&policy_vga, &policy_vnc };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(all[i]->name, role) == 0)
			return all[i];
	return NULL;
}

static json_t *tell_seccomp(const char *status, const char *role)
{
	static const char *const mode[] = { "off", "strict", "filter" };
	const struct sandbox_policy *p = find_policy(role);
	char value[16] = "";
	json_t *o = json_object();
	long n;

	proc_field(status, "Seccomp", value, sizeof(value));
	n = value[0] ? strtol(value, NULL, 10) : -1;
	json_object_set_new(o, "mode", n >= 0 && n < 3 ? json_string(mode[n]) : unknown(0));
	json_object_set_new(o, "filters", number(status, "Seccomp_filters"));
	if (p) {
		json_object_set_new(o, "instructions", json_integer(p->filter_len));
		json_object_set_new(o, "system_calls", json_integer(p->syscalls));
	}
	return o;
}

static void add_status(json_t *o, pid_t pid, const char *role)
{
	char status[8192];
	int rc = proc_read(pid, "status", status, sizeof(status));

	if (rc < 0) {
		json_object_set_new(o, "status", unknown(rc));
		return;
	}
	json_object_set_new(o, "ids", json_pack("{s:o,s:o,s:o}",
		"uid", one_id(status, "Uid"), "gid", one_id(status, "Gid"),
		"groups", field(status, "Groups")));
	json_object_set_new(o, "capabilities", json_pack("{s:o,s:o,s:o}",
		"effective", field(status, "CapEff"),
		"permitted", field(status, "CapPrm"),
		"bounding", field(status, "CapBnd")));
	json_object_set_new(o, "no_new_privs", number(status, "NoNewPrivs"));
	json_object_set_new(o, "seccomp", tell_seccomp(status, role));
}

/* ---- namespaces and root ---- */

static json_t *tell_namespace(pid_t pid, const char *kind)
{
	char file[32], own[64], host[64];
	int rc;

	snprintf(file, sizeof(file), "ns/%s", kind);
	rc = proc_link(pid, file, own, sizeof(own));
	if (rc < 0)
		return unknown(rc);
	/* Process 1 is the host's; without rights to look, ours is next best. */
	if (proc_link(1, file, host, sizeof(host)) < 0 &&
	    (rc = proc_link(getpid(), file, host, sizeof(host))) < 0)
		return unknown(rc);
	return json_pack("{s:o,s:b}", "is", text(own), "own", strcmp(own, host) != 0);
}

static json_t *tell_namespaces(pid_t pid)
{
	static const char *const kind[] = { "cgroup", "ipc", "mnt", "net", "pid",
		"user", "uts" };
	json_t *o = json_object();

	for (size_t i = 0; i < sizeof(kind) / sizeof(kind[0]); i++)
		json_object_set_new(o, kind[i], tell_namespace(pid, kind[i]));
	return o;
}

/* How many entries its root directory has; -errno. */
static int count_root(pid_t pid)
{
	char path[32];
	struct dirent *e;
	int n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
	d = opendir(path);
	if (!d)
		return -errno;
	while ((e = readdir(d)) && n < 10000)
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	closedir(d);
	return n;
}

static json_t *tell_root(pid_t pid)
{
	char path[32];
	struct stat own, host;
	int n = count_root(pid);

	snprintf(path, sizeof(path), "/proc/%d/root/", (int)pid);
	if (n < 0)
		return unknown(n);
	if (stat(path, &own) || stat("/", &host))
		return unknown(-errno);
	return json_pack("{s:b,s:i}", "own", own.st_dev != host.st_dev ||
			 own.st_ino != host.st_ino, "entries", n);
}

/* ---- limits and cgroup ---- */

static json_t *tell_limits(pid_t pid)
{
	static const char *const name[] = { "Max core file size", "Max open files",
		"Max processes", "Max locked memory", "Max file size", "Max data size",
		"Max address space" };
	char limits[4096];
	int rc = proc_read(pid, "limits", limits, sizeof(limits));
	json_t *o;

	if (rc < 0)
		return unknown(rc);
	o = json_object();
	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
		const char *at = strstr(limits, name[i]);
		char soft[32] = "";

		if (!at || sscanf(at + strlen(name[i]), " %31s", soft) != 1)
			json_object_set_new(o, name[i], unknown(0));
		else if (soft[0] >= '0' && soft[0] <= '9')
			json_object_set_new(o, name[i], json_integer(
				(json_int_t)(strtoull(soft, NULL, 10) & INT64_MAX)));
		else
			json_object_set_new(o, name[i], text(soft));
	}
	return o;
}

static json_t *tell_cgroup(pid_t pid)
{
	char all[4096];
	int rc = proc_read(pid, "cgroup", all, sizeof(all));
	char *at;

	if (rc < 0)
		return unknown(rc);
	at = strncmp(all, "0::", 3) == 0 ? all : strstr(all, "\n0::");
	if (!at)
		return json_pack("{s:s}", "unknown", "no cgroup version 2 here");
	at = strchr(at, '/');
	if (!at)
		return unknown(0);
	at[strcspn(at, "\n")] = '\0';
	return text(at);
}

/* ---- descriptors ---- */

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Numbers of the open descriptors, sorted; how many, or -errno. */
static int list_fds(pid_t pid, int *fd)
{
	char path[32];
	struct dirent *e;
	int n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	d = opendir(path);
	if (!d)
		return -errno;
	while ((e = readdir(d)) && n < (int)FDS_MAX)
		if (e->d_name[0] >= '0' && e->d_name[0] <= '9')
			fd[n++] = atoi(e->d_name);
	closedir(d);
	qsort(fd, (size_t)n, sizeof(fd[0]), by_number);
	return n;
}

static json_t *tell_fds(pid_t pid, const char *role)
{
	static int fd[FDS_MAX];
	int n = list_fds(pid, fd);
	json_t *list;

	if (n < 0)
		return unknown(n);
	list = json_array();
	for (int i = 0; i < n; i++) {
		char file[24], is[300], means[120];

		snprintf(file, sizeof(file), "fd/%d", fd[i]);
		if (proc_link(pid, file, is, sizeof(is)) < 0)
			continue;	/* closed since */
		fdnames_find(role, fd[i], means, sizeof(means));
		json_array_append_new(list, json_pack("{s:i,s:o,s:s}", "fd", fd[i],
						      "is", text(is), "means", means));
	}
	return list;
}

/* ---- guest memory ---- */

/* Bytes of the mappings in @maps that are of the file @path. */
static uint64_t sum_mappings(const char *maps, const char *path)
{
	uint64_t bytes = 0, from, to;
	size_t path_len = strlen(path);

	for (const char *at = maps; *at; ) {
		size_t len = strcspn(at, "\n");

		if (len > path_len && strncmp(at + len - path_len, path, path_len) == 0 &&
		    sscanf(at, "%" SCNx64 "-%" SCNx64, &from, &to) == 2 && to > from)
			bytes += to - from;
		at += len + (at[len] == '\n');
	}
	return bytes;
}

/* What is mapped of the file behind FD_HV_MEM; who has none maps nothing. */
static json_t *tell_guest_memory(pid_t pid, const char *role)
{
	char file[24], path[300], *maps;
	uint64_t bytes;
	int rc;

	if (strcmp(role, "supervisor") == 0)
		return json_pack("{s:s}", "unknown", "no descriptor is for it alone");
	snprintf(file, sizeof(file), "fd/%d", FD_HV_MEM);
	rc = proc_link(pid, file, path, sizeof(path));
	if (rc == -ENOENT)
		return json_pack("{s:i}", "mapped_bytes", 0);
	if (rc < 0)
		return unknown(rc);
	maps = malloc(MAPS_MAX);
	rc = maps ? proc_read(pid, "maps", maps, MAPS_MAX) : -ENOMEM;
	bytes = rc < 0 ? 0 : sum_mappings(maps, path);
	free(maps);
	if (rc < 0)
		return unknown(rc);
	return json_pack("{s:I}", "mapped_bytes", (json_int_t)bytes);
}

json_t *evidence_collect(pid_t pid, const char *role)
{
	json_t *o = json_object();

	add_status(o, pid, role);
	json_object_set_new(o, "namespaces", tell_namespaces(pid));
	json_object_set_new(o, "root", tell_root(pid));
	json_object_set_new(o, "limits", tell_limits(pid));
	json_object_set_new(o, "cgroup", tell_cgroup(pid));
	json_object_set_new(o, "fds", tell_fds(pid, role));
	json_object_set_new(o, "guest_memory", tell_guest_memory(pid, role));
	return o;
}
