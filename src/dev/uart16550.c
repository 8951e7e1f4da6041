/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/uart16550.c - a serial port at 16550A level
 *
 * Runs in platform.  The transmitter is always empty: what is written goes to
 * the host at once, whatever the divisor says.  The receiver takes bytes only
 * while it has room and asks for more when it has; only loopback overruns it.
 * Break is neither sent nor received.
 *
 * Source: National Semiconductor PC16550D data sheet.
 */
#include "dev/uart16550.h"

#include "bus/irq.h"
#include "bus/reg.h"
#include "bus/restore.h"

#define STATE_LAYOUT	1u

enum ier_bits { IER_RDI = 1, IER_THRI = 2, IER_RLSI = 4, IER_MSI = 8 };
enum iir_ids {
	IIR_MSI = 0x00, IIR_NONE = 0x01, IIR_THRI = 0x02, IIR_RDI = 0x04,
	IIR_RLSI = 0x06, IIR_TIMEOUT = 0x0c,
};
#define IIR_FIFO	0xc0u
enum fcr_bits { FCR_ENABLE = 0x01, FCR_CLEAR_RX = 0x02 };
#define FCR_KEPT	0xc9u
#define FCR_TRIGGER(v)	((v) >> 6)
enum lcr_bits { LCR_STOP = 0x04, LCR_PARITY = 0x08, LCR_DLAB = 0x80 };
#define LCR_WORD(v)	(5u + ((v) & 3u))
enum mcr_bits {
	MCR_DTR = 0x01, MCR_RTS = 0x02, MCR_OUT1 = 0x04, MCR_OUT2 = 0x08,
	MCR_LOOP = 0x10,
};
enum lsr_bits { LSR_DR = 0x01, LSR_OE = 0x02, LSR_THRE = 0x20, LSR_TEMT = 0x40 };
#define LSR_ERRORS	0x1eu	/* OE, PE, FE, BI: a read clears them */
enum msr_bits {
	MSR_DCTS = 0x01, MSR_TERI = 0x04,
	MSR_CTS = 0x10, MSR_DSR = 0x20, MSR_RI = 0x40, MSR_DCD = 0x80,
};
#define MSR_DELTAS	0x0fu
#define MSR_LINES	0xf0u

#define BIT_NS		INT64_C(8681)		/* at divisor 1, 115200 baud */
#define TIMEOUT_CHARS	4
#define TIMEOUT_MAX_NS	INT64_C(100000000)	/* however slow the line */

/* ---- interrupts ---- */

static unsigned int trigger_level(const struct uart *u)
{
	static const uint8_t level[4] = { 1, 4, 8, 14 };

	return u->r.fcr & FCR_ENABLE ? level[FCR_TRIGGER(u->r.fcr) & 3] : 1;
}

static uint8_t pending_id(const struct uart *u)
{
	uint8_t ier = u->r.ier;

	if ((ier & IER_RLSI) && (u->r.lsr & LSR_ERRORS))
		return IIR_RLSI;
	if ((ier & IER_RDI) && fifo16_count(&u->r.rx) >= trigger_level(u))
		return IIR_RDI;
	if ((ier & IER_RDI) && u->r.rx_timeout)
		return IIR_TIMEOUT;
	if ((ier & IER_THRI) && u->r.thr_pending)
		return IIR_THRI;
	if ((ier & IER_MSI) && (u->r.msr & MSR_DELTAS))
		return IIR_MSI;
	return IIR_NONE;
}

static void update_irq(struct uart *u)
{
	u->r.irq = pending_id(u) != IIR_NONE;
	irq_isa(u->bus, u->line,
		u->r.irq || (u->shares && u->shares->r.irq));
}

/* ---- receiver ---- */

static unsigned int rx_room(const struct uart *u)
{
	if (u->r.fcr & FCR_ENABLE)
		return fifo16_room(&u->r.rx);
	return fifo16_count(&u->r.rx) == 0;
}

static int64_t char_ns(const struct uart *u)
{
	uint8_t lcr = u->r.lcr;
	unsigned int bits = 1 + LCR_WORD(lcr) + !!(lcr & LCR_PARITY) +
			    (lcr & LCR_STOP ? 2 : 1);

	/* A divisor of 0 never ran on hardware; here it is the fastest. */
	return bits * BIT_NS * (u->r.divisor ? u->r.divisor : 1);
}

/* The timeout interrupt tells a guest that listens of bytes below the trigger
   level. */
static bool wants_timeout(const struct uart *u)
{
	unsigned int count = fifo16_count(&u->r.rx);

	return (u->r.fcr & FCR_ENABLE) && (u->r.ier & IER_RDI) && count &&
		count < trigger_level(u) && !u->r.rx_timeout;
}

