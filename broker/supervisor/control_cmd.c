/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/control_cmd.c - what the commands of the control socket answer
 *
 * Runs in the supervisor.  Tells what only the supervisor knows; what the
 * kernel knows of a process, cloisterctl reads in /proc itself, so that the
 * evidence is not the word of the accused.  Of what a confined process wrote,
 * numbers are passed on.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "abi/chan.h"
#include "abi/plan.h"
#include "base/clock.h"
#include "supervisor/chan_look.h"
#include "supervisor/control.h"
#include "supervisor/run_dir.h"

#define WORD_MAX	32

__attribute__((format(printf, 3, 4)))
static json_t *fail(struct control_reply *r, const char *class, const char *fmt, ...)
{
	va_list ap;

	r->class = class;
	va_start(ap, fmt);
	vsnprintf(r->desc, sizeof(r->desc), fmt, ap);
	va_end(ap);
	return NULL;
}

#define HANDLER(name) static json_t *name(json_t *args, struct control_reply *r)
#define UNUSED	(void)args, (void)r

static const char *text_of(json_t *args, const char *key)
{
	return json_string_value(json_object_get(args, key));
}

static double age_s(int64_t began_ns)
{
	return (double)(clock_now_ns() - began_ns) / (double)NS_PER_S;
}

/* ---- processes ---- */

static bool find_process(const char *name, struct control_process *p)
{
	for (unsigned int i = 0; control_host->process && control_host->process(i, p); i++)
		if (strcmp(p->name, name) == 0)
			return true;
	return false;
}

static void add_cgroup(json_t *o, const char *name)
{
	const char *dir = control_host->cgroup ? control_host->cgroup() : "";
	char path[600];

	if (!dir[0])
		return;
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	json_object_set_new(o, "cgroup", json_string(path));
}

static json_t *tell_process(const struct control_process *p)
{
	json_t *o = json_pack("{s:s,s:s,s:s,s:i,s:I,s:f}", "name", p->name,
			      "role", p->role, "state", p->state,
			      "pid", (int)p->pid, "uid", (json_int_t)p->uid,
			      "age_s", p->pid ? age_s(p->began_ns) : 0.0);
	json_t *counters;

	if (p->syscalls)
		json_object_set_new(o, "syscalls", json_integer(p->syscalls));
	add_cgroup(o, p->name);
	counters = control_host->counters ? control_host->counters(p->name) : NULL;
	if (counters)
		json_object_set_new(o, "counters", counters);
	return o;
}

static json_t *tell_processes(void)
{
	const struct control_process self = { .name = "supervisor",
		.role = "supervisor", .state = "running", .pid = getpid(),
		.uid = geteuid(), .began_ns = control_host->began_ns };
	json_t *list = json_array();
	struct control_process p;

	json_array_append_new(list, tell_process(&self));
	for (unsigned int i = 0; control_host->process && control_host->process(i, &p); i++)
		json_array_append_new(list, tell_process(&p));
	return list;
}

/* ---- devices ---- */

/* "source" may be no UTF-8: then it is left out. */
static void add_device(json_t *list, const char *kind, const char *name,
		       const char *worker, const char *source)
{
	json_t *o = json_pack("{s:s,s:s,s:s}", "kind", kind, "name", name,
			      "worker", worker);

	if (source && source[0])
		json_object_set_new(o, "source", json_string(source));
	json_array_append_new(list, o);
}

static void tell_nics(json_t *list, const struct conf *c)
{
	char name[24], worker[16];

	for (unsigned int i = 0; i < c->nic_count; i++) {
		const struct conf_nic *n = &c->nic[i];

		snprintf(name, sizeof(name), "%s", n->model ? n->model->name : "none");
		snprintf(worker, sizeof(worker), "net%u", i);
		add_device(list, "nic", name, n->model ? worker : "none", n->ifname);
	}
}

static void tell_ends(json_t *list, const struct qmp_host *g)
{
	const struct conf *c = g->conf;
	char name[16], where[120];

	for (unsigned int i = 0; i < CONF_SERIALS; i++) {
		snprintf(name, sizeof(name), "com%u", i + 1);
		if (c->serial[i].kind != SERIAL_ABSENT)
			add_device(list, "serial", name, "platform", g->serial_name[i]);
	}
	if (c->have_vga)
		add_device(list, "display", "vga", "vga", NULL);
	if (!c->have_vnc)
		return;
	snprintf(where, sizeof(where), g->vnc_ipv6 ? "[%.80s]:%u" : "%.80s:%u",
		 g->vnc_host ? g->vnc_host : "", g->vnc_port);
	add_device(list, "vnc", "vnc", "vnc", where);
}

