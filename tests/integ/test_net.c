/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/test_net.c - the net worker under its filter, a guest on one
 *                          side, a socket for a tap on the other
 *
 * usage: test_net MODEL.  Frames go through the card's rings; what arrives is
 * compared with plain arithmetic (tests/lib/framekit.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "abi/io_msg.h"
#include "base/clock.h"
#include "base/le.h"
#include "base/stat.h"
#include "fakefamily.h"
#include "framekit.h"
#include "net_guest.h"
#include "patience.h"
#include "tap.h"

#define HDR		sizeof(struct virtio_net_hdr)
#define HEADER_BYTES	54u		/* Ethernet, IPv4, TCP */
#define UNPLUG_PORT	0x10u
#define ROM_BYTES	249856u
#define ROM_AT		0xf4000000u

static struct fakefamily f;
static struct net_guest n;
static int wire = -1;			/* the tap's other end */
static const char *model;
static char rom[] = "/tmp/test_net.XXXXXX";
static uint8_t rom_bytes[ROM_BYTES];
static uint8_t frame[FRAMEKIT_MAX], packet[FRAMEKIT_MAX];

static uint64_t counted(unsigned int what)
{
	return stat_block_get(&f.stats[FF_NET]->block[0], what);
}

static bool put(const struct virtio_net_hdr *h, const uint8_t *p, size_t len)
{
	struct iovec iov[2] = { { (void *)(uintptr_t)h, HDR },
				{ (void *)(uintptr_t)p, len } };

	return writev(wire, iov, 2) == (ssize_t)(HDR + len);
}

/* The next frame on the wire, @h apart; 0: none. */
static size_t take(struct virtio_net_hdr *h)
{
	struct pollfd p = { .fd = wire, .events = POLLIN };
	ssize_t r = poll(&p, 1, PATIENCE_MS) == 1 ? read(wire, packet, sizeof(packet)) : 0;

	if (r < (ssize_t)HDR)
		return 0;
	memcpy(h, packet, HDR);
	memmove(packet, packet + HDR, (size_t)r - HDR);
	return (size_t)r - HDR;
}

/* ---- the boot ROM ---- */

/* As large as ipxe-qemu's; which card it is for, the guest looks itself. */
static bool make_rom(void)
{
	FILE *file = fopen(rom, "w");

	for (size_t i = 0; i < ROM_BYTES; i++)
		rom_bytes[i] = (uint8_t)framekit_random();
	rom_bytes[0] = 0x55;
	rom_bytes[1] = 0xaa;
	return file && fwrite(rom_bytes, 1, ROM_BYTES, file) == ROM_BYTES &&
		fclose(file) == 0;
}

static void test_rom(void)
{
	const unsigned int devfn = FF_NIC_SLOT << 3;
	unsigned int wrong = 0;

	fakeguest_cfg_write(f.g, 0, devfn, 0x30, 4, 0xfffff800);
	is_hex(fakeguest_cfg_read(f.g, 0, devfn, 0x30, 4), 0xfffc0000,
	       "the ROM takes 256 KiB");
	fakeguest_cfg_write(f.g, 0, devfn, 0x30, 4, ROM_AT | 1);
	fakeguest_cfg_write(f.g, 0, devfn, 0x04, 2, 7);
	for (size_t at = 0; at < ROM_BYTES; at += at < 64 ? 4 : 4092)
		wrong += fakeguest_load_mem(f.g, 0, ROM_AT + at, 4) !=
			 le32_get(rom_bytes + at);
	ok(wrong == 0, "and is what the worker was given");
	fakeguest_cfg_write(f.g, 0, devfn, 0x30, 4, 0);
}

/* ---- out ---- */

static void test_send_plain(void)
{
	const struct framekit k = { .payload_bytes = 1000 };
	size_t len = framekit_make(&k, frame), got;
	struct virtio_net_hdr h;

	ok(net_guest_send(&n, frame, len, NULL), "the card sends a frame");
	got = take(&h);
	ok(got == len && h.flags == 0 && h.gso_type == 0 && !memcmp(packet, frame, len),
	   "it is on the wire as it was");
	ok(net_guest_send(&n, frame, 60, NULL) && take(&h) == 60, "a short one");
	fakeguest_invalidate(f.g, 0);
	ok(net_guest_send(&n, frame, 61, NULL) && take(&h) == 61,
	   "another, after guest memory was mapped anew");
}

/* What is on the wire, all that the header asks for done by hand. */
static size_t take_finished(struct virtio_net_hdr *h)
{
	size_t len = take(h);

	if (len && (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		framekit_finish(packet, len, h->csum_start, h->csum_offset);
	return len;
}

static void test_send_csum(void)
{
	const struct framekit k = { .payload_bytes = 777 };
	const struct net_guest_todo todo = { .csum = true, .tcp_at = 34,
					     .header_bytes = HEADER_BYTES };
	size_t len = framekit_make(&k, frame), got;
	struct virtio_net_hdr h;

	framekit_leave_partial(&k, frame, len);
	memset(frame + 24, 0, 2);		/* IP's: the card's too */
	ok(net_guest_send(&n, frame, len, &todo), "the card is to do the checksums");
	got = take_finished(&h);
	ok(got == len && framekit_is_right(&k, packet, got) &&
	   !memcmp(packet + HEADER_BYTES, frame + HEADER_BYTES, len - HEADER_BYTES),
	   "they are right in the end");
}

/* Whoever cuts it, card or kernel: sequence and checksums are right. */
static void test_send_large(void)
{
	const struct framekit k = { .payload_bytes = 16000, .flags = 0x18 };
	const struct net_guest_todo todo = { .csum = true, .mss = 1448, .tcp_at = 34,
					     .header_bytes = HEADER_BYTES };
	size_t len = framekit_make(&k, frame), sum = 0;
	uint32_t seq = framekit_be32(frame + 38);
	bool right = true;

	framekit_leave_partial(&k, frame, len);
	if (n.e1000) {		/* as its Linux driver leaves it */
		struct framekit none = k;

		memset(frame + 16, 0, 2);
		memset(frame + 24, 0, 2);
		none.payload_bytes = 0;
		framekit_leave_partial(&none, frame, 34);
	}
	ok(net_guest_send(&n, frame, len, &todo), "a large send");
	while (sum < k.payload_bytes) {
		struct virtio_net_hdr h;
		size_t got = take_finished(&h);

		if (got <= HEADER_BYTES)
			break;
		right = right && framekit_is_right(&k, packet, got) &&
			framekit_be32(packet + 38) == seq + sum &&
			!memcmp(packet + HEADER_BYTES, frame + HEADER_BYTES + sum,
				got - HEADER_BYTES) &&
			(h.gso_type == VIRTIO_NET_HDR_GSO_TCPV4 ? h.gso_size == 1448 :
			 got <= HEADER_BYTES + 1448);
		sum += got - HEADER_BYTES;
	}
	ok(sum == k.payload_bytes && right, "arrives whole, with right checksums");
	if (sum != k.payload_bytes)
		printf("# %zu of %zu\n", sum, k.payload_bytes);
}

/* ---- in ---- */

static void test_receive_plain(void)
{
	const struct framekit k = { .payload_bytes = 1200 };
	size_t len = framekit_make(&k, frame);
	bool good;

	ok(put(&(struct virtio_net_hdr){ 0 }, frame, len), "a frame from the wire");
	ok(net_guest_receive(&n, packet, &good, false, PATIENCE_MS) == len &&
	   !memcmp(packet, frame, len), "is in the guest's buffer");
}

static void test_receive_large(void)
{
	const struct framekit k = { .payload_bytes = 14000, .flags = 0x18 };
	struct virtio_net_hdr h = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = 1400,
		.csum_start = 34, .csum_offset = 16 };
	size_t len = framekit_make(&k, frame), sum = 0;
	uint32_t seq = framekit_be32(frame + 38);
	bool right = true, all_good = true;

	framekit_leave_partial(&k, frame, len);
	put(&h, frame, len);
	while (sum < k.payload_bytes) {
		bool good = false;
		size_t got = net_guest_receive(&n, packet, &good, false, PATIENCE_MS);

		if (got <= HEADER_BYTES)
			break;
		all_good = all_good && good;
		right = right && framekit_is_right(&k, packet, got) &&
			framekit_be32(packet + 38) == seq + sum &&
			!memcmp(packet + HEADER_BYTES, frame + HEADER_BYTES + sum,
				got - HEADER_BYTES);
		sum += got - HEADER_BYTES;
	}
	ok(sum == k.payload_bytes && right, "a large frame comes in segments that are right");
	ok(all_good, "and the card vouches for them");
}

static void test_lengths(void)
{
	static const size_t lengths[] = { 13, 14, 59, 1518, 1600, 9000, 16384, 60000 };
	const struct framekit k = { .payload_bytes = 500 };
	size_t len, got;
	bool good;

	memset(frame, 0xff, 14);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		put(&(struct virtio_net_hdr){ 0 }, frame, lengths[i]);
	len = framekit_make(&k, frame);
	put(&(struct virtio_net_hdr){ 0 }, frame, len);
	for (unsigned int i = 0; i < 40; i++) {
		got = net_guest_receive(&n, packet, &good, false, PATIENCE_MS);
		if (got == 0 || (got == len && !memcmp(packet, frame, len)))
			break;
	}
	ok(got == len, "after frames of all lengths a good one comes");
	ok(counted(STAT_NET_DROPS + STAT_RECEIVE) >= 2, "the impossible ones are counted");
}

/*
 * No buffer: nothing is lost that the socket holds, or the card says so.  The
 * rtl8139 may: whether the guest is back within its 10 ms depends on who else
 * wants the processor.
 */
static void test_no_buffer(void)
{
	const struct framekit k = { .payload_bytes = 100 };
	size_t len = framekit_make(&k, frame);
	unsigned int sent = 0, got = 0, kept = n.given, next, missed;
	bool good;

	net_guest_missed(&n);
	for (; sent < NET_GUEST_RX + 20; sent++) {
		frame[60] = (uint8_t)sent;
		put(&(struct virtio_net_hdr){ 0 }, frame, len);
	}
	while (got < kept && net_guest_receive(&n, packet, &good, true, PATIENCE_MS) == len &&
	       packet[60] == got)
		got++;
	ok(got == kept, "as many frames as there are buffers (%u of %u)", got, kept);
	ok(net_guest_receive(&n, packet, &good, true, 100) == 0, "no more");
	net_guest_refill(&n);
	missed = net_guest_missed(&n);
	for (next = got; got + missed < sent &&
	     net_guest_receive(&n, packet, &good, false, PATIENCE_MS) == len &&
	     packet[60] >= next; next = packet[60] + 1u)
		got++;
	ok(got + missed == sent && (!missed || !n.e1000),
	   "the others when there are buffers again (%u and %u missed of %u)",
	   got, missed, sent);
	ok(counted(STAT_NET_WAITS + STAT_RECEIVE) > 0, "the back end waited for them");
}

/* A peer that never stops: the guest's accesses go on. */
static void test_flood(void)
{
	int64_t until = clock_now_ns() + 1000 * NS_PER_MS, worst = 0;
	unsigned int put_count = 0, reads = 0, slow = 0;
	bool good;

	fcntl(wire, F_SETFL, O_NONBLOCK);
	memset(frame, 0xff, 60);
	/* A busy machine may need longer for as many. */
	while (clock_now_ns() < until ||
	       (put_count <= 1000 && clock_now_ns() < until + 20 * NS_PER_S)) {
		int64_t began;

		for (int i = 0; i < 100 && put(&(struct virtio_net_hdr){ 0 }, frame, 60); i++)
			put_count++;
		began = clock_now_ns();
		net_guest_has_link(&n);
		/* The latency timer: no copy of it answers for the worker. */
		fakeguest_cfg_write(f.g, 0, FF_NIC_SLOT << 3, 0x0c, 1, reads & 0xff);
		reads++;
		slow += clock_now_ns() - began > 500 * NS_PER_MS;
		if (clock_now_ns() - began > worst)
			worst = clock_now_ns() - began;
		while (net_guest_receive(&n, packet, &good, true, 0))
			;
		if (reads % 8 == 0)
			net_guest_refill(&n);
	}
	fcntl(wire, F_SETFL, 0);
	net_guest_refill(&n);
	while (net_guest_receive(&n, packet, &good, false, 50))
		;
	ok(put_count > 1000 && reads > 10, "a flood of %u frames, %u accesses beside it",
	   put_count, reads);
	/* A busy machine may stop all of us once. */
	ok(slow <= 1, "%u of them wait long (%lld us)", slow,
	   (long long)(worst / NS_PER_US));
}

/*
 * A doorbell that stands for megabytes: other accesses are served between, and
 * what comes from the wire is, too.
 */
static void test_long_doorbell(void)
{
	unsigned int count = NET_GUEST_PILE(&n), got = 0, came_at = count;
	int64_t worst = 0, piled, until = clock_now_ns() + PATIENCE_NS;
	const struct framekit k = { .payload_bytes = 500 };
	static uint8_t in[2048];
	size_t len = framekit_make(&k, frame);
	bool good, same = true, asked = false;

	memset(frame + 1000, 0x5a, 15000);
	fcntl(wire, F_SETFL, O_NONBLOCK);
	piled = clock_now_ns();
	net_guest_pile(&n, frame, 16000, count);
	while (got < count && clock_now_ns() < until) {
		int64_t began = clock_now_ns();

		fakeguest_cfg_write(f.g, 0, FF_NIC_SLOT << 3, 0x0c, 1, got & 0xff);
		if (clock_now_ns() - began > worst)
			worst = clock_now_ns() - began;
		if (!asked && got >= count / 4)
			asked = put(&(struct virtio_net_hdr){ 0 }, frame, len);
		for (int i = 0; i < 8; i++) {
			ssize_t r = read(wire, packet, sizeof(packet));

			if (r < 0)
				break;
			same = same && r == (ssize_t)HDR + 16000 &&
				!memcmp(packet + HDR, frame, 16000);
			got++;
		}
		if (came_at == count && net_guest_receive(&n, in, &good, false, 0) == len)
			came_at = got;
	}
	fcntl(wire, F_SETFL, 0);
	ok(got == count && same, "one doorbell, %u of %u frames", got, count);
	piled = clock_now_ns() - piled;
	/* On a busy machine all of it takes longer. */
	ok(worst < 500 * NS_PER_MS || worst < piled / 2,
	   "no access waits for all of them (%lld us)",
	   (long long)(worst / NS_PER_US));
	ok(came_at < count, "one came in after %u of them", came_at);
	for (int i = 0; i < PATIENCE_MS && net_guest_piled(&n) != count; i++)
		usleep(1000);
	is_hex(net_guest_piled(&n), count, "the card says so, too");
}

/* ---- ends ---- */

static void test_unplug(void)
{
	struct pollfd p = { .fd = wire, .events = 0 };

	is_hex(fakeguest_in(f.g, 0, UNPLUG_PORT, 2), 0x49d2, "unplug protocol");
	fakeguest_out(f.g, 0, UNPLUG_PORT + 2, 2, 3);
	fakeguest_out(f.g, 0, UNPLUG_PORT, 4, 0xff0000);
	fakeguest_out(f.g, 0, UNPLUG_PORT, 2, UNPLUG_NICS);
	ok(poll(&p, 1, 0) == 1 && (p.revents & POLLHUP),
	   "the tap is closed before the write completes");
	ok(f.unplugs == 1 && f.unplug_mask == UNPLUG_NICS, "the supervisor knows");
	ok(!net_guest_is_there(&n), "the card is not there any more");
	is_hex(fakeguest_cfg_read(f.g, 0, 1 << 3 | 1, 0, 4), 0x70108086,
	       "the disks' controller is");
	ok(fakefamily_runs(&f, FF_NET), "the worker stays");
}

static bool start(void)
{
	static struct fakefamily_conf conf;
	const char *why;
	int pair[2];

	conf = (struct fakefamily_conf){ .nic = model, .nic_rom = rom, .no_vga = true,
		.wide_plan = true };
	why = fakefamily_missing(&conf);
	if (why) {
		skip(why);
		return false;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return false;
	fcntl(pair[1], F_SETFL, O_NONBLOCK);
	conf.tap = pair[1];
	wire = pair[0];
	if (!ok(fakefamily_start(&f, &conf), "%s: the family is up", model))
		return false;
	close(pair[1]);		/* the worker's is the only one */
	net_guest_start(&n, f.g, model, FF_NIC_SLOT);
	return ok(net_guest_is_there(&n) && net_guest_has_link(&n),
		  "the card is there and has a link");
}

static void stop(void)
{
	const char *fault = fakeguest_fault(f.g);

	ok(!fault, "no fault%s%s", fault ? ": " : "", fault ? fault : "");
	ok(f.lies == 0, "nobody lied%s%s", f.lies ? ": " : "", f.lies ? f.lie : "");
	ok(fakefamily_stop(&f), "all end by themselves");
	close(wire);
}

/* The host deletes the tap. */
static void test_tap_gone(void)
{
	if (!start())
		return;
	close(wire);
	wire = -1;
	for (int i = 0; i < PATIENCE_MS && net_guest_has_link(&n); i++)
		usleep(1000);
	ok(!net_guest_has_link(&n), "the tap is gone: link down");
	memset(frame, 0xff, 60);
	ok(net_guest_send(&n, frame, 60, NULL), "what is sent goes nowhere");
	ok(fakefamily_runs(&f, FF_NET) && fakefamily_logs(&f, "tap is gone"),
	   "the worker lives, and says so");
	stop();
}

int main(int argc, char **argv)
{
	model = argc > 1 ? argv[1] : "rtl8139";
	if (mkstemp(rom) < 0 || !make_rom())
		return 1;
	if (!start()) {
		unlink(rom);
		return tap_done();
	}
	test_rom();
	test_send_plain();
	test_send_csum();
	test_send_large();
	test_receive_plain();
	test_receive_large();
	test_lengths();
	test_no_buffer();
	test_flood();
	test_long_doorbell();
	test_unplug();
	stop();
	test_tap_gone();
	unlink(rom);
	return tap_done();
}