static void timeout_fire(void *dev)
{
	struct uart *u = dev;

	bus_touch(u->bus, u->id);
	u->r.rx_timeout = fifo16_count(&u->r.rx) > 0;
	update_irq(u);
}

/* After the FIFO or what depends on it changed. */
static void rx_changed(struct uart *u)
{
	if (fifo16_count(&u->r.rx)) {
		u->r.lsr |= LSR_DR;
	} else {
		u->r.lsr &= (uint8_t)~LSR_DR;
		u->r.rx_timeout = 0;
	}
	timer_off(u->bus, &u->timeout);		/* the wait starts anew */
	update_irq(u);
}

static void rx_clear(struct uart *u)
{
	fifo16_clear(&u->r.rx);
	u->r.rx_timeout = 0;
}

static size_t uart_rx(void *dev, const uint8_t *buf, size_t len_bytes)
{
	struct uart *u = dev;
	size_t took = 0;

	/* In loopback the receiver is not connected to the pin. */
	if (!(u->r.mcr & MCR_LOOP))
		for (; took < len_bytes && rx_room(u); took++)
			fifo16_push(&u->r.rx, buf[took]);
	u->rx_held = took < len_bytes;
	if (took) {
		bus_touch(u->bus, u->id);
		rx_changed(u);
	}
	return took;
}

/* There may be room now.  Calls uart_rx(), so last thing in any hook. */
static void ask_for_more(struct uart *u)
{
	if (!u->rx_held || (u->r.mcr & MCR_LOOP) || !rx_room(u))
		return;
	u->rx_held = false;
	if (u->chr && u->chr->ops && u->chr->ops->rx_ready)
		u->chr->ops->rx_ready(u->chr);
}

/* ---- transmitter ---- */

static void loop_byte(struct uart *u, uint8_t v)
{
	if (rx_room(u)) {
		fifo16_push(&u->r.rx, v);
	} else {
		u->r.lsr |= LSR_OE;
		/* Without FIFO the new byte replaces the old one. */
		if (!(u->r.fcr & FCR_ENABLE)) {
			fifo16_clear(&u->r.rx);
			fifo16_push(&u->r.rx, v);
		}
	}
	rx_changed(u);
}

/*
 * The interrupt that asks for more goes away now and comes back when the
 * requests at hand are served, so a FIFO filled byte by byte is one edge.
 */
static void transmit(struct uart *u, const uint8_t *buf, size_t len_bytes)
{
	if (u->r.ier & IER_THRI) {
		u->r.thr_pending = 0;
		u->r.thr_busy = 1;
		update_irq(u);
	}
	if (u->r.mcr & MCR_LOOP) {
		for (size_t i = 0; i < len_bytes; i++)
			loop_byte(u, buf[i]);
	} else if (u->chr && u->chr->ops && u->chr->ops->write) {
		u->chr->ops->write(u->chr, buf, len_bytes);
	}
}

static void sent_fire(void *dev)
{
	struct uart *u = dev;

	if (!u->r.thr_busy)
		return;
	bus_touch(u->bus, u->id);
	u->r.thr_busy = 0;
	u->r.thr_pending = 1;
	update_irq(u);
}

/* Both timers follow from the registers; an idle port has none. */
static void settle(void *dev)
{
	struct uart *u = dev;
	int64_t wait_ns = TIMEOUT_CHARS * char_ns(u);

	if (wait_ns > TIMEOUT_MAX_NS)
		wait_ns = TIMEOUT_MAX_NS;
	if (!wants_timeout(u))
		timer_off(u->bus, &u->timeout);
	else if (u->timeout.deadline_ns == INT64_MAX)
		timer_set(u->bus, &u->timeout,
			  timer_now_ns(u->bus) + wait_ns);
	if (!u->r.thr_busy)
		timer_off(u->bus, &u->sent);
	else if (u->sent.deadline_ns == INT64_MAX)
		timer_set(u->bus, &u->sent, timer_now_ns(u->bus));
}

/* ---- registers ---- */

static uint32_t rbr_read(void *dev, const struct reg *r)
{
	struct uart *u = dev;

	(void)r;
	if (u->r.lcr & LCR_DLAB)
		return u->r.divisor & 0xff;
	if (!fifo16_count(&u->r.rx))
		return u->r.rbr;
	u->r.rbr = fifo16_pop(&u->r.rx);
	u->r.rx_timeout = 0;
	rx_changed(u);
	ask_for_more(u);
	return u->r.rbr;
}

static void thr_write(void *dev, const struct reg *r, uint32_t val, uint32_t old)
{
	struct uart *u = dev;
	uint8_t v = (uint8_t)val;

	(void)r;
	(void)old;
	if (u->r.lcr & LCR_DLAB)
		u->r.divisor = (uint16_t)((u->r.divisor & 0xff00) | v);
	else
		transmit(u, &v, 1);
}

