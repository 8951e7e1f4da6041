/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/test_vnc.c - the VNC server, driven by real and by bad clients
 *
 * The server runs in a child: without an argument as a function, which is
 * easier to debug; with the path of cloister-vnc as that program, under its
 * filter.  The parent plays everybody else: supervisor, vga (answers scans),
 * platform (reads the input ring), and the clients, through libvncclient and
 * through a plain socket.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <rfb/rfbclient.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/ctl_msg.h"
#include "abi/fds.h"
#include "back/fb_shm.h"
#include "back/vnc_server.h"
#include "base/clock.h"
#include "base/log.h"
#include "loopback.h"
#include "patience.h"
#include "ring/memfd.h"
#include "ring/stat.h"
#include "tap.h"

static struct fb *fb;
static struct input_ring *ring;
static int scan_fd, painted_fd, kick_fd, ctl_fd, log_fd, port;
static uint32_t events_read;
static unsigned int scans;
static uint32_t blink_ms;		/* what vga says of its picture */
static pid_t server;
static struct disp *disp;
static const char *client_password = "", *client_host = "127.0.0.1";
static const char *program;		/* cloister-vnc, or NULL */
static int stats_fd = -1;		/* what the server counts in, or -1 */
static struct stat_page *stats;

/* The client library's own; the server is the one under test. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:libvncclient"; }

/* ---- everybody else ---- */

static void die_here(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

struct server_fds {
	int fb, input, ctl, listen, log;
};
static struct server_fds kept;		/* fb, input and listen */

static void serve_here(const struct server_fds *fd, bool password)
{
	struct vnc_conf conf = {
		.name = "test", .listen_fd = fd->listen,
		.scan_fd = scan_fd, .painted_fd = painted_fd,
		.ctl_fd = fd->ctl, .input_kick_fd = kick_fd,
		.fb = fb_shm_map(fd->fb, false), .input = ring,
		.password = password,
	};

	log_init(-1, "server", LOG_L_ERR);
	stat_own = stats ? &stats->block[0] : NULL;
	vnc_server_open(&conf);
	vnc_server_serve();
	_exit(0);
}

/* As the supervisor does: descriptors at their numbers, no others. */
static void run_program(const struct server_fds *fd, bool password)
{
	const int to[][2] = {
		{ fd->log, FD_LOG }, { fd->ctl, FD_CTL }, { fd->fb, FD_VNC_FB },
		{ scan_fd, FD_VNC_SCAN }, { painted_fd, FD_VNC_PAINTED },
		{ fd->listen, FD_VNC_LISTEN }, { fd->input, FD_VNC_INPUT },
		{ kick_fd, FD_VNC_INPUT_KICK }, { stats_fd, FD_STATS },
	};
	enum { COUNT = sizeof(to) / sizeof(to[0]), HIGH = 100 };
	uint64_t mask = 0;
	char fds[24];

	for (int i = 0; i < COUNT; i++)
		dup2(to[i][0], HIGH + i);
	close_range(3, HIGH - 1, 0);
	for (int i = 0; i < COUNT; i++) {
		if (dup2(HIGH + i, to[i][1]) < 0)
			continue;	/* nobody counts */
		mask |= UINT64_C(1) << to[i][1];
	}
	close_range(HIGH, ~0u, 0);
	snprintf(fds, sizeof(fds), "%" PRIx64, mask);
	execl(program, "cloister-vnc", "--name", "vnc", "--hv", "fake",
	      "--domid", "7", "--fds", fds, "title=test",
	      password ? "password=on" : NULL, (char *)NULL);
	_exit(127);
}

static void wait_ready(void)
{
	struct pollfd p = { .fd = ctl_fd, .events = POLLIN };
	struct ctl_msg m = { 0 };

	poll(&p, 1, PATIENCE_MS);
	recv(ctl_fd, &m, sizeof(m), MSG_DONTWAIT);
	ok(m.kind == CTL_READY && m.arg > 0, "confined and ready (%u system calls)",
	   (unsigned int)m.arg);
}

/* With what the supervisor keeps for it. */
static void launch(bool password)
{
	int pair[2], logs[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET, 0, logs))
		die_here("set-up");
	ctl_fd = pair[0];
	log_fd = logs[0];
	server = fork();
	if (server == 0) {
		struct server_fds fd = { kept.fb, kept.input, pair[1],
					 kept.listen, logs[1] };

		close(pair[0]);
		close(logs[0]);
		if (program)
			run_program(&fd, password);
		serve_here(&fd, password);
	}
	close(pair[1]);
	close(logs[1]);
	if (program)
		wait_ready();
}

