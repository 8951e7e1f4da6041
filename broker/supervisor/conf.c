/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/conf.c - what this guest is made of: everything but its devices
 *
 * Runs in the supervisor, first.  Opens nothing and asks nobody.
 */
#include "supervisor/conf.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "abi/plan.h"
#include "supervisor/crash.h"
#include "supervisor/metrics_path.h"

#define MIB		(UINT64_C(1) << 20)
#define LOW_END_DEFAULT	UINT64_C(0xf0000000)	/* libxl's and hvmloader's */
#define LOW_END_MIN	UINT64_C(0x10000000)
#define RAM_MIB_MAX	(UINT64_C(16) << 20)

enum conf_result conf_refuse(struct conf *c, enum opt_id id, const char *what,
			     const char *fmt, ...)
{
	char reason[240];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	if (c->said)
		snprintf(c->why, sizeof(c->why), "%.160s%s%.100s: %s", c->said,
			 what ? " " : "", what ? what : "", reason);
	else
		snprintf(c->why, sizeof(c->why), "refused: -%s%s%.100s: %s",
			 opt_table[id].name, what ? " " : "", what ? what : "",
			 reason);
	return CONF_REFUSED;
}

enum conf_result conf_refuse_key(struct conf *c, enum opt_id id,
				 const struct opt_keys *k)
{
	char what[120];

	snprintf(what, sizeof(what), "%.40s%s%.60s", k->key, k->val ? "=" : "",
		 k->val ? k->val : "");
	if (k->too_long)
		return conf_refuse(c, id, what, "too long");
	if (k->val && !k->val[0])
		return conf_refuse(c, id, what, "empty");
	return conf_refuse(c, id, what, "no such key here, or not with this value");
}

void conf_note(struct conf *c, const char *fmt, ...)
{
	char line[220];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (c->note_count < CONF_NOTES)
		c->note[c->note_count++] = conf_keep(c, line);
}

const char *conf_keep(struct conf *c, const char *s)
{
	size_t len = strlen(s) + 1;
	char *to = c->text + c->text_used;

	if (len > sizeof(c->text) - c->text_used) {
		c->text_full = true;
		return NULL;
	}
	memcpy(to, s, len);
	c->text_used += len;
	return to;
}

bool conf_key_is(const struct opt_keys *k, const char *key, const char *val)
{
	return !k->too_long && strcmp(k->key, key) == 0 && k->val &&
		(!val || strcmp(k->val, val) == 0);
}

/* server=on, wait=off, and the short forms of libxl before 4.16. */
static bool is_server_key(const struct opt_keys *k)
{
	return conf_key_is(k, "server", "on") || conf_key_is(k, "wait", "off") ||
		(!k->val && (strcmp(k->key, "server") == 0 ||
			     strcmp(k->key, "nowait") == 0));
}

static bool is_same_socket(const struct conf_chardev *a,
			   const struct conf_chardev *b)
{
	if (a->path && b->path)
		return strcmp(a->path, b->path) == 0;
	return a->fd >= 0 && a->fd == b->fd;
}

static enum conf_result on_chardev(struct conf *c, const char *arg)
{
	struct conf_chardev *d = &c->chardev[c->chardev_count];
	unsigned long long n;
	struct opt_keys k;

	if (c->chardev_count == CONF_CHARDEVS)
		return conf_refuse(c, OPT_CHARDEV, arg, "more than %d", CONF_CHARDEVS);
	*d = (struct conf_chardev){ .fd = -1 };
	opt_keys_begin(&k, arg);
	if (!opt_keys_next(&k) || k.val || strcmp(k.key, "socket") != 0)
		return conf_refuse(c, OPT_CHARDEV, arg,
				   "only socket,... for QMP is served");
	while (opt_keys_next(&k)) {
		if (conf_key_is(&k, "id", NULL))
			d->id = conf_keep(c, k.val);
		else if (conf_key_is(&k, "path", NULL))
			d->path = conf_keep(c, k.val);
		else if (conf_key_is(&k, "fd", NULL) &&
			 opt_number(k.val, 3, 1 << 20, &n))
			d->fd = (int)n;
		else if (!is_server_key(&k))
			return conf_refuse_key(c, OPT_CHARDEV, &k);
	}
	if (!d->id || (!d->path) == (d->fd < 0) || !d->id[0] ||
	    (d->path && !d->path[0]))
		return conf_refuse(c, OPT_CHARDEV, arg, "wants id= and path= or fd=");
	if (strncmp(d->id, "libxl-channel", 13) == 0)
		return conf_refuse(c, OPT_CHARDEV, d->id, "channels are not served yet");
	for (unsigned int i = 0; i < c->chardev_count; i++)
		if (strcmp(c->chardev[i].id, d->id) == 0 ||
		    is_same_socket(d, &c->chardev[i]))
			return conf_refuse(c, OPT_CHARDEV, arg, "given twice");
	c->chardev_count++;
	return CONF_OK;
}

