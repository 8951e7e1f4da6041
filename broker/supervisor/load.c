/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/load.c - a save file into a family that is not yet started
 *
 * Runs in the supervisor.  The file may come from anywhere: all of it is
 * checked, and it has to be about this very guest, before a byte of it goes
 * where a worker will find it.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/chan.h"
#include "abi/state.h"
#include "supervisor/save.h"

#define FRAME_SHIFT	12
#define GFN_4G		(UINT64_C(1) << (32 - FRAME_SHIFT))
#define GFN_END		(UINT64_C(1) << 36)

struct reason {
	char *why;
	size_t len;
};

__attribute__((format(printf, 4, 5)))
static int refuse(const struct reason *r, const char *section, const char *field,
		  const char *fmt, ...)
{
	char text[120];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(r->why, r->len, "section=%.48s field=%.40s: %s", section, field, text);
	return -EINVAL;
}

/* ---- what the guest is made of ---- */

static int same(const struct reason *r, const char *field, uint64_t file,
		uint64_t here)
{
	if (file == here)
		return 0;
	return refuse(r, "guest", field, "the file has %llu, this guest has %llu",
		      (unsigned long long)file, (unsigned long long)here);
}

static int check_nic(const struct reason *r, unsigned int i,
		     const struct save_nic *file, const struct save_nic *here)
{
	char field[24];

	snprintf(field, sizeof(field), "nic[%u].model", i);
	if (memcmp(file->model, here->model, sizeof(file->model)) != 0)
		return refuse(r, "guest", field, "the file has %.15s, this guest has %.15s",
			      file->model[0] ? file->model : "none",
			      here->model[0] ? here->model : "none");
	snprintf(field, sizeof(field), "nic[%u].mac", i);
	if (memcmp(file->mac, here->mac, sizeof(file->mac)) != 0)
		return refuse(r, "guest", field, "the file has "
			      "%02x:%02x:%02x:%02x:%02x:%02x, this guest has "
			      "%02x:%02x:%02x:%02x:%02x:%02x",
			      file->mac[0], file->mac[1], file->mac[2],
			      file->mac[3], file->mac[4], file->mac[5],
			      here->mac[0], here->mac[1], here->mac[2],
			      here->mac[3], here->mac[4], here->mac[5]);
	snprintf(field, sizeof(field), "nic[%u].slot", i);
	if (same(r, field, file->slot, here->slot))
		return -EINVAL;
	snprintf(field, sizeof(field), "nic[%u].rsvd", i);
	return same(r, field, file->rsvd, 0);
}

static int check_drive(const struct reason *r, unsigned int i,
		       const struct save_drive *file, const struct save_drive *here)
{
	char field[24];

	snprintf(field, sizeof(field), "drive[%u].size_bytes", i);
	if (same(r, field, file->size_bytes, here->size_bytes))
		return -EINVAL;
	snprintf(field, sizeof(field), "drive[%u].read_only", i);
	if (same(r, field, file->read_only, here->read_only))
		return -EINVAL;
	snprintf(field, sizeof(field), "drive[%u].rsvd", i);
	return same(r, field, file->rsvd, 0);
}

static int check_guest(const struct reason *r, const struct save_guest *file,
		       const struct save_guest *here)
{
	int rc = 0;

	if (same(r, "ram_low_bytes", file->ram_low_bytes, here->ram_low_bytes) ||
	    same(r, "ram_high_bytes", file->ram_high_bytes, here->ram_high_bytes) ||
	    same(r, "vram_park_gfn", file->vram_park_gfn, here->vram_park_gfn) ||
	    same(r, "vram_frames", file->vram_frames, here->vram_frames) ||
	    same(r, "vcpus", file->vcpus, here->vcpus) ||
	    same(r, "max_vcpus", file->max_vcpus, here->max_vcpus) ||
	    same(r, "platform_device", file->platform_device, here->platform_device) ||
	    same(r, "serial_ports", file->serial_ports, here->serial_ports) ||
	    same(r, "rsvd", file->rsvd, 0))
		return -EINVAL;
	for (unsigned int i = 0; rc == 0 && i < SAVE_NICS; i++)
		rc = check_nic(r, i, &file->nic[i], &here->nic[i]);
	for (unsigned int i = 0; rc == 0 && i < SAVE_DRIVES; i++)
		rc = check_drive(r, i, &file->drive[i], &here->drive[i]);
	return rc;
}

static uint32_t pluggable(const struct save_guest *g)
{
	uint32_t mask = 0;

	for (unsigned int i = 0; i < SAVE_DRIVES; i++)
		if (g->drive[i].size_bytes)
			mask |= 1u << i;
	for (unsigned int i = 0; i < SAVE_NICS; i++)
		if (g->nic[i].model[0])
			mask |= 1u << (SAVE_UNPLUGGED_NIC + i);
	return mask;
}

