/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/dry_run.c - what a start would do, in words
 *
 * Runs in the supervisor, in place of a start.  The shared memory is made, for
 * the lists of descriptors to be the real ones; images, taps and the like are
 * stood in for.
 */
#include "supervisor/dry_run.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/metrics_path.h"
#include "supervisor/metrics_serve.h"
#include "supervisor/roster.h"

static const char *or_dash(const char *s)
{
	return s ? s : "-";
}

static void print_guest(FILE *to, const struct conf *c, const struct vram_layout *l)
{
	if (c->have_domid)
		fprintf(to, "guest: domid=%u name=%s\n", c->domid, or_dash(c->name));
	else
		fprintf(to, "guest: domid=(that of the name) name=%s\n", or_dash(c->name));
	fprintf(to, "ram: mib=%llu low_bytes=%llu high_bytes=%llu\n",
		(unsigned long long)c->ram_mib, (unsigned long long)l->ram_low_bytes,
		(unsigned long long)l->ram_high_bytes);
	fprintf(to, "vcpus: plugged=%u max=%u\nboot: order=%s\n", c->vcpus,
		c->max_vcpus, c->boot);
}

static void print_devices(FILE *to, const struct conf *c)
{
	static const char *const kind[] = { "none", "pty", "file", "tty", "null" };

	fprintf(to, "device: i440FX, PIIX3, PIIX4 PM, i8042, CMOS%s\n",
		c->pci_platform ? ", Xen platform device" : "");
	for (int i = 0; i < CONF_DRIVES; i++)
		if (c->drive[i].path)
			fprintf(to, "device: IDE %d file=%s mode=%s%s\n", i,
				c->drive[i].path, c->drive[i].read_only ? "ro" : "rw",
				c->drive[i].is_cdrom ? " (CD-ROM, not served yet)" : "");
	for (unsigned int i = 0; i < c->nic_count; i++) {
		const struct conf_nic *n = &c->nic[i];

		fprintf(to, "device: %s slot=%u tap=%s mac=%02x:%02x:%02x:%02x:%02x:%02x rom=%s\n",
			n->model ? n->model->name : "(tap only)",
			n->model ? plan_nic_slot(c, i) : 0, n->ifname,
			n->mac[0], n->mac[1], n->mac[2], n->mac[3], n->mac[4],
			n->mac[5], or_dash(n->romfile));
	}
	if (c->have_vga)
		fprintf(to, "device: stdvga slot=%u mib=%u\n", plan_vga_slot(c),
			c->vga_mib);
	if (c->have_vnc)
		fprintf(to, "device: VNC host=%s display=%u password=%s\n", c->vnc.host,
			c->vnc.display, c->vnc.password ? "on" : "off");
	for (unsigned int i = 0; i < c->serial_count; i++)
		fprintf(to, "device: COM%u %s %s\n", i + 1, kind[c->serial[i].kind],
			c->serial[i].path ? c->serial[i].path : "");
}

/* ---- descriptors ---- */

static const struct {
	const char *roles;
	int first, last;
	const char *meaning;
} given[] = {
#define FD_ONE(roles, fd, meaning) { roles, fd, fd, meaning },
#define FD_MANY(roles, fd, end, meaning) { roles, fd, end - 1, meaning },
#include "abi/fd_use.def"
#undef FD_ONE
#undef FD_MANY
};

static bool is_one_of(const char *roles, const char *role)
{
	size_t len = strlen(role);

	for (const char *at = roles; at; at = strchr(at, ' ')) {
		at += *at == ' ';
		if (strncmp(at, role, len) == 0 && (!at[len] || at[len] == ' '))
			return true;
	}
	return false;
}

static const char *what_is(const char *role, int fd)
{
	for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++)
		if (fd >= given[i].first && fd <= given[i].last &&
		    is_one_of(given[i].roles, role))
			return given[i].meaning;
	return "?";
}

static void print_member(FILE *to, const struct roster *r, enum member m, int any)
{
	struct spawn_spec s;

	roster_spec(r, m, &s);
	s.fd[FD_LOG] = s.fd[FD_CTL] = any;
	fprintf(to, "process: %s program=cloister-%s cgroup=%s", s.name, s.role, s.name);
	if (r->conf->have_domid)
		fprintf(to, " uid=%u", s.uid);
	fputc('\n', to);
	for (int i = 0; i < SPAWN_FDS; i++)
		if (s.fd[i] >= 0)
			fprintf(to, "\tfd %d: %s\n", i, what_is(s.role, i));
}

static void stand_in(struct roster_host *h, const struct conf *c, int any)
{
	for (int i = 0; i < CONF_DRIVES; i++)
		h->image[i].fd = c->drive[i].path && !c->drive[i].is_cdrom ? any : -1;
	for (int i = 0; i < CONF_SERIALS; i++)
		h->serial[i].fd = c->serial[i].kind > SERIAL_ABSENT &&
			c->serial[i].kind != SERIAL_NULL ? any : -1;
	for (unsigned int i = 0; i < CONF_NICS; i++) {
		h->tap[i] = any;
		h->nic_rom[i] = i < c->nic_count && c->nic[i].romfile ? any : -1;
	}
	h->vga_rom = h->vnc.fd = any;
}

static void print_metrics(FILE *to, const struct conf *c)
{
	char path[METRICS_FILE_ROOM];

	/* The domid that is asked for by name is not known yet. */
	if (c->have_domid && c->metrics_file[0] == '/' &&
	    metrics_path_make(c->metrics_file, c->domid, c->name, path,
			      sizeof(path)) == 0)
		fprintf(to, "metrics: file=%s every_s=%u\n", path,
			c->metrics_interval_s);
	else
		fprintf(to, "metrics: file=%s every_s=%u\n", c->metrics_file,
			c->metrics_interval_s);
}

static void print_limits(FILE *to, const struct conf *c)
{
	fprintf(to, "cgroup: parent=%s\n", c->cgroup_parent ? c->cgroup_parent : "/");
	if (c->metrics_file)
		print_metrics(to, c);
	for (unsigned int i = 0; i < c->limit_count; i++)
		fprintf(to, "limit: %s.%s=%s\n", c->limit[i].process, c->limit[i].key,
			c->limit[i].value);
	for (unsigned int i = 0; i < c->note_count; i++)
		if (c->note[i])
			fprintf(to, "note: %s\n", c->note[i]);
}

int dry_run_print(FILE *to, const struct conf *c, const struct vram_layout *l)
{
	static struct roster_host host;
	static struct roster roster;
	int any = open("/dev/null", O_RDWR | O_CLOEXEC);
	int rc = any < 0 ? -errno : 0;

	roster = (struct roster){ .conf = c, .layout = l, .host = &host };
	stand_in(&host, c, any);
	if (rc == 0)
		rc = roster_make(&roster);
	if (rc)
		return rc;
	print_guest(to, c, l);
	print_devices(to, c);
	fprintf(to, "process: supervisor program=cloister cgroup=supervisor uid=%u\n",
		(unsigned int)geteuid());
	for (enum member m = 0; m < MEMBER_COUNT; m++)
		if (roster_has(&roster, m))
			print_member(to, &roster, m, any);
	print_limits(to, c);
	close(any);
	return 0;
}