static enum conf_result on_mon(struct conf *c, const char *arg)
{
	struct conf_chardev *found = NULL;
	struct opt_keys k;

	opt_keys_begin(&k, arg);
	while (opt_keys_next(&k)) {
		if (conf_key_is(&k, "chardev", NULL)) {
			for (unsigned int i = 0; i < c->chardev_count; i++)
				if (strcmp(c->chardev[i].id, k.val) == 0)
					found = &c->chardev[i];
		} else if (!conf_key_is(&k, "mode", "control") &&
			   !conf_key_is(&k, "pretty", "off")) {
			return conf_refuse_key(c, OPT_MON, &k);
		}
	}
	if (!found)
		return conf_refuse(c, OPT_MON, arg, "no such chardev");
	found->is_mon = true;
	return CONF_OK;
}

static enum conf_result on_machine(struct conf *c, const char *arg)
{
	const char *before = c->machine;
	unsigned long long n;
	struct opt_keys k;

	opt_keys_begin(&k, arg);
	for (bool first = true; opt_keys_next(&k); first = false) {
		if (first && !k.val)
			c->machine = conf_keep(c, k.key);
		else if (conf_key_is(&k, "type", NULL))
			c->machine = conf_keep(c, k.val);
		else if (conf_key_is(&k, "max-ram-below-4g", NULL) &&
			 opt_number(k.val, LOW_END_MIN, LOW_END_DEFAULT, &n))
			c->max_low_bytes = n;
		else if (!conf_key_is(&k, "accel", "xen") &&
			 !conf_key_is(&k, "suppress-vmdesc", NULL))
			return conf_refuse_key(c, OPT_MACHINE, &k);
	}
	if (!c->machine)
		return conf_refuse(c, OPT_MACHINE, arg, "no machine named");
	if (before && strcmp(before, c->machine) != 0)
		return conf_refuse(c, OPT_MACHINE, c->machine,
				   "contradicts -machine %s", before);
	if (strcmp(c->machine, "xenfv") == 0)
		c->pci_platform = true;
	else if (strcmp(c->machine, "none") == 0)
		c->probe = true;
	else if (strcmp(c->machine, "pc") != 0)
		return conf_refuse(c, OPT_MACHINE, c->machine,
				   "xenfv, pc or none expected");
	return CONF_OK;
}

static enum conf_result on_smp(struct conf *c, const char *arg)
{
	unsigned long long n;
	struct opt_keys k;

	c->max_vcpus = 0;
	opt_keys_begin(&k, arg);
	for (bool first = true; opt_keys_next(&k); first = false) {
		const char *v = first && !k.val ? k.key : k.val;
		bool cpus = (first && !k.val) || strcmp(k.key, "cpus") == 0;

		if ((!cpus && strcmp(k.key, "maxcpus") != 0) ||
		    !opt_number(v, 1, CONF_VCPUS_MAX, &n))
			return conf_refuse_key(c, OPT_SMP, &k);
		*(cpus ? &c->vcpus : &c->max_vcpus) = (unsigned int)n;
	}
	if (!c->max_vcpus)
		c->max_vcpus = c->vcpus;
	if (c->vcpus > c->max_vcpus)
		return conf_refuse(c, OPT_SMP, arg, "more vCPUs than maxcpus");
	return CONF_OK;
}

static enum conf_result on_ram(struct conf *c, const char *arg)
{
	unsigned long long n;
	char digits[24];
	size_t len = strspn(arg, "0123456789");
	uint64_t unit = arg[len] == 'G' ? 1024 : 1;

	snprintf(digits, sizeof(digits), "%.*s", (int)len, arg);
	if (arg[len] && (strchr("MG", arg[len]) == NULL || arg[len + 1]))
		return conf_refuse(c, OPT_M, arg, "a number of MiB expected");
	if (len >= sizeof(digits) || !opt_number(digits, 1, RAM_MIB_MAX / unit, &n))
		return conf_refuse(c, OPT_M, arg, "not 1 to %llu MiB",
				   (unsigned long long)RAM_MIB_MAX);
	c->ram_mib = n * unit;
	return CONF_OK;
}