static int check_broker(const struct reason *r, const struct save_broker *b,
			const struct save_guest *g)
{
	uint64_t low = g->ram_low_bytes >> FRAME_SHIFT;
	uint64_t high = GFN_4G + (g->ram_high_bytes >> FRAME_SHIFT);
	uint64_t end;

	if (g->vram_frames == 0 && b->vram_gfn != 0)
		return refuse(r, "broker", "vram_gfn", "this guest has no video memory");
	end = b->vram_gfn + g->vram_frames;
	if (b->vram_gfn >= GFN_END || (g->vram_frames && (b->vram_gfn < low ||
	    (end > GFN_4G && b->vram_gfn < high))))
		return refuse(r, "broker", "vram_gfn", "0x%llx is no place for it",
			      (unsigned long long)b->vram_gfn);
	if (b->clock_ns < 0)
		return refuse(r, "broker", "clock_ns", "before its beginning");
	if (b->suspended > 1)
		return refuse(r, "broker", "suspended", "neither 0 nor 1");
	if (b->unplugged & ~pluggable(g))
		return refuse(r, "broker", "unplugged", "0x%x: there is no such device",
			      b->unplugged);
	return 0;
}

/* ---- workers ---- */

/* The next section, which has to be @name of @version with @bytes (or up to
   @max, if that is larger); NULL: refused. */
static const struct save_part *expect(const struct reason *r,
				      const struct save_view *v, unsigned int *at,
				      const char *name, uint32_t version,
				      uint64_t bytes, uint64_t max)
{
	const struct save_part *p = *at < v->count ? &v->part[*at] : NULL;

	if (!p)
		refuse(r, name, "name", "the file does not have it");
	else if (strcmp(p->name, name) != 0)
		refuse(r, p->name, "name", "%.40s was expected here", name);
	else if (p->version != version)
		refuse(r, name, "version", "the file has version %u, this program "
		       "reads version %u", p->version, version);
	else if (p->bytes != bytes && (p->bytes < bytes || p->bytes > max))
		refuse(r, name, "bytes", "%llu are not what it has",
		       (unsigned long long)p->bytes);
	else {
		++*at;
		return p;
	}
	return NULL;
}

static int check_device(const struct reason *r, const struct save_view *v,
			unsigned int first, unsigned int at, const char *worker,
			uint32_t *sum)
{
	const struct save_part *p = at < v->count ? &v->part[at] : NULL;
	size_t len = strlen(worker);
	const char *dev;

	if (!p)
		return refuse(r, worker, "dev_count", "the file has fewer");
	dev = p->name + len + 1;
	if (strncmp(p->name, worker, len) != 0 || p->name[len] != '/' || !dev[0] ||
	    strchr(dev, '/') || strcmp(dev, "buffers") == 0 ||
	    strlen(dev) >= sizeof(((struct state_dev *)0)->name))
		return refuse(r, p->name, "name", "a device of %.20s was expected here",
			      worker);
	for (unsigned int i = first; i < at; i++)
		if (strcmp(v->part[i].name, p->name) == 0)
			return refuse(r, p->name, "name", "twice");
	if (p->bytes > STATE_REGS_BYTES)
		return refuse(r, p->name, "bytes", "more than there is room for");
	*sum += ((uint32_t)p->bytes + 7u) & ~7u;
	if (*sum > STATE_REGS_BYTES)
		return refuse(r, p->name, "bytes", "more than there is room for");
	return 0;
}

static int check_worker(const struct reason *r, const struct save_view *v,
			unsigned int *at, const char *name)
{
	const struct save_part *p = expect(r, v, at, name, SAVE_WORKER_VERSION,
					   sizeof(struct save_worker), 0);
	char buffers[SAVE_NAME_BYTES];
	struct save_worker w;
	uint32_t sum = 0;

	if (!p)
		return -EINVAL;
	memcpy(&w, p->body, sizeof(w));
	if (w.dev_count == 0 || w.dev_count > STATE_DEVS)
		return refuse(r, name, "dev_count", "%u", w.dev_count);
	if (w.isa_levels > UINT16_MAX)
		return refuse(r, name, "isa_levels", "0x%x", w.isa_levels);
	for (uint32_t i = 0; i < w.dev_count; i++)
		if (check_device(r, v, *at, *at + i, name, &sum))
			return -EINVAL;
	*at += w.dev_count;
	snprintf(buffers, sizeof(buffers), "%.20s/buffers", name);
	return expect(r, v, at, buffers, SAVE_BUFFERS_VERSION, 0,
		      STATE_BUFS_BYTES) ? 0 : -EINVAL;
}

