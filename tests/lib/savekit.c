/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/lib/savekit.c - save files for tests: a made-up family, right sums
 */
#include "savekit.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "abi/state.h"
#include "ring/memfd.h"

static const struct save_guest guest = {
	.ram_low_bytes = 64 << 20, .vram_park_gfn = 0x4000, .vram_frames = 4096,
	.vcpus = 2, .max_vcpus = 4, .platform_device = 1, .serial_ports = 1,
	.nic = { { .model = "e1000", .mac = { 0, 0x16, 0x3e, 1, 2, 3 }, .slot = 4 } },
	.drive = { { .size_bytes = 1 << 20 } },
};

static void make_dev(struct state_half *h, const char *name, uint32_t version,
		     uint32_t at, uint32_t bytes, unsigned int seed)
{
	struct state_dev *d = &h->dev[h->dev_count++];

	snprintf(d->name, sizeof(d->name), "%s", name);
	d->version = version;
	d->regs_at = at;
	d->regs_bytes = bytes;
	for (uint32_t i = 0; i < bytes; i++)
		h->regs[at + i] = (uint8_t)(seed + i * 7);
}

struct save_family savekit_family(uint32_t flip)
{
	struct save_family f = { .guest = guest, .worker_count = 2,
		.broker = { .vram_gfn = 0xf0000, .clock_ns = SAVEKIT_CLOCK_NS } };

	f.worker[0].name = "platform";
	f.worker[1].name = "disk0";
	for (unsigned int i = 0; i < 2; i++) {
		struct state *s;

		f.worker[i].state = memfd_make_state();
		if (!flip)
			continue;
		s = memfd_map(f.worker[i].state, sizeof(*s), 1);
		atomic_store(&s->flip, flip);
		s->half[flip & 1].isa_levels = 0x4000u + i;
		s->half[flip & 1].intx_levels[2] = 0x80000000u;
		make_dev(&s->half[flip & 1], i ? "ide" : "uart0", 1, 8, 100, 3);
		make_dev(&s->half[flip & 1], i ? "vga memory" : "i8042", 3, 128, 57, 90);
		memset(&s->half[!(flip & 1)], 0xee, sizeof(s->half[0]));
		s->bufs[i * 1000] = 0x5a;
		munmap(s, sizeof(*s));
	}
	return f;
}

void savekit_end(const struct save_family *f)
{
	close(f->worker[0].state);
	close(f->worker[1].state);
}

void savekit_seal(uint8_t *bytes, size_t size_bytes)
{
	struct save_head h;
	size_t at = sizeof(h);

	if (size_bytes < sizeof(h))
		return;
	memcpy(&h, bytes, sizeof(h));
	for (uint32_t i = 0; i < h.section_count && at + sizeof(struct save_section) <= size_bytes;
	     i++) {
		struct save_section s;
		size_t all;

		memcpy(&s, bytes + at, sizeof(s));
		if (s.bytes > size_bytes - at - sizeof(s))
			break;
		all = ((size_t)s.bytes + 7) & ~(size_t)7;
		if (all > size_bytes - at - sizeof(s))
			break;
		s.crc = 0;
		memcpy(bytes + at, &s, sizeof(s));
		s.crc = (uint32_t)crc32(0, bytes + at, (uInt)(sizeof(s) + all));
		memcpy(bytes + at, &s, sizeof(s));
		at += sizeof(s) + all;
	}
	h.crc = 0;
	h.crc = (uint32_t)crc32(0, (const void *)&h, sizeof(h));
	memcpy(bytes, &h, sizeof(h));
}