static void start_server_on(int listen_fd, bool password)
{
	kept.fb = memfd_make_fb();
	kept.input = memfd_make_input();
	kept.listen = listen_fd;
	if (kept.fb < 0 || kept.input < 0)
		die_here("set-up");
	fb = fb_shm_map(kept.fb, true);
	ring = memfd_map(kept.input, sizeof(*ring), true);
	scan_fd = eventfd(0, EFD_NONBLOCK);
	painted_fd = eventfd(0, EFD_NONBLOCK);
	kick_fd = eventfd(0, EFD_NONBLOCK);
	events_read = 0;
	disp = fb_shm_open(fb, painted_fd);
	disp->resize(disp, 720, 400);
	atomic_store(&ring->asleep, 1);
	launch(password);
}

static void kill_server(void)
{
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	close(ctl_fd);
	close(log_fd);
}

static void start_server(bool password)
{
	int fd = loopback_listen(&port);

	if (fd < 0)
		die_here("loopback");
	start_server_on(fd, password);
}

/* The supervisor hangs up; the server ends. */
static void stop_server(const char *what)
{
	int64_t until = clock_now_ns() + PATIENCE_NS;
	int status = -1;
	pid_t r;

	close(ctl_fd);
	while ((r = waitpid(server, &status, WNOHANG)) == 0 &&
	       clock_now_ns() < until)
		usleep(5000);
	ok(r == server && status == 0, "%s: the server ends when the supervisor "
	   "hangs up", what);
	if (r != server)
		kill(server, SIGKILL);
	close(scan_fd);
	close(painted_fd);
	close(kick_fd);
	close(log_fd);
	close(kept.fb);
	close(kept.input);
	close(kept.listen);
	munmap(fb, sizeof(*fb));
	munmap(ring, sizeof(*ring));
}

static void send_password(const char *text)
{
	struct ctl_msg m = { .kind = CTL_PASSWORD };

	strncpy(m.text, text, sizeof(m.text) - 1);
	if (send(ctl_fd, &m, sizeof(m), 0) != (ssize_t)sizeof(m))
		die_here("password");
	usleep(50000);
}

static void answer_scan(void)
{
	uint64_t n;

	if (read(scan_fd, &n, sizeof(n)) != (ssize_t)sizeof(n))
		return;
	scans++;
	disp->scanned(disp, blink_ms);
}

/* ---- a real client ---- */

static unsigned int updates;

static void on_update(rfbClient *c, int x, int y, int w, int h)
{
	(void)c, (void)x, (void)y, (void)w, (void)h;
	updates++;
}

static char *on_password(rfbClient *c)
{
	(void)c;
	return strdup(client_password);
}

static void no_log(const char *fmt, ...)
{
	(void)fmt;
}

static rfbClient *connect_client(void)
{
	rfbClient *c = rfbGetClient(8, 3, 4);

	rfbClientLog = no_log;
	rfbClientErr = no_log;
	c->canHandleNewFBSize = TRUE;
	c->GotFrameBufferUpdate = on_update;
	c->GetPassword = on_password;
	free(c->serverHost);
	c->serverHost = strdup(client_host);
	c->serverPort = port;
	c->format.redShift = 16;
	c->format.greenShift = 8;
	c->format.blueShift = 0;
	return rfbInitClient(c, NULL, NULL) ? c : NULL;
}

static void end_client(rfbClient *c)
{
	free(c->frameBuffer);
	rfbClientCleanup(c);
}