int save_check(const struct save_view *v, struct save_family *f, char *why,
	       size_t why_len)
{
	const struct reason r = { why, why_len };
	const struct save_part *guest, *broker;
	struct save_guest file;
	unsigned int at = 0;

	guest = expect(&r, v, &at, "guest", SAVE_GUEST_VERSION, sizeof(file), 0);
	if (!guest)
		return -EINVAL;
	memcpy(&file, guest->body, sizeof(file));
	if (check_guest(&r, &file, &f->guest))
		return -EINVAL;
	broker = expect(&r, v, &at, "broker", SAVE_BROKER_VERSION,
			sizeof(f->broker), 0);
	if (!broker)
		return -EINVAL;
	memcpy(&f->broker, broker->body, sizeof(f->broker));
	if (check_broker(&r, &f->broker, &f->guest))
		return -EINVAL;
	for (unsigned int i = 0; i < f->worker_count; i++)
		if (check_worker(&r, v, &at, f->worker[i].name))
			return -EINVAL;
	if (at < v->count)
		return refuse(&r, v->part[at].name, "name",
			      "this guest has nothing of that name");
	return 0;
}

/* ---- filling in ---- */

static bool write_at(int fd, const void *from, size_t bytes, size_t at)
{
	return pwrite(fd, from, bytes, (off_t)at) == (ssize_t)bytes;
}

/* Sections of one worker from @*at on, into @h. */
static const struct save_part *fill_half(const struct save_view *v,
					 unsigned int *at, struct state_half *h)
{
	const struct save_part *p = &v->part[(*at)++];
	struct save_worker w;
	uint32_t used = 0;

	memset(h, 0, sizeof(*h));
	memcpy(&w, p->body, sizeof(w));
	h->isa_levels = w.isa_levels;
	memcpy(h->intx_levels, w.intx_levels, sizeof(h->intx_levels));
	h->dev_count = w.dev_count;
	for (uint32_t i = 0; i < w.dev_count; i++) {
		struct state_dev *d = &h->dev[i];

		p = &v->part[(*at)++];
		snprintf(d->name, sizeof(d->name), "%s", strchr(p->name, '/') + 1);
		d->version = p->version;
		d->regs_bytes = (uint32_t)p->bytes;
		d->regs_at = used;
		memcpy(h->regs + used, p->body, p->bytes);
		used += (d->regs_bytes + 7u) & ~7u;
	}
	return &v->part[(*at)++];
}

int save_fill(const struct save_view *v, const struct save_family *f,
	      int64_t now_ns)
{
	struct state_half *h = aligned_alloc(64, sizeof(*h));
	const int64_t shift_ns = now_ns - f->broker.clock_ns;
	const uint32_t flip = STATE_FLIP_FILLED;
	unsigned int at = 2;
	bool good = h != NULL;

	for (unsigned int i = 0; good && i < f->worker_count; i++) {
		const struct save_part *bufs = fill_half(v, &at, h);
		int fd = f->worker[i].state;

		good = write_at(fd, h, sizeof(*h),
				offsetof(struct state, half[STATE_FLIP_FILLED & 1])) &&
			write_at(fd, bufs->body, bufs->bytes,
				 offsetof(struct state, bufs)) &&
			write_at(fd, &shift_ns, sizeof(shift_ns),
				 offsetof(struct state, shift_ns)) &&
			write_at(fd, &flip, sizeof(flip), offsetof(struct state, flip));
	}
	free(h);
	return good ? 0 : h ? -EIO : -ENOMEM;
}

/* ---- files ---- */

int save_read_fd(int fd, uint8_t **bytes, size_t *size_bytes, char *why,
		 size_t why_len)
{
	struct stat st;
	uint8_t *p;
	size_t at = 0;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		snprintf(why, why_len, "not a regular file");
		return -EINVAL;
	}
	if ((uint64_t)st.st_size > SAVE_BYTES_MAX) {
		snprintf(why, why_len, "section=head field=size_bytes: "
			 "%lld bytes are no save file", (long long)st.st_size);
		return -EFBIG;
	}
	p = malloc((size_t)st.st_size + 1);
	if (!p) {
		snprintf(why, why_len, "out of memory");
		return -ENOMEM;
	}
	while (at < (size_t)st.st_size) {
		ssize_t r = pread(fd, p + at, (size_t)st.st_size - at, (off_t)at);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0) {
			snprintf(why, why_len, "cannot read all of it");
			free(p);
			return -EIO;
		}
		at += (size_t)r;
	}
	*bytes = p;
	*size_bytes = at;
	return 0;
}
