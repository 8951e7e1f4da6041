/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/test_uart16550.c - serial ports at register level
 *
 * Includes, access by access, how hvmloader, SeaBIOS and Linux find out what
 * is there.
 */
#include "dev/uart16550.h"
#include "tap.h"
#include "tests/lib/busrig.h"

#define COM1	0x3f8
#define COM3	0x3e8
#define IER	(COM1 + 1)
#define IIR	(COM1 + 2)
#define LCR	(COM1 + 3)
#define MCR	(COM1 + 4)
#define LSR	(COM1 + 5)
#define MSR	(COM1 + 6)
#define SCR	(COM1 + 7)

static struct rig rig;
static struct uart uart, third;
static struct chr host;
static uint8_t sent[8192];
static size_t sent_len;
static unsigned int writes, asked;

static void host_write(struct chr *c, const uint8_t *buf, size_t len_bytes)
{
	(void)c;
	writes++;
	for (size_t i = 0; i < len_bytes && sent_len < sizeof(sent); i++)
		sent[sent_len++] = buf[i];
}

static void host_rx_ready(struct chr *c)
{
	(void)c;
	asked++;
}

static const struct chr_ops host_ops = { host_write, host_rx_ready };

static void fresh(void)
{
	rig_init(&rig, 0);
	uart = third = (struct uart){ 0 };
	host = (struct chr){ .ops = &host_ops };
	sent_len = writes = asked = 0;
	uart_init(&uart, &rig.bus, "com1", COM1, 4, &host);
	uart_init(&third, &rig.bus, "com3", COM3, 4, NULL);
	uart_share_line(&uart, &third);
	rig_close(&rig);
}

static size_t feed(const char *s, size_t len)
{
	size_t took = host.rx(host.dev, (const uint8_t *)s, len);

	rig_settle(&rig);
	return took;
}

static void test_reset(void)
{
	fresh();
	is_hex(in8(&rig, IER), 0, "IER after reset");
	is_hex(in8(&rig, IIR), 1, "IIR after reset: nothing pending, no FIFO");
	is_hex(in8(&rig, LCR), 0, "LCR after reset");
	is_hex(in8(&rig, MCR), 8, "MCR after reset");
	is_hex(in8(&rig, LSR), 0x60, "LSR after reset");
	is_hex(in8(&rig, MSR), 0xb0, "MSR after reset");
	is_hex(in8(&rig, COM1), 0, "RBR after reset");
	out8(&rig, LCR, 0x80);
	is_hex(in16(&rig, COM1), 0x0c, "divisor after reset, as one word");
	is_hex(in32(&rig, COM1 + 5), UINT32_MAX,
	       "an access that leaves the window reads as ones");
}

static void test_hvmloader(void)
{
	fresh();
	out8(&rig, IER, 0);
	is_hex(in8(&rig, IER), 0, "hvmloader: IER 0 reads back");
	out8(&rig, IER, 0x0f);
	is_hex(in8(&rig, IER), 0x0f, "hvmloader: IER 0x0f reads back");
	out8(&rig, IER, 0xff);
	is_hex(in8(&rig, IER), 0x0f, "IER has four bits");
}

static void test_seabios(void)
{
	fresh();
	out8(&rig, IER, 2);
	is_hex(in8(&rig, IER), 2, "SeaBIOS: IER 2 reads back");
	is_hex(in8(&rig, IIR) & 0x3f, 2, "SeaBIOS: IIR says THR is empty");
	is_hex(in8(&rig, IIR) & 0x3f, 1, "which reading has cleared");
	out8(&rig, IER, 0);
}

