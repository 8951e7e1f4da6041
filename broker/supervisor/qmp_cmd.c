/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/qmp_cmd.c - what QMP commands do and answer
 *
 * Runs in the supervisor.  The shapes are those libxl 4.15-4.22, libxenstat
 * and libvirt read; fields nobody reads are there where their absence would
 * make a strict reader stumble.
 */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/stat.h"
#include "supervisor/plan.h"
#include "supervisor/qmp.h"

#define CPU_TYPE	"qemu64-x86_64-cpu"	/* libxl repeats it in device_add */

__attribute__((format(printf, 2, 3)))
static json_t *fail(struct qmp_error *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->desc, sizeof(err->desc), fmt, ap);
	va_end(ap);
	return NULL;
}

#define HANDLER(name) static json_t *name(struct qmp_client *c, json_t *args,	\
					  struct qmp_error *err)
#define UNUSED	(void)c, (void)args, (void)err

HANDLER(on_nothing)
{
	UNUSED;
	c->negotiated = true;
	return json_object();
}

HANDLER(on_no_options)
{
	UNUSED;
	return json_array();
}

HANDLER(on_quit)
{
	UNUSED;
	if (qmp_host->quit)
		qmp_host->quit();
	return json_object();
}

HANDLER(on_query_version)
{
	UNUSED;
	return json_pack("{s:{s:i,s:i,s:i},s:s}", "qemu", "micro", 0, "minor", 2,
			 "major", 7, "package", "Cloister " CLOISTER_VERSION);
}

/* ---- run state ---- */

HANDLER(on_query_status)
{
	static const char *const name[] = {
		[QMP_STATUS_PRELAUNCH] = "prelaunch",
		[QMP_STATUS_RUNNING] = "running",
		[QMP_STATUS_PAUSED] = "paused",
		[QMP_STATUS_SUSPENDED] = "suspended",
		[QMP_STATUS_SHUTDOWN] = "shutdown",
	};

	UNUSED;
	return json_pack("{s:b,s:b,s:s}",
			 "running", qmp_host->status == QMP_STATUS_RUNNING,
			 "singlestep", 0, "status", name[qmp_host->status]);
}

HANDLER(on_cont)
{
	UNUSED;
	if (qmp_host->status == QMP_STATUS_PRELAUNCH ||
	    qmp_host->status == QMP_STATUS_PAUSED)
		qmp_host->status = qmp_host->suspended ? QMP_STATUS_SUSPENDED
			: QMP_STATUS_RUNNING;
	qmp_host->suspended = false;
	if (qmp_host->cont)
		qmp_host->cont();
	return json_object();
}

/* Of something that takes a while: 0, an error, or not yet. */
static json_t *outcome(int rc, struct qmp_error *err)
{
	err->held = rc == -EINPROGRESS;
	return rc ? NULL : json_object();
}

/* The vCPUs are paused by the toolstack; what is ours comes to rest. */
HANDLER(on_stop)
{
	int rc = qmp_host->stop ? qmp_host->stop(err->desc, sizeof(err->desc)) : 0;

	(void)c;
	(void)args;
	if (rc == 0 && (qmp_host->status == QMP_STATUS_RUNNING ||
			qmp_host->status == QMP_STATUS_PRELAUNCH))
		qmp_host->status = QMP_STATUS_PAUSED;
	return outcome(rc, err);
}

HANDLER(on_log_dirty)
{
	json_t *enable = json_object_get(args, "enable");

	(void)c;
	if (!json_is_boolean(enable))
		return fail(err, "Parameter 'enable' is missing");
	return outcome(qmp_host->log_dirty
		       ? qmp_host->log_dirty(json_is_true(enable), err->desc,
					     sizeof(err->desc)) : 0, err);
}

HANDLER(on_wakeup)
{
	int rc;

	UNUSED;
	if (qmp_host->status != QMP_STATUS_SUSPENDED)
		return fail(err, "Unable to wake up: guest is not in suspended state");
	rc = qmp_host->wakeup ? qmp_host->wakeup() : 0;
	if (rc)
		return fail(err, "cannot wake the guest: %s", strerrordesc_np(-rc));
	qmp_host->status = QMP_STATUS_RUNNING;
	return json_object();
}

/* ---- what there is ---- */

