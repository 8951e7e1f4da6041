/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_bus.c - windows, strings, deferring, committed state, PCI
 */
#include "base/le.h"
#include "bus/irq.h"
#include "bus/pci.h"
#include "bus/reg.h"
#include "busrig.h"
#include "tap.h"

/* A small device: a register with a shadow, one that defers, memory. */
struct toy {
	struct toy_regs { uint8_t value, slow; uint32_t ctl; } r;
	struct bus *bus;
	bus_dev_id id;
	uint8_t mem[0x1000];
	struct pci_func pci;
	uint64_t moved_to;
};

static struct rig rig;
static struct toy toy;
static unsigned int slow_writes;

static void slow_write(void *dev, const struct reg *r, uint32_t val, uint32_t old)
{
	struct toy *t = dev;

	(void)r;
	(void)val;
	(void)old;
	slow_writes++;
	bus_defer(t->bus);
}

static const struct reg rows[] = {
	R(struct toy, VALUE, 0, r.value, .rw = 0xff, .flags = REG_SHADOW),
	R(struct toy, SLOW, 1, r.slow, .rw = 0xff, .write = slow_write),
	R(struct toy, CTL, 4, r.ctl, .rw = ~0u),
};
static const struct reg_file toy_regs = REG_FILE(rows, ~0u);

static uint32_t mem_read(void *dev, uint32_t off, unsigned int size)
{
	return (uint32_t)le_get(((struct toy *)dev)->mem + off, size);
}

static void mem_write(void *dev, uint32_t off, unsigned int size, uint32_t val)
{
	le_put(((struct toy *)dev)->mem + off, size, val);
}

static const struct bus_win_ops mem_ops = { .read = mem_read, .write = mem_write };
static void moved(void *dev, unsigned int bar, uint64_t base)
{
	(void)bar;
	((struct toy *)dev)->moved_to = base;
}

/* Goes on by itself until it has had its turns. */
static unsigned int turns, turns_wanted;

static void take_turn(void *dev)
{
	struct toy *t = dev;

	turns++;
	t->r.value++;
	bus_touch(t->bus, t->id);
	if (turns < turns_wanted)
		bus_ask_turn(t->bus, t->id);
}

/* What the guest could see when ops->committed was called. */
static unsigned int committed_calls;
static uint8_t was_committed, was_shadow;

static void note_committed(void *dev)
{
	struct toy *t = dev;
	const struct state_half *h = &rig.state->half[rig.state->flip & 1];
	uint32_t v = 0;

	committed_calls++;
	was_committed = h->regs[t->bus->dev[t->id].regs_at];
	rig_shadow(&rig, CHAN_PIO, 0x300, 1, &v);
	was_shadow = (uint8_t)v;
}

static const struct bus_dev_ops toy_ops = { .turn = take_turn,
					    .committed = note_committed };

static void fresh(void)
{
	static const struct pci_ids ids = { .vendor = 0x1234, .device = 0x5678,
		.class_device = 0x0300, .int_pin = 1 };
	unsigned int mmio, io;

	rig_init(&rig, 1 << 16);
	memset(&toy, 0, sizeof(toy));
	toy.bus = &rig.bus;
	toy.id = bus_add_dev(&rig.bus, "toy", &toy, &toy_ops, &toy.r, sizeof(toy.r));
	bus_map(&rig.bus, bus_add_win(&rig.bus, toy.id, "toy", CHAN_PIO, 8,
				      &toy_regs, NULL), 0x300);
	mmio = bus_add_win(&rig.bus, toy.id, "toy-mem", CHAN_MMIO, 0x1000, NULL,
			   &mem_ops);
	io = bus_add_win(&rig.bus, toy.id, "toy-io", CHAN_PIO, 16, &toy_regs, NULL);
	toy.pci.dev = &toy;
	toy.pci.bar_moved = moved;
	pci_add(&rig.bus, &toy.pci, "toy-pci", PCI_DEVFN(3, 0), &ids);
	pci_add_bar(&toy.pci, 0, PCI_BAR_MEM, 0x1000, mmio);
	pci_add_bar(&toy.pci, 1, PCI_BAR_IO, 16, io);
	pci_add_bar(&toy.pci, 2, PCI_BAR_MEM_PREF, 1 << 24, PCI_NO_WIN);
	rig_close(&rig);
}