/* Serves scans and this client for @ms, or until @done() says so. */
static void pump(rfbClient *c, int ms, bool (*done)(rfbClient *))
{
	int64_t until = clock_now_ns() + ms * NS_PER_MS;

	while (clock_now_ns() < until && !(done && done(c))) {
		struct pollfd p[2] = {
			{ .fd = scan_fd, .events = POLLIN },
			{ .fd = c ? c->sock : -1, .events = POLLIN },
		};

		if (c && c->buffered > 0)
			p[1].revents = POLLIN;
		else
			poll(p, 2, 20);
		if (p[0].revents)
			answer_scan();
		if (p[1].revents && !HandleRFBServerMessage(c))
			return;
	}
}

static uint32_t seen(rfbClient *c, uint32_t x, uint32_t y)
{
	return ((uint32_t *)c->frameBuffer)[y * (uint32_t)c->width + x] & 0xffffff;
}

static void paint(uint32_t x, uint32_t y, uint32_t colour)
{
	disp->pixel[y * disp->stride + x] = colour;
	disp->changed(disp, y, 1);
}

static bool has_update(rfbClient *c)
{
	(void)c;
	return updates > 0;
}

static uint32_t want_at[3];

static bool has_pixel(rfbClient *c)
{
	return (uint32_t)c->width > want_at[0] && (uint32_t)c->height > want_at[1] &&
		seen(c, want_at[0], want_at[1]) == want_at[2];
}

static void wait_pixel(rfbClient *c, uint32_t x, uint32_t y, uint32_t colour)
{
	want_at[0] = x;
	want_at[1] = y;
	want_at[2] = colour;
	pump(c, PATIENCE_MS, has_pixel);
}

static bool next_event(struct input_event *e)
{
	int64_t until = clock_now_ns() + PATIENCE_NS;

	while (atomic_load(&ring->tail) == events_read)
		if (clock_now_ns() > until)
			return false;
		else
			usleep(1000);
	*e = ring->event[events_read++ % INPUT_EVENTS];
	atomic_store(&ring->head, events_read);
	return true;
}

static bool is_key(uint32_t scan, uint32_t down, const char *what)
{
	struct input_event e = { 0 };
	bool got = next_event(&e);

	return ok(got && e.kind == INPUT_KEY && e.a == scan && e.b == down,
		  "%s (0x%x %u)", what, e.a, e.b);
}

/* ---- what a user does ---- */

static void test_picture(void)
{
	rfbClient *c, *second;

	start_server(false);
	paint(0, 0, 0x123456);
	paint(719, 399, 0xffeedd);
	updates = 0;
	c = connect_client();
	if (!ok(c != NULL, "a client connects without a password"))
		return;
	is_hex((uint64_t)c->width << 32 | (uint32_t)c->height,
	       720ull << 32 | 400, "it learns the size");
	pump(c, PATIENCE_MS, has_update);
	wait_pixel(c, 719, 399, 0xffeedd);
	is_hex(seen(c, 0, 0), 0x123456, "first pixel, red where red belongs");
	is_hex(seen(c, 719, 399), 0xffeedd, "last pixel");

	paint(300, 200, 0x00ff00);
	wait_pixel(c, 300, 200, 0x00ff00);
	is_hex(seen(c, 300, 200), 0x00ff00, "a change arrives");

	second = connect_client();
	ok(second != NULL, "a second client connects, the first stays");
	if (second)
		wait_pixel(second, 300, 200, 0x00ff00);
	ok(second && seen(second, 300, 200) == 0x00ff00, "and sees the same");
	if (second)
		end_client(second);

	disp->resize(disp, 1024, 768);
	paint(1023, 767, 0xabcdef);
	disp->changed(disp, 0, 768);
	wait_pixel(c, 1023, 767, 0xabcdef);
	is_hex((uint64_t)c->width << 32 | (uint32_t)c->height,
	       1024ull << 32 | 768, "another mode: the client follows");
	is_hex(seen(c, 1023, 767), 0xabcdef, "and sees its last pixel");
	disp->resize(disp, 640, 480);
	paint(639, 479, 0x010203);
	disp->changed(disp, 0, 480);
	wait_pixel(c, 639, 479, 0x010203);
	is_hex(seen(c, 639, 479), 0x010203, "and back to a smaller one");

	end_client(c);
	stop_server("picture");
}

