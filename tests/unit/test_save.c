/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_save.c - save files: round trip, and every way to be wrong
 *
 * The state of two workers is made up here; what devices make of theirs is
 * tests/integ/test_save_family.c's.
 */
#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "abi/state.h"
#include "ring/memfd.h"
#include "savekit.h"
#include "tap.h"

static char why[SAVE_WHY];
static struct save_out out;
static struct save_view view;

static struct state *map_state(int fd)
{
	return memfd_map(fd, sizeof(struct state), 1);
}

/* Bytes that may be read as 8-aligned, at the end of a heap block: a reader
   that goes too far is seen by a sanitizer. */
static int parse(const uint8_t *bytes, size_t size, struct save_family *f)
{
	uint8_t *copy = malloc(size ? size : 1);
	int rc;

	memcpy(copy, bytes, size);
	why[0] = '\0';
	rc = save_parse(copy, size, &view, why, sizeof(why));
	if (rc == 0)
		rc = save_check(&view, f, why, sizeof(why));
	free(copy);
	return rc;
}

/* ---- what is right ---- */

static void test_round_trip(void)
{
	struct save_family from = savekit_family(7), to = savekit_family(0);
	struct state *s;

	to.broker = (struct save_broker){ 0 };
	is_hex(save_take(&from, &out, why, sizeof(why)), 0, "a family is saved");
	printf("# %zu bytes, %u sections\n", out.used, out.section_count);
	ok(out.used < 8192, "buffers of zeros cost nothing");
	is_hex(save_parse(out.bytes, out.used, &view, why, sizeof(why)), 0, "and read");
	is_hex(save_check(&view, &to, why, sizeof(why)), 0, "it is for this guest");
	ok(to.broker.vram_gfn == 0xf0000 && to.broker.clock_ns == SAVEKIT_CLOCK_NS,
	   "the broker's part comes back");
	is_hex(save_fill(&view, &to, SAVEKIT_CLOCK_NS - 1000), 0, "and is filled in");
	s = map_state(to.worker[1].state);
	ok(atomic_load(&s->flip) == STATE_FLIP_FILLED && s->shift_ns == -1000 &&
	   s->magic == STATE_MAGIC, "as the first half, with the clocks' difference");
	ok(s->half[1].seq == 0 && s->half[1].ans_tail == 0, "rings are new");
	ok(s->half[1].dev_count == 2 && !strcmp(s->half[1].dev[1].name, "vga memory") &&
	   s->half[1].dev[1].version == 3 && s->half[1].dev[1].regs_bytes == 57 &&
	   s->half[1].dev[1].regs_at == 104 && s->half[1].dev[0].version == 1,
	   "its devices");
	ok(s->half[1].regs[0] == 3 && s->half[1].regs[99] == (uint8_t)(3 + 99 * 7) &&
	   s->half[1].regs[104] == 90 && s->half[1].regs[105] == 97, "their registers");
	ok(s->half[1].isa_levels == 0x4001 && s->half[1].intx_levels[2] == 0x80000000u,
	   "its lines");
	ok(s->bufs[1000] == 0x5a && s->bufs[1001] == 0, "its buffers");
	munmap(s, sizeof(*s));
	savekit_end(&from);
	savekit_end(&to);
}