HANDLER(on_query_name)
{
	json_t *o = json_object();

	UNUSED;
	if (qmp_host->conf->name)
		json_object_set_new(o, "name", json_string(qmp_host->conf->name));
	return o;
}

static void add_chardev(json_t *list, const char *label, const char *filename)
{
	json_array_append_new(list, json_pack("{s:b,s:s,s:s}", "frontend-open", 1,
					      "filename", filename, "label", label));
}

HANDLER(on_query_chardev)
{
	const struct conf *conf = qmp_host->conf;
	json_t *list = json_array();
	char text[200];

	UNUSED;
	for (unsigned int i = 0; i < conf->chardev_count; i++) {
		snprintf(text, sizeof(text), "unix:%.150s,server=on",
			 conf->chardev[i].path ? conf->chardev[i].path : "");
		add_chardev(list, conf->chardev[i].id, text);
	}
	/* libxl wants "serial" and a bare number. */
	for (unsigned int i = 0; i < conf->serial_count; i++) {
		snprintf(text, sizeof(text), "serial%u", i);
		if (qmp_host->serial_name[i] && qmp_host->serial_name[i][0])
			add_chardev(list, text, qmp_host->serial_name[i]);
	}
	return list;
}

HANDLER(on_query_vnc)
{
	char port[8];

	UNUSED;
	if (!qmp_host->conf->have_vnc)
		return json_pack("{s:b}", "enabled", 0);
	snprintf(port, sizeof(port), "%u", qmp_host->vnc_port);
	return json_pack("{s:b,s:s,s:s,s:[],s:s,s:s}", "enabled", 1,
			 "auth", qmp_host->conf->vnc.password ? "vnc" : "none",
			 "family", qmp_host->vnc_ipv6 ? "ipv6" : "ipv4", "clients",
			 "service", port, "host", qmp_host->vnc_host);
}

HANDLER(on_vnc_password)
{
	const char *password = json_string_value(json_object_get(args, "password"));
	int rc;

	UNUSED;
	if (!password)
		return fail(err, "Parameter 'password' is missing");
	if (!qmp_host->conf->have_vnc || !qmp_host->conf->vnc.password)
		return fail(err, "VNC was not started with password=on");
	rc = qmp_host->set_password ? qmp_host->set_password(password) : 0;
	if (rc)
		return fail(err, "cannot set the VNC password: %s",
			    strerrordesc_np(-rc));
	return json_object();
}

static json_t *cpu_props(unsigned int i)
{
	return json_pack("{s:i,s:i,s:i}", "socket-id", i, "core-id", 0,
			 "thread-id", 0);
}

HANDLER(on_query_cpus)
{
	json_t *list = json_array();
	char path[48];

	UNUSED;
	for (unsigned int i = 0; i < qmp_host->conf->vcpus; i++) {
		snprintf(path, sizeof(path), "/machine/unattached/device[%u]", i);
		json_array_append_new(list, json_pack("{s:i,s:o,s:s,s:i,s:s}",
			"thread-id", (int)getpid(), "props", cpu_props(i),
			"qom-path", path, "cpu-index", i, "target", "x86_64"));
	}
	return list;
}

HANDLER(on_query_hotpluggable)
{
	json_t *list = json_array();

	UNUSED;
	for (unsigned int i = 0; i < qmp_host->conf->max_vcpus; i++)
		json_array_append_new(list, json_pack("{s:o,s:i,s:s}",
			"props", cpu_props(i), "vcpus-count", 1, "type", CPU_TYPE));
	return list;
}

/* ---- disks ---- */

static void drive_name(unsigned int i, char name[16])
{
	snprintf(name, 16, "ide%u-hd%u", i / 2, i % 2);
}

static bool is_hard_disk(unsigned int i)
{
	return qmp_host->conf->drive[i].path && !qmp_host->conf->drive[i].is_cdrom;
}

HANDLER(on_query_block)
{
	json_t *list = json_array();

	UNUSED;
	for (unsigned int i = 0; i < CONF_DRIVES; i++) {
		const struct conf_drive *d = &qmp_host->conf->drive[i];
		char name[16];

		if (!is_hard_disk(i))
			continue;
		drive_name(i, name);
		json_array_append_new(list, json_pack(
			"{s:s,s:b,s:b,s:s,s:{s:s,s:b,s:s,s:b}}", "device", name,
			"locked", 0, "removable", 0, "type", "unknown", "inserted",
			"file", d->path, "ro", d->read_only, "drv", "raw",
			"encrypted", 0));
	}
	return list;
}