/* A mode set while nobody looked. */
static void test_late_client(void)
{
	rfbClient *c;

	start_server(false);
	c = connect_client();
	if (!c)
		return;
	end_client(c);
	disp->resize(disp, 1280, 1024);
	c = connect_client();
	ok(c && c->width == 1280 && c->height == 1024,
	   "a client that comes later is told the present size");
	if (c)
		end_client(c);
	stop_server("late client");
}

/* What the server logged so far has @text in it. */
static bool has_logged(const char *text)
{
	char packet[512];
	bool found = false;
	ssize_t r;

	while ((r = recv(log_fd, packet, sizeof(packet), MSG_DONTWAIT)) > 0)
		found |= memmem(packet, (size_t)r, text, strlen(text)) != NULL;
	return found;
}

/* Nothing has moved for long, so scans are rare: a newcomer need not wait. */
static void test_newcomer(void)
{
	rfbClient *c, *second;
	int64_t began_ns, took_ns = INT64_MAX;

	start_server(false);
	paint(719, 399, 0xffeedd);
	c = connect_client();
	if (!c)
		return;
	pump(c, 2500, NULL);
	second = connect_client();
	if (!second)
		return;
	pump(second, 20, NULL);
	began_ns = clock_now_ns();
	wait_pixel(second, 719, 399, 0xffeedd);
	ok(clock_now_ns() - began_ns < 150 * NS_PER_MS,
	   "a newcomer has the whole picture at once (%d ms)",
	   (int)((clock_now_ns() - began_ns) / NS_PER_MS));
	/* Once in five is enough on a busy machine: who waits for the next look at
	   a picture that does not change always waits for longer. */
	for (int i = 0; i < 5 && took_ns >= 200 * NS_PER_MS; i++) {
		pump(second, 2500, NULL);
		SendFramebufferUpdateRequest(second, 0, 0, 720, 400, FALSE);
		second->frameBuffer[(720 * 400 - 1) * 4] = 0;
		began_ns = clock_now_ns();
		wait_pixel(second, 719, 399, 0xffeedd);
		took_ns = clock_now_ns() - began_ns;
	}
	ok(took_ns < 200 * NS_PER_MS,
	   "and who asks for all of it again, too (%d ms)",
	   (int)(took_ns / NS_PER_MS));
	ok(!has_logged("dropped"), "lines nobody wants are not counted as dropped");
	end_client(second);
	end_client(c);
	stop_server("newcomer");
}

static void test_scans_follow_need(void)
{
	rfbClient *c;
	unsigned int n;

	start_server(false);
	scans = 0;
	pump(NULL, 300, NULL);
	is_hex(scans, 0, "nobody connected: no scan");
	c = connect_client();
	if (!c)
		return;
	pump(c, 1500, NULL);
	scans = 0;
	pump(c, 2000, NULL);
	n = scans;
	/* About four; sixty if it did not slow down.  A busy machine may be late. */
	ok(n >= 1 && n <= 15, "nothing changes: scans are rare (%u in 2 s)", n);
	blink_ms = 50;
	pump(c, 500, NULL);
	scans = 0;
	pump(c, 1000, NULL);
	ok(scans > 8, "but not where something blinks (%u)", scans);
	blink_ms = 1;
	scans = 0;
	pump(c, 1000, NULL);
	ok(scans < 45, "nor without a limit (%u)", scans);
	scans = 0;
	for (unsigned int i = 1; i <= 20; i++) {
		paint(i, 0, 0xff0000 + i);
		wait_pixel(c, i, 0, 0xff0000 + i);
	}
	ok(scans >= 15, "something changes: scans follow (%u)", scans);
	end_client(c);
	pump(NULL, 100, NULL);
	scans = 0;
	pump(NULL, 700, NULL);
	is_hex(scans, 0, "the last client left: no scan, whatever blinks");
	blink_ms = 0;
	stop_server("scans");
}