static void test_files(void)
{
	char path[] = "/tmp/cloister-save-XXXXXX", junk[9000];
	uint8_t *bytes = NULL;
	size_t size = 0;
	struct stat st;
	int fd = mkstemp(path), pipes[2];

	memset(junk, 'x', sizeof(junk));
	ok(write(fd, junk, sizeof(junk)) == (ssize_t)sizeof(junk) &&
	   save_write_fd(&out, fd, why, sizeof(why)) == 0 && fstat(fd, &st) == 0 &&
	   (size_t)st.st_size == out.used, "a longer file is cut to what is written");
	ok(save_read_fd(fd, &bytes, &size, why, sizeof(why)) == 0 &&
	   size == out.used && memcmp(bytes, out.bytes, size) == 0,
	   "and read from its start, wherever it stands");
	free(bytes);
	close(fd);
	unlink(path);
	ok(save_write_path(&out, path, why, sizeof(why)) == 0 &&
	   stat(path, &st) == 0 && (size_t)st.st_size == out.used &&
	   (st.st_mode & 0777) == 0600, "by name: there, and nobody else's to read");
	unlink(path);
	ok(save_write_path(&out, "/nonexistent/x", why, sizeof(why)) == -ENOENT,
	   "by a bad name: %s", why);
	ok(pipe(pipes) == 0 && save_write_fd(&out, pipes[1], why, sizeof(why)) == -EINVAL,
	   "not to a pipe: %s", why);
	ok(save_read_fd(pipes[0], &bytes, &size, why, sizeof(why)) == -EINVAL,
	   "nor from one");
	close(pipes[0]);
	close(pipes[1]);
	fd = memfd_create("large", 0);
	ok(ftruncate(fd, (off_t)SAVE_BYTES_MAX + 1) == 0 &&
	   save_read_fd(fd, &bytes, &size, why, sizeof(why)) == -EFBIG, "too large: %s",
	   why);
	close(fd);
}

/* ---- what is wrong with every byte ---- */

static void test_damage(void)
{
	struct save_family f = savekit_family(0);
	uint8_t *copy = malloc(out.used + 8);
	unsigned int taken = 0, silent = 0;

	for (size_t n = 0; n < out.used; n++) {
		taken += parse(out.bytes, n, &f) == 0;
		silent += !strstr(why, "section=") || !strstr(why, "field=");
	}
	ok(!taken && !silent, "cut off at any byte: refused (%u taken, %u unexplained)",
	   taken, silent);
	memcpy(copy, out.bytes, out.used);
	for (size_t n = 0; n < out.used; n++)
		for (unsigned int bit = 0; bit < 8; bit += 1 + (unsigned int)(n % 3)) {
			copy[n] ^= (uint8_t)(1u << bit);
			taken += parse(copy, out.used, &f) == 0;
			silent += !strstr(why, "section=") || !strstr(why, "field=");
			copy[n] = out.bytes[n];
		}
	ok(!taken && !silent, "any byte changed: refused (%u taken, %u unexplained)",
	   taken, silent);
	memset(copy + out.used, 0, 8);
	ok(parse(copy, out.used + 8, &f), "something behind it: %s", why);
	free(copy);
	savekit_end(&f);
}

/* ---- what is wrong with right check sums ---- */

/* The header of section @name. */
static size_t find(const uint8_t *bytes, const char *name)
{
	size_t at = sizeof(struct save_head);

	while (at < out.used) {
		const struct save_section *s = (const void *)(bytes + at);

		if (strcmp(s->name, name) == 0)
			return at;
		at += sizeof(*s) + ((s->bytes + 7) & ~UINT64_C(7));
	}
	return 0;
}

/* Refused, and the message says @section and @field? */
static void refused(const uint8_t *bytes, size_t size, const char *section,
		    const char *field)
{
	struct save_family f = savekit_family(0);
	char s[80], l[80];
	int rc = parse(bytes, size, &f);

	snprintf(s, sizeof(s), "section=%s ", section);
	snprintf(l, sizeof(l), "field=%s:", field);
	ok(rc == -EINVAL && strstr(why, s) && strstr(why, l), "refused, %s %s %s",
	   section, field, why);
	savekit_end(&f);
}

struct change {
	const char *section;
	size_t off, size;		/* in the body; off ~0: in the header */
	uint64_t value;
	const char *says, *field;	/* NULL: @section */
};

#define HEAD(member)	offsetof(struct save_section, member) - 4096, \
			sizeof(((struct save_section *)0)->member)
#define GUEST(member)	offsetof(struct save_guest, member), \
			sizeof(((struct save_guest *)0)->member)
#define BROKER(member)	offsetof(struct save_broker, member), \
			sizeof(((struct save_broker *)0)->member)
