/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/test_platform_random.c - a guest that writes nonsense
 *
 * A million accesses of every width and count over all windows, mixed with
 * time, input and serial data.  After each, what the broker would answer from
 * a shadow word or mirror is what the device answers.  The seed is printed
 * and can be given back as first argument.
 */
#include "base/log.h"
#include "bus/reg.h"
#include "dev/platform.h"
#include "tap.h"
#include "tests/lib/busrig.h"
#include "tests/model/random.h"

#define ACCESSES	1000000u

static struct rig rig;
static struct platform machine;
static struct chr host;
static unsigned int shadows, mirrors;

static uint64_t written;

static void host_write(struct chr *c, const uint8_t *buf, size_t len_bytes)
{
	(void)c;
	(void)buf;
	written += len_bytes;
}

static void host_rx_ready(struct chr *c)
{
	c->rx(c->dev, (const uint8_t *)"0123456789abcdef", rnd() % 17);
}

static const struct chr_ops host_ops = { host_write, host_rx_ready };

static void make_machine(void)
{
	struct platform_conf conf = {
		.vcpus = 2, .boot = "cda", .xen_pci = true,
		.accept_unplug = true, .ram_below_4g_bytes = 256u << 20,
	};

	for (unsigned int i = 0; i < PLATFORM_SERIALS; i++)
		conf.serial[i].present = true;
	host.ops = &host_ops;
	conf.serial[0].chr = &host;
	rig_init(&rig, 0);
	platform_init(&machine, &rig.bus, &conf);
	rig_close(&rig);
}

static void random_access(void)
{
	static const uint8_t widths[] = { 1, 1, 1, 2, 4, 8 };
	static uint8_t buf[IO_ITEM_BYTES_MAX];
	unsigned int win = rnd() % rig.bus.win_count;
	const struct bus_win *w = &rig.bus.win[win];
	unsigned int size = widths[rnd() % sizeof(widths)];
	unsigned int count = rnd() % 64 ? 1 : 1 + rnd() % (IO_ITEM_BYTES_MAX / size);
	struct io_msg m = {
		.kind = IO_ACCESS, .size = (uint8_t)size, .count = count,
		.win = (uint16_t)win, .data = (uint64_t)rnd() << 32 | rnd(),
		.flags = (uint8_t)((rnd() & 1 ? IO_WRITE : 0) |
				   (rnd() % 16 ? 0 : IO_DESC)),
	};
	bool strings = count > 1 || rnd() % 32 == 0;

	/* Mostly inside, sometimes just outside. */
	m.addr = (w->space == CHAN_PCI ? 0 : w->base) +
		 rnd() % (w->len + (rnd() % 64 ? 0 : 8));
	if (strings) {
		m.flags |= IO_DATA;
		for (unsigned int i = 0; i < size * count; i++)
			buf[i] = (uint8_t)rnd();
	}
	bus_access(&rig.bus, &m, strings ? buf : NULL);
	rig.seq++;
	rig_settle(&rig);
}

/* Puts the windows back that nonsense in configuration space took away. */
static void place_windows(void)
{
	cfg_write(&rig, PCI_DEVFN(1, 3), 0x40, 4, 0xb001);
	cfg_write(&rig, PCI_DEVFN(1, 3), 0x80, 1, 1);
	cfg_write(&rig, PCI_DEVFN(2, 0), 0x10, 4, 0xc100);
	cfg_write(&rig, PCI_DEVFN(2, 0), 0x14, 4, 0xf1000000);
	cfg_write(&rig, PCI_DEVFN(2, 0), 0x04, 2, 3);
}

/* A driver that half knows what it does: bytes the PS/2 devices understand. */
static void talk_to_ps2(void)
{
	static const uint8_t rate[] = { 200, 100, 80, 2, 0 };

	if (rnd() & 1)
		out8(&rig, 0x64, 0xd4);
	out8(&rig, 0x60, rnd() & 1 ? rate[rnd() % sizeof(rate)] :
				     (uint8_t)(0xe6 + rnd() % 26));
	for (unsigned int i = rnd() % 8; i; i--)
		in8(&rig, 0x60);
}

static void random_event(void)
{
	switch (rnd() % 64 ? rnd() % 5 : 5) {
	case 0:
		rig_advance(&rig, rnd() % 1000000000);
		break;
	case 1:
		machine.i8042.sink.key(machine.i8042.sink.dev,
				       rnd() & 0xe07f, rnd() & 1);
		break;
	case 2:
		machine.i8042.sink.pointer(machine.i8042.sink.dev,
			&(struct input_pointer){ rnd(), rnd(), rnd() % 4000,
						 rnd() % 4000, rnd() & 31 });
		break;
	case 3:
		talk_to_ps2();
		break;
	case 4:
		host_rx_ready(&host);
		break;
	default:
		place_windows();
		break;
	}
	rig_settle(&rig);
}

/* Every valid shadow word is what a read would give. */
static bool shadows_agree(void)
{
	for (unsigned int i = 0; i < rig.chan->row_count; i++) {
		const struct chan_row *row = &rig.chan->row[i];
		const struct bus_win *w = &rig.bus.win[row->win];
		uint64_t word = rig.chan->shadow[i];
		uint32_t got;

		if (!(row->flags & CHAN_ROW_SHADOW) || !w->mapped ||
		    !(word & CHAN_SHADOW_VALID))
			continue;
		got = reg_read(w->regs, w->dev, row->off, row->size);
		shadows++;
		if (got != (uint32_t)word) {
			printf("# %s+%u: shadow 0x%x, device 0x%x\n", w->name,
			       row->off, (uint32_t)word, got);
			return false;
		}
	}
	return true;
}

static bool mirrors_agree(void)
{
	for (unsigned int i = 0; i < rig.bus.win_count; i++) {
		const struct bus_win *w = &rig.bus.win[i];

		if (!w->mirror_of)
			continue;
		mirrors++;
		if (memcmp(rig.chan->mirror + w->mirror, w->mirror_of, w->len)) {
			printf("# %s: mirror differs\n", w->name);
			return false;
		}
	}
	return true;
}

/* What a successor would start from is what the devices hold. */
static bool state_is_committed(void)
{
	const struct state_half *h =
		&rig.state->half[atomic_load(&rig.state->flip) & 1];

	for (unsigned int i = 0; i < rig.bus.dev_count; i++)
		if (memcmp(h->regs + rig.bus.dev[i].regs_at,
			   rig.bus.dev[i].regs, rig.bus.dev[i].regs_bytes)) {
			printf("# %s: committed state differs\n",
			       rig.bus.dev[i].name);
			return false;
		}
	return true;
}

int main(int argc, char **argv)
{
	unsigned long seed = argc > 1 ? strtoul(argv[1], NULL, 0) : 20240229;
	bool good = true;
	unsigned int done = 0;

	printf("# seed %lu\n", seed);
	state = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
	log_init(-1, "platform", LOG_L_ERR);
	make_machine();
	for (; good && done < ACCESSES; done++) {
		random_access();
		if (done % 8 == 0)
			random_event();
		if (done % 16 == 0)
			good = shadows_agree() && mirrors_agree() &&
			       state_is_committed();
	}
	ok(good, "%u accesses: shadows, mirrors and state are the device's",
	   done);
	ok(shadows > 100000 && mirrors > 100000, "which was looked at often");
	ok(written > 0, "bytes came out of the serial port");
	is_hex(in8(&rig, 0x64) & 0x10, 0x10, "the machine still answers");
	rig_free(&rig);
	return tap_done();
}
