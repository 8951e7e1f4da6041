/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/test_save_family.c - a guest is saved, and goes on in another
 *                                  family
 *
 * usage: test_save_family MODEL.  The real broker and workers; this process is
 * guest, hypervisor, wire and supervisor, with the supervisor's own code for
 * save files.  The guest is in the middle of as much as there is to be in the
 * middle of.  Its memory and its lines are carried over as libxl and Xen do.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "back/fb_shm.h"
#include "base/clock.h"
#include "fakefamily.h"
#include "framekit.h"
#include "net_guest.h"
#include "patience.h"
#include "supervisor/save.h"
#include "tap.h"

#define SECTOR		512u
#define SECTORS		2048u
#define IDE		0x1f0u
#define IDE_FUNC	0x09u
#define BM_BAR		0xc200u
#define BUF_GPA		0x700000u
#define VGA_FUNC	0x18u
#define LFB		0xf0000000u
#define RAM_BYTES	(16u << 20)
#define HDR		sizeof(struct virtio_net_hdr)

static struct fakefamily f;
static struct fakeguest *g;
static struct net_guest n;
static const char *model;
static int wire = -1, worker_tap = -1;
static char image[] = "/tmp/cloister-save-XXXXXX";
static uint8_t frame[FRAMEKIT_MAX], packet[FRAMEKIT_MAX];
static size_t frame_len;
static char why[SAVE_WHY];

/* What is carried from one family to the next. */
static struct {
	struct save_out out;
	struct save_view view;
	uint8_t *memory;
	size_t memory_bytes;
	uint32_t isa, intx[32], link[4];
	int64_t stopped_ns;
} carried;

static const struct fakefamily_conf conf_base = {
	.guest = { .vcpus = 1, .low_bytes = RAM_BYTES, .vram_gfn = 0xff000,
		   .vram_frames = 4096 },
	.image = { image }, .wide_plan = true,
};

/* A worker of this version goes on from what it finds.  0: it does not yet. */
static uint32_t version_of(const char *section)
{
	for (unsigned int i = 0; i < carried.view.count; i++)
		if (strcmp(carried.view.part[i].name, section) == 0)
			return carried.view.part[i].version;
	return 0;
}

static void out(uint16_t port, unsigned int size, uint32_t v)
{
	fakeguest_out(g, 0, port, size, v);
}

static uint32_t in(uint16_t port, unsigned int size)
{
	return fakeguest_in(g, 0, port, size);
}

static uint8_t byte_of(uint32_t sector, uint32_t i)
{
	return (uint8_t)(sector * 13 + i * 3 + (i >> 8));
}

static bool make_image(void)
{
	uint8_t s[SECTOR];
	int fd = mkstemp(image);
	bool good = fd >= 0;

	for (uint32_t k = 0; good && k < SECTORS; k++) {
		for (uint32_t i = 0; i < SECTOR; i++)
			s[i] = byte_of(k, i);
		good = write(fd, s, SECTOR) == SECTOR;
	}
	close(fd);
	return good;
}

/* ---- the wire ---- */

static bool make_wire(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return false;
	fcntl(pair[1], F_SETFL, O_NONBLOCK);
	wire = pair[0];
	worker_tap = pair[1];
	return true;
}

static bool put_frame(void)
{
	struct virtio_net_hdr h = { 0 };
	struct iovec iov[2] = { { &h, HDR }, { frame, frame_len } };

	return writev(wire, iov, 2) == (ssize_t)(HDR + frame_len);
}

static bool got_frame(int ms)
{
	bool good;
	size_t len = net_guest_receive(&n, packet, &good, false, ms);

	return len == frame_len && memcmp(packet, frame, len) == 0;
}

static bool sends(void)
{
	struct pollfd p = { .fd = wire, .events = POLLIN };

	return net_guest_send(&n, frame, frame_len, NULL) &&
		poll(&p, 1, 3000) == 1 &&
		read(wire, packet, sizeof(packet)) == (ssize_t)(HDR + frame_len) &&
		memcmp(packet + HDR, frame, frame_len) == 0;
}

/* ---- the guest, before ---- */

static void wait_drq(void)
{
	for (int i = 0; i < PATIENCE_MS && (in(IDE + 7, 1) & 0x88) != 0x08; i++)
		usleep(1000);
}