static void test_shadow(void)
{
	uint32_t v = 0;

	fresh();
	ok(rig_row_flags(&rig, CHAN_PIO, 0x300, 1) == CHAN_ROW_SHADOW, "announced");
	out8(&rig, 0x300, 0x42);
	ok(rig_shadow(&rig, CHAN_PIO, 0x300, 1, &v) && v == 0x42,
	   "the word follows the register");
	toy.r.value = 0x43;
	bus_touch(&rig.bus, toy.id);
	rig_settle(&rig);
	ok(rig_shadow(&rig, CHAN_PIO, 0x300, 1, &v) && v == 0x43,
	   "also outside accesses");
}

static void test_committed_state(void)
{
	const struct state_half *h;
	struct toy_regs r;

	fresh();
	for (unsigned int i = 1; i <= 5; i++) {
		out8(&rig, 0x300, (uint8_t)i);
		h = &rig.state->half[rig.state->flip & 1];
		memcpy(&r, h->regs, sizeof(r));
		if (r.value != i || h->seq != rig.seq)
			break;
	}
	is_hex(r.value, 5, "the committed half holds the last write");
	is_hex(h->seq, rig.seq, "and the number of the request after it");
	in8(&rig, 0x304);
	in8(&rig, 0x304);
	h = &rig.state->half[rig.state->flip & 1];
	memcpy(&r, h->regs, sizeof(r));
	is_hex(r.value, 5, "reads carry the state over to the other half");
	is_hex(h->seq, rig.seq, "with their own number");
	irq_isa(&rig.bus, 4, true);
	rig_settle(&rig);
	is_hex(rig.state->half[rig.state->flip & 1].isa_levels, 1 << 4,
	       "levels are part of it");
}

static void test_committed_call(void)
{
	fresh();
	out8(&rig, 0x300, 3);
	committed_calls = 0;
	out8(&rig, 0x300, 4);
	is_hex(committed_calls, 1, "called after a commit, once");
	is_hex(was_committed, 4, "what is committed is new");
	is_hex(was_shadow, 3, "what the guest sees is not");
	rig_settle(&rig);
	is_hex(committed_calls, 1, "not if nothing changed");
}

static void test_turns(void)
{
	uint32_t v = 0;

	fresh();
	rig.hold_turns = true;
	turns = 0;
	turns_wanted = 3;
	ok(!rig_turn(&rig), "nobody asked: no turn");
	bus_ask_turn(&rig.bus, toy.id);
	bus_ask_turn(&rig.bus, toy.id);
	out8(&rig, 0x300, 7);
	is_hex(turns, 0, "not from within an access");
	ok(rig_turn(&rig) && turns == 1, "asked twice: once");
	ok(rig_shadow(&rig, CHAN_PIO, 0x300, 1, &v) && v == 8,
	   "what it did is published");
	ok(bus_turns_wait(&rig.bus) && rig_turn(&rig) && rig_turn(&rig) && turns == 3,
	   "asked again from within: another");
	ok(!rig_turn(&rig), "then no more");
}

static void test_defer(void)
{
	fresh();
	out8(&rig, 0x301, 1);
	ok(rig.waits, "the write is not answered");
	bus_resume(&rig.bus, 0);
	rig_settle(&rig);
	ok(!rig.waits, "until the device resumes");
	bus_resume(&rig.bus, 0);
	rig_settle(&rig);
	ok(!rig.waits, "a stray resume does nothing");
	slow_writes = 0;
	rig_access(&rig, CHAN_PIO, 0x301, 1, 4, IO_WRITE, 1, NULL);
	ok(slow_writes == 1, "nothing reaches a device that waits");
	bus_resume(&rig.bus, 0);
	rig_settle(&rig);
}

