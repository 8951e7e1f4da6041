/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/serve.c - `cloister serve`: a command line for people and systemd
 *
 * Runs in the supervisor, first.  Each option becomes what libxl would have
 * written, so that both ways make the same guest; opens nothing but files of
 * settings.
 */
#include "supervisor/serve.h"

#include <getopt.h>
#include <string.h>

#include "supervisor/conf_file.h"

#define ARG_LEN		4300
#define DEFAULT_NIC	"e1000"
#define DEFAULT_VGA	"16"

enum serve_id {
#define SERVE(id, name, arg, where, text) SERVE_##id,
#include "supervisor/serve.def"
#undef SERVE
	SERVE_COUNT
};

enum serve_where { SERVE_LINE, SERVE_BOTH };

static const struct {
	const char *name, *arg;
	enum serve_where where;
	const char *text;
} serve_table[SERVE_COUNT] = {
#define SERVE(id, n, a, w, t) [SERVE_##id] = { n, a, SERVE_##w, t },
#include "supervisor/serve.def"
#undef SERVE
};

static const struct option long_option[] = {
#define SERVE(id, n, a, w, t) { n, (a) != NULL, NULL, SERVE_##id },
#include "supervisor/serve.def"
#undef SERVE
	{ 0 }
};

void serve_print_help(FILE *to)
{
	fprintf(to,
		"usage: cloister serve {--domid N | --name NAME} --memory MIB [OPTION]...\n"
		"Device model of a Xen HVM guest that is there already, one confined process\n"
		"per device.  Settings: cloister.conf(5).\n\n");
	for (int i = 0; i < SERVE_COUNT; i++)
		fprintf(to, "  --%s%s%s\n\t%s\n", serve_table[i].name,
			serve_table[i].arg ? " " : "",
			serve_table[i].arg ? serve_table[i].arg : "",
			serve_table[i].text);
}

/* ---- lists in the words of QEMU's options ---- */

struct list {
	size_t len;
	bool full;
	char text[ARG_LEN];
};

/* ",KEY=VALUE" with the commas of VALUE doubled; no comma before the first. */
static void add(struct list *l, const char *key, const char *value)
{
	int n = snprintf(l->text + l->len, sizeof(l->text) - l->len, "%s%s%s",
			 l->len ? "," : "", key, value ? "=" : "");

	if (n < 0 || (size_t)n >= sizeof(l->text) - l->len) {
		l->full = true;
		return;
	}
	l->len += (size_t)n;
	for (; value && *value; value++) {
		if (l->len + 3 > sizeof(l->text)) {
			l->full = true;
			return;
		}
		l->text[l->len++] = *value;
		if (*value == ',')
			l->text[l->len++] = ',';
	}
	l->text[l->len] = '\0';
}

static const char *free_drive(const struct conf *c)
{
	static const char *const number[CONF_DRIVES] = { "0", "1", "2", "3" };

	for (int i = 0; i < CONF_DRIVES; i++)
		if (!c->drive[i].path && !c->drive[i].is_cdrom)
			return number[i];
	return "4";		/* which is refused */
}

static enum conf_result on_disk(struct conf *c, const char *value)
{
	bool have_index = false;
	struct list l = { 0 };
	struct opt_keys k;

	add(&l, "if", "ide");
	opt_keys_begin(&k, value);
	while (opt_keys_next(&k)) {
		if (k.too_long)
			return conf_refuse_key(c, OPT_DRIVE, &k);
		have_index |= strcmp(k.key, "index") == 0;
		add(&l, k.key, k.val);
	}
	if (!have_index)
		add(&l, "index", free_drive(c));
	return l.full ? conf_refuse(c, OPT_DRIVE, value, "too long") :
		conf_drive(c, l.text);
}

static enum conf_result on_nic(struct conf *c, const char *value)
{
	struct list netdev = { 0 }, device = { 0 }, keys = { 0 };
	char model[40] = DEFAULT_NIC, id[16];
	bool have_tap = false;
	struct opt_keys k;
	enum conf_result rc;