static void dispi(uint16_t i, uint16_t v)
{
	out(0x1ce, 2, i);
	out(0x1cf, 2, v);
}

static uint16_t dispi_at(uint16_t i)
{
	out(0x1ce, 2, i);
	return (uint16_t)in(0x1cf, 2);
}

static void pixel_is(uint32_t x, uint32_t y, uint32_t want, const char *what)
{
	struct fb *fb = fb_shm_map(f.fb_fd, false);
	struct pollfd p = { .fd = f.painted_fd, .events = POLLIN };
	uint64_t one = 1;
	uint32_t v = 0;

	/* What was posted may be on its way, or the last scan's word about it. */
	for (int i = 0; i < PATIENCE_MS && v != want; i++) {
		if (write(f.scan_fd, &one, sizeof(one)) < 0 || poll(&p, 1, 100) < 0 ||
		    (p.revents && read(f.painted_fd, &one, sizeof(one)) < 0))
			break;
		usleep(1000);
		if (fb->width > x && fb->height > y)
			v = fb->pixel[y * fb->width + x];
	}
	munmap(fb, sizeof(*fb));
	is_hex(v, want, what);
}

static void live_before(void)
{
	uint32_t v = 0x123456;

	/* COM1: 9600 8O1, a word in the scratch register. */
	out(0x3fb, 1, 0x80);
	out(0x3f8, 1, 12);
	out(0x3f9, 1, 0);
	out(0x3fb, 1, 0x0b);
	out(0x3ff, 1, 0x5a);
	/* A byte waits in the keyboard controller. */
	out(0x64, 1, 0xd2);
	out(0x60, 1, 0xa7);
	/* 100 words of the first of two sectors are read. */
	fakeguest_cfg_write(g, 0, IDE_FUNC, 0x20, 4, BM_BAR);
	fakeguest_cfg_write(g, 0, IDE_FUNC, 0x04, 2, 5);
	out(IDE + 6, 1, 0xe0);
	out(IDE + 2, 1, 2);
	out(IDE + 3, 1, 40);
	out(IDE + 4, 1, 0);
	out(IDE + 5, 1, 0);
	out(IDE + 7, 1, 0x20);
	wait_drq();
	fakeguest_ins(g, 0, IDE, 2, 100, BUF_GPA, false);
	/* A picture. */
	fakeguest_cfg_write(g, 0, VGA_FUNC, 0x10, 4, LFB);
	fakeguest_cfg_write(g, 0, VGA_FUNC, 0x04, 2, 3);
	in(0x3da, 1);
	out(0x3c0, 1, 0x20);		/* the palette is the display's */
	dispi(1, 640);
	dispi(2, 480);
	dispi(3, 32);
	dispi(4, 0x41);
	fakeguest_store(g, LFB + (100 * 640 + 7) * 4, &v, sizeof(v));
	pixel_is(7, 100, 0x123456, "the guest paints");
	net_guest_start(&n, g, model, FF_NIC_SLOT);
	ok(sends() && put_frame() && got_frame(PATIENCE_MS), "and talks");
}

/* ---- rest ---- */

static bool wait_count(_Atomic uint32_t *count, uint32_t want)
{
	for (int i = 0; i < PATIENCE_MS && *count < want; i++)
		usleep(1000);
	return *count == want;
}

static bool rest(uint16_t ticket)
{
	uint32_t want = f.paused + 1;

	return fakefamily_tell(&f, FF_BROKER, CTL_PAUSE, ticket) &&
		wait_count(&f.paused, want) && f.paused_arg >> 48 == ticket;
}

/* Saving that fails, or `xl save -c`: nothing has happened. */
static void test_rest_and_back(void)
{
	static uint8_t before[RAM_BYTES];
	struct xen_ioreq r = { .type = XEN_IOREQ_TYPE_PIO, .addr = 0x3ff, .size = 1,
			       .count = 1, .flags = XEN_IOREQ_READ };
	uint64_t v = 0;

	ok(rest(1), "the family comes to rest");
	memcpy(before, fakeguest_ram(g, 0), RAM_BYTES);
	put_frame();
	ok(fakeguest_post(g, 0, &r) && !fakeguest_wait(g, 0, 100, &v),
	   "a request that comes all the same waits");
	ok(memcmp(before, fakeguest_ram(g, 0), RAM_BYTES) == 0,
	   "nobody writes to the guest's memory, frames or not");
	fakefamily_tell(&f, FF_BROKER, CTL_RESUME, 0);
	ok(fakeguest_wait(g, 0, PATIENCE_MS, &v) && (v & 0xff) == 0x5a,
	   "told to go on, it is answered");
	ok(got_frame(PATIENCE_MS), "and the frame arrives");
	fakefamily_tell(&f, FF_BROKER, CTL_PAUSE, 2);
	fakefamily_tell(&f, FF_BROKER, CTL_RESUME, 0);
	is_hex(in(0x3ff, 1), 0x5a, "a rest that is called off");
}