/* State of a size that is no multiple of eight. */
static void test_odd_state(void)
{
	static uint8_t odd[8] = { 1, 2, 3, 4, 5, 0xee, 0xee, 0xee };
	const struct state_half *h;
	uint32_t at;

	rig_init(&rig, 1 << 16);
	bus_add_dev(&rig.bus, "odd", odd, NULL, odd, 5);
	at = rig.bus.regs_used;
	bus_add_dev(&rig.bus, "next", odd, NULL, odd, 5);
	rig_close(&rig);
	h = &rig.bus.state->half[rig.bus.flip & 1];
	ok(at % 8 == 0, "the next device's state is aligned");
	ok(!memcmp(h->regs, odd, 5) && !memcmp(h->regs + at, odd, 5), "committed");
	ok(h->regs[5] == 0 && h->regs[7] == 0, "and nothing beyond its end");
}

static void test_irq(void)
{
	fresh();
	rig_said_clear(&rig);
	irq_isa(&rig.bus, 14, true);
	irq_isa(&rig.bus, 14, true);
	ok(rig_said(&rig, ANS_ISA_IRQ) == 1, "an unchanged level is not sent");
	irq_isa(&rig.bus, 14, false);
	irq_isa(&rig.bus, 14, true);
	ok(rig_said(&rig, ANS_ISA_IRQ) == 3, "low then high is two changes");
	irq_intx(&rig.bus, PCI_DEVFN(31, 7), 3, true);
	ok(rig.intx[PCI_DEVFN(31, 7) << 2 | 3], "highest device and pin");
}

static void test_pci(void)
{
	const unsigned int fn = PCI_DEVFN(3, 0);
	uint8_t buf[8];

	fresh();
	is_hex(cfg_read(&rig, fn, 0, 4), 0x56781234, "ids");
	is_hex(cfg_read(&rig, fn, 0x2c, 4), 0x11001af4, "default subsystem");
	cfg_write(&rig, fn, 0x00, 4, 0);
	is_hex(cfg_read(&rig, fn, 0, 4), 0x56781234, "ids are read-only");
	cfg_write(&rig, fn, 0x10, 4, ~0u);
	is_hex(cfg_read(&rig, fn, 0x10, 4), 0xfffff000, "memory BAR size");
	cfg_write(&rig, fn, 0x14, 4, ~0u);
	is_hex(cfg_read(&rig, fn, 0x14, 4), 0xfffffff1, "I/O BAR size");
	cfg_write(&rig, fn, 0x18, 4, ~0u);
	is_hex(cfg_read(&rig, fn, 0x18, 4), 0xff000008, "prefetchable BAR size");
	rig_said_clear(&rig);
	cfg_write(&rig, fn, 4, 2, 3);
	ok(rig_said(&rig, ANS_MAP) == 0, "all-ones BARs are not mapped");
	cfg_write(&rig, fn, 0x10, 4, 0xf0000000);
	ok(rig_said(&rig, ANS_MAP) == 1 &&
	   rig_said_last(&rig, ANS_MAP)->addr == 0xf0000000, "a real one is");
	mmio_write(&rig, 0xf0000010, 4, 0x11223344);
	is_hex(mmio_read(&rig, 0xf0000012, 2), 0x1122, "and answers");
	cfg_write(&rig, fn, 0x18, 4, 0xe0000000);
	is_hex(toy.moved_to, 0xe0000000, "a BAR without window tells the device");
	cfg_write(&rig, fn, 4, 2, 1);
	ok(rig_said(&rig, ANS_UNMAP) == 1, "memory decode off unmaps");
	is_hex(toy.moved_to, PCI_UNMAPPED, "and tells the device");
	rig_access(&rig, CHAN_MMIO, 0xf0000010, 4, 1, 0, 0, buf);
	is_hex(cfg_read(&rig, fn, 0xff, 1), 0, "last register");
	is_hex(rig_mirror(&rig, toy.pci.win, 0), 0x34, "space is mirrored");
	is_hex(rig_mirror(&rig, toy.pci.win, 4), 1, "and follows writes");
}

