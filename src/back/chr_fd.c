/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * back/chr_fd.c - a serial port's other end: pty master or file
 *
 * Runs in platform.  Never blocks, never closes.  Output the host does not
 * take at once is dropped and counted: nobody may be listening.  Input is read
 * a little ahead and then only as fast as the device takes it.
 */
#include "back/chr_fd.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/log.h"
#include "base/stat.h"
#include "bus/bus.h"
#include "bus/restore.h"

#define STATE_LAYOUT	1u
#define AHEAD_BYTES	256u

struct chr_fd_regs {		/* committed */
	uint16_t at, len;	/* ahead[at, len) waits for the device */
	uint8_t ahead[AHEAD_BYTES];
};

struct chr_fd {
	struct chr chr;		/* first: a struct chr of ours is one of these */
	struct chr_fd_regs r;
	struct bus *bus;
	bus_dev_id id;
	int fd;
	unsigned int port;
	uint64_t dropped_bytes;
	bool feeding;		/* the device asks for more from inside rx() */
};

static struct chr_fd ports[CHR_FDS];
static_assert(CHR_FDS <= STAT_PORTS, "counters each");

static void note_dropped(struct chr_fd *c, size_t bytes)
{
	if (c->dropped_bytes == 0)
		log_info("serial output is not taken, dropping: port=%u",
			 c->port);
	c->dropped_bytes += bytes;
	stat_add(STAT_SERIAL_DROPS + c->port, bytes);
}

static void fd_write(struct chr *chr, const uint8_t *buf, size_t len_bytes)
{
	struct chr_fd *c = (struct chr_fd *)chr;

	while (len_bytes) {
		ssize_t r = write(c->fd, buf, len_bytes);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0) {
			note_dropped(c, len_bytes);
			return;
		}
		stat_add(STAT_SERIAL_BYTES + c->port * 2 + STAT_SEND, (size_t)r);
		buf += r;
		len_bytes -= (size_t)r;
	}
}

/* False: nothing more to read for now. */
static bool read_ahead(struct chr_fd *c)
{
	ssize_t r;

	do
		r = read(c->fd, c->r.ahead, sizeof(c->r.ahead));
	while (r < 0 && errno == EINTR);
	/* EAGAIN; EIO of a pty nobody has open; end of file: all the same. */
	if (r <= 0)
		return false;
	c->r.at = 0;
	c->r.len = (uint16_t)r;
	bus_touch(c->bus, c->id);
	return true;
}

/* Until there is no input or the device is full, which it is before long. */
static void feed(struct chr_fd *c)
{
	if (!c->chr.rx || c->feeding)
		return;
	c->feeding = true;
	while (c->r.at < c->r.len || read_ahead(c)) {
		size_t left = (size_t)(c->r.len - c->r.at);
		size_t took = c->chr.rx(c->chr.dev, c->r.ahead + c->r.at, left);

		bug_on(took > left);
		c->r.at = (uint16_t)(c->r.at + took);
		bus_touch(c->bus, c->id);
		stat_add(STAT_SERIAL_BYTES + c->port * 2 + STAT_RECEIVE, took);
		if (took < left)
			break;
	}
	c->feeding = false;
}

static void fd_rx_ready(struct chr *chr)
{
	feed((struct chr_fd *)chr);
}

static const struct chr_ops fd_ops = {
	.write = fd_write, .rx_ready = fd_rx_ready };

static const char *check_ahead(const void *dev, const void *regs)
{
	const struct chr_fd_regs *r = regs;

	(void)dev;
	return r->at > r->len ? "at" : NULL;
}

static void resume(void *dev)
{
	feed(dev);
}

static const struct bus_field fields[] = {
	BUS_FIELD(struct chr_fd_regs, len, BUS_FIELD_MAX, AHEAD_BYTES),
};
static const struct bus_state state = {
	.version = STATE_LAYOUT, .field = fields,
	.field_count = sizeof(fields) / sizeof(fields[0]), .check = check_ahead,
};
static const struct bus_dev_ops dev_ops = { .resume = resume, .state = &state };

struct chr *chr_fd_open(struct bus *b, unsigned int port, int fd)
{
	static const char *const name[CHR_FDS] = {
		"serial0 input", "serial1 input", "serial2 input",
		"serial3 input" };
	struct chr_fd *c;

	bug_on(port >= CHR_FDS);
	c = &ports[port];
	memset(c, 0, sizeof(*c));
	c->chr.ops = &fd_ops;
	c->fd = fd;
	c->port = port;
	c->bus = b;
	c->id = bus_add_dev(b, name[port], c, &dev_ops, &c->r, sizeof(c->r));
	return &c->chr;
}

bool chr_fd_has_input(const struct chr *chr)
{
	const struct chr_fd *c = (const struct chr_fd *)chr;
	struct stat st;

	return fstat(c->fd, &st) == 0 && !S_ISREG(st.st_mode) &&
		!S_ISDIR(st.st_mode);
}

void chr_fd_readable(void *arg, uint32_t epoll_events)
{
	(void)epoll_events;
	feed(arg);
}