static void test_input(void)
{
	char cut[] = "ignored";
	struct input_event e;
	rfbClient *c;
	uint64_t n;

	start_server(false);
	c = connect_client();
	if (!c)
		return;
	SendKeyEvent(c, 'a', TRUE);
	is_key(0x1e, 1, "a down");
	ok(read(kick_fd, &n, sizeof(n)) == (ssize_t)sizeof(n),
	   "a sleeping reader is woken");
	SendKeyEvent(c, 'a', FALSE);
	is_key(0x1e, 0, "a up");
	SendKeyEvent(c, 'A', TRUE);
	is_key(0x2a, 1, "A without shift: shift is pressed for it");
	is_key(0x1e, 1, "the key");
	is_key(0x2a, 0, "and let go");
	SendKeyEvent(c, 'A', FALSE);
	is_key(0x1e, 0, "A up");
	SendKeyEvent(c, 0xff53, TRUE);
	is_key(0xe04d, 1, "right arrow is an extended code");
	SendKeyEvent(c, 0xff53, FALSE);
	is_key(0xe04d, 0, "and up");
	SendPointerEvent(c, 719, 0, 1);
	ok(next_event(&e) && e.kind == INPUT_POINTER && e.a == 0x7fff &&
	   e.b == 0 && e.c == 1 && e.d == (720u << 16 | 400),
	   "pointer at the right edge, left button");
	SendClientCutText(c, cut, 7);
	SendKeyEvent(c, 0xffe3, TRUE);
	is_key(0x1d, 1, "cut text is swallowed, the key after it arrives");
	end_client(c);
	is_key(0x1d, 0, "a client that leaves lets its keys go");
	stop_server("input");
}

static bool gets_in(const char *password)
{
	rfbClient *c;

	client_password = password;
	c = connect_client();
	if (c)
		end_client(c);
	return c != NULL;
}

static void test_password(void)
{
	start_server(true);
	ok(!gets_in(""), "password on, none set: an empty one is refused");
	ok(!gets_in("anything"), "so is any other");
	send_password("geheimnis");
	ok(!gets_in("falsch"), "the wrong one is refused");
	ok(!gets_in(""), "so is an empty one");
	ok(gets_in("geheimnis"), "the right one gets in");
	ok(gets_in("geheimniX"), "eight characters count, as VNC has it");
	send_password("second");
	ok(!gets_in("geheimnis"), "changed: the old one is refused");
	ok(gets_in("second"), "the new one gets in");
	/* CVE-2011-0011: clearing the password must not open the door. */
	send_password("");
	ok(!gets_in(""), "cleared: nobody gets in");
	ok(!gets_in("second"), "not with the old one either");
	stop_server("password");
}

static bool counts_clients(unsigned int n)
{
	for (int i = 0; i < 1000; i++) {
		if (stat_block_get(&stats->block[0], STAT_VNC_CLIENTS) == n)
			return true;
		usleep(5000);
	}
	return false;
}

/* Its counters are those of all that were there before. */
static void test_counters(void)
{
	rfbClient *c;

	stats_fd = memfd_make_stats();
	stats = stat_map(stats_fd, true);
	if (!stats)
		die_here("counters");
	stat_block_add(&stats->block[0], STAT_VNC_CLIENTS, 3);
	stat_block_add(&stats->block[0], STAT_VNC_ACCEPTED, 3);
	start_server(false);
	ok(counts_clients(0), "a predecessor's clients are gone");
	c = connect_client();
	ok(counts_clients(1), "one is there");
	is_hex(stat_block_get(&stats->block[0], STAT_VNC_ACCEPTED), 4, "the fourth ever");
	if (c)
		end_client(c);
	ok(counts_clients(0), "and leaves");
	stop_server("counters");
	munmap(stats, sizeof(*stats));
	close(stats_fd);
	stats = NULL;
	stats_fd = -1;
}

/* IPv4 clients of such a socket have addresses like ::ffff:127.0.0.1. */
static void test_ipv6(void)
{
	int fd = loopback_listen_ipv6(&port);

	if (fd < 0) {
		skip("no IPv6 here");
		return;
	}
	start_server_on(fd, true);
	send_password("geheim");
	client_host = "::1";
	ok(gets_in("geheim"), "a client comes by IPv6");
	ok(!gets_in("falsch"), "with the right password only");
	ok(program ? has_logged("peer=::1") : true, "it is named by its address");
	client_host = "127.0.0.1";
	ok(gets_in("geheim"), "another by IPv4 to the same socket");
	stop_server("IPv6");
}