/* drivers/tty/serial/8250: autoconfig() and autoconfig_16550a(). */
static void test_linux_autoconfig(void)
{
	uint8_t mcr, lcr;

	fresh();
	out8(&rig, IER, 0);
	is_hex(in8(&rig, IER) & 0x0f, 0, "Linux: IER 0");
	out8(&rig, IER, 0x0f);
	is_hex(in8(&rig, IER) & 0x0f, 0x0f, "Linux: IER 0xf");
	out8(&rig, IER, 0);
	mcr = in8(&rig, MCR);
	lcr = in8(&rig, LCR);
	out8(&rig, MCR, 0x1a);
	is_hex(in8(&rig, MSR) & 0xf0, 0x90, "Linux: loopback test");
	out8(&rig, MCR, mcr);
	out8(&rig, LCR, 0xbf);
	out8(&rig, IIR, 0);
	out8(&rig, LCR, 0);
	out8(&rig, IIR, 1);
	is_hex(in8(&rig, IIR) >> 6, 3, "Linux: a FIFO that works: 16550A");
	/* EFR of a 16650 would be at offset 2 with LCR 0xbf. */
	out8(&rig, LCR, 0x80);
	ok(in8(&rig, IIR) != 0, "Linux: not a 16650 (IIR with DLAB)");
	out8(&rig, LCR, lcr);
	out8(&rig, SCR, 0xa5);
	is_hex(in8(&rig, SCR), 0xa5, "scratch register");
	/* 64-byte FIFO probe of a 16750: FCR bit 5 must not stick in IIR. */
	out8(&rig, IIR, 0x21);
	is_hex(in8(&rig, IIR) >> 5, 6, "Linux: not a 16750");
}

/* serial8250_do_startup(): the THRE and TXEN bug tests. */
static void test_linux_startup(void)
{
	fresh();
	out8(&rig, IIR, 0x07);
	out8(&rig, IIR, 0);
	is_hex(in8(&rig, LSR), 0x60, "Linux: LSR is not 0xff");
	out8(&rig, IER, 2);
	is_hex(in8(&rig, IIR) & 1, 0, "Linux: THRE interrupt is reported");
	out8(&rig, IER, 0);
	out8(&rig, IER, 2);
	is_hex(in8(&rig, IIR) & 1, 0, "Linux: and reasserted when re-enabled");
	out8(&rig, IER, 0);
	is_hex(in8(&rig, IIR) & 1, 1, "Linux: gone when disabled");
}

static void test_transmit(void)
{
	uint8_t msg[100];

	fresh();
	for (unsigned int i = 0; i < sizeof(msg); i++)
		msg[i] = (uint8_t)i;
	out8(&rig, COM1, 'x');
	is_hex(sent[0], 'x', "THR reaches the host");
	is_hex(in8(&rig, LSR), 0x60, "and is empty again");
	outs(&rig, COM1, 1, sizeof(msg), msg);
	ok(sent_len == 101 && memcmp(sent + 1, msg, 100) == 0,
	   "rep outsb sends all of it");
	is_hex(writes, 2, "in one write");
	out8(&rig, LCR, 0x80);
	outs(&rig, COM1, 1, 2, msg);
	ok(sent_len == 101, "with DLAB set nothing is sent");
	out8(&rig, COM1, 0);
	out8(&rig, COM1 + 1, 0);
	out8(&rig, LCR, 0x03);
	out8(&rig, IIR, 0xc1);
	out8(&rig, IER, 1);
	feed("a", 1);
	ok(rig.wake_ns > rig.now_ns, "divisor 0 divides nothing by zero");
}

static void test_thre_interrupt(void)
{
	fresh();
	out8(&rig, IER, 2);
	ok(rig.isa[4], "enabling THRI with THR empty raises the line");
	in8(&rig, IIR);
	ok(!rig.isa[4], "reading IIR lowers it");
	rig_said_clear(&rig);
	for (unsigned int i = 0; i < 16; i++)
		out8(&rig, COM1, 'a');
	ok(!rig.isa[4] && rig.wake_ns == rig.now_ns,
	   "bytes sent raise it as soon as requests are served");
	rig_advance(&rig, 0);
	ok(rig.isa[4], "it is up");
	is_hex(rig_said(&rig, ANS_ISA_IRQ), 1, "once for all of them");
	out8(&rig, COM1, 'b');
	ok(!rig.isa[4], "another byte lowers it");
	rig_advance(&rig, 0);
	is_hex(rig.isa_rises[4], 3, "and makes another edge");
	ok(uart.sent.deadline_ns == INT64_MAX, "then there is no deadline");
	out8(&rig, COM1, 'c');
	out8(&rig, IER, 0);
	rig_advance(&rig, 0);
	out8(&rig, IER, 2);
	in8(&rig, IIR);
	rig_advance(&rig, 0);
	ok(!rig.isa[4], "masking forgets what was on its way");
	out8(&rig, IER, 0);
	ok(!rig.isa[4], "masking lowers it");
}

