/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * back/vnc_server.c - shows a picture to VNC clients, takes their input
 *
 * Runs in vnc, the only process that the network can connect to.  libvncserver
 * speaks the protocol; this file decides when.  It differs from the library's own
 * loop in what a client can do to the others:
 *
 *	- a message is handed over only when it is complete and harmless
 *	  (vnc_filter.h), so no read ever waits;
 *	- an update is sent only to a client whose socket has room;
 *	- a client that does not finish its handshake is dropped;
 *	- the library never looks for web sockets or TLS (webSocketsCheck below).
 *
 * Pulling the picture.  While a client waits for an update, a scan is asked
 * for; vga answers when it has painted.  Then the bands that changed are
 * marked and clients get their update.  The pause between scans is short
 * while things change or somebody types, and doubles while nothing does, but not
 * past the moment at which something blinks.  Without a waiting client nothing
 * runs.
 *
 * The framebuffer is the shared memory itself, read-only: the library only
 * reads it as long as it has no cursor to draw.
 */
#include "back/vnc_server.h"

#include <errno.h>
#include <poll.h>
#include <rfb/rfb.h>
#include <rfb/rfbregion.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "abi/ctl_msg.h"
#include "back/fb_shm.h"
#include "back/vnc_filter.h"
#include "back/vnc_input.h"
#include "base/bug.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/stat.h"

#define PAUSE_MIN_NS	(30 * NS_PER_MS)
#define PAUSE_MAX_NS	(500 * NS_PER_MS)
#define SCAN_WAIT_NS	(250 * NS_PER_MS)	/* then show what is there */
#define HANDSHAKE_NS	(10 * NS_PER_S)
#define WRITE_WAIT_MS	5000			/* then the client is dropped */
#define MESSAGES_A_TURN	64u
#define PASSWORD_BYTES	8u			/* as far as VNC looks */
#define BYTES_A_PIXEL	4

struct client {
	rfbClientPtr cl;	/* NULL: free */
	bool normal;		/* handshake done */
	bool sized;		/* a scan was asked for before it is told the size */
	bool fresh;		/* has not been shown anything */
	bool due;		/* gets an update when there is room */
	int64_t deadline_ns;	/* of the handshake */
	size_t skip_bytes;	/* to be thrown away */
	size_t low_water;	/* bytes the kernel waits for, or 1 */
	struct vnc_keys keys;
};

static struct {
	struct vnc_conf conf;
	rfbScreenInfoPtr screen;
	char password[PASSWORD_BYTES + 1];
	struct client client[VNC_CLIENTS];
	uint32_t width, height;
	uint32_t band[FB_BANDS];	/* as last seen */
	bool scanning;
	int64_t scan_ns;		/* when the last one began */
	int64_t pause_ns, next_ns;	/* until, and time of, the next scan */
	bool stop;
} me;

/* ---- what the library calls ---- */

/*
 * Stands in front of the library's function of this name: it would look at
 * what the client sends first, wait up to 100 ms for it, and open certificates
 * if it looks like TLS.  There is nothing like that here.
 */
rfbBool webSocketsCheck(rfbClientPtr cl);
rfbBool webSocketsCheck(rfbClientPtr cl)
{
	(void)cl;
	return TRUE;
}

static void log_library(enum log_level level, struct log_limit *limit,
			const char *fmt, va_list ap)
{
	char text[160];
	size_t len;

	if (!log_is_on(level) || !log_allow(limit))
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	len = strcspn(text, "\r\n");
	text[len] = '\0';
	log_event(level, 0, "libvncserver: %s", text);
}

__attribute__((format(printf, 1, 2)))
static void log_chatter(const char *fmt, ...)
{
	static struct log_limit limit;
	va_list ap;

	va_start(ap, fmt);
	log_library(LOG_L_DEBUG, &limit, fmt, ap);
	va_end(ap);
}

__attribute__((format(printf, 1, 2)))
static void log_trouble(const char *fmt, ...)
{
	static struct log_limit limit;
	va_list ap;

	va_start(ap, fmt);
	log_library(LOG_L_INFO, &limit, fmt, ap);
	va_end(ap);
}

