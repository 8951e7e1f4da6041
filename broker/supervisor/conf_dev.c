/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/conf_dev.c - the devices on the command line
 *
 * Runs in the supervisor, first.  Knows what each device option of libxl means
 * and whether this version serves it; opens nothing.
 */
#include <string.h>

#include "supervisor/conf.h"

#define VGA_MIB_MAX	512u	/* abi/chan.h: dirty bits of as many */

/* ---- -drive ---- */

struct drive_keys {
	const char *path, *id, *format, *readonly, *bus;
	bool is_cdrom;
	unsigned long long index;
	bool have_index;
};

static enum conf_result take_drive_key(struct conf *c, struct drive_keys *d,
				       const struct opt_keys *k)
{
	if (k->val && !k->val[0])
		return conf_refuse_key(c, OPT_DRIVE, k);
	if (conf_key_is(k, "file", NULL) && !d->path)
		d->path = conf_keep(c, k->val);
	else if (conf_key_is(k, "id", NULL))
		d->id = conf_keep(c, k->val);
	else if (conf_key_is(k, "format", NULL))
		d->format = conf_keep(c, k->val);
	else if (conf_key_is(k, "readonly", NULL))
		d->readonly = conf_keep(c, k->val);
	else if ((conf_key_is(k, "if", "ide") || conf_key_is(k, "if", "none")) &&
		 !d->bus)
		d->bus = conf_keep(c, k->val);
	else if (conf_key_is(k, "media", "cdrom"))
		d->is_cdrom = true;
	else if (conf_key_is(k, "index", NULL) &&
		 opt_number(k->val, 0, CONF_DRIVES - 1, &d->index))
		d->have_index = true;
	else if (!conf_key_is(k, "media", "disk") &&
		 !conf_key_is(k, "cache", "writeback"))
		return conf_refuse_key(c, OPT_DRIVE, k);
	return CONF_OK;
}

/* Two drives that write to one image would ruin it. */
static bool shares_image(const struct conf *c, const struct conf_drive *d)
{
	for (unsigned int i = 0; i < CONF_DRIVES; i++) {
		const struct conf_drive *o = &c->drive[i];

		if (o != d && o->path && strcmp(o->path, d->path) == 0 &&
		    !(o->read_only && d->read_only))
			return true;
	}
	return false;
}

static enum conf_result place_ide_disk(struct conf *c, const struct drive_keys *d)
{
	struct conf_drive *to = &c->drive[d->index];
	char what[32];

	snprintf(what, sizeof(what), "index=%llu", d->index);
	if (!d->have_index)
		return conf_refuse(c, OPT_DRIVE, d->path, "wants index=0 to 3");
	if (to->path || to->is_cdrom)
		return conf_refuse(c, OPT_DRIVE, what, "given twice");
	if (!d->path)
		return conf_refuse(c, OPT_DRIVE, what, "wants file=");
	to->path = d->path;
	to->is_cdrom = d->is_cdrom;
	to->read_only = d->readonly && strcmp(d->readonly, "on") == 0;
	if (shares_image(c, to))
		return conf_refuse(c, OPT_DRIVE, d->path, "two drives would write to it");
	if (to->is_cdrom)
		conf_note(c, "CD-ROM is not served yet, its image stays closed: "
			  "index=%llu file=%.80s", d->index, d->path);
	return CONF_OK;
}

enum conf_result conf_drive(struct conf *c, const char *arg)
{
	struct drive_keys d = { 0 };
	struct opt_keys k;
	char what[120];