/* ---- what a hostile client does ---- */

static int connect_raw(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)))
		die_here("connect");
	return fd;
}

static bool receive(int fd, size_t len)
{
	uint8_t buf[4096];
	struct pollfd p = { .fd = fd, .events = POLLIN };

	while (len) {
		ssize_t r;

		if (poll(&p, 1, PATIENCE_MS) <= 0)
			return false;
		r = recv(fd, buf, len < sizeof(buf) ? len : sizeof(buf), 0);
		if (r <= 0)
			return false;
		len -= (size_t)r;
	}
	return true;
}

static bool is_closed(int fd)
{
	uint8_t buf[4096];
	struct pollfd p = { .fd = fd, .events = POLLIN };

	for (;;) {
		if (poll(&p, 1, PATIENCE_MS) <= 0)
			return false;
		if (recv(fd, buf, sizeof(buf), 0) <= 0)
			return true;
	}
}

static void transmit(int fd, const void *buf, size_t len)
{
	if (send(fd, buf, len, MSG_NOSIGNAL) != (ssize_t)len)
		printf("# short send\n");
}

/* Through the handshake without a password. */
static int raw_client(void)
{
	struct pollfd p = { .fd = scan_fd, .events = POLLIN };
	int fd = connect_raw();

	receive(fd, 12);
	transmit(fd, "RFB 003.008\n", 12);
	receive(fd, 2);			/* one type: none */
	transmit(fd, "\1", 1);
	receive(fd, 4);			/* fine */
	transmit(fd, "\1", 1);
	if (poll(&p, 1, 200) > 0)		/* it looks before it tells */
		answer_scan();
	receive(fd, 24 + 4);		/* "test" */
	return fd;
}

static void refused(const void *msg, size_t len, const char *what)
{
	int fd = raw_client();

	transmit(fd, msg, len);
	ok(is_closed(fd), "%s: dropped", what);
	close(fd);
}

/* CPU time the server has used, in clock ticks. */
static unsigned long server_ticks(void)
{
	unsigned long user = 0, sys = 0;
	char path[64], line[512];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", server);
	f = fopen(path, "r");
	if (!f)
		return 0;
	if (fgets(line, sizeof(line), f))
		sscanf(strrchr(line, ')') + 2, "%*c %*d %*d %*d %*d %*d %*u %*u "
		       "%*u %*u %*u %lu %lu", &user, &sys);
	fclose(f);
	return user + sys;
}

static void test_bad_messages(void)
{
	static const uint8_t zero_max[20] = { 0, 0, 0, 0, 32, 24, 0, 1 };
	static const uint8_t shift[20] = { 0, 0, 0, 0, 32, 24, 0, 1, 0, 255, 0,
		255, 0, 255, 200, 8, 0 };
	static const uint8_t depth[20] = { 0, 0, 0, 0, 77, 24, 0, 1, 0, 255, 0,
		255, 0, 255, 16, 8, 0 };
	static const uint8_t encodings[4] = { 2, 0, 0xff, 0xff };
	static const uint8_t cut[8] = { 6, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff };
	static const uint8_t file[12] = { 7, 1 };
	static const uint8_t scale_down[4] = { 8, 2 };

	start_server(false);
	refused(zero_max, 20, "pixel format with maximum 0 (CVE-2015-8504)");
	refused(shift, 20, "pixel format with an impossible shift");
	refused(depth, 20, "77 bits per pixel (CVE-2014-7815)");
	refused(encodings, 4, "65,535 encodings");
	refused(cut, 8, "2 GB of cut text (CVE-2015-5239)");
	refused(file, 12, "file transfer");
	refused(scale_down, 4, "UltraVNC scaling");
	refused("\x99", 1, "a message nobody knows");
	stop_server("bad messages");
}

/* 16 MB in raw encoding to somebody who reads now and then: what does not
   fit into the socket waits, and all of it arrives. */