static void test_receive(void)
{
	fresh();
	is_hex(feed("ab", 2), 1, "without FIFO one byte is taken");
	is_hex(in8(&rig, LSR), 0x61, "data ready");
	is_hex(asked, 0, "nothing is asked for yet");
	is_hex(in8(&rig, COM1), 'a', "it is read");
	is_hex(asked, 1, "then the host is asked for more");
	is_hex(in8(&rig, LSR), 0x60, "and no data is ready");
	is_hex(in8(&rig, COM1), 'a', "RBR keeps the last byte");

	out8(&rig, IIR, 0x01);
	is_hex(feed("0123456789abcdefXYZ", 19), 16, "the FIFO takes 16");
	out8(&rig, IIR, 0x03);
	is_hex(in8(&rig, LSR), 0x60, "FCR clears it");
	is_hex(asked, 2, "and the rest is asked for");
	is_hex(in8(&rig, IIR), 0xc1, "IIR shows FIFOs");
}

static void test_triggers_and_timeout(void)
{
	static const uint8_t level[] = { 1, 4, 8, 14 };

	for (unsigned int i = 0; i < 4; i++) {
		fresh();
		out8(&rig, IER, 1);
		out8(&rig, IIR, (uint8_t)(0x01 | i << 6));
		feed("0123456789abcdef", level[i] - 1u);
		ok(!rig.isa[4], "below trigger level %u: no interrupt", level[i]);
		feed("x", 1);
		ok(rig.isa[4], "at it: interrupt");
		is_hex(in8(&rig, IIR), 0xc4, "data available");
		in8(&rig, COM1);
		ok(!rig.isa[4], "below again: gone");
	}
	fresh();
	out8(&rig, LCR, 0x83);
	out8(&rig, COM1, 1);
	out8(&rig, COM1 + 1, 0);
	out8(&rig, LCR, 0x03);
	out8(&rig, IIR, 0xc1);
	ok(rig.wake_ns == INT64_MAX, "an idle port has no deadline");
	feed("hi", 2);
	ok(rig.wake_ns == INT64_MAX, "nor has one whose guest does not listen");
	out8(&rig, IER, 1);
	is_hex((uint64_t)(rig.wake_ns - rig.now_ns), 4 * 10 * 8681,
	       "four characters of 8n1 at 115200 baud");
	rig_advance(&rig, 300000);
	ok(!rig.isa[4], "not before the time");
	rig_advance(&rig, 100000);
	ok(rig.isa[4], "timeout interrupt");
	is_hex(in8(&rig, IIR), 0xcc, "timeout id");
	is_hex(in8(&rig, COM1), 'h', "reading a byte");
	ok(!rig.isa[4], "ends it");
	ok(rig.wake_ns != INT64_MAX, "and the rest waits anew");
	in8(&rig, COM1);
	ok(rig.wake_ns == INT64_MAX, "empty: no deadline");
}

static void test_loopback(void)
{
	fresh();
	out8(&rig, IIR, 0x01);
	out8(&rig, MCR, 0x10);
	is_hex(in8(&rig, MSR), 0x0b, "the lines fall, with their deltas");
	is_hex(in8(&rig, MSR), 0x00, "reading clears the deltas");
	out8(&rig, MCR, 0x14);
	is_hex(in8(&rig, MSR), 0x40, "RI up has no delta");
	out8(&rig, MCR, 0x10);
	is_hex(in8(&rig, MSR), 0x04, "its trailing edge has");
	out8(&rig, COM1, 'q');
	is_hex(sent_len, 0, "nothing leaves the port");
	is_hex(in8(&rig, COM1), 'q', "it comes back");
	is_hex(feed("z", 1), 0, "the pin is not connected");
	for (unsigned int i = 0; i < 17; i++)
		out8(&rig, COM1, (uint8_t)i);
	is_hex(in8(&rig, LSR), 0x63, "the 17th byte overruns");
	is_hex(in8(&rig, LSR), 0x61, "reading LSR clears OE");
	out8(&rig, IIR, 0x03);
	out8(&rig, MCR, 0x08);
	is_hex(asked, 1, "back from loopback the host is asked");
}

