/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/perf/net.c - what a frame costs on the in-memory hypervisor
 *
 * The real broker and net worker with their filters, a socket for a tap.  The
 * guest accesses registers in the order in which Linux' drivers do (e1000;
 * 8139cp, through memory): doorbells, and per interrupt cause, mask, flush,
 * work, unmask.  Prints per frame: time, accesses that the guest made and how
 * long the slow ones took, interrupts, calls on the hypervisor, and of each
 * process sleeps and CPU time.  Never fails.
 *
 * usage: net [FRAMES]; prints less precise figures for less.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_net.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/le.h"
#include "bus/pci.h"
#include "fakefamily.h"

#define HDR		sizeof(struct virtio_net_hdr)
#define REGS		0xf3000000u
#define TX_RING		0x100000u
#define RX_RING		0x102000u
#define TX_BUF		0x800000u	/* pages are used one after the other */
#define RX_BUF		0x200000u
#define RX_BUF_BYTES	2048u
#define RINGS		256u		/* e1000's default; 8139cp has 64 */
#define TIMEOUT_NS	(60 * NS_PER_S)

enum { ICR = 0xc0, ITR = 0xc4, IMS = 0xd0, IMC = 0xd8, STATUS = 8 };
enum { ISR = 0x3e, IMR = 0x3c, TPPOLL = 0xd9 };
#define CP_NORX		0x80acu		/* 8139cp's two masks */
#define CP_RX		0x0053u

/* What the driver did; times of what takes a hop or should not. */
enum what { W_DOORBELL, W_CAUSE, W_ACK, W_MASK, W_FLUSH, W_BUFFERS, W_COUNT };
static const char *const names[W_COUNT] = {
	"doorbell", "cause", "ack", "mask", "flush", "buffers" };

static struct fakefamily f;
static bool e1000;
static unsigned int ring, tx_at, tx_done, rx_at, rx_given;
static unsigned int page, pages = 512;	/* of TX_BUF: the next, and how many */
static unsigned int rx_frames, tx_frames, irqs, spurious;
static uint64_t accesses[W_COUNT];
static int64_t took[W_COUNT];
static int wire = -1;
static _Atomic unsigned int wire_got, wire_may;
static _Atomic bool stopping;
static unsigned int per_frame[RINGS];	/* descriptors: [last of a frame] */

/* ---- accesses ---- */

static void set(enum what w, uint32_t off, unsigned int size, uint32_t v)
{
	int64_t t = clock_now_ns();

	fakeguest_store_mem(f.g, 0, REGS + off, size, v);
	took[w] += clock_now_ns() - t;
	accesses[w]++;
}

static uint32_t get(enum what w, uint32_t off, unsigned int size)
{
	int64_t t = clock_now_ns();
	uint32_t v = (uint32_t)fakeguest_load_mem(f.g, 0, REGS + off, size);

	took[w] += clock_now_ns() - t;
	accesses[w]++;
	return v;
}

static uint8_t *ram(uint64_t gpa)
{
	return fakeguest_ram(f.g, gpa);
}

static uint8_t *tx_desc(unsigned int i)
{
	return ram(TX_RING + i % ring * 16);
}

static uint8_t *rx_desc(unsigned int i)
{
	return ram(RX_RING + i % ring * 16);
}

/* ---- set-up, as short as it can be ---- */

static void poke(uint32_t off, unsigned int size, uint32_t v)
{
	fakeguest_store_mem(f.g, 0, REGS + off, size, v);
}

static void give_buffers(unsigned int least)
{
	unsigned int n = ring - 1 - rx_given;

	if (n < least)
		return;
	for (; n; n--, rx_given++) {
		unsigned int i = (rx_at + rx_given) % ring;
		uint8_t *d = rx_desc(i);

		if (e1000) {
			le64_put(d, RX_BUF + i * RX_BUF_BYTES);
			le64_put(d + 8, 0);
		} else {
			le64_put(d + 8, RX_BUF + i * RX_BUF_BYTES);
			le32_put(d, 0x80000000u | RX_BUF_BYTES |
				 (i == ring - 1 ? 0x40000000u : 0));
		}
	}
	if (e1000)
		set(W_BUFFERS, 0x2818, 4, (rx_at + rx_given) % ring);
}