/* Broker and card die while all is at rest: their successors rest as well. */
static void test_deaths_at_rest(void)
{
	static uint8_t before[RAM_BYTES];
	struct xen_ioreq r = { .type = XEN_IOREQ_TYPE_PIO, .addr = 0x3ff, .size = 1,
			       .count = 1, .flags = XEN_IOREQ_READ };
	uint32_t want;
	uint64_t v = 0;

	if (!ok(rest(7), "at rest again"))
		return;
	want = f.paused + 1;
	ok(fakefamily_kill(&f, FF_BROKER, SIGKILL) &&
	   fakefamily_kill(&f, FF_NET, SIGKILL) && fakefamily_respawn(&f, FF_NET) &&
	   fakefamily_respawn(&f, FF_BROKER), "broker and card die and have successors");
	ok(wait_count(&f.paused, want), "the broker comes to rest by itself");
	memcpy(before, fakeguest_ram(g, 0), RAM_BYTES);
	put_frame();
	ok(fakeguest_post(g, 0, &r) && !fakeguest_wait(g, 0, 100, &v) &&
	   memcmp(before, fakeguest_ram(g, 0), RAM_BYTES) == 0, "and nothing moves");
	fakefamily_tell(&f, FF_BROKER, CTL_RESUME, 0);
	ok(fakeguest_wait(g, 0, PATIENCE_MS, &v) && (v & 0xff) == 0x5a && got_frame(PATIENCE_MS),
	   "until they are told to go on");
}

/* ---- what the migration stream is told ---- */

static uint64_t modified(void)
{
	return atomic_load(&g->m->modified_frames);
}

static void test_dirty(void)
{
	uint32_t want = f.logged + 1;
	uint64_t from;

	from = modified();
	put_frame();
	ok(got_frame(PATIENCE_MS) && modified() == from, "no word about memory while nobody asks");
	ok(fakefamily_tell(&f, FF_BROKER, CTL_LOG_DIRTY, 1) && wait_count(&f.logged, want),
	   "dirty logging is switched on");
	put_frame();
	ok(got_frame(PATIENCE_MS) && modified() >= from + 2, "a frame's buffer and descriptor");
	from = modified();
	fakeguest_ins(g, 0, 0x3ff, 1, 4, BUF_GPA + 0x3ffe, false);
	is_hex(modified() - from, 2, "an operand over a page end");
	from = modified();
	ok(rest(3) && modified() == from, "vga was asked for nothing: nothing of its memory");
	fakefamily_tell(&f, FF_BROKER, CTL_RESUME, 0);
	fakeguest_store_mem(g, 0, 0xa0000, 1, 0x55);
	ok(rest(4) && modified() - from >= 4096, "after a write to its window: all of it");
	fakefamily_tell(&f, FF_BROKER, CTL_RESUME, 0);
	ok(fakefamily_tell(&f, FF_BROKER, CTL_LOG_DIRTY, 0) &&
	   wait_count(&f.logged, want + 1), "and off");
	from = modified();
	put_frame();
	ok(got_frame(PATIENCE_MS) && modified() == from, "then nobody is told any more");
}

/* ---- out, and in ---- */

static struct save_family describe(void)
{
	static const char *const name[] = { "platform", "disk0", "vga", "net0" };
	struct save_family s = { .guest = { .ram_low_bytes = RAM_BYTES,
		.vram_park_gfn = 0xff000, .vram_frames = 4096, .vcpus = 1,
		.max_vcpus = 1, .drive = { { .size_bytes = SECTORS * SECTOR } } } };

	snprintf(s.guest.nic[0].model, sizeof(s.guest.nic[0].model), "%s", model);
	for (int w = 0; w < FF_BROKER; w++) {
		s.worker[s.worker_count].name = name[w];
		s.worker[s.worker_count++].state = f.state_fd[w];
	}
	return s;
}