	opt_keys_begin(&k, arg);
	while (opt_keys_next(&k)) {
		enum conf_result rc = take_drive_key(c, &d, &k);

		if (rc)
			return rc;
	}
	if (d.readonly && strcmp(d.readonly, "on") && strcmp(d.readonly, "off")) {
		snprintf(what, sizeof(what), "readonly=%.80s", d.readonly);
		return conf_refuse(c, OPT_DRIVE, what, "on or off expected");
	}
	if (d.path && d.format && strcmp(d.format, "raw") != 0) {
		snprintf(what, sizeof(what), "format=%.20s (%.80s)", d.format, d.path);
		return conf_refuse(c, OPT_DRIVE, what, "not served yet; use raw");
	}
	if (d.bus && strcmp(d.bus, "ide") == 0)
		return place_ide_disk(c, &d);
	if (!d.id)
		return conf_refuse(c, OPT_DRIVE, arg, "wants if=ide or id=");
	for (unsigned int i = 0; i < c->loose_count; i++)
		if (strcmp(c->loose[i].id, d.id) == 0)
			return conf_refuse(c, OPT_DRIVE, d.id, "given twice");
	if (c->loose_count == CONF_DRIVES)
		return conf_refuse(c, OPT_DRIVE, d.id, "more than %d without if=ide",
				   CONF_DRIVES);
	c->loose[c->loose_count++] = (struct conf_loose){ .id = d.id, .path = d.path };
	return CONF_OK;
}

/* ---- -device ---- */

static enum conf_result on_vga(struct conf *c, struct opt_keys *k, bool cirrus)
{
	unsigned long long mib = 16;

	if (c->have_vga)
		return conf_refuse(c, OPT_DEVICE, k->key, "a second display adapter");
	while (opt_keys_next(k)) {
		if (!conf_key_is(k, "vgamem_mb", NULL) ||
		    !opt_number(k->val, 1, VGA_MIB_MAX, &mib))
			return conf_refuse_key(c, OPT_DEVICE, k);
		if (mib & (mib - 1))
			return conf_refuse(c, OPT_DEVICE, "vgamem_mb",
					   "%llu is not a power of two", mib);
	}
	c->have_vga = true;
	c->is_cirrus = cirrus;
	c->vga_mib = (unsigned int)mib;
	if (cirrus)
		conf_note(c, "cirrus-vga is served by stdvga for now: vgamem_mb=%llu", mib);
	return CONF_OK;
}

static enum conf_result on_ide_cd(struct conf *c, struct opt_keys *k)
{
	const char *drive = NULL;
	unsigned long long bus = CONF_DRIVES, unit = CONF_DRIVES;
	struct conf_loose *found = NULL;

	while (opt_keys_next(k)) {
		if (conf_key_is(k, "drive", NULL))
			drive = conf_keep(c, k->val);
		else if (!conf_key_is(k, "id", NULL) &&
			 !(conf_key_is(k, "bus", NULL) &&
			   strncmp(k->val, "ide.", 4) == 0 &&
			   opt_number(k->val + 4, 0, 1, &bus)) &&
			 !(conf_key_is(k, "unit", NULL) &&
			   opt_number(k->val, 0, 1, &unit)))
			return conf_refuse_key(c, OPT_DEVICE, k);
	}
	for (unsigned int i = 0; drive && i < c->loose_count; i++)
		if (strcmp(c->loose[i].id, drive) == 0)
			found = &c->loose[i];
	if (!found || found->taken || bus > 1 || unit > 1)
		return conf_refuse(c, OPT_DEVICE, "ide-cd",
				   "wants drive= of a -drive, bus=ide.0 or ide.1, unit=0 or 1");
	if (c->drive[bus * 2 + unit].path || c->drive[bus * 2 + unit].is_cdrom)
		return conf_refuse(c, OPT_DEVICE, "ide-cd", "bus=ide.%llu,unit=%llu is taken",
				   bus, unit);
	found->taken = true;
	c->drive[bus * 2 + unit] = (struct conf_drive){ .path = found->path,
		.read_only = true, .is_cdrom = true };
	conf_note(c, "CD-ROM is not served yet%s: bus=ide.%llu unit=%llu file=%.80s",
		  found->path ? ", its image stays closed" : "", bus, unit,
		  found->path ? found->path : "");
	return CONF_OK;
}

/* ---- network cards ---- */

/* Without mac=, QEMU's first address, and the next ones. */
static void set_default_mac(uint8_t mac[MAC_BYTES], unsigned int index)
{
	const uint8_t first[MAC_BYTES] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };

	memcpy(mac, first, MAC_BYTES);
	mac[MAC_BYTES - 1] = (uint8_t)(mac[MAC_BYTES - 1] + index);
}