static void start_card(void)
{
	static const uint32_t regs[][2] = {
		{ 0x3800, TX_RING }, { 0x3804, 0 }, { 0x3808, RINGS * 16 },
		{ 0x3810, 0 }, { 0x3818, 0 }, { 0x0400, 0x4010a },
		{ 0x2800, RX_RING }, { 0x2804, 0 }, { 0x2808, RINGS * 16 },
		{ 0x2810, 0 }, { 0x2818, 0 }, { 0x5000, 0x300 },
		/* As Linux: 20,000 interrupts a second, TIDV 8, TADV 32. */
		{ ITR, 195 }, { 0x3820, 8 }, { 0x382c, 32 },
		{ 0x0100, 0x0400801a }, { IMS, 0x9d } };

	fakeguest_cfg_write(f.g, 0, FF_NIC_SLOT << 3, e1000 ? 0x10 : 0x14, 4, REGS);
	fakeguest_cfg_write(f.g, 0, FF_NIC_SLOT << 3, 4, 2, 6);
	if (e1000) {
		poke(0, 4, 0x40);
		for (int i = 0; i < 3000 && !(get(W_FLUSH, STATUS, 4) & 2); i++)
			usleep(1000);
		for (unsigned int i = 0; i < sizeof(regs) / sizeof(regs[0]); i++)
			poke(regs[i][0], 4, regs[i][1]);
		give_buffers(1);
		return;
	}
	poke(0x37, 1, 0x10);
	poke(0x50, 1, 0xc0);
	poke(0xe0, 2, 0x2b);
	poke(0x20, 4, TX_RING);
	poke(0x24, 4, 0);
	poke(0xe4, 4, RX_RING);
	poke(0xe8, 4, 0);
	give_buffers(1);
	poke(0x37, 1, 0x0c);
	poke(0x40, 4, 0x03000700);
	poke(0x44, 4, 0xe70f);
	poke(0x50, 1, 0);
	poke(IMR, 2, CP_NORX | CP_RX);
}

/* ---- sending ---- */

static uint32_t next_page(void)
{
	return TX_BUF + page++ % pages * 4096;
}

/* One descriptor; @last: and the doorbell. */
static void put_piece(uint32_t len, bool first, bool last, unsigned int mss)
{
	uint8_t *d = tx_desc(tx_at);
	uint32_t at = next_page();

	if (e1000) {
		le64_put(d, at);
		le32_put(d + 8, len | 0xa2100000u | (last ? 0x09000000u : 0) |
			 (mss ? 0x04000000u : 0));
		le32_put(d + 12, mss ? 0x300 : 0);
	} else {
		le64_put(d + 8, at);
		le32_put(d + 4, 0);
		le32_put(d, 0x80000000u | (first ? 0x20000000u : 0) |
			 (last ? 0x10000000u : 0) | len |
			 (mss ? 0x08000000u | mss << 16 : 0) |
			 (tx_at % ring == ring - 1 ? 0x40000000u : 0));
	}
	if (first) {		/* Ethernet, IPv4, TCP */
		uint8_t *p = ram(at);

		memset(p, 0xff, 6);
		p[12] = 8, p[13] = 0, p[14] = 0x45, p[23] = 6, p[46] = 0x50;
	}
	tx_at++;
}

static void put_context(unsigned int mss, uint32_t payload)
{
	uint8_t *d = tx_desc(tx_at++);

	d[0] = 14, d[1] = 24, d[4] = 34, d[5] = 50;
	le16_put(d + 2, 33);
	le16_put(d + 6, 0);
	le32_put(d + 8, payload | 0x27000000u);
	d[12] = 0, d[13] = 54;
	le16_put(d + 14, (uint16_t)mss);
}