static void test_save(void)
{
	struct save_family s;
	int64_t at;

	at = clock_now_ns();
	carried.stopped_ns = at;
	if (!ok(rest(5), "the guest is to be saved: rest"))
		return;
	printf("# at rest after %lld us\n", (long long)((clock_now_ns() - at) / NS_PER_US));
	s = describe();
	s.broker = (struct save_broker){ .clock_ns = clock_now_ns(),
		.vram_gfn = f.paused_arg & ((UINT64_C(1) << 48) - 1) };
	is_hex(s.broker.vram_gfn, LFB >> 12, "the broker says where VRAM is");
	at = clock_now_ns();
	is_hex(save_take(&s, &carried.out, why, sizeof(why)), 0, "saved");
	printf("# %zu bytes in %u sections, taken in %lld us\n", carried.out.used,
	       carried.out.section_count,
	       (long long)((clock_now_ns() - at) / NS_PER_US));
	carried.memory_bytes = g->mem_bytes - XEN_PAGE_SIZE;
	carried.memory = malloc(carried.memory_bytes);
	memcpy(carried.memory, g->mem, carried.memory_bytes);
	carried.isa = g->m->isa_level;
	for (int i = 0; i < 32; i++)
		carried.intx[i] = g->m->intx_level[i];
	for (int i = 0; i < 4; i++)
		carried.link[i] = g->m->link[i];
}

/* Before anybody of the new family starts. */
static void fill(struct fakefamily *to)
{
	struct save_family s = describe();
	int64_t at = clock_now_ns();

	ok(save_parse(carried.out.bytes, carried.out.used, &carried.view, why,
		      sizeof(why)) == 0 &&
	   save_check(&carried.view, &s, why, sizeof(why)) == 0 &&
	   save_fill(&carried.view, &s, clock_now_ns()) == 0, "the file is taken: %s",
	   why);
	printf("# read, checked and filled in within %lld us\n",
	       (long long)((clock_now_ns() - at) / NS_PER_US));
	memcpy(to->g->mem, carried.memory, carried.memory_bytes);
	to->g->map->extra[0].gfn = to->conf.vram_now_gfn;
	to->g->m->isa_level = carried.isa;
	for (int i = 0; i < 32; i++)
		to->g->m->intx_level[i] = carried.intx[i];
	for (int i = 0; i < 4; i++)
		to->g->m->link[i] = carried.link[i];
}

static struct fakefamily_conf conf_restored(void)
{
	struct fakefamily_conf conf = conf_base;

	conf.nic = model;
	conf.tap = worker_tap;
	conf.vram_now_gfn = LFB >> 12;
	conf.spoil = fill;
	for (int w = 0; w < FF_BROKER; w++)
		conf.opt[w][0] = "state=restored";
	return conf;
}

/* ---- the guest, after ---- */

static void test_platform(void)
{
	if (!version_of("platform/i8042")) {
		skip("the platform worker's devices do not go on from state yet");
		return;
	}
	is_hex(in(0x3ff, 1), 0x5a, "the scratch register");
	is_hex(in(0x3fb, 1), 0x0b, "LCR");
	out(0x3fb, 1, 0x8b);
	is_hex(in(0x3f8, 1), 12, "the divisor");
	out(0x3fb, 1, 0x0b);
	is_hex(in(0x64, 1) & 1, 1, "the keyboard controller has a byte");
	is_hex(in(0x60, 1), 0xa7, "the one that was waiting");
}

static void test_ide(void)
{
	unsigned int wrong = 0;

	if (!version_of("disk0/ide0")) {
		skip("the disk worker's devices do not go on from state yet");
		return;
	}
	is_hex(fakeguest_cfg_read(g, 0, IDE_FUNC, 0x20, 4), BM_BAR | 1, "its BAR");
	is_hex(in(IDE + 7, 1) & 0x89, 0x08, "the disk is in the middle of a read");
	fakeguest_ins(g, 0, IDE, 2, 156, BUF_GPA + 200, false);
	wait_drq();
	fakeguest_ins(g, 0, IDE, 2, 256, BUF_GPA + SECTOR, false);
	for (uint32_t i = 0; i < 2 * SECTOR; i++)
		wrong += *fakeguest_ram(g, BUF_GPA + i) !=
			byte_of(40 + i / SECTOR, i % SECTOR);
	is_hex(wrong, 0, "both sectors are right, half of one from each family");
	is_hex(in(IDE + 7, 1) & 0x89, 0, "and the command is done");
}