/* No password set means nobody comes in, not everybody. */
static rfbBool check_password(rfbClientPtr cl, const char *answer, int len)
{
	uint8_t expect[CHALLENGESIZE];
	uint8_t differ = 0;

	if (me.password[0] && len == CHALLENGESIZE) {
		memcpy(expect, cl->authChallenge, sizeof(expect));
		rfbEncryptBytes(expect, me.password);
		for (unsigned int i = 0; i < sizeof(expect); i++)
			differ |= (uint8_t)(expect[i] ^ (uint8_t)answer[i]);
		if (!differ)
			return TRUE;
	}
	stat_add(STAT_VNC_REFUSED, 1);
	guest_warn("client refused: reason=\"%s\" peer=%s",
		   me.password[0] ? "bad password" : "no password set", cl->host);
	return FALSE;
}

static struct client *client_of(rfbClientPtr cl)
{
	return cl->clientData;
}

/* Somebody does something: look again soon. */
static void hurry(void)
{
	int64_t soon = clock_now_ns() + PAUSE_MIN_NS;

	me.pause_ns = PAUSE_MIN_NS;
	if (me.next_ns > soon)
		me.next_ns = soon;
}

static void take_key(rfbBool down, rfbKeySym keysym, rfbClientPtr cl)
{
	if (client_of(cl))
		vnc_input_key(&client_of(cl)->keys, (uint32_t)keysym, down);
	hurry();
}

static void take_pointer(int buttons, int x, int y, rfbClientPtr cl)
{
	(void)cl;
	vnc_input_pointer((uint32_t)x, (uint32_t)y, (uint32_t)buttons,
			  me.width, me.height);
	hurry();
}

static void ignore_cut_text(char *text, int len, rfbClientPtr cl)
{
	(void)text, (void)len, (void)cl;
}

/* ---- the picture ---- */

/* 0x00RRGGBB in host order; the library would have red lowest. */
static void set_format(void)
{
	me.screen->serverFormat.redShift = 16;
	me.screen->serverFormat.greenShift = 8;
	me.screen->serverFormat.blueShift = 0;
}

static void resize(uint32_t width, uint32_t height)
{
	char *pixels = (char *)(uintptr_t)me.conf.fb->pixel;

	me.width = width;
	me.height = height;
	rfbNewFramebuffer(me.screen, pixels, (int)width, (int)height, 8, 3,
			  BYTES_A_PIXEL);
	set_format();
	for (unsigned int i = 0; i < VNC_CLIENTS; i++)
		if (me.client[i].cl)
			me.screen->setTranslateFunction(me.client[i].cl);
}

/* Marks what changed since the last look; false if nothing did. */
static bool take_changes(void)
{
	uint32_t width, height;
	bool changed = false;

	if (fb_shm_get_size(me.conf.fb, &width, &height) &&
	    (width != me.width || height != me.height)) {
		resize(width, height);
		changed = true;
	}
	for (uint32_t b = 0; b < FB_BANDS; b++) {
		uint32_t now = atomic_load_explicit(&me.conf.fb->band[b],
						    memory_order_acquire);
		uint32_t y = b * FB_BAND_LINES;

		if (now == me.band[b])
			continue;
		me.band[b] = now;
		changed = true;
		if (y < me.height)
			rfbMarkRectAsModified(me.screen, 0, (int)y, (int)me.width,
				(int)(y + FB_BAND_LINES < me.height ?
				      y + FB_BAND_LINES : me.height));
	}
	return changed;
}

static bool waits_for_update(const struct client *c)
{
	return c->cl && c->normal && !sraRgnEmpty(c->cl->requestedRegion);
}

/*
 * Of what it asked for, something is not sent yet.  Its first answer may have
 * been the size alone: the picture must not wait for the next change.
 */
static bool is_owed(const struct client *c)
{
	sraRegionPtr r;
	bool owed;

	if (c->cl->newFBSizePending)
		return true;
	r = sraRgnCreateRgn(c->cl->modifiedRegion);
	owed = r && sraRgnAnd(r, c->cl->requestedRegion);
	sraRgnDestroy(r);
	return owed;
}

/* The time of the next scan, when one is complete. */
static int64_t plan_scan(void)
{
	int64_t blink_ns = NS_PER_MS *
		atomic_load_explicit(&me.conf.fb->blink_ms, memory_order_relaxed);
	int64_t pause_ns = me.pause_ns;

	if (blink_ns && blink_ns < pause_ns)
		pause_ns = blink_ns > PAUSE_MIN_NS ? blink_ns : PAUSE_MIN_NS;
	return clock_now_ns() + pause_ns;
}