/* rep outsb to THR is one write to the host. */
static bool write_items(void *dev, uint32_t off, unsigned int size,
			unsigned int count, const void *buf)
{
	struct uart *u = dev;

	if (off != 0 || size != 1 || (u->r.lcr & LCR_DLAB))
		return false;
	transmit(u, buf, count);
	return true;
}

static bool ier_shadow(const void *dev, const struct reg *r, uint32_t *val)
{
	const struct uart *u = dev;

	(void)r;
	*val = u->r.lcr & LCR_DLAB ? u->r.divisor >> 8 : u->r.ier;
	return true;
}

static uint32_t ier_read(void *dev, const struct reg *r)
{
	uint32_t val;

	ier_shadow(dev, r, &val);
	return val;
}

static void ier_write(void *dev, const struct reg *r, uint32_t val, uint32_t old)
{
	struct uart *u = dev;
	uint8_t was = u->r.ier;

	(void)r;
	(void)old;
	if (u->r.lcr & LCR_DLAB) {
		u->r.divisor = (uint16_t)((u->r.divisor & 0xff) | val << 8);
		return;
	}
	u->r.ier = val & 0x0f;
	/* Enabling it while THR is empty interrupts at once, even again. */
	if ((was ^ u->r.ier) & IER_THRI)
		u->r.thr_pending = !!(u->r.ier & IER_THRI);
	u->r.thr_busy = 0;
	update_irq(u);
}

static uint8_t iir_value(const struct uart *u)
{
	return (uint8_t)(pending_id(u) |
			 (u->r.fcr & FCR_ENABLE ? IIR_FIFO : 0));
}

static bool iir_shadow(const void *dev, const struct reg *r, uint32_t *val)
{
	const struct uart *u = dev;

	(void)r;
	*val = iir_value(u);
	return pending_id(u) != IIR_THRI && !(u->r.mcr & MCR_LOOP);
}

static uint32_t iir_read(void *dev, const struct reg *r)
{
	struct uart *u = dev;
	uint8_t val = iir_value(u);

	(void)r;
	if (pending_id(u) == IIR_THRI) {
		u->r.thr_pending = 0;
		update_irq(u);
	}
	return val;
}

static void fcr_write(void *dev, const struct reg *r, uint32_t val, uint32_t old)
{
	struct uart *u = dev;

	(void)r;
	(void)old;
	if (((val ^ u->r.fcr) & FCR_ENABLE) || (val & FCR_CLEAR_RX))
		rx_clear(u);
	u->r.fcr = val & FCR_ENABLE ? val & FCR_KEPT : 0;
	rx_changed(u);
	ask_for_more(u);
}

static uint8_t modem_lines(uint8_t mcr)
{
	if (!(mcr & MCR_LOOP))
		return MSR_DCD | MSR_DSR | MSR_CTS;
	return (uint8_t)((mcr & MCR_RTS ? MSR_CTS : 0) |
			 (mcr & MCR_DTR ? MSR_DSR : 0) |
			 (mcr & MCR_OUT1 ? MSR_RI : 0) |
			 (mcr & MCR_OUT2 ? MSR_DCD : 0));
}

static void mcr_write(void *dev, const struct reg *r, uint32_t val, uint32_t old)
{
	struct uart *u = dev;
	uint8_t lines = modem_lines(u->r.mcr);
	uint8_t changed = (lines ^ u->r.msr) & MSR_LINES;

	(void)r;
	(void)val;
	(void)old;
	/* TERI is the ring indicator's trailing edge only. */
	if (lines & MSR_RI)
		changed &= (uint8_t)~MSR_RI;
	u->r.msr = (uint8_t)(lines | (u->r.msr & MSR_DELTAS) | changed >> 4);
	update_irq(u);
	ask_for_more(u);
}

static bool lsr_shadow(const void *dev, const struct reg *r, uint32_t *val)
{
	const struct uart *u = dev;

	(void)r;
	*val = u->r.lsr;
	/* Looped back, a write to THR shows here. */
	return !(u->r.lsr & LSR_ERRORS) && !(u->r.mcr & MCR_LOOP);
}

static uint32_t lsr_read(void *dev, const struct reg *r)
{
	struct uart *u = dev;
	uint8_t val = u->r.lsr;

	(void)r;
	u->r.lsr &= (uint8_t)~LSR_ERRORS;
	update_irq(u);
	return val;
}

static bool msr_shadow(const void *dev, const struct reg *r, uint32_t *val)
{
	const struct uart *u = dev;

	(void)r;
	*val = u->r.msr;
	return !(u->r.msr & MSR_DELTAS);
}