/* Both drivers: a piece per page. */
static void send_frame(uint32_t len)
{
	unsigned int mss = len > 1514 ? 1448 : 0, from = tx_at;

	if (mss && e1000)
		put_context(mss, len - 54);
	for (uint32_t at = 0; at < len; at += 4096)
		put_piece(len - at < 4096 ? len - at : 4096, at == 0,
			  len - at <= 4096, mss);
	per_frame[(tx_at - 1) % ring] = tx_at - from;
	if (e1000)
		set(W_DOORBELL, 0x3818, 4, tx_at % ring);
	else
		set(W_DOORBELL, TPPOLL, 1, 0x40);
	tx_frames++;
}

/* Frames whose last descriptor is done. */
static void clean_tx(void)
{
	while (tx_done != tx_at) {
		unsigned int last = tx_done;
		volatile uint8_t *d;

		while (!per_frame[last % ring])
			last++;
		d = tx_desc(last);
		if (e1000 ? !(d[12] & 1) : (d[3] & 0x80) != 0)
			return;
		per_frame[last % ring] = 0;
		tx_done = last + 1;
		tx_frames--;
	}
}

/* ---- receiving ---- */

static unsigned int clean_rx(void)
{
	unsigned int n = 0;

	while (rx_given && n < 64) {
		volatile uint8_t *d = rx_desc(rx_at);

		if (e1000 ? !(d[12] & 1) : (d[3] & 0x80) != 0)
			break;
		rx_at = (rx_at + 1) % ring;
		rx_given--;
		n++;
	}
	rx_frames += n;
	if (n)
		give_buffers(e1000 ? 16 : 1);
	return n;
}

/* ---- an interrupt ---- */

static void handle_e1000(void)
{
	if (!get(W_CAUSE, ICR, 4)) {
		spurious++;
		return;
	}
	set(W_MASK, IMC, 4, ~0u);
	get(W_FLUSH, STATUS, 4);
	do
		clean_tx();
	while (clean_rx() == 64);
	set(W_MASK, IMS, 4, 0x9d);
	get(W_FLUSH, STATUS, 4);
}

static void handle_cp(void)
{
	uint32_t status = get(W_CAUSE, ISR, 2);

	if (!status) {
		spurious++;
		return;
	}
	set(W_ACK, ISR, 2, status & ~CP_RX);
	if (status & CP_RX) {
		set(W_MASK, IMR, 2, CP_NORX);
		get(W_FLUSH, IMR, 2);
	}
	clean_tx();
	if (!(status & CP_RX))
		return;
	do
		set(W_ACK, ISR, 2, CP_RX);
	while (clean_rx() == 64);
	set(W_MASK, IMR, 2, CP_NORX | CP_RX);
	get(W_FLUSH, IMR, 2);
}

static void poll_irq(void)
{
	if (!fakeguest_intx(f.g, FF_NIC_SLOT, 0)) {
		sched_yield();
		return;
	}
	irqs++;
	if (e1000)
		handle_e1000();
	else
		handle_cp();
}

/* ---- the wire ---- */

static void *drain(void *arg)
{
	static uint8_t buf[70000];

	(void)arg;
	while (!stopping && read(wire, buf, sizeof(buf)) > 0)
		wire_got++;
	return NULL;
}

static bool put_wire(void)
{
	static struct virtio_net_hdr h;
	static uint8_t frame[1514] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	struct iovec iov[2] = { { &h, HDR }, { frame, sizeof(frame) } };

	return writev(wire, iov, 2) > 0;
}

static void *feed(void *arg)
{
	unsigned int n = 0;

	(void)arg;
	while (!stopping) {
		if (n < wire_may && put_wire())
			n++;
		else
			sched_yield();
	}
	return NULL;
}