static json_t *tell_devices(void)
{
	static const char *const drive[CONF_DRIVES] = { "hda", "hdb", "hdc", "hdd" };
	const struct conf *c = control_host->guest->conf;
	json_t *list = json_array();

	for (unsigned int i = 0; i < CONF_DRIVES; i++)
		if (c->drive[i].path && !c->drive[i].is_cdrom)
			add_device(list, c->drive[i].read_only ? "disk, read-only" :
				   "disk", drive[i], "disk0", c->drive[i].path);
	tell_nics(list, c);
	tell_ends(list, control_host->guest);
	return list;
}

/* ---- status ---- */

static const char *state_name(void)
{
	switch (control_host->guest->status) {
	case QMP_STATUS_PRELAUNCH:	return "prelaunch";
	case QMP_STATUS_RUNNING:	return "running";
	case QMP_STATUS_PAUSED:		return "paused";
	case QMP_STATUS_SUSPENDED:	return "suspended";
	case QMP_STATUS_SHUTDOWN:	return "shutdown";
	}
	return "unknown";
}

HANDLER(on_status)
{
	const int64_t began_ns = control_host->family_began_ns ?
		control_host->family_began_ns : control_host->began_ns;
	const struct conf *c = control_host->guest->conf;
	json_t *name = c->name ? json_string(c->name) : NULL;
	json_t *o;

	UNUSED;
	/* A name that is no UTF-8 is none. */
	o = json_pack("{s:s,s:i,s:o,s:s,s:f,s:i,s:s,s:I,s:i,s:o,s:o}",
		      "version", CLOISTER_VERSION, "domid", (int)c->domid,
		      "name", name ? name : json_string(""),
		      "state", state_name(), "age_s", age_s(began_ns),
		      "pid", (int)getpid(), "run_dir", run_dir_path(),
		      "ram_bytes", (json_int_t)(c->ram_mib << 20),
		      "vcpus", (int)c->vcpus,
		      "processes", tell_processes(), "devices", tell_devices());
	return o;
}

/* ---- what each worker may claim ---- */

static json_t *tell_verbs(unsigned int verbs)
{
	static const struct { unsigned int bit; const char *name; } all[] = {
		{ PLAN_MAY_LINK_ROUTE, "route-links" }, { PLAN_MAY_UNPLUG, "unplug" },
		{ PLAN_MAY_ROM_LOCK, "lock-rom" }, { PLAN_MAY_POWER, "power" },
		{ PLAN_MAY_VRAM, "video-memory" }, { PLAN_MAY_MODIFIED, "guest-memory" },
		{ PLAN_MAY_BATCH, "buffered-writes" },
	};
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (verbs & all[i].bit)
			json_array_append_new(list, json_string(all[i].name));
	return list;
}

static json_t *tell_bits(uint32_t bits)
{
	json_t *list = json_array();

	for (int i = 0; i < 32; i++)
		if (bits >> i & 1)
			json_array_append_new(list, json_integer(i));
	return list;
}

static json_t *tell_claim(const struct plan_worker *w)
{
	static const char *const space[CHAN_SPACE_COUNT] = {
		[CHAN_PIO] = "port", [CHAN_MMIO] = "memory", [CHAN_PCI] = "pci-function" };
	json_t *ranges = json_array();

	for (unsigned int i = 0; i < w->range_count && i < PLAN_RANGES; i++) {
		const struct plan_range *g = &w->range[i];

		if (g->space < CHAN_SPACE_COUNT)
			json_array_append_new(ranges, json_pack("{s:s,s:I,s:I}",
				"space", space[g->space], "first",
				(json_int_t)g->first, "last", (json_int_t)g->last));
	}
	return json_pack("{s:o,s:o,s:o,s:o}", "ranges", ranges,
			 "isa_lines", tell_bits(w->isa_lines),
			 "pci_slots", tell_bits(w->intx_devs),
			 "verbs", tell_verbs(w->verbs));
}

HANDLER(on_explain)
{
	json_t *o = on_status(args, r), *claims = json_object();
	struct plan plan;

	if (control_host->plan >= 0 && pread(control_host->plan, &plan, sizeof(plan),
					     0) == (ssize_t)sizeof(plan))
		for (unsigned int i = 0; i < plan.worker_count && i < WORKERS_MAX; i++)
			if (plan.worker[i].role != PLAN_ABSENT)
				json_object_set_new(claims, plan.worker[i].name,
						    tell_claim(&plan.worker[i]));
	json_object_set_new(o, "claims", claims);
	return o;
}

/* ---- metrics and limits ---- */