static void test_vga(void)
{
	uint32_t v = 0xabcdef;

	if (!version_of("vga/vga")) {
		skip("the vga worker's devices do not go on from state yet");
		return;
	}
	is_hex(dispi_at(1), 640, "VBE's registers");
	pixel_is(7, 100, 0x123456, "the picture is there");
	fakeguest_store(g, LFB + 4, &v, sizeof(v));
	pixel_is(1, 0, 0xabcdef, "and goes on");
	is_hex(g->m->pin_gfn, LFB >> 12, "VRAM is pinned again");
	fakeguest_cfg_write(g, 0, VGA_FUNC, 0x04, 2, 0);
	is_hex(atomic_load(&g->map->extra[0].gfn), 0xff000, "its parking place is known");
}

static void test_net(void)
{
	char section[40];

	snprintf(section, sizeof(section), "net0/%s", model);
	if (!version_of(section)) {
		skip("the network card does not go on from state yet");
		return;
	}
	n.g = g;
	ok(net_guest_has_link(&n), "the card has a link");
	ok(put_frame() && got_frame(PATIENCE_MS), "a frame arrives in the buffers it was given before");
	ok(sends(), "and one leaves");
}

static void test_restore(void)
{
	struct fakefamily_conf conf = conf_restored();

	if (!ok(fakefamily_start(&f, &conf), "another family starts from it"))
		return;
	g = f.g;
	printf("# down for %lld ms, start of all processes included\n",
	       (long long)((clock_now_ns() - carried.stopped_ns) / NS_PER_MS));
	ok(!fakefamily_logged(&f, "not valid"), "all that it found is valid");
	test_platform();
	test_ide();
	test_net();
	test_vga();
	ok(!fakeguest_fault(g), "no fault: %s", fakeguest_fault(g) ? fakeguest_fault(g) : "");
	ok(f.lies == 0, "nobody lied: %s", f.lie);
}

/* ---- a worker that cannot believe its part ---- */

static void fill_badly(struct fakefamily *to)
{
	struct save_family s = describe();

	to->g->map->extra[0].gfn = to->conf.vram_now_gfn;
	/* A device of another version: the frame is right, the worker is not
	   to take it. */
	for (unsigned int i = 0; i < carried.view.count; i++)
		if (strcmp(carried.view.part[i].name, "platform/cmos") == 0)
			carried.view.part[i].version ^= 0x80000000u;
	save_fill(&carried.view, &s, clock_now_ns());
}

static void test_refused(void)
{
	struct fakefamily_conf conf = conf_restored();

	conf.spoil = fill_badly;
	ok(!fakefamily_start(&f, &conf), "a device of another version: no start");
	ok(fakefamily_logs(&f, "save file refused: section=platform/cmos field=version"),
	   "the worker names it");
	/* Its status is not 0, on purpose. */
	fakefamily_stop(&f);
}

static void run(void)
{
	const struct framekit k = { .payload_bytes = 700 };
	struct fakefamily_conf conf = conf_base;

	frame_len = framekit_make(&k, frame);
	conf.nic = model;
	conf.tap = worker_tap;
	if (!ok(fakefamily_start(&f, &conf), "the family is up"))
		return;
	g = f.g;
	live_before();
	test_rest_and_back();
	test_deaths_at_rest();
	test_dirty();
	test_save();
	ok(!fakeguest_fault(g), "no fault: %s", fakeguest_fault(g) ? fakeguest_fault(g) : "");
	ok(fakefamily_stop(&f), "the first family ends");
	if (!carried.memory)
		return;
	test_restore();
	ok(fakefamily_stop(&f), "the second, too");
	test_refused();
}

int main(int argc, char **argv)
{
	struct fakefamily_conf conf = conf_base;
	const char *missing;

	model = conf.nic = argc > 1 ? argv[1] : "rtl8139";
	missing = fakefamily_missing(&conf);
	if (missing)
		return skip_all(missing);
	if (!make_image() || !make_wire())
		return skip_all("no disk image or no socket");
	run();
	unlink(image);
	return tap_done();
}
