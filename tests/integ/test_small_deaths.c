/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/test_small_deaths.c - platform and vga die under load, again and
 *                                   again
 *
 * Four vCPUs: one prints on the serial port, one uses latches of platform, one
 * draws, one reads the keyboard, which this process types on as vnc does.
 * Meanwhile the worker of either is killed at random moments and succeeded.
 *
 * What has to hold: latches keep what was written; each key arrives once, in
 * order; each character is printed, and only one that was being printed when
 * the worker died may come twice: it is written before it is committed, and so
 * never lost.  After the last death the picture is what was drawn.
 *
 * usage: test_small_deaths [DEATHS [SEED]]
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "back/fb_shm.h"
#include "base/clock.h"
#include "fakefamily.h"
#include "patience.h"
#include "tap.h"

#define DEATHS_MAX	2000u
#define VCPUS		4u
#define AHEAD_MAX	128u	/* characters printed and not yet seen: a socket
				   holds some 270 that come one by one, and the
				   port drops what nobody takes */
#define KEYS_AHEAD	6u	/* typed and not yet read: they fit the keyboard */
#define PRINT_AT	0x210000u
#define STRING		24u
#define COLS		80u
#define ROWS		25u
#define TEXT		0xb8000u
#define LFB		0xf0000000u
#define LFB_W		640u
#define LFB_H		480u
#define ISA_FUNC	0x08u
#define VGA_FUNC	0x18u
#define PERIOD		251u	/* of the printed sequence */

static struct fakefamily f;
static struct fakeguest *g;
static struct fb *fb;
static _Atomic bool stop;
static uint64_t rnd_state;

static uint32_t rnd(void)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return (uint32_t)(rnd_state >> 16);
}

/* ---- how long accesses take ---- */

#define TIMES	(1u << 20)

static struct {
	int64_t began;			/* of the access under way, or 0 */
	_Atomic int64_t longest;	/* since it was last asked */
	uint32_t count;
	uint32_t us[TIMES];
} timing[VCPUS];

static void begin(unsigned int vcpu)
{
	timing[vcpu].began = clock_now_ns();
}

static void end(unsigned int vcpu)
{
	int64_t took = clock_now_ns() - timing[vcpu].began;

	timing[vcpu].us[timing[vcpu].count++ % TIMES] = (uint32_t)(took / 1000);
	if (took > timing[vcpu].longest)
		timing[vcpu].longest = took;
}

static uint32_t in(unsigned int vcpu, uint16_t port)
{
	uint32_t v;

	begin(vcpu);
	v = fakeguest_in(g, vcpu, port, 1);
	end(vcpu);
	return v;
}