static void test_slow_reader(void)
{
	uint8_t request[10] = { 3, 0, 0, 0, 0, 0, FB_WIDTH_MAX >> 8,
		FB_WIDTH_MAX & 255, FB_HEIGHT_MAX >> 8, FB_HEIGHT_MAX & 255 };
	size_t left = 4 + 12 + sizeof(fb->pixel);
	int fd;

	start_server(false);
	disp->resize(disp, FB_WIDTH_MAX, FB_HEIGHT_MAX);
	pump(NULL, 50, NULL);
	fd = raw_client();
	transmit(fd, request, sizeof(request));
	pump(NULL, 50, NULL);
	usleep(300000);
	for (; left > 65536; left -= 65536)
		if (!receive(fd, 65536))
			break;
	ok(receive(fd, left), "a slow reader gets the whole picture");
	transmit(fd, "\4\1\0\0\0\0\0c", 8);
	is_key(0x2e, 1, "and is served afterwards");
	close(fd);
	stop_server("slow reader");
}

static void test_bad_behaviour(void)
{
	int fd, many[VNC_CLIENTS + 1];
	unsigned long before;
	int64_t began;

	start_server(false);
	fd = connect_raw();
	transmit(fd, "GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", 39);
	ok(is_closed(fd), "a web socket handshake is just a wrong version");
	close(fd);
	fd = connect_raw();
	transmit(fd, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00", 12);
	ok(is_closed(fd), "so is a TLS hello");
	close(fd);

	fd = raw_client();
	transmit(fd, "\4\1\0", 3);		/* part of a key message */
	usleep(100000);
	before = server_ticks();
	usleep(500000);
	ok(server_ticks() - before < 10, "half a message: the server sleeps");
	began = clock_now_ns();
	close(raw_client());
	ok(clock_now_ns() - began < 500 * NS_PER_MS,
	   "and others are served meanwhile");
	transmit(fd, "\0\0\0\0b", 5);
	is_key(0x30, 1, "the rest comes: it is a key");
	close(fd);
	is_key(0x30, 0, "and it is let go when the client leaves");
	stop_server("bad behaviour");

	start_server(false);
	for (unsigned int i = 0; i < VNC_CLIENTS; i++)
		many[i] = raw_client();
	many[VNC_CLIENTS] = connect_raw();
	ok(is_closed(many[VNC_CLIENTS]), "one client too many is refused");
	close(many[0]);
	usleep(50000);
	close(many[VNC_CLIENTS]);
	many[0] = raw_client();
	transmit(many[0], "\4\1\0\0\0\0\0c", 8);
	is_key(0x2e, 1, "when one left, another may come");
	for (unsigned int i = 0; i < VNC_CLIENTS; i++)
		close(many[i]);
	stop_server("many clients");
}

/* It dies with a key and a button pressed; a client comes back. */
static void test_successor(void)
{
	rfbClient *c;
	struct input_event e;
	int fd;

	start_server(false);
	fd = raw_client();
	transmit(fd, "\4\1\0\0\0\0\xff\xe3", 8);
	is_key(0x1d, 1, "a key is held");
	transmit(fd, "\5\1\0\0\0\0", 6);
	ok(next_event(&e) && e.kind == INPUT_POINTER && e.c == 1,
	   "and a button");
	paint(0, 0, 0x445566);
	kill_server();
	ok(is_closed(fd), "the server dies, its client sees it");
	close(fd);
	launch(false);
	is_key(0x1d, 0, "the next one lets the key go");
	ok(next_event(&e) && e.kind == INPUT_POINTER && e.c == 0,
	   "and the button");
	c = connect_client();
	if (!ok(c != NULL, "on the same port clients get in"))
		return;
	wait_pixel(c, 0, 0, 0x445566);
	ok(has_pixel(c), "and see the picture");
	SendKeyEvent(c, 'z', TRUE);
	is_key(0x2c, 1, "keys arrive");
	end_client(c);
	is_key(0x2c, 0, "and go");
	stop_server("successor");
}

int main(int argc, char **argv)
{
	program = argc > 1 ? argv[1] : NULL;
	signal(SIGPIPE, SIG_IGN);
	test_picture();
	test_late_client();
	test_newcomer();
	test_scans_follow_need();
	test_input();
	test_password();
	test_counters();
	test_ipv6();
	test_bad_messages();
	test_slow_reader();
	test_bad_behaviour();
	test_successor();
	return tap_done();
}