static void test_priorities(void)
{
	fresh();
	out8(&rig, IIR, 0x01);
	out8(&rig, MCR, 0x10);
	for (unsigned int i = 0; i < 17; i++)
		out8(&rig, COM1, (uint8_t)i);
	out8(&rig, IER, 0x0f);
	is_hex(in8(&rig, IIR), 0xc6, "line status first");
	in8(&rig, LSR);
	is_hex(in8(&rig, IIR), 0xc4, "then data");
	for (unsigned int i = 0; i < 16; i++)
		in8(&rig, COM1);
	is_hex(in8(&rig, IIR), 0xc2, "then transmitter");
	is_hex(in8(&rig, IIR), 0xc0, "then modem");
	in8(&rig, MSR);
	is_hex(in8(&rig, IIR), 0xc1, "then nothing");
	ok(!rig.isa[4], "and the line is low");
}

static void test_shared_line(void)
{
	fresh();
	out8(&rig, IER, 2);
	out8(&rig, COM3 + 1, 2);
	in8(&rig, IIR);
	ok(rig.isa[4], "the other port keeps the shared line up");
	in8(&rig, COM3 + 2);
	ok(!rig.isa[4], "until it is served too");
	out8(&rig, COM3, 'n');
	rig_advance(&rig, 0);
	ok(rig.isa[4], "a port without a host sends into nothing");
}

static void test_shortcuts(void)
{
	uint32_t v;

	fresh();
	ok(rig_shadow(&rig, CHAN_PIO, LSR, 1, &v) && v == 0x60, "LSR shadow");
	ok(rig_shadow(&rig, CHAN_PIO, IIR, 1, &v) && v == 0x01, "IIR shadow");
	ok(rig_shadow(&rig, CHAN_PIO, MSR, 1, &v) && v == 0xb0, "MSR shadow");
	ok(!rig_shadow(&rig, CHAN_PIO, SCR, 1, &v), "SCR has none");
	ok(!rig_shadow(&rig, CHAN_PIO, LSR, 2, &v), "nor has a word");
	is_hex(rig_row_flags(&rig, CHAN_PIO, COM1, 1),
	       CHAN_ROW_POSTED | CHAN_ROW_INERT,
	       "THR is posted, inert, and wakes the worker");
	is_hex(rig_row_flags(&rig, CHAN_PIO, IER, 1), CHAN_ROW_SHADOW,
	       "IER is not");
	out8(&rig, IER, 2);
	ok(!rig_shadow(&rig, CHAN_PIO, IIR, 1, &v),
	   "IIR that says THRE must be asked");
	out8(&rig, MCR, 0x10);
	ok(!rig_shadow(&rig, CHAN_PIO, MSR, 1, &v),
	   "MSR with deltas must be asked");
	out8(&rig, COM1, 1);
	out8(&rig, COM1, 2);
	ok(!rig_shadow(&rig, CHAN_PIO, LSR, 1, &v),
	   "LSR with OE must be asked");
	in8(&rig, LSR);
	ok(!rig_shadow(&rig, CHAN_PIO, LSR, 1, &v),
	   "and so while THR is looped back to it");
	out8(&rig, MCR, 0);
	ok(rig_shadow(&rig, CHAN_PIO, LSR, 1, &v) && v == 0x61,
	   "and is valid again afterwards");
}

int main(void)
{
	test_reset();
	test_hvmloader();
	test_seabios();
	test_linux_autoconfig();
	test_linux_startup();
	test_transmit();
	test_thre_interrupt();
	test_receive();
	test_triggers_and_timeout();
	test_loopback();
	test_priorities();
	test_shared_line();
	test_shortcuts();
	rig_free(&rig);
	return tap_done();
}