static uint32_t msr_read(void *dev, const struct reg *r)
{
	struct uart *u = dev;
	uint8_t val = u->r.msr;

	(void)r;
	u->r.msr &= MSR_LINES;
	update_irq(u);
	return val;
}

#define U(sym, at, fld, ...) R(struct uart, sym, at, r.fld, __VA_ARGS__)
/* clang-format off */
static const struct reg rows[] = {
	/* Nobody can see when a byte leaves; the interrupt follows it.  Inert:
	   LSR goes on saying that there is room, as for a fast line. */
	RX(RBR, 0, 1, .read = rbr_read, .write = thr_write,
		.flags = REG_POSTED | REG_INERT),
	/* Reading has no effect. */
	RX(IER, 1, 1, .read = ier_read, .write = ier_write,
		.shadow = ier_shadow, .flags = REG_SHADOW),
	/* Reading has an effect only while it reports an empty transmitter. */
	RX(IIR, 2, 1, .read = iir_read, .write = fcr_write,
		.shadow = iir_shadow, .flags = REG_SHADOW),
	U(LCR, 3, lcr, .rw = 0xff),
	U(MCR, 4, mcr, .reset = MCR_OUT2, .rw = 0x1f, .write = mcr_write),
	/* Reading has an effect only while an error bit is set. */
	U(LSR, 5, lsr, .reset = LSR_TEMT | LSR_THRE, .read = lsr_read,
		.shadow = lsr_shadow, .flags = REG_SHADOW),
	/* Reading has an effect only while a delta bit is set. */
	U(MSR, 6, msr, .reset = MSR_DCD | MSR_DSR | MSR_CTS, .read = msr_read,
		.shadow = msr_shadow, .flags = REG_SHADOW),
	/* Never shadowed: the benchmark measures the hop with it. */
	U(SCR, 7, scr, .rw = 0xff),
};
/* clang-format on */
const struct reg_file uart_regs = REG_FILE(rows, ~0u);
static const struct bus_win_ops items = { .write_items = write_items };

/* What says what the FIFO holds follows from the FIFO. */
static void restored(void *dev)
{
	struct uart *u = dev;

	u->r.lsr &= (uint8_t)~LSR_DR;
	if (fifo16_count(&u->r.rx))
		u->r.lsr |= LSR_DR;
	else
		u->r.rx_timeout = 0;
	u->r.irq = pending_id(u) != IIR_NONE;
}

/* Both timers come from settle(); bytes that wait outside are offered anew. */
static void resume(void *dev)
{
	update_irq(dev);
}

#define MAX_RULE(fld, max) BUS_FIELD(struct uart_regs, fld, BUS_FIELD_MAX, max)
#define BITS_RULE(fld, bits) BUS_FIELD(struct uart_regs, fld, BUS_FIELD_BITS, bits)
static const struct bus_field fields[] = {
	BITS_RULE(ier, 0x0f), BITS_RULE(fcr, FCR_KEPT), BITS_RULE(mcr, 0x1f),
	BITS_RULE(lsr, LSR_DR | LSR_OE | LSR_THRE | LSR_TEMT),
	MAX_RULE(thr_pending, 1), MAX_RULE(thr_busy, 1),
	MAX_RULE(rx_timeout, 1), MAX_RULE(irq, 1),
	MAX_RULE(rx.head, FIFO16_SIZE - 1), MAX_RULE(rx.count, FIFO16_SIZE),
};
static const struct bus_state state = {
	.version = STATE_LAYOUT, .field = fields,
	.field_count = sizeof(fields) / sizeof(fields[0]), .restored = restored,
};
static const struct bus_dev_ops dev_ops = {
	.settle = settle, .resume = resume, .state = &state };

_Static_assert(MSR_CTS >> 4 == MSR_DCTS && MSR_RI >> 4 == MSR_TERI,
	       "a delta bit is its line's bit, four lower");

void uart_init(struct uart *u, struct bus *b, const char *name, uint16_t port,
	       unsigned int line, struct chr *chr)
{
	u->bus = b;
	u->line = line;
	u->chr = chr;
	if (chr) {
		chr->rx = uart_rx;
		chr->dev = u;
	}
	reg_reset(&uart_regs, u);
	u->r.divisor = 12;	/* 9600 baud */
	u->id = bus_add_dev(b, name, u, &dev_ops, &u->r, sizeof(u->r));
	timer_add(b, &u->timeout, timeout_fire, u);
	timer_add(b, &u->sent, sent_fire, u);
	bus_map(b, bus_add_win(b, u->id, name, CHAN_PIO, 8, &uart_regs, &items),
		port);
}

void uart_share_line(struct uart *a, struct uart *b)
{
	a->shares = b;
	b->shares = a;
}