#define WORKER(member)	offsetof(struct save_worker, member), \
			sizeof(((struct save_worker *)0)->member)

static const struct change changes[] = {
	{ "guest", HEAD(version), 2, NULL, "version" },
	{ "guest", HEAD(bytes), 8, "(number 1)", "name" },
	{ "guest", GUEST(ram_low_bytes), 32 << 20, NULL, "ram_low_bytes" },
	{ "guest", GUEST(ram_high_bytes), 4096, NULL, "ram_high_bytes" },
	{ "guest", GUEST(vram_park_gfn), 1, NULL, "vram_park_gfn" },
	{ "guest", GUEST(vram_frames), 0, NULL, "vram_frames" },
	{ "guest", GUEST(vcpus), 1, NULL, "vcpus" },
	{ "guest", GUEST(max_vcpus), 128, NULL, "max_vcpus" },
	{ "guest", GUEST(platform_device), 0, NULL, "platform_device" },
	{ "guest", GUEST(serial_ports), 3, NULL, "serial_ports" },
	{ "guest", GUEST(rsvd), 1, NULL, "rsvd" },
	{ "guest", GUEST(nic[0].model[0]), 'E', NULL, "nic[0].model" },
	{ "guest", GUEST(nic[0].mac[5]), 9, NULL, "nic[0].mac" },
	{ "guest", GUEST(nic[0].slot), 5, NULL, "nic[0].slot" },
	{ "guest", GUEST(nic[0].rsvd), 5, NULL, "nic[0].rsvd" },
	{ "guest", GUEST(nic[7].model[0]), 'x', NULL, "nic[7].model" },
	{ "guest", GUEST(drive[0].size_bytes), 0, NULL, "drive[0].size_bytes" },
	{ "guest", GUEST(drive[3].size_bytes), 512, NULL, "drive[3].size_bytes" },
	{ "guest", GUEST(drive[0].read_only), 1, NULL, "drive[0].read_only" },
	{ "guest", GUEST(drive[1].rsvd), 1, NULL, "drive[1].rsvd" },
	{ "broker", HEAD(version), 9, NULL, "version" },
	{ "broker", BROKER(vram_gfn), 0, NULL, "vram_gfn" },
	{ "broker", BROKER(vram_gfn), 0x3fff, NULL, "vram_gfn" },
	{ "broker", BROKER(vram_gfn), UINT64_C(1) << 36, NULL, "vram_gfn" },
	{ "broker", BROKER(vram_gfn), UINT64_MAX - 100, NULL, "vram_gfn" },
	{ "broker", BROKER(clock_ns), UINT64_MAX, NULL, "clock_ns" },
	{ "broker", BROKER(suspended), 2, NULL, "suspended" },
	{ "broker", BROKER(unplugged), 2, NULL, "unplugged" },
	{ "broker", BROKER(unplugged), 0x10, NULL, "unplugged" },
	{ "broker", BROKER(unplugged), 0x200, NULL, "unplugged" },
	{ "broker", BROKER(unplugged), 0x10000, NULL, "unplugged" },
	{ "platform", HEAD(name[0]), 'P', "Platform", "name" },
	{ "platform", HEAD(version), 0, NULL, "version" },
	{ "platform", WORKER(dev_count), 0, NULL, "dev_count" },
	{ "platform", WORKER(dev_count), 1, "platform/i8042", "name" },
	{ "platform", WORKER(dev_count), 3, "platform/buffers", "name" },
	{ "platform", WORKER(dev_count), 25, NULL, "dev_count" },
	{ "platform", WORKER(dev_count), UINT32_MAX, NULL, "dev_count" },
	{ "platform", WORKER(isa_levels), 0x10000, NULL, "isa_levels" },
	{ "platform/uart0", HEAD(name[8]), '\x7f', "(number 3)", "name" },
	{ "platform/uart0", HEAD(name[9]), '\0', "(number 3)", "name" },
	{ "platform/uart0", HEAD(name[8]), '\0', "(number 3)", "name" },
	{ "platform/uart0", HEAD(name[11]), '/', "platform/ua/t0", "name" },
	{ "platform/uart0", HEAD(bytes), UINT64_MAX, NULL, "bytes" },
	{ "platform/uart0", HEAD(bytes), UINT64_MAX - 7, NULL, "bytes" },
	{ "platform/uart0", HEAD(bytes), UINT32_MAX, NULL, "bytes" },
	{ "disk0/buffers", HEAD(version), 2, NULL, "version" },
	{ "disk0/buffers", HEAD(bytes), 1 << 20, NULL, "bytes" },
	{ "disk0", HEAD(name[4]), '1', "disk1", "name" },
};