static void out(unsigned int vcpu, uint16_t port, unsigned int size, uint32_t v)
{
	begin(vcpu);
	fakeguest_out(g, vcpu, port, size, v);
	end(vcpu);
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void print_times(const char *what, uint32_t *us, uint32_t n)
{
	if (!n)
		return;
	qsort(us, n, sizeof(*us), by_size);
	printf("# %s: n %u p50 %u us p99 %u us max %u us\n", what, n,
	       us[n / 2], us[(uint64_t)n * 99 / 100], us[n - 1]);
}

/* ---- the serial port ---- */

static int serial_fd;
static _Atomic bool printer_ended;
static _Atomic uint32_t printed, seen, twice, out_of_order;

static uint8_t char_at(uint32_t i)
{
	return (uint8_t)(i % PERIOD);
}

/* @last: how far we are.  A step back by less than one request is a repeat. */
static void take_char(uint8_t c)
{
	uint32_t back;

	if (c == char_at(seen)) {
		seen++;
		return;
	}
	for (back = 1; back <= STRING && back <= seen; back++)
		if (c == char_at(seen - back)) {
			twice += back;
			seen -= back - 1;
			return;
		}
	out_of_order++;
	seen++;
}

static void *run_reader(void *arg)
{
	uint8_t buf[4096];
	struct pollfd p = { .fd = serial_fd, .events = POLLIN };

	(void)arg;
	/* What was printed last is posted, and may take its time. */
	for (unsigned int quiet = 0;
	     !printer_ended || (seen < printed && quiet < 50); ) {
		ssize_t n;

		if (poll(&p, 1, 200) <= 0) {
			quiet += printer_ended;
			continue;
		}
		n = read(serial_fd, buf, sizeof(buf));
		for (ssize_t i = 0; i < n; i++)
			take_char(buf[i]);
	}
	return NULL;
}

static void *run_printer(void *arg)
{
	(void)arg;
	while (!stop && !fakeguest_fault(g)) {
		if (printed - seen > AHEAD_MAX) {
			sched_yield();
			continue;
		}
		while (!(in(0, 0x3fd) & 0x20))
			;
		if (printed % 5) {
			out(0, 0x3f8, 1, char_at(printed));
			printed++;
			continue;
		}
		for (uint32_t i = 0; i < STRING; i++)
			*fakeguest_ram(g, PRINT_AT + i) = char_at(printed + i);
		begin(0);
		fakeguest_outs(g, 0, 0x3f8, 1, STRING, PRINT_AT, false);
		end(0);
		printed += STRING;
	}
	printer_ended = true;
	return NULL;
}

/* ---- latches ---- */

static _Atomic uint32_t latch_rounds, latch_wrong;

static void check_latch(uint16_t port, uint8_t want)
{
	uint32_t got = in(1, port);

	if (got == want)
		return;
	printf("# port 0x%x: 0x%02x, want 0x%02x\n", port, got, want);
	latch_wrong++;
}

/* Address and data are two accesses: guests have a lock around them. */
static pthread_mutex_t cfg_lock = PTHREAD_MUTEX_INITIALIZER;

static void set_cfg(unsigned int vcpu, unsigned int devfn, unsigned int reg,
		    unsigned int size, uint32_t v)
{
	pthread_mutex_lock(&cfg_lock);
	fakeguest_cfg_write(g, vcpu, devfn, reg, size, v);
	pthread_mutex_unlock(&cfg_lock);
}

static uint32_t get_cfg(unsigned int vcpu, unsigned int devfn, unsigned int reg,
			unsigned int size)
{
	uint32_t v;

	pthread_mutex_lock(&cfg_lock);
	v = fakeguest_cfg_read(g, vcpu, devfn, reg, size);
	pthread_mutex_unlock(&cfg_lock);
	return v;
}

static void check_link(uint8_t link, uint32_t want)
{
	uint32_t got = get_cfg(1, ISA_FUNC, 0x60u + link, 1);
	uint32_t routed = g->m->link[link];

	if (got == want && routed == want)
		return;
	printf("# link %u: 0x%x, routed to %u, want %u\n", link, got, routed,
	       want);
	latch_wrong++;
}

static void *run_latches(void *arg)
{
	uint8_t cmos[64];

	(void)arg;
	for (unsigned int i = 0; i < sizeof(cmos); i++) {
		out(1, 0x70, 1, 0x40 + i);
		cmos[i] = (uint8_t)in(1, 0x71);
	}
	for (uint32_t i = 1; !stop && !fakeguest_fault(g); i++) {
		uint8_t v = (uint8_t)(i * 37), at = (uint8_t)(i % 64);

		out(1, 0x3ff, 1, v);
		out(1, 0x70, 1, 0x40 + at);
		out(1, 0x71, 1, v);
		cmos[at] = v;
		set_cfg(1, ISA_FUNC, 0x60 + i % 4, 1, i % 16);
		check_latch(0x3ff, v);
		at = (uint8_t)(i * 5 % 64);
		out(1, 0x70, 1, 0x40 + at);
		check_latch(0x71, cmos[at]);
		check_link(i % 4, i % 16);
		latch_rounds++;
		sched_yield();
	}
	return NULL;
}

/* ---- the keyboard ---- */

static const uint8_t set1[] = { 0x1e, 0x30, 0x2e, 0x20, 0x12, 0x21, 0x22, 0x23 };
static const uint8_t set2[] = { 0x1c, 0x32, 0x21, 0x23, 0x24, 0x2b, 0x34, 0x33 };
static _Atomic uint32_t typed, keys_read, keys_wrong;

static void type_one(void)
{
	struct input_ring *r = f.input;
	static const uint64_t one = 1;

	r->event[r->tail % INPUT_EVENTS] = (struct input_event){
		.kind = INPUT_KEY, .a = set1[typed % sizeof(set1)], .b = 1 };
	atomic_store(&r->tail, r->tail + 1);
	atomic_thread_fence(memory_order_seq_cst);
	typed++;
	if (atomic_load(&r->asleep) &&
	    write(f.input_kick_fd, &one, sizeof(one)) < 0)
		perror("input kick");
}

static void *run_typist(void *arg)
{
	(void)arg;
	while (!stop) {
		if (typed - keys_read < KEYS_AHEAD &&
		    f.input->tail - f.input->head < INPUT_EVENTS)
			type_one();
		usleep(300);
	}
	return NULL;
}

static void *run_keyboard(void *arg)
{
	(void)arg;
	while (!fakeguest_fault(g) && (!stop || keys_read < typed)) {
		if (!(in(3, 0x64) & 1)) {
			usleep(100);
			continue;
		}
		keys_wrong += in(3, 0x60) != set2[keys_read % sizeof(set2)];
		keys_read++;
	}
	return NULL;
}

/* ---- drawing ---- */

static uint16_t cell[ROWS * COLS];
static uint32_t lfb[LFB_W * LFB_H];
static _Atomic uint32_t drawn, draw_wrong;
static _Atomic bool graphics, drawing, may_draw;

static void index_out(uint16_t port, uint8_t index, uint8_t val)
{
	out(2, port, 2, (uint32_t)(index | val << 8));
}

static void dispi(uint16_t i, uint16_t v)
{
	out(2, 0x1ce, 2, i);
	out(2, 0x1cf, 2, v);
}

static void set_colour(uint8_t i)
{
	fakeguest_in(g, 2, 0x3da, 1);
	out(2, 0x3c0, 1, i);
	out(2, 0x3c0, 1, i);
	out(2, 0x3c0, 1, 0x20);
	out(2, 0x3c8, 1, i);
	out(2, 0x3c9, 1, i * 4);
	out(2, 0x3c9, 1, 63 - i * 4);
	out(2, 0x3c9, 1, i);
}

static uint32_t colour(uint32_t i)
{
	uint32_t r = i * 4, gr = 63 - i * 4;

	return (r << 2 | r >> 4) << 16 | (gr << 2 | gr >> 4) << 8 |
		(i << 2 | i >> 4);
}

static void set_text(void)
{
	static const uint8_t crtc[][2] = {
		{ 0x11, 0 }, { 0x01, 79 }, { 0x12, 0x8f }, { 0x07, 0x1f },
		{ 0x09, 0x4f }, { 0x18, 0xff }, { 0x13, 40 }, { 0x17, 0xa3 },
		{ 0x0a, 0x20 },
	};

	out(2, 0x3c2, 1, 0x67);
	for (unsigned int i = 0; i < sizeof(crtc) / 2; i++)
		index_out(0x3d4, crtc[i][0], crtc[i][1]);
	index_out(0x3c4, 2, 3);
	index_out(0x3c4, 4, 2);
	index_out(0x3ce, 5, 0x10);
	index_out(0x3ce, 6, 0x0e);
	for (uint8_t i = 0; i < 16; i++)
		set_colour(i);
}

/* A cell: its background alone, there is no font.  Most writes are posted
   through the buffered ring; now and then one is read back. */
static void draw_cell(uint32_t n)
{
	uint32_t at = n * 7919 % (ROWS * COLS);

	cell[at] = (uint16_t)((n % 16) << 12 | (n & 0xff));
	begin(2);
	fakeguest_store_mem(g, 2, TEXT + at * 2, 2, cell[at]);
	end(2);
	if (n % 64)
		return;
	at = n * 31 % (ROWS * COLS);
	begin(2);
	draw_wrong += fakeguest_load_mem(g, 2, TEXT + at * 2, 2) != cell[at];
	end(2);
	/* A register pair, as drivers do it around a cursor. */
	index_out(0x3d4, 0x0f, (uint8_t)n);
	draw_wrong += in(2, 0x3d5) != (uint8_t)n;
}

/* A pixel, stored without our help; registers of the mode are looked at. */
static void draw_pixel(uint32_t n)
{
	uint32_t at = n * 7919 % (LFB_W * LFB_H);

	lfb[at] = n * 2654435761u & 0xffffff;
	fakeguest_store(g, LFB + at * 4, &lfb[at], 4);
	if (n % 64)
		return;
	out(2, 0x1ce, 2, 1);
	begin(2);
	draw_wrong += fakeguest_in(g, 2, 0x1cf, 2) != LFB_W;
	end(2);
}

static void *run_artist(void *arg)
{
	(void)arg;
	for (uint32_t n = 1; !stop && !fakeguest_fault(g); n++) {
		drawing = may_draw;
		if (!drawing) {
			usleep(1000);
			continue;
		}
		if (graphics)
			draw_pixel(n);
		else
			draw_cell(n);
		drawn++;
	}
	return NULL;
}

static bool rest_artist(void)
{
	may_draw = false;
	for (int i = 0; i < PATIENCE_MS && drawing; i++)
		usleep(1000);
	return !drawing;
}

/* As vnc: a scan that nobody answers is asked for again. */
static bool scan(void)
{
	struct pollfd p = { .fd = f.painted_fd, .events = POLLIN };
	uint64_t n = 1;

	for (int i = 0; i < 40; i++) {
		if (write(f.scan_fd, &n, sizeof(n)) > 0 && poll(&p, 1, 250) > 0)
			return read(f.painted_fd, &n, sizeof(n)) > 0;
	}
	return false;
}

static uint32_t wrong_cells(void)
{
	uint32_t wrong = 0;

	for (uint32_t i = 0; i < ROWS * COLS; i++) {
		uint32_t x = i % COLS * 9 + 4, y = i / COLS * 16 + 8;

		wrong += fb->pixel[y * fb->width + x] != colour(cell[i] >> 12);
	}
	return wrong;
}

static uint32_t wrong_pixels(void)
{
	uint32_t wrong = 0;

	for (uint32_t i = 0; i < LFB_W * LFB_H; i++)
		wrong += fb->pixel[i] != lfb[i];
	return wrong;
}

static void poison_picture(void)
{
	struct fb *w = fb_shm_map(f.fb_fd, true);

	memset(w->pixel, 0x33, LFB_W * LFB_H * sizeof(uint32_t));
}

/* The artist rests; somebody dies once more; the picture is what was drawn. */
static void check_picture(const char *what)
{
	uint32_t w = 0, h = 0, wrong = ~0u;
	bool came_back;

	ok(rest_artist(), "%s: drawing rests", what);
	came_back = fakefamily_kill(&f, FF_VGA, SIGKILL);
	poison_picture();
	came_back = came_back && fakefamily_respawn(&f, FF_VGA);
	ok(came_back, "vga is back, over another picture");
	/* Posted writes are done before the scan (worker_catch_up()). */
	for (int i = 0; i < 50 && wrong; i++) {
		if (!scan() || !fb_shm_get_size(fb, &w, &h))
			continue;
		wrong = graphics ? wrong_pixels() : wrong_cells();
	}
	is_hex((uint64_t)w << 32 | h, graphics ?
	       (uint64_t)LFB_W << 32 | LFB_H : UINT64_C(720) << 32 | 400,
	       "the picture has its size");
	is_hex(wrong, 0, "and is what was drawn");
}

/* ---- dying ---- */

static int64_t take_longest(unsigned int vcpu)
{
	return atomic_exchange(&timing[vcpu].longest, 0);
}

static void wait_progress(_Atomic uint32_t *what)
{
	uint32_t was = *what;

	for (int i = 0; i < PATIENCE_MS && *what == was && !fakeguest_fault(g); i++)
		usleep(1000);
}

/* @vcpus: bit per vCPU that needs the worker. */
static void kill_often(enum fakefamily_who who, const char *name,
		       _Atomic uint32_t *progress, unsigned int vcpus,
		       unsigned int deaths)
{
	static uint32_t stall_us[DEATHS_MAX], down_us[DEATHS_MAX];
	unsigned int n;

	for (n = 0; n < deaths; n++) {
		int64_t at, longest = 0;

		wait_progress(progress);
		usleep(rnd() % 4000);
		for (unsigned int v = 0; v < VCPUS; v++)
			take_longest(v);
		at = clock_now_ns();
		if (!fakefamily_kill(&f, who, SIGKILL) ||
		    !fakefamily_respawn(&f, who))
			break;
		down_us[n] = (uint32_t)((clock_now_ns() - at) / 1000);
		wait_progress(progress);
		for (unsigned int v = 0; v < VCPUS; v++) {
			int64_t l = vcpus & 1u << v ? take_longest(v) : 0;

			longest = l > longest ? l : longest;
		}
		stall_us[n] = (uint32_t)(longest / 1000);
	}
	ok(n == deaths, "%s: killed and succeeded %u times", name, n);
	ok(!fakeguest_fault(g), "no vCPU was left alone: %s",
	   fakeguest_fault(g) ? fakeguest_fault(g) : "no fault");
	print_times("from the kill to READY", down_us, n);
	print_times("longest access around each death", stall_us, n);
}

static void test_platform(unsigned int deaths)
{
	kill_often(FF_PLATFORM, "platform", &printed, 0xb, deaths);
	wait_progress(&latch_rounds);
	wait_progress(&keys_read);
	is_hex(latch_wrong, 0, "latches, links and CMOS keep what was written");
	is_hex(keys_wrong, 0, "each key comes once, in order");
	is_hex(out_of_order, 0, "no character is lost or out of order");
	/* The one request that was being served at a death. */
	ok(twice <= deaths * STRING, "%u of %u characters came twice", twice, seen);
	ok(latch_rounds && keys_read && printed, "%u rounds, %u keys, %u characters",
	   latch_rounds, keys_read, printed);
}

static void test_vga(unsigned int deaths)
{
	set_text();
	may_draw = true;
	kill_often(FF_VGA, "vga, text", &drawn, 0x4, deaths);
	check_picture("text");
	set_cfg(2, VGA_FUNC, 0x10, 4, LFB);
	set_cfg(2, VGA_FUNC, 0x04, 2, 3);
	dispi(1, LFB_W);
	dispi(2, LFB_H);
	dispi(3, 32);
	dispi(4, 0x41);
	graphics = true;
	may_draw = true;
	kill_often(FF_VGA, "vga, graphics", &drawn, 0x4, deaths);
	check_picture("graphics");
	is_hex(draw_wrong, 0, "what was drawn and set read back");
}

static void run(unsigned int deaths)
{
	static void *(*const thread[])(void *) = {
		run_reader, run_printer, run_latches, run_typist, run_keyboard,
		run_artist };
	pthread_t t[6];

	for (unsigned int i = 0; i < 6; i++)
		pthread_create(&t[i], NULL, thread[i], NULL);
	test_platform(deaths);
	/* Before the artist is started: its vCPU is ours until then. */
	test_vga(deaths);
	stop = true;
	for (unsigned int i = 0; i < 6; i++)
		pthread_join(t[i], NULL);
	is_hex(seen, printed, "all that was printed came out");
	is_hex(keys_read, typed, "all that was typed came in");
	ok(f.lies == 0, "nobody lied: %s", f.lie);
	for (unsigned int v = 0; v < VCPUS; v++) {
		static const char *const what[VCPUS] = {
			"serial accesses", "latch accesses", "vga accesses",
			"keyboard accesses" };

		print_times(what[v], timing[v].us,
			    timing[v].count < TIMES ? timing[v].count : TIMES);
	}
}

int main(int argc, char **argv)
{
	unsigned int deaths = argc > 1 ? (unsigned int)atoi(argv[1]) : 50;
	unsigned long seed = argc > 2 ? strtoul(argv[2], NULL, 0) : 20260401;
	struct fakefamily_conf conf = {
		.guest = { .vcpus = VCPUS, .low_bytes = 16 << 20 },
		.no_disk = true, .quiet = true, .input = true,
	};
	const char *why = fakefamily_missing(&conf);
	int serial[2];

	if (why)
		return skip_all(why);
	if (deaths > DEATHS_MAX)
		deaths = DEATHS_MAX;
	rnd_state = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
	printf("# seed %lu\n", seed);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, serial))
		return skip_all("no socket pair");
	fcntl(serial[1], F_SETFL, O_NONBLOCK);
	serial_fd = serial[0];
	conf.serial0 = fcntl(serial[1], F_DUPFD_CLOEXEC, FAKEGUEST_FDS);
	close(serial[1]);
	if (ok(fakefamily_start(&f, &conf), "the family is up")) {
		g = f.g;
		fb = fb_shm_map(f.fb_fd, false);
		run(deaths);
	}
	ok(fakefamily_stop(&f), "all end by themselves");
	return tap_done();
}