/* A request that was on its way while its window moved. */
static void test_moved_window(void)
{
	struct io_msg m = { .kind = IO_ACCESS, .size = 4, .count = 1,
			    .addr = 0xf0000ffe };
	uint8_t data[8] = { 1, 2, 3, 4 };

	fresh();
	cfg_write(&rig, PCI_DEVFN(3, 0), 0x10, 4, 0xf0000000);
	cfg_write(&rig, PCI_DEVFN(3, 0), 4, 2, 2);
	m.win = (uint16_t)toy.pci.bar[0].win;
	is_hex(bus_access(&rig.bus, &m, NULL), UINT64_MAX, "straddles the end");
	m.addr = 0xe0000000;
	is_hex(bus_access(&rig.bus, &m, NULL), UINT64_MAX, "before the window");
	m.flags = IO_DATA;
	bus_access(&rig.bus, &m, data);
	is_hex(le32_get(data), 0xffffffff, "strings read as ones too");
	m.win = 77;
	is_hex(bus_access(&rig.bus, &m, data), UINT64_MAX, "no such window");
	m.win = (uint16_t)toy.pci.bar[0].win;
	m.addr = 0xf0000000;
	m.flags = 0;
	m.size = 3;
	is_hex(bus_access(&rig.bus, &m, NULL), UINT64_MAX, "no such size");
	m.size = 8;
	m.count = 0x20000001;
	is_hex(bus_access(&rig.bus, &m, NULL), UINT64_MAX, "count that wraps");
}

static void test_strings(void)
{
	uint16_t in[4] = { 0x1111, 0x2222, 0x3333, 0x4444 }, out[4] = { 0 };

	fresh();
	cfg_write(&rig, PCI_DEVFN(3, 0), 0x10, 4, 0xf0000000);
	cfg_write(&rig, PCI_DEVFN(3, 0), 4, 2, 2);
	rig_access(&rig, CHAN_MMIO, 0xf0000100, 2, 4, IO_WRITE, 0, in);
	is_hex(le64_get(toy.mem + 0x100), 0x4444333322221111, "ascending");
	rig_access(&rig, CHAN_MMIO, 0xf0000206, 2, 4, IO_WRITE | IO_DESC, 0, in);
	is_hex(le64_get(toy.mem + 0x200), 0x1111222233334444, "descending");
	rig_access(&rig, CHAN_MMIO, 0xf0000206, 2, 4, IO_DESC, 0, out);
	is_hex(out[3], 0x4444, "descending read, in access order");
	rig_access(&rig, CHAN_MMIO, 0xf0000300, 2, 4, IO_WRITE, 0xabcd, NULL);
	is_hex(le64_get(toy.mem + 0x300), 0xabcdabcdabcdabcd, "rep stos");
	rig_access(&rig, CHAN_MMIO, 0xf0000400, 8, 1, IO_WRITE, 0x1122334455667788, NULL);
	is_hex(le64_get(toy.mem + 0x400), 0x1122334455667788, "eight bytes");
	ok(rig_access(&rig, CHAN_MMIO, 0xf0000400, 8, 1, 0, 0, NULL) ==
	   0x1122334455667788, "and back");
}

int main(void)
{
	test_shadow();
	test_committed_state();
	test_committed_call();
	test_turns();
	test_defer();
	test_odd_state();
	test_irq();
	test_pci();
	test_moved_window();
	test_strings();
	rig_free(&rig);
	return tap_done();
}