static void test_fields(void)
{
	uint8_t *copy = malloc(out.used);

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		const struct change *c = &changes[i];
		size_t at = find(out.bytes, c->section);

		memcpy(copy, out.bytes, out.used);
		at += c->off >= (size_t)-4096 ? c->off + 4096
			: sizeof(struct save_section) + c->off;
		memcpy(copy + at, &c->value, c->size < 8 ? c->size : 8);
		savekit_seal(copy, out.used);
		refused(copy, out.used, c->says ? c->says : c->section, c->field);
	}
	free(copy);
}

/* The head's own fields. */
static void test_head(void)
{
	struct save_head h;
	uint8_t *copy = malloc(out.used);

#define WITH(member, value, field) do {						\
	memcpy(copy, out.bytes, out.used);					\
	memcpy(&h, copy, sizeof(h));						\
	h.member = (value);							\
	h.crc = 0;								\
	h.crc = (uint32_t)crc32(0, (const void *)&h, sizeof(h));		\
	memcpy(copy, &h, sizeof(h));						\
	refused(copy, out.used, "head", field);					\
} while (0)
	WITH(version, 2, "version");
	ok(strstr(why, "version 2") && strstr(why, "reads version 1"),
	   "a newer one: by number");
	WITH(rsvd, 1, "rsvd");
	WITH(section_count, SAVE_SECTIONS + 1, "section_count");
	WITH(section_count, 3, "section_count");
	WITH(size_bytes, out.used - 8, "size_bytes");
	WITH(size_bytes, UINT64_MAX, "size_bytes");
	WITH(magic[0], 'c', "magic");
#undef WITH
	refused((const uint8_t *)"QEVM\0\0\0\3", 8, "head", "magic");
	ok(strstr(why, "QEMU"), "QEMU's own is known by name");
	refused(out.bytes, 0, "head", "size_bytes");
	free(copy);
}

/* A guest with something more, or less, than the file's. */
static void test_other_sets(void)
{
	struct save_family f = savekit_family(0);

	f.worker_count = 1;
	ok(parse(out.bytes, out.used, &f) && strstr(why, "section=disk0 "),
	   "no disk worker here: %s", why);
	f.worker_count = 3;
	f.worker[2].name = "vga";
	f.worker[2].state = -1;
	ok(parse(out.bytes, out.used, &f) && strstr(why, "section=vga ") &&
	   strstr(why, "does not have it"), "one more here: %s", why);
	f.worker_count = 2;
	f.guest.nic[0] = (struct save_nic){ 0 };
	ok(parse(out.bytes, out.used, &f) && strstr(why, "the file has e1000, this guest "
	   "has none"), "another card: %s", why);
	savekit_end(&f);
}