/* What the disk worker says it did; it is believed as far as a number goes. */
static json_int_t counted(unsigned int slot)
{
	const struct stat_page *page = qmp_host->disk_stats;

	return page ? (json_int_t)(stat_block_get(&page->block[0], slot) & INT64_MAX) : 0;
}

static json_t *drive_stats(unsigned int drive)
{
	unsigned int bytes = STAT_DISK_BYTES + drive * STAT_DIRS;
	unsigned int ops = STAT_DISK_REQUESTS + drive * STAT_OPS;

	return json_pack("{s:I,s:I,s:I,s:I,s:I}",
			 "rd_bytes", counted(bytes + STAT_READ),
			 "wr_bytes", counted(bytes + STAT_WRITE),
			 "rd_operations", counted(ops + STAT_OP_READ),
			 "wr_operations", counted(ops + STAT_OP_WRITE),
			 "flush_operations", counted(ops + STAT_OP_FLUSH));
}

HANDLER(on_query_blockstats)
{
	json_t *list = json_array();

	UNUSED;
	for (unsigned int i = 0; i < CONF_DRIVES; i++) {
		char name[16];

		if (!is_hard_disk(i))
			continue;
		drive_name(i, name);
		json_array_append_new(list, json_pack("{s:s,s:o}",
			"device", name, "stats", drive_stats(i)));
	}
	return list;
}

/* ---- PCI ---- */

static void add_pci(json_t *list, unsigned int slot, unsigned int function,
		    int class, int vendor, int device, const char *desc,
		    const char *id)
{
	json_array_append_new(list, json_pack(
		"{s:i,s:i,s:i,s:s,s:i,s:{s:i,s:s},s:{s:i,s:i},s:[]}",
		"bus", 0, "slot", slot, "function", function, "qdev_id", id,
		"irq_pin", 0, "class_info", "class", class, "desc", desc,
		"id", "vendor", vendor, "device", device, "regions"));
}

HANDLER(on_query_pci)
{
	const struct conf *conf = qmp_host->conf;
	json_t *list = json_array();

	UNUSED;
	add_pci(list, 0, 0, 0x0600, 0x8086, 0x1237, "Host bridge", "");
	add_pci(list, 1, 0, 0x0601, 0x8086, 0x7000, "ISA bridge", "");
	add_pci(list, 1, 1, 0x0101, 0x8086, 0x7010, "IDE controller", "");
	add_pci(list, 1, 3, 0x0680, 0x8086, 0x7113, "Bridge", "");
	if (conf->pci_platform)
		add_pci(list, 2, 0, 0xff80, 0x5853, 0x0001, "Xen platform", "");
	if (conf->have_vga)
		add_pci(list, plan_vga_slot(conf), 0, 0x0300, 0x1234, 0x1111,
			"VGA controller", "");
	for (unsigned int i = 0; i < conf->nic_count; i++) {
		const struct conf_nic *n = &conf->nic[i];

		if (n->model)
			add_pci(list, plan_nic_slot(conf, i), 0, 0x0200,
				n->model->vendor, n->model->device,
				"Ethernet controller", n->id ? n->id : "");
	}
	return json_pack("[{s:i,s:o}]", "bus", 0, "devices", list);
}

/* ---- descriptors ---- */

static struct qmp_fdset *find_set(struct qmp_client *c, int id)
{
	for (unsigned int i = 0; i < QMP_FDS; i++)
		if (c->set[i].id == id)
			return &c->set[i];
	return NULL;
}

HANDLER(on_add_fd)
{
	const char *opaque = json_string_value(json_object_get(args, "opaque"));
	struct qmp_fdset *set = find_set(c, -1);
	int id = 0, fd;

	if (!set)
		return fail(err, "more than %u descriptors", QMP_FDS);
	fd = json_conn_take_fd(&c->conn);
	if (fd < 0)
		return fail(err, "No file descriptor supplied via SCM_RIGHTS");
	while (find_set(c, id))
		id++;
	*set = (struct qmp_fdset){ .id = id, .fd = fd,
		.opaque = opaque ? strdup(opaque) : NULL };
	return json_pack("{s:i,s:i}", "fdset-id", id, "fd", fd);
}