	snprintf(id, sizeof(id), "nic%u", c->nic_count);
	add(&netdev, "type", "tap");
	add(&netdev, "id", id);
	opt_keys_begin(&k, value);
	while (opt_keys_next(&k)) {
		if (k.too_long)
			return conf_refuse_key(c, OPT_DEVICE, &k);
		if (conf_key_is(&k, "tap", NULL)) {
			add(&netdev, "ifname", k.val);
			have_tap = true;
		} else if (conf_key_is(&k, "model", NULL)) {
			snprintf(model, sizeof(model), "%s", k.val);
		} else if (conf_key_is(&k, "mac", NULL) ||
			   conf_key_is(&k, "romfile", NULL)) {
			add(&keys, k.key, k.val);
		} else {
			return conf_refuse_key(c, OPT_DEVICE, &k);
		}
	}
	if (!have_tap)
		return conf_refuse(c, OPT_DEVICE, value, "wants tap=");
	if (!nic_find_model(model))
		return conf_refuse(c, OPT_DEVICE, model,
				   "no such network card; there are %s",
				   nic_model_names());
	add(&device, model, NULL);
	add(&device, "netdev", id);
	if (keys.len && (size_t)snprintf(device.text + device.len, ARG_LEN - device.len,
					 ",%s", keys.text) >= ARG_LEN - device.len)
		device.full = true;
	if (netdev.full || device.full || keys.full)
		return conf_refuse(c, OPT_DEVICE, value, "too long");
	rc = conf_netdev(c, netdev.text);
	return rc ? rc : conf_device(c, device.text);
}

static enum conf_result on_qmp(struct conf *c, const char *value)
{
	struct list l = { 0 };
	enum conf_result rc;

	add(&l, "socket", NULL);
	add(&l, "id", "qmp");
	add(&l, "path", value);
	add(&l, "server", "on");
	add(&l, "wait", "off");
	if (l.full)
		return conf_refuse(c, OPT_CHARDEV, value, "too long");
	rc = conf_use(c, OPT_CHARDEV, l.text);
	return rc ? rc : conf_use(c, OPT_MON, "chardev=qmp,mode=control");
}

static enum conf_result on_platform(struct conf *c, struct serve_late *late,
				    const char *value)
{
	if (strcmp(value, "on") != 0 && strcmp(value, "off") != 0)
		return conf_refuse(c, OPT_MACHINE, value, "on or off expected");
	late->machine = value[1] == 'n' ? "xenfv" : "pc";
	return CONF_OK;
}

static enum conf_result on_vga(struct conf *c, struct serve_late *late,
			       const char *value)
{
	unsigned long long n;

	if (strcmp(value, "none") != 0 &&
	    (!opt_number(value, 1, 1024, &n) || (n & (n - 1))))
		return conf_refuse(c, OPT_DEVICE, value,
				   "none or a power of two of MiB expected");
	late->vga = conf_keep(c, value);
	return CONF_OK;
}

/* ---- one option ---- */

static enum conf_result take(struct conf *c, struct serve_late *late, int id,
			     const char *value)
{
	switch (id) {
	case SERVE_DOMID:	return conf_use(c, OPT_XEN_DOMID, value);
	case SERVE_NAME:	return conf_use(c, OPT_NAME, value);
	case SERVE_MEMORY:	return conf_use(c, OPT_M, value);
	case SERVE_VCPUS:	return conf_use(c, OPT_SMP, value);
	case SERVE_BOOT:	return conf_use(c, OPT_BOOT, value);
	case SERVE_PLATFORM:	return on_platform(c, late, value);
	case SERVE_VGA:		return on_vga(c, late, value);
	case SERVE_DISK:	return on_disk(c, value);
	case SERVE_NIC:		return on_nic(c, value);
	case SERVE_VNC:		return conf_use(c, OPT_VNC, value);
	case SERVE_SERIAL:	return conf_use(c, OPT_SERIAL, value);
	case SERVE_QMP:		return on_qmp(c, value);
	case SERVE_PARENT:	return conf_cgroup_parent(c, value);
	case SERVE_LIMIT:	return conf_limit(c, value);
	case SERVE_SET:		return conf_use(c, OPT_CLOISTER, value);
	case SERVE_DRY_RUN:	c->dry_run = true; return CONF_OK;
	case SERVE_TEAR_DOWN:	c->tear_down = true; return CONF_OK;
	case SERVE_HELP:	c->help = true; return CONF_OK;
	case SERVE_VERSION:	c->version = true; return CONF_OK;
	}
	return CONF_OK;		/* SERVE_CONFIG was read before */
}