/* ---- measuring ---- */

struct cost {
	int64_t at_ns;
	uint64_t sleeps[FF_COUNT], cpu_ns[FF_COUNT], op[FAKE_OP_COUNT];
	uint64_t accesses[W_COUNT];
	int64_t took[W_COUNT];
	unsigned int irqs, spurious;
};

static uint64_t status_of(pid_t pid, const char *key)
{
	char path[64], line[200];
	unsigned long long v = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, key ? "status" : "schedstat");
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file)) {
		if (!key)
			v = strtoull(line, NULL, 10);
		else if (!strncmp(line, key, strlen(key)))
			v = strtoull(line + strlen(key), NULL, 10);
		if (!key)
			break;
	}
	if (file)
		fclose(file);
	return v;
}

static void look(struct cost *c)
{
	memset(c, 0, sizeof(*c));
	for (unsigned int i = 0; i < FF_COUNT; i++) {
		pid_t pid = f.member[i].pid;

		if (i != FF_NET && i != FF_BROKER)
			continue;
		c->sleeps[i] = status_of(pid, "voluntary_ctxt_switches:");
		c->cpu_ns[i] = status_of(pid, NULL);
	}
	for (unsigned int i = 0; i < FAKE_OP_COUNT; i++)
		c->op[i] = fakeguest_ops(f.g, (enum fake_op)i);
	memcpy(c->accesses, accesses, sizeof(accesses));
	memcpy(c->took, took, sizeof(took));
	c->irqs = irqs;
	c->spurious = spurious;
	c->at_ns = clock_now_ns();
}

static void print(const char *label, unsigned int frames, const struct cost *a,
		  const struct cost *b)
{
	double n = frames;

	printf("%-7s %-13s %6.1f us | irq %.2f (spurious %.2f) INTx calls %.2f "
	       "| sleeps: broker %.2f worker %.2f | CPU us: broker %.1f worker %.1f\n",
	       e1000 ? "e1000" : "rtl8139", label,
	       (double)(b->at_ns - a->at_ns) / n / 1000,
	       (b->irqs - a->irqs) / n, (b->spurious - a->spurious) / n,
	       (double)(b->op[FAKE_OP_INTX] - a->op[FAKE_OP_INTX]) / n,
	       (double)(b->sleeps[FF_BROKER] - a->sleeps[FF_BROKER]) / n,
	       (double)(b->sleeps[FF_NET] - a->sleeps[FF_NET]) / n,
	       (double)(b->cpu_ns[FF_BROKER] - a->cpu_ns[FF_BROKER]) / n / 1000,
	       (double)(b->cpu_ns[FF_NET] - a->cpu_ns[FF_NET]) / n / 1000);
	printf("%21s", "");
	for (unsigned int w = 0; w < W_COUNT; w++) {
		double count = (double)(b->accesses[w] - a->accesses[w]);

		if (count > 0)
			printf("  %s %.2f x %.1f us", names[w], count / n,
			       (double)(b->took[w] - a->took[w]) / count / 1000);
	}
	printf("\n");
	fflush(stdout);
}

/* ---- what the guest does ---- */

/* Never more than @window frames under way, as TCP's small queues have it. */
static void send_many(const char *label, unsigned int frames, uint32_t len,
		      unsigned int window)
{
	int64_t until = clock_now_ns() + TIMEOUT_NS;
	unsigned int sent = 0;
	struct cost a, b;
	pthread_t t;

	wire_got = 0;
	stopping = false;
	pthread_create(&t, NULL, drain, NULL);
	look(&a);
	while ((sent < frames || tx_frames) && clock_now_ns() < until) {
		while (sent < frames && tx_frames < window) {
			send_frame(len);
			sent++;
		}
		poll_irq();
	}
	look(&b);
	stopping = true;
	send_frame(60);		/* ends the thread's read */
	pthread_join(t, NULL);
	while (tx_frames && clock_now_ns() < until)
		poll_irq();
	print(label, frames, &a, &b);
	if (wire_got < frames)
		printf("# only %u of %u frames arrived\n", wire_got, frames);
}