static enum conf_result on_boot(struct conf *c, const char *arg)
{
	struct opt_keys k;

	opt_keys_begin(&k, arg);
	while (opt_keys_next(&k)) {
		const char *order = k.val ? k.val : k.key;

		if ((k.val && strcmp(k.key, "order") != 0) || !order[0] ||
		    order[strspn(order, "acdn")] ||
		    strlen(order) >= sizeof(c->boot))
			return conf_refuse_key(c, OPT_BOOT, &k);
		snprintf(c->boot, sizeof(c->boot), "%s", order);
	}
	return CONF_OK;
}

static enum conf_result on_vnc(struct conf *c, const char *arg)
{
	char why[160];

	c->have_vnc = strcmp(arg, "none") != 0;
	if (!c->have_vnc || vnc_addr_parse(arg, &c->vnc, why, sizeof(why)))
		return CONF_OK;
	snprintf(c->why, sizeof(c->why), "%.160s %s",
		 c->said ? c->said : "refused: -vnc", why);
	return CONF_REFUSED;
}

static enum conf_result on_metrics_file(struct conf *c, const struct opt_keys *k)
{
	char why[100], what[100];

	if (metrics_path_check(k->val, why, sizeof(why))) {
		snprintf(what, sizeof(what), "metrics=%.80s", k->val);
		return conf_refuse(c, OPT_CLOISTER, what, "%s", why);
	}
	c->metrics_file = conf_keep(c, k->val);
	return CONF_OK;
}

/* What -cloister says about counting and metrics; CONF_USAGE: @k is not that. */
static enum conf_result on_metrics(struct conf *c, const struct opt_keys *k)
{
	unsigned long long n;

	if (conf_key_is(k, "stats", "on") || conf_key_is(k, "stats", "off")) {
		c->no_stats = strcmp(k->val, "off") == 0;
		return CONF_OK;
	}
	if (conf_key_is(k, "metrics", "off")) {
		c->metrics_file = NULL;
		return CONF_OK;
	}
	if (conf_key_is(k, "metrics", "on") ||
	    (conf_key_is(k, "metrics", NULL) && k->val[0] == '/'))
		return on_metrics_file(c, k);
	if (conf_key_is(k, "metrics-interval", NULL) &&
	    opt_number(k->val, 1, CONF_INTERVAL_MAX_S, &n)) {
		c->metrics_interval_s = (unsigned int)n;
		return CONF_OK;
	}
	return CONF_USAGE;
}

/* CONF_USAGE: @k is not that. */
static enum conf_result on_one_cpu(struct conf *c, const struct opt_keys *k)
{
	static const char *const value[] = {
		[CONF_ONE_CPU_AUTO] = "auto", [CONF_ONE_CPU_ON] = "on",
		[CONF_ONE_CPU_OFF] = "off" };

	for (unsigned int i = 0; i < sizeof(value) / sizeof(value[0]); i++)
		if (conf_key_is(k, "one-cpu", value[i])) {
			c->one_cpu = (enum conf_one_cpu)i;
			return CONF_OK;
		}
	return CONF_USAGE;
}

static enum conf_result on_cloister(struct conf *c, const char *arg)
{
	static const struct { const char *key; uint32_t flag; } off[] = {
		{ "shadow", PLAN_NO_SHADOW }, { "posted", PLAN_NO_POSTED },
		{ "poll", PLAN_NO_POLL },
	};
	struct opt_keys k;