static enum conf_result take_full(struct conf *c, struct serve_late *late, int id,
				  const char *value)
{
	enum conf_result rc;

	if (value && !value[0])
		return conf_refuse(c, OPT_CLOISTER, "\"\"", "empty");
	rc = take(c, late, id, value);
	if (rc == CONF_OK && c->text_full)
		rc = conf_refuse(c, OPT_CLOISTER, value, "there is no more room for it");
	return rc;
}

enum conf_result serve_take(struct conf *c, struct serve_late *late, const char *name,
			    const char *value)
{
	for (int i = 0; i < SERVE_COUNT; i++)
		if (serve_table[i].where == SERVE_BOTH &&
		    strcmp(serve_table[i].name, name) == 0)
			return take_full(c, late, i, value);
	return CONF_USAGE;
}

/* ---- the command line ---- */

/*
 * The next option, or -1; getopt_long() prints nothing.  Only whole names:
 * what an abbreviation means may change with the next option there is.
 */
static int next_option(struct conf *c, int argc, char **argv)
{
	const char *word = argv[optind];
	int id;

	opterr = 0;
	id = getopt_long(argc, argv, "+:", long_option, NULL);
	if (id < 0)
		return id;
	if (id == ':') {
		snprintf(c->why, sizeof(c->why), "argument missing: %.100s; see serve --help",
			 word);
	} else if (id == '?' || strncmp(word, "--", 2) != 0 ||
		   strcspn(word + 2, "=") != strlen(serve_table[id].name)) {
		snprintf(c->why, sizeof(c->why), "unknown option: %.100s; see serve --help",
			 word);
		id = '?';
	}
	return id;
}

/*
 * Files come first, so that the command line has the last word; but a mistake
 * in one must not keep anybody from --help.
 */
static enum conf_result read_files(struct conf *c, struct serve_late *late,
				   const char *file, int argc, char **argv)
{
	const char *more = NULL;
	enum conf_result rc;
	int id;

	optind = 1;
	while (optind < argc && (id = next_option(c, argc, argv)) >= 0) {
		if (id == '?' || id == ':')
			return CONF_USAGE;
		if (id == SERVE_HELP || id == SERVE_VERSION || id == SERVE_TEAR_DOWN)
			return CONF_OK;
		if (id == SERVE_CONFIG && more) {
			snprintf(c->why, sizeof(c->why),
				 "refused: --config %.100s: given twice", optarg);
			return CONF_REFUSED;
		}
		if (id == SERVE_CONFIG)
			more = optarg;
	}
	rc = conf_file_read(c, file, CONF_FILE_OPTIONAL, NULL);
	return rc || !more ? rc : conf_file_read(c, more, 0, late);
}

static enum conf_result take_late(struct conf *c, const struct serve_late *late)
{
	const char *vga = late->vga ? late->vga : DEFAULT_VGA;
	struct list l = { 0 };
	enum conf_result rc;

	rc = conf_use(c, OPT_MACHINE, late->machine ? late->machine : "xenfv");
	if (rc || strcmp(vga, "none") == 0)
		return rc;
	c->said = "refused: --vga";
	add(&l, "VGA", NULL);
	add(&l, "vgamem_mb", vga);
	return conf_device(c, l.text);
}

enum conf_result serve_parse(struct conf *c, const char *file, int argc, char **argv)
{
	struct serve_late late = { 0 };
	enum conf_result rc;
	char said[80];
	int id;

	conf_begin(c);
	c->is_serve = true;
	rc = read_files(c, &late, file, argc, argv);
	optind = 1;
	while (rc == CONF_OK && optind < argc &&
	       (id = next_option(c, argc, argv)) >= 0) {
		snprintf(said, sizeof(said), "refused: --%s", serve_table[id].name);
		c->said = said;
		rc = take_full(c, &late, id, optarg);
		c->said = NULL;
		if (c->help || c->version || c->tear_down)
			return CONF_OK;
	}
	if (rc)
		return rc;
	if (optind < argc) {
		snprintf(c->why, sizeof(c->why), "unknown option: %.100s; see serve --help",
			 argv[optind]);
		return CONF_USAGE;
	}
	rc = take_late(c, &late);
	c->said = NULL;
	return rc ? rc : conf_check(c);
}