HANDLER(on_metrics)
{
	char *text = control_host->metrics ? control_host->metrics() : NULL;
	json_t *o;

	UNUSED;
	if (!text)
		return fail(r, "NotAvailable", "accounting is off");
	o = json_pack("{s:s}", "text", text);
	free(text);
	return o;
}

HANDLER(on_limit)
{
	const char *process = text_of(args, "process"), *key = text_of(args, "key");
	const char *value = text_of(args, "value");
	char why[240] = "";
	int rc;

	if (!control_host->limit)
		return fail(r, "NotAvailable", "limits are not to be had here");
	rc = control_host->limit(process, key, value, why, sizeof(why));
	if (rc == 0)
		return json_object();
	return fail(r, rc == -ENOENT ? "NoSuchProcess" : rc == -EINVAL ? "Usage" :
		    rc == -EOPNOTSUPP ? "NotAvailable" : "Failed",
		    "%.60s: %.60s=%.100s: %s", process, key, value,
		    why[0] ? why : strerrordesc_np(-rc));
}

HANDLER(on_restart)
{
	const char *process = text_of(args, "process");
	char why[240] = "";
	int rc;

	if (!control_host->restart)
		return fail(r, "NotAvailable", "nobody can be replaced here");
	rc = control_host->restart(process, why, sizeof(why));
	if (rc == 0)
		return json_object();
	return fail(r, rc == -ENOENT ? "NoSuchProcess" : "Failed", "%.60s: %s",
		    process, why[0] ? why : strerrordesc_np(-rc));
}

/* ---- trace ---- */

/* Where the guest put this worker's PCI functions: their configuration spaces,
   as the worker's mirrors have them. */
static json_t *tell_pci(int chan)
{
	struct chan_look_function f[CHAN_WINS];
	unsigned int count = chan_look_functions(chan, f, CHAN_WINS);
	json_t *list = json_array();

	for (unsigned int i = 0; i < count; i++) {
		char hex[2 * CHAN_LOOK_CONFIG_BYTES + 1];

		for (size_t k = 0; k < CHAN_LOOK_CONFIG_BYTES; k++)
			snprintf(hex + 2 * k, 3, "%02x", f[i].config[k]);
		json_array_append_new(list, json_pack("{s:i,s:s}", "devfn",
						      (int)f[i].devfn, "config", hex));
	}
	return list;
}

HANDLER(on_trace)
{
	const char *worker = text_of(args, "worker");
	struct control_process p;
	int chan;

	if (!find_process(worker, &p))
		return fail(r, "NoSuchProcess", "no such process: %.40s", worker);
	r->fd = control_host->trace ? control_host->trace(worker) : -1;
	if (r->fd < 0)
		return fail(r, "NotAvailable", "nothing is recorded of %.40s", worker);
	chan = control_host->channel ? control_host->channel(worker) : -1;
	return json_pack("{s:s,s:s,s:o}", "worker", worker, "role", p.role,
			 "pci", chan >= 0 ? tell_pci(chan) : json_array());
}

/* ---- the table ---- */

HANDLER(on_commands);

static const struct cmd {
	const char *name;
	json_t *(*run)(json_t *args, struct control_reply *r);
	const char *args;
	const char *text;
} cmds[] = {
#define CMD(name, handler, arguments, text) { name, handler, arguments, text },
#include "supervisor/control_cmd.def"
#undef CMD
};
#define CMDS (sizeof(cmds) / sizeof(cmds[0]))

HANDLER(on_commands)
{
	json_t *list = json_array();

	UNUSED;
	for (size_t i = 0; i < CMDS; i++)
		json_array_append_new(list, json_pack("{s:s,s:s,s:s}",
			"name", cmds[i].name, "arguments", cmds[i].args,
			"text", cmds[i].text));
	return list;
}

/* Is every word of @wanted there, as a string? */
static bool has_args(json_t *args, const char *wanted, char word[WORD_MAX])
{
	while (*wanted) {
		size_t len = strcspn(wanted, " ");

		snprintf(word, WORD_MAX, "%.*s", (int)len, wanted);
		if (!text_of(args, word))
			return false;
		wanted += len + strspn(wanted + len, " ");
	}
	return true;
}

json_t *control_cmd_run(const char *name, json_t *args, struct control_reply *r)
{
	char word[WORD_MAX];
	json_t *value;

	for (size_t i = 0; i < CMDS; i++) {
		if (strcmp(cmds[i].name, name) != 0)
			continue;
		if (!has_args(args, cmds[i].args, word))
			return fail(r, "Usage", "%s wants %s", name, word);
		value = cmds[i].run(args, r);
		if (!value && !r->desc[0])
			return fail(r, "Failed", "out of memory, or a text that is not UTF-8");
		return value;
	}
	return fail(r, "NoSuchCommand", "no such command: %.80s", name);
}