static void end_scan(void)
{
	bool changed = take_changes();

	me.scanning = false;
	if (changed)
		me.pause_ns = PAUSE_MIN_NS;
	else
		me.pause_ns = me.pause_ns < PAUSE_MAX_NS / 2 ?
			me.pause_ns * 2 : PAUSE_MAX_NS;
	me.next_ns = plan_scan();
	for (unsigned int i = 0; i < VNC_CLIENTS; i++) {
		struct client *c = &me.client[i];

		if (waits_for_update(c) && FB_UPDATE_PENDING(c->cl))
			c->due = true;
	}
}

static void begin_scan(int64_t now)
{
	uint64_t one = 1;

	if (write(me.conf.scan_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		log_errno(errno, "cannot ask for a picture");
	me.scanning = true;
	me.scan_ns = now;
}

/* ---- clients ---- */

static void count_clients(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < VNC_CLIENTS; i++)
		n += me.client[i].cl != NULL;
	stat_set(STAT_VNC_CLIENTS, n);
}

static void forget(rfbClientPtr cl)
{
	struct client *c = client_of(cl);

	if (!c)
		return;
	vnc_input_release(&c->keys);
	*c = (struct client){ 0 };
	count_clients();
}

static void drop(struct client *c, const char *why)
{
	if (why) {
		stat_add(STAT_VNC_REFUSED, 1);
		guest_warn("client dropped: reason=\"%s\" peer=%s", why,
			   c->cl->host);
	}
	if (c->cl->sock != RFB_INVALID_SOCKET)
		rfbCloseClient(c->cl);
	rfbClientConnectionGone(c->cl);
}

static void set_low_water(struct client *c, size_t bytes)
{
	int n = (int)bytes;

	if (c->low_water == bytes)
		return;
	c->low_water = bytes;
	setsockopt(c->cl->sock, SOL_SOCKET, SO_RCVLOWAT, &n, sizeof(n));
}

static enum vnc_phase phase_of(const rfbClientRec *cl)
{
	switch ((int)cl->state) {
	case RFB_PROTOCOL_VERSION:
		return VNC_VERSION;
	case RFB_SECURITY_TYPE:
		return VNC_SECURITY;
	case RFB_AUTHENTICATION:
		return VNC_AUTH;
	case RFB_INITIALISATION:
		return VNC_INIT;
	default:
		return VNC_NORMAL;
	}
}

/* One message through the library; false if the client did not survive it. */
static bool hand_over(struct client *c)
{
	rfbClientPtr cl = c->cl;

	rfbProcessClientMessage(cl);
	if (cl->sock == RFB_INVALID_SOCKET) {
		drop(c, NULL);
		return false;
	}
	/* UltraVNC's own compression is not for us. */
	if (cl->preferredEncoding == (int)rfbEncodingUltra)
		cl->preferredEncoding = (int)rfbEncodingHextile;
	if (!c->normal && cl->state == RFB_NORMAL) {
		c->normal = true;
		c->fresh = true;
		log_info("client connected: peer=%s", cl->host);
	}
	return true;
}

/* Bytes taken, or -1 if the client is gone. */
static ssize_t skip(struct client *c, size_t have)
{
	uint8_t sink[VNC_PEEK_BYTES];
	size_t n = c->skip_bytes < have ? c->skip_bytes : have;
	ssize_t r = recv(c->cl->sock, sink, n, MSG_DONTWAIT);

	if (r > 0)
		c->skip_bytes -= (size_t)r;
	return r;
}

/*
 * Before a client is told the size of the picture we look what it is now:
 * nobody may have looked for hours.
 */
static bool waits_for_size(struct client *c)
{
	if (c->normal || c->cl->state != RFB_INITIALISATION)
		return false;
	if (!c->sized && !me.scanning)
		begin_scan(clock_now_ns());
	c->sized = true;
	return me.scanning;
}

/* False: no more from this client now, or it is gone. */
static bool take_message(struct client *c, bool hung_up)
{
	uint8_t msg[VNC_PEEK_BYTES];
	size_t size = 1;
	ssize_t r = recv(c->cl->sock, msg, sizeof(msg), MSG_PEEK | MSG_DONTWAIT);

	if (r < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (r <= 0) {
		drop(c, NULL);
		return false;
	}
	if (c->skip_bytes)
		return skip(c, (size_t)r) > 0;
	if (!hung_up && waits_for_size(c))
		return false;
	switch (vnc_filter(phase_of(c->cl), msg, (size_t)r, &size)) {
	case VNC_PASS:
		set_low_water(c, 1);
		return hand_over(c);
	case VNC_SKIP:
		set_low_water(c, 1);
		c->skip_bytes = size;
		return true;
	case VNC_WAIT:
		if (hung_up)
			drop(c, NULL);
		else
			set_low_water(c, size);
		return false;
	case VNC_REFUSE:
		break;
	}
	drop(c, "message not supported");
	return false;
}

static void add_client(int fd)
{
	struct client *c = NULL;
	rfbClientPtr cl;

	for (unsigned int i = 0; i < VNC_CLIENTS && !c; i++)
		if (!me.client[i].cl)
			c = &me.client[i];
	if (!c) {
		stat_add(STAT_VNC_REFUSED, 1);
		guest_warn("client refused: reason=\"too many\" max=%u", VNC_CLIENTS);
		close(fd);
		return;
	}
	cl = rfbNewClient(me.screen, fd);	/* owns fd now */
	if (!cl)
		return;
	*c = (struct client){
		.cl = cl, .low_water = 1,
		.deadline_ns = clock_now_ns() + HANDSHAKE_NS,
	};
	cl->clientData = c;
	cl->clientGoneHook = forget;
	stat_add(STAT_VNC_ACCEPTED, 1);
	count_clients();
}

static void accept_client(void)
{
	struct sockaddr_storage peer = { 0 };
	socklen_t len = sizeof(peer);
	int fd = accept4(me.conf.listen_fd, (struct sockaddr *)&peer, &len,
			 SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;		/* gone already, or no descriptor left */
	/* The library prints the peer's address; an interface name in it would
	   take a socket of its own. */
	if (peer.ss_family != AF_INET &&
	    (peer.ss_family != AF_INET6 ||
	     ((struct sockaddr_in6 *)&peer)->sin6_scope_id)) {
		stat_add(STAT_VNC_REFUSED, 1);
		guest_warn("client refused: reason=\"link-local or unknown address\"");
		close(fd);
		return;
	}
	add_client(fd);
}

static void serve_client(struct client *c, short events)
{
	rfbClientPtr cl = c->cl;
	bool hung_up = events & (POLLHUP | POLLERR | POLLRDHUP);

	if (events & (POLLIN | POLLHUP | POLLERR | POLLRDHUP))
		for (unsigned int n = 0; n < MESSAGES_A_TURN; n++)
			if (!take_message(c, hung_up))
				break;
	if (c->cl != cl || !c->due || !(events & POLLOUT))
		return;
	c->due = false;
	c->fresh = false;
	rfbUpdateClient(cl);
	stat_add(STAT_VNC_UPDATES, 1);
	if (cl->sock == RFB_INVALID_SOCKET)
		drop(c, NULL);
}

/* ---- the supervisor ---- */

static void take_control(void)
{
	struct ctl_msg m;
	ssize_t r = recv(me.conf.ctl_fd, &m, sizeof(m), MSG_DONTWAIT);

	if (r < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (r <= 0) {
		me.stop = true;
		return;
	}
	if (r != (ssize_t)sizeof(m))
		return;
	if (m.kind == CTL_STOP)
		me.stop = true;
	if (m.kind != CTL_PASSWORD)
		return;
	memset(me.password, 0, sizeof(me.password));
	memcpy(me.password, m.text, strnlen(m.text, PASSWORD_BYTES));
	log_info("password %s", me.password[0] ? "set" : "cleared: nobody gets in");
}

/* ---- the loop ---- */

enum { AT_CTL, AT_LISTEN, AT_PAINTED, AT_CLIENT };

static bool scan_is_wanted(int64_t now)
{
	bool wanted = false;

	for (unsigned int i = 0; i < VNC_CLIENTS; i++) {
		struct client *c = &me.client[i];

		if (!waits_for_update(c) || c->due)
			continue;
		wanted = true;
		if (c->fresh)
			me.next_ns = now;	/* shows nothing older than now */
		else if (me.next_ns > me.scan_ns + PAUSE_MIN_NS && is_owed(c))
			me.next_ns = me.scan_ns + PAUSE_MIN_NS;
	}
	return wanted;
}

/* What is overdue is done; returns when to look again, or INT64_MAX. */
static int64_t run_clock(int64_t now)
{
	int64_t next = INT64_MAX;

	for (unsigned int i = 0; i < VNC_CLIENTS; i++) {
		struct client *c = &me.client[i];

		if (!c->cl || c->normal)
			continue;
		if (now >= c->deadline_ns)
			drop(c, "handshake took too long");
		else if (c->deadline_ns < next)
			next = c->deadline_ns;
	}
	if (me.scanning && now - me.scan_ns >= SCAN_WAIT_NS)
		end_scan();
	if (!me.scanning && scan_is_wanted(now)) {
		if (now >= me.next_ns)
			begin_scan(now);
		else if (me.next_ns < next)
			next = me.next_ns;
	}
	if (me.scanning && me.scan_ns + SCAN_WAIT_NS < next)
		next = me.scan_ns + SCAN_WAIT_NS;
	return next;
}

static void wait_for(struct pollfd *p, int64_t next_ns, int64_t now)
{
	int timeout = -1;

	p[AT_CTL] = (struct pollfd){ .fd = me.conf.ctl_fd, .events = POLLIN };
	p[AT_LISTEN] = (struct pollfd){ .fd = me.conf.listen_fd, .events = POLLIN };
	p[AT_PAINTED] = (struct pollfd){ .fd = me.conf.painted_fd, .events = POLLIN };
	for (unsigned int i = 0; i < VNC_CLIENTS; i++) {
		const struct client *c = &me.client[i];
		bool held = c->sized && !c->normal && me.scanning;

		p[AT_CLIENT + i] = (struct pollfd){
			.fd = c->cl ? c->cl->sock : -1,
			.events = (short)((held ? 0 : POLLIN) | POLLRDHUP |
					  (c->due ? POLLOUT : 0)),
		};
	}
	if (next_ns != INT64_MAX)
		timeout = next_ns <= now ? 0 :
			(int)((next_ns - now + NS_PER_MS - 1) / NS_PER_MS);
	if (poll(p, AT_CLIENT + VNC_CLIENTS, timeout) < 0)
		for (unsigned int i = 0; i < AT_CLIENT + VNC_CLIENTS; i++)
			p[i].revents = 0;
}

void vnc_server_serve(void)
{
	struct pollfd p[AT_CLIENT + VNC_CLIENTS];
	uint64_t count;

	/* What a predecessor left in the ring is looked at now, and not before. */
	vnc_input_open(me.conf.input, me.conf.input_kick_fd);
	while (!me.stop) {
		int64_t now = clock_now_ns();

		wait_for(p, run_clock(now), now);
		if (p[AT_CTL].revents)
			take_control();
		if (p[AT_PAINTED].revents & POLLIN &&
		    read(me.conf.painted_fd, &count, sizeof(count)) > 0 &&
		    me.scanning)
			end_scan();
		for (unsigned int i = 0; i < VNC_CLIENTS; i++)
			if (me.client[i].cl && p[AT_CLIENT + i].revents)
				serve_client(&me.client[i],
					     p[AT_CLIENT + i].revents);
		if (p[AT_LISTEN].revents & POLLIN)
			accept_client();
	}
}

/* ---- building ---- */

/* Ciphers and randomness load what they need at first use. */
static void warm_up(void)
{
	uint8_t challenge[CHALLENGESIZE];

	rfbRandomBytes(challenge);
	rfbEncryptBytes(challenge, (char[]){ "warm" });
	/* libgcrypt complains to syslog that nobody initialised it, which leaves a
	   socket open where there is a syslog. */
	closelog();
}

static void set_up_screen(rfbScreenInfoPtr s)
{
	s->desktopName = me.conf.name;
	s->frameBuffer = (char *)(uintptr_t)me.conf.fb->pixel;
	s->cursor = NULL;
	s->alwaysShared = TRUE;
	s->deferUpdateTime = 0;
	s->deferPtrUpdateTime = 0;
	s->maxClientWait = WRITE_WAIT_MS;
	s->permitFileTransfer = FALSE;
	s->kbdAddEvent = take_key;
	s->ptrAddEvent = take_pointer;
	s->setXCutText = ignore_cut_text;
	if (me.conf.password)
		s->authPasswdData = &me.password;	/* only: there is one */
	s->passwordCheck = check_password;
	s->port = -1;
	s->ipv6port = -1;
}

void vnc_server_open(const struct vnc_conf *conf)
{
	uint32_t width = 720, height = 400;

	me.conf = *conf;
	me.pause_ns = PAUSE_MIN_NS;
	rfbLog = log_chatter;
	rfbErr = log_trouble;
	rfbMaxClientWait = WRITE_WAIT_MS;
	fb_shm_get_size(conf->fb, &width, &height);
	me.width = width;
	me.height = height;
	me.screen = rfbGetScreen(NULL, NULL, (int)width, (int)height, 8, 3,
				 BYTES_A_PIXEL);
	if (!me.screen)
		die(0, "libvncserver does not start");
	set_up_screen(me.screen);
	set_format();
	count_clients();	/* a predecessor's are gone */
	warm_up();
}
