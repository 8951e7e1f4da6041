/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_input_ring.c - the consumer of input, and a producer that
 *                                cannot be trusted
 */
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/disp.h"
#include "back/input_ring.h"
#include "base/log.h"
#include "tap.h"
#include "tests/lib/busrig.h"

static struct rig rig;
static struct input_ring *ring;
static int kick, ring_fd;
static unsigned int keys, pointers, room = ~0u;
static uint32_t last_code;
static bool last_down;
static struct input_pointer last_pointer;

static bool on_key(void *dev, uint32_t code, bool down)
{
	(void)dev;
	if (!room)
		return false;
	room--;
	keys++;
	last_code = code;
	last_down = down;
	return true;
}

static bool on_pointer(void *dev, const struct input_pointer *p)
{
	(void)dev;
	pointers++;
	last_pointer = *p;
	return true;
}

static struct input_sink sink = { .key = on_key, .pointer = on_pointer };

static void put(uint32_t kind, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
	static const uint64_t one = 1;
	uint32_t tail = atomic_load(&ring->tail);

	ring->event[tail % INPUT_EVENTS] = (struct input_event){
		.kind = kind, .a = a, .b = b, .c = c, .d = d };
	atomic_store(&ring->tail, tail + 1);
	if (atomic_load(&ring->asleep) &&
	    write(kick, &one, sizeof(one)) != sizeof(one))
		ok(false, "cannot kick");
}

/* As from the worker's loop: then what was taken is committed. */
static void kicked(void)
{
	input_ring_readable(NULL, 0);
	rig_settle(&rig);
}

static void open_ring(void)
{
	ring_fd = memfd_create("input", MFD_CLOEXEC);
	if (ring_fd < 0 || ftruncate(ring_fd, sizeof(*ring)))
		ok(false, "cannot make a ring");
	ring = mmap(NULL, sizeof(*ring), PROT_READ | PROT_WRITE, MAP_SHARED,
		    ring_fd, 0);
	ring->magic = INPUT_MAGIC;
	ring->version = INPUT_VERSION;
	kick = eventfd(0, EFD_NONBLOCK);
	/* A predecessor took 3; two more came while nobody was there. */
	atomic_store(&ring->head, 3);
	atomic_store(&ring->tail, 5);
	rig_init(&rig, 0);
	input_ring_open(&rig.bus, ring_fd, kick, &sink);
	rig_close(&rig);
	rig_settle(&rig);
	is_hex(atomic_load(&ring->head), 5, "what came before us is forgotten");
	is_hex(atomic_load(&ring->asleep), 1, "and we want a kick");
}

static void test_events(void)
{
	put(INPUT_KEY, 0xe048, 1, 0, 0);
	put(INPUT_POINTER, 10, 20, 3, 640u << 16 | 480);
	put(77, 1, 2, 3, 4);
	kicked();
	ok(keys == 1 && last_code == 0xe048 && last_down, "a key arrives");
	ok(pointers == 1 && last_pointer.x == 10 && last_pointer.y == 20 &&
	   last_pointer.buttons == 3 && last_pointer.width == 640 &&
	   last_pointer.height == 480, "a pointer arrives");
	is_hex(atomic_load(&ring->head), 8, "an unknown event is taken too");
	is_hex(atomic_load(&ring->asleep), 1, "then we sleep");
}

static void test_no_room(void)
{
	keys = 0;
	room = 2;
	for (unsigned int i = 0; i < 5; i++)
		put(INPUT_KEY, 2 + i, 1, 0, 0);
	kicked();
	is_hex(keys, 2, "two fit");
	put(INPUT_KEY, 9, 1, 0, 0);
	kicked();
	is_hex(keys, 2, "a kick does not make room");
	room = 1;
	sink.ready(sink.back);
	rig_settle(&rig);
	ok(keys == 3 && last_code == 4, "ready() goes on where it stopped");
	room = ~0u;
	sink.ready(sink.back);
	rig_settle(&rig);
	ok(keys == 6 && last_code == 9, "to the end");
	sink.ready(sink.back);
	rig_settle(&rig);
	is_hex(keys, 6, "and ready() without need does nothing");
}

static void test_hostile_producer(void)
{
	uint32_t head = atomic_load(&ring->head);

	keys = 0;
	atomic_store(&ring->tail, head + INPUT_EVENTS + 1);
	kicked();
	is_hex(keys, 0, "an impossible index delivers nothing");
	is_hex(atomic_load(&ring->head), head + INPUT_EVENTS + 1,
	       "and the ring is empty again");
	put(INPUT_KEY, 0x1e, 0, 0, 0);
	kicked();
	ok(keys == 1 && !last_down, "it works on");
	atomic_store(&ring->head, 12345);
	put(INPUT_KEY, 0x1f, 0, 0, 0);
	kicked();
	ok(keys == 2 && last_code == 0x1f, "our index is not read back");
}

static void die_and_come_back(void)
{
	rig_successor(&rig);
	input_ring_open(&rig.bus, ring_fd, kick, &sink);
	rig_close(&rig);
}

/* Each event once, however far the dead one was. */
static void test_successor(void)
{
	uint64_t n;

	keys = 0;
	put(INPUT_KEY, 0x10, 1, 0, 0);
	put(INPUT_KEY, 0x11, 1, 0, 0);
	input_ring_readable(NULL, 0);
	is_hex(keys, 2, "two are taken");
	is_hex(atomic_load(&ring->head), atomic_load(&ring->tail) - 2,
	       "their slots are not the producer's before that is committed");
	die_and_come_back();
	is_hex(keys, 4, "it died before the commit: they come again");
	is_hex(atomic_load(&ring->head), atomic_load(&ring->tail),
	       "and then the slots are free");
	die_and_come_back();
	is_hex(keys, 4, "it died after the commit: they do not");
	put(INPUT_KEY, 0x12, 1, 0, 0);
	ok(read(kick, &n, sizeof(n)) == (ssize_t)sizeof(n), "a kick was read");
	die_and_come_back();
	ok(keys == 5 && last_code == 0x12, "by one who died then: not lost");
	room = 1;
	put(INPUT_KEY, 0x13, 1, 0, 0);
	put(INPUT_KEY, 0x14, 1, 0, 0);
	kicked();
	die_and_come_back();
	is_hex(keys, 6, "the device has no room");
	room = ~0u;
	sink.ready(sink.back);
	ok(keys == 7 && last_code == 0x14, "and asks the successor for more");
	rig_settle(&rig);
}

static void spoil_index(uint32_t taken_at)
{
	struct state_half *h = &rig.state->half[atomic_load(&rig.state->flip) & 1];

	memcpy(h->regs + h->dev[0].regs_at, &taken_at, sizeof(taken_at));
}

static void test_hostile_state(void)
{
	static const uint32_t off[] = { 1, 256, 257, 0x80000000, 0xffffff00 };

	for (unsigned int i = 0; i < sizeof(off) / sizeof(off[0]); i++) {
		keys = 0;
		spoil_index(atomic_load(&ring->tail) + off[i]);
		die_and_come_back();
		ok(keys == 0 && atomic_load(&ring->head) == atomic_load(&ring->tail),
		   "index off by 0x%x: nothing is taken", off[i]);
		put(INPUT_KEY, 0x20 + i, 1, 0, 0);
		kicked();
		ok(keys == 1 && last_code == 0x20 + i, "and it goes on");
	}
}

int main(void)
{
	log_init(-1, "test", LOG_L_ERR);
	open_ring();
	test_events();
	test_no_room();
	test_hostile_producer();
	test_successor();
	test_hostile_state();
	rig_free(&rig);
	return tap_done();
}
