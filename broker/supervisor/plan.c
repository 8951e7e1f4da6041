/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/plan.c - fills in struct plan: what each worker may claim
 *
 * Runs in the supervisor, once.
 */
#include "supervisor/plan.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "abi/chan.h"
#include "base/bug.h"
#include "ring/memfd.h"

#define DEVFN(dev, fn)	((dev) << 3 | (fn))
#define SLOT_BRIDGE	1u		/* PIIX3 and its functions */
#define SLOT_PLATFORM	2u

static_assert(PLAN_CHAN_END <= WORKERS_MAX, "a channel each");

static void allow(struct plan_worker *w, enum chan_space space,
		  uint64_t first, uint64_t last)
{
	bug_on(w->range_count == PLAN_RANGES);
	w->range[w->range_count++] = (struct plan_range){ .first = first,
		.last = last, .space = (uint8_t)space };
}

/*
 * A BAR goes wherever the guest writes, even over another device: that must
 * not look like a lie of the worker.  Overlaps are the broker's, first come.
 */
static void allow_bar(struct plan_worker *w, enum chan_space space)
{
	allow(w, space, 0, space == CHAN_PIO ? UINT16_MAX : UINT32_MAX);
}

static void allow_devfn(struct plan_worker *w, unsigned int devfn)
{
	allow(w, CHAN_PCI, devfn, devfn);
}

static struct plan_worker *add(struct plan *p, unsigned int index,
			       enum plan_role role, const char *name)
{
	struct plan_worker *w = &p->worker[index];

	w->role = (uint8_t)role;
	snprintf(w->name, sizeof(w->name), "%s", name);
	if (p->worker_count <= index)
		p->worker_count = index + 1;
	return w;
}

static void plan_platform(struct plan *p, const struct conf *c)
{
	struct plan_worker *w = add(p, PLAN_CHAN_PLATFORM, PLAN_PLATFORM, "platform");

	/* The guest also moves the PM block and the platform device's BARs. */
	allow_bar(w, CHAN_PIO);
	allow_bar(w, CHAN_MMIO);
	allow_devfn(w, DEVFN(0, 0));
	allow_devfn(w, DEVFN(SLOT_BRIDGE, 0));
	allow_devfn(w, DEVFN(SLOT_BRIDGE, 3));
	/* keyboard, COM2/4, COM1/3, SCI, mouse */
	w->isa_lines = 1 << 1 | 1 << 3 | 1 << 4 | 1 << 9 | 1 << 12;
	w->verbs = PLAN_MAY_LINK_ROUTE | PLAN_MAY_POWER;
	if (c->pci_platform) {
		allow_devfn(w, DEVFN(SLOT_PLATFORM, 0));
		w->intx_devs = 1u << SLOT_PLATFORM;
		w->verbs |= PLAN_MAY_UNPLUG | PLAN_MAY_ROM_LOCK;
	}
}

static void plan_disk(struct plan *p)
{
	struct plan_worker *w = add(p, PLAN_CHAN_DISK0, PLAN_DISK, "disk0");

	allow_bar(w, CHAN_PIO);		/* bus master; task files are fixed */
	allow_devfn(w, DEVFN(SLOT_BRIDGE, 1));
	w->isa_lines = 1 << 14 | 1 << 15;
	w->verbs = PLAN_MAY_MODIFIED;
}

static void plan_vga(struct plan *p, const struct conf *c)
{
	struct plan_worker *w = add(p, PLAN_CHAN_VGA, PLAN_VGA, "vga");

	allow(w, CHAN_PIO, 0x1ce, 0x1d1);	/* VBE */
	allow(w, CHAN_PIO, 0x3b0, 0x3df);
	allow_bar(w, CHAN_MMIO);		/* and the window at 0xa0000 */
	allow_devfn(w, DEVFN(plan_vga_slot(c), 0));
	w->verbs = PLAN_MAY_VRAM | PLAN_MAY_BATCH;
}

/* Everything of a card is in BARs. */
static void plan_net(struct plan *p, const struct conf *c, unsigned int nic)
{
	unsigned int slot = plan_nic_slot(c, nic);
	struct plan_worker *w;
	char name[16];

	snprintf(name, sizeof(name), "net%u", nic);
	w = add(p, PLAN_CHAN_NET0 + nic, PLAN_NET, name);
	allow_bar(w, CHAN_PIO);
	allow_bar(w, CHAN_MMIO);
	allow_devfn(w, DEVFN(slot, 0));
	w->intx_devs = 1u << slot;
	w->verbs = PLAN_MAY_MODIFIED;
}

unsigned int plan_vga_slot(const struct conf *c)
{
	return c->pci_platform ? SLOT_PLATFORM + 1 : SLOT_PLATFORM;
}

unsigned int plan_nic_slot(const struct conf *c, unsigned int nic)
{
	unsigned int slot = plan_vga_slot(c) + c->have_vga;

	for (unsigned int i = 0; i < nic; i++)
		slot += c->nic[i].model != NULL;
	return slot;
}

void plan_fill(struct plan *p, const struct conf *c, const struct vram_layout *l)
{
	*p = (struct plan){ .magic = PLAN_MAGIC, .version = PLAN_VERSION,
		.domid = c->domid, .vcpus = c->max_vcpus,
		.ram_below_4g_bytes = l->ram_low_bytes,
		.ram_above_4g_bytes = l->ram_high_bytes,
		.vram_gfn = l->gfn, .vram_frames = l->frames,
		.vram_now_gfn = l->now_gfn,
		.flags = c->plan_flags };
	plan_platform(p, c);
	plan_disk(p);
	if (c->have_vga)
		plan_vga(p, c);
	for (unsigned int i = 0; i < c->nic_count; i++)
		if (c->nic[i].model)
			plan_net(p, c, i);
}

int plan_make_fd(const struct plan *p)
{
	int fd = memfd_make("cloister-plan", sizeof(*p));
	int ro;

	if (fd < 0)
		return fd;
	if (pwrite(fd, p, sizeof(*p), 0) != (ssize_t)sizeof(*p))
		ro = -EIO;
	else
		ro = plan_reopen_read_only(fd);
	close(fd);
	return ro;
}

int plan_reopen_read_only(int fd)
{
	char path[32];
	int ro;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ro = open(path, O_RDONLY | O_CLOEXEC);
	return ro < 0 ? -errno : ro;
}