HANDLER(on_remove_fd)
{
	json_t *id = json_object_get(args, "fdset-id");
	struct qmp_fdset *set = NULL;

	if (json_is_integer(id) && json_integer_value(id) >= 0 &&
	    json_integer_value(id) < (json_int_t)QMP_FDS)
		set = find_set(c, (int)json_integer_value(id));
	if (!set)
		return fail(err, "File descriptor named 'fdset-id' not found");
	close(set->fd);
	free(set->opaque);
	*set = (struct qmp_fdset){ .id = -1 };
	return json_object();
}

HANDLER(on_query_fdsets)
{
	json_t *list = json_array();

	UNUSED;
	for (unsigned int i = 0; i < QMP_FDS; i++) {
		json_t *fd;

		if (c->set[i].id < 0)
			continue;
		fd = json_pack("{s:i}", "fd", c->set[i].fd);
		if (c->set[i].opaque)
			json_object_set_new(fd, "opaque", json_string(c->set[i].opaque));
		json_array_append_new(list, json_pack("{s:i,s:[o]}", "fdset-id",
						      c->set[i].id, "fds", fd));
	}
	return list;
}

/* ---- saving ---- */

#define FDSET_PREFIX	"/dev/fdset/"

HANDLER(on_save)
{
	const char *name = json_string_value(json_object_get(args, "filename"));
	struct qmp_fdset *set = NULL;
	char *end;
	long id;

	if (!name)
		return fail(err, "Parameter 'filename' is missing");
	if (!qmp_host->save)
		return fail(err, "there are no devices to save");
	if (strncmp(name, FDSET_PREFIX, strlen(FDSET_PREFIX)) != 0)
		return outcome(qmp_host->save(-1, name, err->desc,
					      sizeof(err->desc)), err);
	id = strtol(name + strlen(FDSET_PREFIX), &end, 10);
	if (*end == '\0' && end != name + strlen(FDSET_PREFIX) && id >= 0 &&
	    id < (long)QMP_FDS)
		set = find_set(c, (int)id);
	if (!set)
		return fail(err, "no such descriptor: filename=%.80s", name);
	return outcome(qmp_host->save(set->fd, NULL, err->desc, sizeof(err->desc)),
		       err);
}

/* ---- the table ---- */

HANDLER(on_query_commands);

static const struct cmd {
	const char *name;
	bool early;
	json_t *(*run)(struct qmp_client *c, json_t *args, struct qmp_error *err);
	const char *text;	/* of NO: the reason */
} cmds[] = {
#define EARLY	true
#define LATE	false
#define CMD(name, when, handler, text) { name, when, handler, text },
#define NO(name, reason) { name, LATE, NULL, reason },
#include "supervisor/qmp_cmd.def"
#undef CMD
#undef NO
};
#define CMDS (sizeof(cmds) / sizeof(cmds[0]))

HANDLER(on_query_commands)
{
	json_t *list = json_array();

	UNUSED;
	for (size_t i = 0; i < CMDS; i++)
		json_array_append_new(list, json_pack("{s:s}", "name", cmds[i].name));
	return list;
}

static const struct cmd *find_cmd(const char *name)
{
	for (size_t i = 0; i < CMDS; i++)
		if (strcmp(cmds[i].name, name) == 0)
			return &cmds[i];
	return NULL;
}

bool qmp_cmd_is_early(const char *name)
{
	const struct cmd *cmd = find_cmd(name);

	return !cmd || cmd->early;
}

json_t *qmp_cmd_run(struct qmp_client *c, const char *name, json_t *args,
		    struct qmp_error *err)
{
	const struct cmd *cmd = find_cmd(name);
	json_t *value;

	if (!cmd) {
		err->class = "CommandNotFound";
		return fail(err, "The command %.80s has not been found", name);
	}
	if (!cmd->run)
		return fail(err, "%s", cmd->text);
	value = cmd->run(c, args, err);
	if (!value && !err->held && !err->desc[0])
		return fail(err, "out of memory, or a name that is not UTF-8");
	return value;
}