static enum conf_result take_nic_key(struct conf *c, struct conf_nic *n,
				     const struct opt_keys *k)
{
	char what[120];

	if (conf_key_is(k, "netdev", NULL) && k->val[0]) {
		n->netdev = conf_keep(c, k->val);
	} else if (conf_key_is(k, "id", NULL)) {
		n->id = conf_keep(c, k->val);
	} else if (conf_key_is(k, "romfile", NULL)) {
		n->romfile = k->val[0] ? conf_keep(c, k->val) : NULL;
	} else if (conf_key_is(k, "mac", NULL)) {
		if (mac_parse(k->val, n->mac))
			return CONF_OK;
		snprintf(what, sizeof(what), "mac=%.80s", k->val);
		return conf_refuse(c, OPT_DEVICE, what, "not a card's address");
	} else {
		return conf_refuse_key(c, OPT_DEVICE, k);
	}
	return CONF_OK;
}

static enum conf_result on_nic(struct conf *c, struct opt_keys *k,
			       const struct nic_model *model)
{
	struct conf_nic n = { .model = model, .romfile = model->rom };
	unsigned int cards = 0;

	for (unsigned int i = 0; i < c->nic_count; i++)
		cards += c->nic[i].model != NULL;
	set_default_mac(n.mac, cards);
	while (opt_keys_next(k)) {
		enum conf_result rc = take_nic_key(c, &n, k);

		if (rc)
			return rc;
	}
	if (!n.netdev)
		return conf_refuse(c, OPT_DEVICE, model->name, "wants netdev=");
	for (unsigned int i = 0; i < c->nic_count; i++) {
		struct conf_nic *had = &c->nic[i];

		if (strcmp(had->netdev, n.netdev) != 0)
			continue;
		if (had->model)
			return conf_refuse(c, OPT_DEVICE, model->name,
					   "netdev=%s is taken", n.netdev);
		n.ifname = had->ifname;		/* its -netdev came first */
		*had = n;
		return CONF_OK;
	}
	if (c->nic_count == CONF_NICS)
		return conf_refuse(c, OPT_DEVICE, model->name,
				   "more than %d network cards", CONF_NICS);
	c->nic[c->nic_count++] = n;
	return CONF_OK;
}

/* Why a model is refused; the ones libxl can write, then all others. */
static const char *refusal(const char *model)
{
	static const struct { const char *model, *why; } known[] = {
		{ "lsi53c895a", "SCSI is not served; name the disk hd* or xvd*" },
		{ "scsi-hd", "SCSI is not served; name the disk hd* or xvd*" },
		{ "ahci", "AHCI is not served; use hdtype=\"ide\"" },
		{ "ide-hd", "AHCI is not served; use hdtype=\"ide\"" },
		{ "qxl-vga", "qxl is not served; use vga=\"stdvga\"" },
		{ "intel-hda", "sound is not served" },
		{ "hda-duplex", "sound is not served" },
		{ "xen-pvdevice", "vendor_device is not served" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i].model, model) == 0)
			return known[i].why;
	if (strstr(model, "usb") || strstr(model, "uhci") || strstr(model, "ehci") ||
	    strstr(model, "xhci"))
		return "USB is not served yet";
	return "no such device here";
}

enum conf_result conf_device(struct conf *c, const char *arg)
{
	const struct nic_model *nic;
	bool has_netdev = false;
	struct opt_keys k;
	const char *model;

	opt_keys_begin(&k, arg);
	if (!opt_keys_next(&k) || k.val)
		return conf_refuse(c, OPT_DEVICE, arg, "a device's name expected first");
	model = conf_keep(c, k.key);
	if (!model)
		return conf_refuse(c, OPT_DEVICE, NULL, "too long");
	if (strcmp(model, "VGA") == 0 || strcmp(model, "cirrus-vga") == 0)
		return on_vga(c, &k, model[0] == 'c');
	if (strcmp(model, "ide-cd") == 0)
		return on_ide_cd(c, &k);
	nic = nic_find_model(model);
	if (nic)
		return on_nic(c, &k, nic);
	while (opt_keys_next(&k))
		has_netdev = has_netdev || conf_key_is(&k, "netdev", NULL);
	if (has_netdev)
		return conf_refuse(c, OPT_DEVICE, model,
				   "no such network card; there are %s",
				   nic_model_names());
	return conf_refuse(c, OPT_DEVICE, model, "%s", refusal(model));
}

