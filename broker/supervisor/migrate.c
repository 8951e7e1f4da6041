/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/migrate.c - this guest into a save file, and out of one
 *
 * Runs in the supervisor: tells save.c and load.c what the family is.
 */
#include "supervisor/migrate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi/chan.h"
#include "base/clock.h"
#include "base/log.h"
#include "supervisor/rest.h"
#include "supervisor/save.h"

static_assert(SAVE_NICS == CONF_NICS && SAVE_DRIVES == CONF_DRIVES, "all of them");

/* The file that was read, until it is filled in. */
static struct {
	uint8_t *bytes;
	struct save_view view;
	struct save_family family;
} in;

static void tell_guest(const struct roster *r, struct save_guest *g)
{
	const struct conf *c = r->conf;

	*g = (struct save_guest){
		.ram_low_bytes = r->layout->ram_low_bytes,
		.ram_high_bytes = r->layout->ram_high_bytes,
		.vram_park_gfn = r->layout->gfn, .vram_frames = r->layout->frames,
		.vcpus = c->vcpus, .max_vcpus = c->max_vcpus,
		.platform_device = c->pci_platform };
	for (unsigned int i = 0; i < CONF_SERIALS; i++)
		if (c->serial[i].kind != SERIAL_ABSENT)
			g->serial_ports |= 1u << i;
	for (unsigned int i = 0; i < c->nic_count; i++) {
		if (!c->nic[i].model)
			continue;
		snprintf(g->nic[i].model, sizeof(g->nic[i].model), "%s",
			 c->nic[i].model->name);
		memcpy(g->nic[i].mac, c->nic[i].mac, sizeof(g->nic[i].mac));
		g->nic[i].slot = (uint8_t)plan_nic_slot(c, i);
	}
	for (unsigned int i = 0; i < CONF_DRIVES; i++)
		if (c->drive[i].path && !c->drive[i].is_cdrom)
			g->drive[i] = (struct save_drive){
				.size_bytes = r->host->image[i].size_bytes,
				.read_only = c->drive[i].read_only };
}

/* What nobody holds any more though there was one. */
static uint32_t tell_unplugged(const struct roster *r)
{
	const struct conf *c = r->conf;
	uint32_t mask = 0;

	for (unsigned int i = 0; i < CONF_DRIVES; i++)
		if (c->drive[i].path && !c->drive[i].is_cdrom &&
		    r->host->image[i].fd < 0)
			mask |= 1u << i;
	for (unsigned int i = 0; i < c->nic_count; i++)
		if (c->nic[i].model && r->host->tap[i] < 0)
			mask |= 1u << (SAVE_UNPLUGGED_NIC + i);
	return mask;
}

static void let_go(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* The guest unplugged them before it was saved: no worker is to have them. */
static void let_go_unplugged(const struct roster *r, uint32_t mask)
{
	for (unsigned int i = 0; i < CONF_DRIVES; i++)
		if (mask >> i & 1)
			image_close(&r->host->image[i]);
	for (unsigned int i = 0; i < r->conf->nic_count; i++)
		if (mask >> (SAVE_UNPLUGGED_NIC + i) & 1)
			let_go(&r->host->tap[i]);
}

/* Workers in the order of the plan. */
static void tell_family(const struct roster *r, struct save_family *f)
{
	*f = (struct save_family){ 0 };
	tell_guest(r, &f->guest);
	for (int ch = 0; ch < PLAN_CHAN_END; ch++)
		for (enum member m = 0; m < MEMBER_COUNT; m++) {
			if (roster_channel(m) != ch || !roster_has(r, m))
				continue;
			f->worker[f->worker_count].name = roster_name(m);
			f->worker[f->worker_count++].state = r->state[ch];
		}
}

int migrate_save(const struct roster *r, bool suspended, int fd, const char *path,
		 char *why, size_t why_len)
{
	const int64_t began_ns = clock_now_ns();
	struct save_out out = { 0 };
	struct save_family f;
	int rc;

	if (!rest_is_on()) {
		snprintf(why, why_len, "the guest runs: stop comes first");
		return -EBUSY;
	}
	tell_family(r, &f);
	f.broker = (struct save_broker){ .vram_gfn = r->layout->frames ?
		rest_vram_gfn() : 0, .clock_ns = began_ns, .suspended = suspended,
		.unplugged = tell_unplugged(r) };
	rc = save_take(&f, &out, why, why_len);
	if (rc == 0)
		rc = path ? save_write_path(&out, path, why, why_len)
			: save_write_fd(&out, fd, why, why_len);
	if (rc == 0)
		log_info("guest saved: bytes=%zu sections=%u took_us=%lld", out.used,
			 out.section_count,
			 (long long)((clock_now_ns() - began_ns) / NS_PER_US));
	else
		log_err("guest is not saved: %s", why);
	save_free(&out);
	return rc;
}

static int open_incoming(const struct conf *c, char *why, size_t why_len)
{
	int fd;

	if (!c->incoming_path)
		return c->incoming_fd;
	fd = open(c->incoming_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0)
		return fd;
	fd = -errno;
	snprintf(why, why_len, "cannot open: %s", strerrordesc_np(-fd));
	return fd;
}

int migrate_read(struct roster *r, struct vram_layout *l, char *why, size_t why_len)
{
	int fd = open_incoming(r->conf, why, why_len);
	size_t size_bytes;
	int rc;

	if (fd < 0)
		return fd;
	rc = save_read_fd(fd, &in.bytes, &size_bytes, why, why_len);
	close(fd);
	if (rc)
		return rc;
	rc = save_parse(in.bytes, size_bytes, &in.view, why, why_len);
	tell_family(r, &in.family);
	if (rc == 0)
		rc = save_check(&in.view, &in.family, why, why_len);
	if (rc) {
		free(in.bytes);
		in.bytes = NULL;
		return rc;
	}
	l->now_gfn = in.family.broker.vram_gfn;
	r->restoring = true;
	return 0;
}

/* Each finds that it was at rest, as it was when it was saved. */
static int put_to_rest(const struct roster *r)
{
	static const uint32_t one = 1;

	for (enum member m = 0; m < MEMBER_COUNT; m++)
		if (roster_channel(m) >= 0 && roster_has(r, m) &&
		    pwrite(r->chan[roster_channel(m)], &one, sizeof(one),
			   offsetof(struct chan, paused)) != (ssize_t)sizeof(one))
			return -EIO;
	return 0;
}

int migrate_fill(const struct roster *r)
{
	struct save_broker broker = in.family.broker;
	int rc;

	if (!in.bytes)
		return 0;
	/* The memfds were not there when it was read. */
	tell_family(r, &in.family);
	in.family.broker = broker;
	let_go_unplugged(r, broker.unplugged);
	rc = save_fill(&in.view, &in.family, clock_now_ns());
	if (rc == 0)
		rc = put_to_rest(r);
	free(in.bytes);
	in.bytes = NULL;
	return rc;
}

bool migrate_was_suspended(void)
{
	return in.family.broker.suspended;
}