	opt_keys_begin(&k, arg);
	while (opt_keys_next(&k)) {
		enum conf_result rc;
		unsigned int i;

		if (conf_key_is(&k, "log", "debug") || conf_key_is(&k, "log", "info")) {
			c->log_level = k.val[0] == 'd' ? LOG_L_DEBUG : LOG_L_INFO;
			continue;
		}
		if (conf_key_is(&k, "limit", NULL) ||
		    conf_key_is(&k, "restart-limit", NULL) ||
		    conf_key_is(&k, "cgroup-parent", NULL)) {
			rc = k.key[0] == 'l' ? conf_limit(c, k.val) :
				k.key[0] == 'r' ? conf_restart_limit(c, k.val) :
				conf_cgroup_parent(c, k.val);
			if (rc)
				return rc;
			continue;
		}
		if (conf_key_is(&k, "run-dir", NULL) && k.val[0] == '/') {
			c->run_dir = conf_keep(c, k.val);
			continue;
		}
		if (conf_key_is(&k, "crash-dir", "off") ||
		    (conf_key_is(&k, "crash-dir", NULL) && k.val[0] == '/')) {
			c->crash_dir = k.val[0] == '/' ? conf_keep(c, k.val) : NULL;
			continue;
		}
		rc = on_one_cpu(c, &k);
		if (rc == CONF_USAGE)
			rc = on_metrics(c, &k);
		if (rc == CONF_OK)
			continue;
		if (rc != CONF_USAGE)
			return rc;
		for (i = 0; i < 3 && strcmp(k.key, off[i].key) != 0; i++)
			;
		if (i == 3 || (!conf_key_is(&k, off[i].key, "off") &&
			       !conf_key_is(&k, off[i].key, "on")))
			return conf_refuse_key(c, OPT_CLOISTER, &k);
		if (strcmp(k.val, "off") == 0)
			c->plan_flags |= off[i].flag;
		else
			c->plan_flags &= ~off[i].flag;
	}
	return CONF_OK;
}

static enum conf_result on_incoming(struct conf *c, const char *arg)
{
	unsigned long long n;

	if (c->incoming)
		return conf_refuse(c, OPT_INCOMING, arg, "given twice");
	c->incoming = true;
	if (strncmp(arg, "file:", 5) == 0 && arg[5]) {
		c->incoming_path = conf_keep(c, arg + 5);
		return CONF_OK;
	}
	if (strncmp(arg, "fd:", 3) != 0 || !opt_number(arg + 3, 3, 1 << 20, &n))
		return conf_refuse(c, OPT_INCOMING, arg, "fd:F or file:P expected");
	c->incoming_fd = (int)n;
	return CONF_OK;
}

static enum conf_result on_domid(struct conf *c, const char *arg)
{
	unsigned long long n;

	if (!opt_number(arg, 0, CONF_DOMID_MAX, &n))
		return conf_refuse(c, OPT_XEN_DOMID, arg, "not a domain's number");
	if (c->have_domid && c->domid != n)
		return conf_refuse(c, OPT_XEN_DOMID, arg, "contradicts %s %u",
				   c->is_serve ? "--domid" : "-xen-domid", c->domid);
	c->domid = (uint32_t)n;
	c->have_domid = true;
	return CONF_OK;
}

static enum conf_result expect_none(struct conf *c, enum opt_id id, const char *arg)
{
	if (strcmp(arg, "none") != 0)
		return conf_refuse(c, id, arg, "only none is served");
	return CONF_OK;
}

static enum conf_result on_keymap(struct conf *c, const char *arg)
{
	if (strcmp(arg, "en-us") != 0)
		conf_note(c, "keymap is not served, keys go by en-us: k=%.40s", arg);
	return CONF_OK;
}

static enum conf_result on_usbdevice(struct conf *c, const char *arg)
{
	if (strcmp(arg, "tablet") != 0)
		return conf_refuse(c, OPT_USBDEVICE, arg, "USB is not served yet");
	c->tablet = true;
	conf_note(c, "usbdevice=tablet is not served yet: the pointer is the PS/2 mouse");
	return CONF_OK;
}

/* Options that conf.c understands; the others are in conf_dev.c. */
enum conf_result conf_use(struct conf *c, enum opt_id id, const char *arg)
{
	switch ((int)id) {
	case OPT_XEN_DOMID:	return on_domid(c, arg);
	case OPT_NAME:		return (c->name = conf_keep(c, arg)) ? CONF_OK
					: conf_refuse(c, id, NULL, "too long");
	case OPT_CHARDEV:	return on_chardev(c, arg);
	case OPT_MON:		return on_mon(c, arg);
	case OPT_HOLD:		c->hold = true; return CONF_OK;
	case OPT_INCOMING:	return on_incoming(c, arg);
	case OPT_MACHINE:	return on_machine(c, arg);
	case OPT_M:		return on_ram(c, arg);
	case OPT_SMP:		return on_smp(c, arg);
	case OPT_BOOT:		return on_boot(c, arg);
	case OPT_DRIVE:		return conf_drive(c, arg);
	case OPT_DEVICE:	return conf_device(c, arg);
	case OPT_NETDEV:	return conf_netdev(c, arg);
	case OPT_NET:		return expect_none(c, id, arg);
	case OPT_SERIAL:	return conf_serial(c, arg);
	case OPT_VNC:		return on_vnc(c, arg);
	case OPT_DISPLAY:	return expect_none(c, id, arg);
	case OPT_K:		return on_keymap(c, arg);
	case OPT_USB:		c->usb = true; return CONF_OK;
	case OPT_USBDEVICE:	return on_usbdevice(c, arg);
	case OPT_NO_ACPI:
		conf_note(c, "no-acpi: the power-management function stays on the PCI bus");
		return CONF_OK;
	case OPT_CLOISTER:	return on_cloister(c, arg);
	case OPT_HELP:
	case OPT_H:		c->help = true; return CONF_OK;
	case OPT_VERSION:	c->version = true; return CONF_OK;
	}
	return CONF_OK;
}