static void receive_many(const char *label, unsigned int frames,
			 unsigned int window)
{
	int64_t until = clock_now_ns() + TIMEOUT_NS;
	unsigned int from = rx_frames;
	struct cost a, b;
	pthread_t t;

	stopping = false;
	wire_may = 0;
	pthread_create(&t, NULL, feed, NULL);
	look(&a);
	while (rx_frames - from < frames && clock_now_ns() < until) {
		unsigned int may = rx_frames - from + window;

		wire_may = may < frames ? may : frames;
		poll_irq();
	}
	look(&b);
	stopping = true;
	pthread_join(t, NULL);
	print(label, frames, &a, &b);
	if (rx_frames - from < frames)
		printf("# only %u of %u frames arrived\n", rx_frames - from, frames);
}

/* The wire asks, the guest answers. */
static void ping(unsigned int frames)
{
	int64_t until = clock_now_ns() + TIMEOUT_NS;
	static uint8_t buf[2000];
	struct cost a, b;

	fcntl(wire, F_SETFL, O_NONBLOCK);
	look(&a);
	for (unsigned int i = 0; i < frames && clock_now_ns() < until; i++) {
		unsigned int want = rx_frames + 1;

		put_wire();
		while (rx_frames != want && clock_now_ns() < until)
			poll_irq();
		send_frame(100);
		while (read(wire, buf, sizeof(buf)) < 0 && clock_now_ns() < until)
			poll_irq();
	}
	look(&b);
	fcntl(wire, F_SETFL, 0);
	print("ping", frames, &a, &b);
}

static void measure(const char *model, unsigned int frames, uint32_t flags)
{
	struct fakefamily_conf c = {
		.guest = { .vcpus = 1, .low_bytes = 32 << 20 },
		.nic = model, .no_vga = true, .no_disk = true, .wide_plan = true,
		.plan_flags = flags, .quiet = false,
	};
	int pair[2];

	if (flags & PLAN_NO_POLL)
		for (unsigned int i = 0; i < FF_BROKER; i++)
			c.opt[i][0] = "poll=off";
	e1000 = strcmp(model, "e1000") == 0;
	ring = e1000 ? RINGS : 64;
	tx_at = tx_done = rx_at = rx_given = tx_frames = rx_frames = page = 0;
	memset(per_frame, 0, sizeof(per_frame));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return;
	fcntl(pair[1], F_SETFL, O_NONBLOCK);
	c.tap = pair[1];
	wire = pair[0];
	if (!fakefamily_start(&f, &c)) {
		printf("%-7s family did not start\n", model);
		return;
	}
	close(pair[1]);
	f.g->spin_ns = 50 * NS_PER_US;
	start_card();
	send_many("warm-up", frames / 10 + 1, 1514, 2);
	send_many("out 1", frames, 1514, 1);
	send_many("out 8", frames, 1514, 8);
	send_many("out 64k", frames / 8 + 1, 65226, 2);
	pages = 4096;		/* more than the worker keeps mapped */
	send_many("out 64k, cold", frames / 8 + 1, 65226, 2);
	pages = 512;
	receive_many("in 1", frames, 1);
	receive_many("in 32", frames, 32);
	ping(frames / 4 + 1);
	fakefamily_stop(&f);
	close(wire);
}

int main(int argc, char **argv)
{
	unsigned int frames = argc > 1 ? (unsigned int)atoi(argv[1]) : 4000;
	uint32_t flags = argc > 2 && !strcmp(argv[2], "nopoll") ? PLAN_NO_POLL : 0;

	measure("e1000", frames, flags);
	measure("rtl8139", frames, flags);
	return 0;
}