/* Two devices that have no room together. */
static void test_room(void)
{
	static const uint8_t regs[STATE_REGS_BYTES];
	const struct save_broker b = { .vram_gfn = 0xf0000 };
	const struct save_worker w = { .dev_count = 2 };
	const struct save_guest g = savekit_family(0).guest;
	struct save_out o = { 0 };

	save_put(&o, "guest", SAVE_GUEST_VERSION, &g, sizeof(g));
	save_put(&o, "broker", SAVE_BROKER_VERSION, &b, sizeof(b));
	save_put(&o, "platform", SAVE_WORKER_VERSION, &w, sizeof(w));
	save_put(&o, "platform/a", 1, regs, sizeof(regs));
	save_put(&o, "platform/b", 1, regs, 1);
	is_hex(save_finish(&o), 0, "a file with much in it");
	refused(o.bytes, o.used, "platform/b", "bytes");
	save_free(&o);
	save_put(&o, "guest", SAVE_GUEST_VERSION, &g, sizeof(g));
	save_put(&o, "broker", SAVE_BROKER_VERSION, &b, sizeof(b));
	save_put(&o, "platform", SAVE_WORKER_VERSION, &w, sizeof(w));
	save_put(&o, "platform/a", 1, regs, 1);
	save_put(&o, "platform/a", 1, regs, 1);
	save_finish(&o);
	refused(o.bytes, o.used, "platform/a", "name");
	save_free(&o);
	for (unsigned int i = 0; i <= SAVE_SECTIONS; i++)
		save_put(&o, "x", 1, NULL, 0);
	is_hex((uint64_t)save_finish(&o), (uint64_t)-E2BIG, "too many sections are not written");
	save_free(&o);
}

/* Thousands of made-up files: refused or good, never anything else. */
static void test_random(void)
{
	struct save_family f = savekit_family(0);
	uint8_t *copy = malloc(out.used);
	unsigned int good = 0, bad = 0;
	uint64_t seed = 42;

	for (unsigned int n = 0; n < 20000; n++) {
		memcpy(copy, out.bytes, out.used);
		for (unsigned int k = 0; k < 1 + n % 4; k++) {
			seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
			copy[(seed >> 33) % out.used] = (uint8_t)(seed >> 24);
		}
		savekit_seal(copy, out.used);
		if (parse(copy, out.used, &f) == 0)
			good++;
		else
			bad += !strstr(why, "section=");
	}
	ok(good > 100 && good < 19000 && !bad,
	   "made up with good sums: %u of 20000 may be tried, all others are explained",
	   good);
	free(copy);
	savekit_end(&f);
}

/* ---- what workers leave ---- */

static void test_hostile_workers(void)
{
	static const struct {
		const char *field;
		size_t off;
		uint32_t value;
	} lies[] = {
		{ "flip", offsetof(struct state, flip), 0 },
		{ "dev_count", offsetof(struct state, half[1].dev_count), 0 },
		{ "dev_count", offsetof(struct state, half[1].dev_count), UINT32_MAX },
		{ "name", offsetof(struct state, half[1].dev[0].name), 0 },
		{ "name", offsetof(struct state, half[1].dev[0].name), 0x2f2f2f2f },
		{ "regs_bytes", offsetof(struct state, half[1].dev[0].regs_bytes),
		  STATE_REGS_BYTES + 1 },
		{ "regs_bytes", offsetof(struct state, half[1].dev[0].regs_bytes),
		  UINT32_MAX },
		{ "regs_at", offsetof(struct state, half[1].dev[0].regs_at),
		  STATE_REGS_BYTES },
		{ "regs_at", offsetof(struct state, half[1].dev[0].regs_at), UINT32_MAX },
	};

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct save_family f = savekit_family(7);
		struct save_out o = { 0 };
		struct state *s = map_state(f.worker[0].state);

		memcpy((uint8_t *)s + lies[i].off, &lies[i].value, 4);
		ok(save_take(&f, &o, why, sizeof(why)) == -EPROTO &&
		   strstr(why, "section=platform ") && strstr(why, lies[i].field),
		   "a worker's table is not believed: %s", why);
		save_free(&o);
		munmap(s, sizeof(*s));
		savekit_end(&f);
	}
}

int main(void)
{
	test_round_trip();
	test_files();
	test_damage();
	test_head();
	test_fields();
	test_other_sets();
	test_room();
	test_random();
	test_hostile_workers();
	save_free(&out);
	return tap_done();
}