static const char *missing(const struct conf *c)
{
	if (c->is_serve)
		return !c->have_domid && !c->name ? "--domid N or --name NAME"
			: !c->ram_mib ? "--memory MIB" : NULL;
	return !c->have_domid ? "-xen-domid N" : !c->machine ? "-machine xenfv" :
		!c->ram_mib ? "-m MIB" : NULL;
}

/* A file that is called by the guest's name wants one that can be. */
static enum conf_result check_metrics_file(struct conf *c)
{
	char why[100], what[100];

	if (!c->metrics_file ||
	    metrics_path_check_name(c->metrics_file, c->name, why, sizeof(why)) == 0)
		return CONF_OK;
	snprintf(what, sizeof(what), "metrics=%.80s", c->metrics_file);
	c->said = "refused:";	/* a file may have said it, or the command line */
	return conf_refuse(c, OPT_CLOISTER, what, "%s", why);
}

enum conf_result conf_check(struct conf *c)
{
	for (unsigned int i = 0; i < c->chardev_count; i++)
		if (!c->chardev[i].is_mon)
			return conf_refuse(c, OPT_CHARDEV, c->chardev[i].id,
					   "nothing but -mon uses one");
	if (c->probe)
		return CONF_OK;
	if (missing(c)) {
		snprintf(c->why, sizeof(c->why), "option missing: %s; see --help",
			 missing(c));
		return CONF_USAGE;
	}
	if (c->is_serve)
		c->said = "refused: --domid";
	if (c->have_domid && c->domid == 0)
		return conf_refuse(c, OPT_XEN_DOMID, "0", "domain 0 has no device model");
	c->said = NULL;
	if (c->usb && !c->tablet)
		return conf_refuse(c, OPT_USB, NULL, "USB is not served yet");
	if (check_metrics_file(c))
		return CONF_REFUSED;
	return conf_join_devices(c);
}

void conf_begin(struct conf *c)
{
	*c = (struct conf){ .vcpus = 1, .max_vcpus = 1, .boot = "cda",
		.max_low_bytes = LOW_END_DEFAULT, .log_level = LOG_L_INFO,
		.crash_dir = CRASH_DIR_DEFAULT,
		.metrics_interval_s = CONF_INTERVAL_S, .restarts = CONF_RESTARTS,
		.restart_window_s = CONF_RESTART_S };
}

enum conf_result conf_take_options(struct conf *c, int argc, char *const *argv)
{
	struct opt_scan s = { .argc = argc, .at = 1, .argv = argv };
	struct opt_item item;
	int r;

	while ((r = opt_next(&s, &item)) > 0) {
		enum conf_result rc = CONF_OK;

		if (opt_table[item.id].kind == OPT_KIND_NO)
			rc = conf_refuse(c, item.id, item.value, "%s",
					 opt_table[item.id].text);
		else if (opt_table[item.id].kind == OPT_KIND_USE &&
			 item.value && !item.value[0])
			rc = conf_refuse(c, item.id, "\"\"", "empty");
		else if (opt_table[item.id].kind == OPT_KIND_USE)
			rc = conf_use(c, item.id, item.value);
		if (rc == CONF_OK && c->text_full)
			rc = conf_refuse(c, item.id, item.value,
					 "the command line is too long");
		if (rc)
			return rc;
		if (c->help || c->version)
			return CONF_OK;
	}
	if (r < 0) {
		snprintf(c->why, sizeof(c->why), "%s; see --help", s.why);
		return CONF_USAGE;
	}
	return conf_check(c);
}

enum conf_result conf_parse(struct conf *c, int argc, char *const *argv)
{
	conf_begin(c);
	return conf_take_options(c, argc, argv);
}