/* ---- -netdev ---- */

enum conf_result conf_netdev(struct conf *c, const char *arg)
{
	const char *id = NULL, *ifname = NULL;
	struct opt_keys k;
	struct conf_nic *n = NULL;

	opt_keys_begin(&k, arg);
	for (bool first = true; opt_keys_next(&k); first = false) {
		if ((first && !k.val && strcmp(k.key, "tap") == 0) ||
		    conf_key_is(&k, "type", "tap") || conf_key_is(&k, "br", NULL) ||
		    conf_key_is(&k, "script", "no") ||
		    conf_key_is(&k, "downscript", "no"))
			continue;
		if (conf_key_is(&k, "id", NULL))
			id = conf_keep(c, k.val);
		else if (conf_key_is(&k, "ifname", NULL) &&
			 strlen(k.val) > 0 && strlen(k.val) < 16)
			ifname = conf_keep(c, k.val);
		else
			return conf_refuse_key(c, OPT_NETDEV, &k);
	}
	if (!id || !ifname)
		return conf_refuse(c, OPT_NETDEV, arg, "wants type=tap, id= and ifname=");
	for (unsigned int i = 0; i < c->nic_count; i++)
		if (strcmp(c->nic[i].netdev, id) == 0)
			n = &c->nic[i];
	if (n && n->ifname)
		return conf_refuse(c, OPT_NETDEV, id, "given twice");
	if (!n && c->nic_count == CONF_NICS)
		return conf_refuse(c, OPT_NETDEV, id, "more than %d", CONF_NICS);
	if (!n) {
		n = &c->nic[c->nic_count++];
		*n = (struct conf_nic){ .netdev = id };
	}
	n->ifname = ifname;
	return CONF_OK;
}

/* ---- -serial ---- */

enum conf_result conf_serial(struct conf *c, const char *arg)
{
	struct conf_serial *s = &c->serial[c->serial_count];

	if (c->serial_count == CONF_SERIALS)
		return conf_refuse(c, OPT_SERIAL, arg, "more than %d", CONF_SERIALS);
	if (strcmp(arg, "pty") == 0)
		s->kind = SERIAL_PTY;
	else if (strcmp(arg, "null") == 0)
		s->kind = SERIAL_NULL;
	else if (strcmp(arg, "none") == 0)
		s->kind = SERIAL_ABSENT;
	else if (strncmp(arg, "file:", 5) == 0 && arg[5])
		s->kind = SERIAL_FILE, s->path = conf_keep(c, arg + 5);
	else if (strncmp(arg, "/dev/", 5) == 0)
		s->kind = SERIAL_TTY, s->path = conf_keep(c, arg);
	else
		return conf_refuse(c, OPT_SERIAL, arg,
				   "not served; pty, file:, null, none or /dev/ttyX");
	if ((s->kind == SERIAL_FILE || s->kind == SERIAL_TTY) && !s->path)
		return conf_refuse(c, OPT_SERIAL, arg, "too long");
	c->serial_count++;
	return CONF_OK;
}

/* ---- all together ---- */

enum conf_result conf_join_devices(struct conf *c)
{
	for (unsigned int i = 0; i < c->loose_count; i++)
		if (!c->loose[i].taken)
			return conf_refuse(c, OPT_DRIVE, c->loose[i].id,
					   "if=none, and no -device takes it");
	for (unsigned int i = 0; i < c->nic_count; i++) {
		const struct conf_nic *n = &c->nic[i];

		if (!n->ifname)
			return conf_refuse(c, OPT_DEVICE, n->model->name,
					   "netdev=%s: no such -netdev", n->netdev);
		if (!n->model)
			conf_note(c, "no network card has this tap, it is held "
				  "and drained: ifname=%s", n->ifname);
	}
	return CONF_OK;
}
