/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_chr_fd.c - serial output never blocks, input never overruns
 */
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "back/chr_fd.h"
#include "base/log.h"
#include "tap.h"
#include "tests/lib/busrig.h"

static struct rig rig;
static uint8_t got[4096];
static size_t got_len, room;

static size_t rx(void *dev, const uint8_t *buf, size_t len_bytes)
{
	size_t n = len_bytes < room ? len_bytes : room;

	(void)dev;
	memcpy(got + got_len, buf, n);
	got_len += n;
	room -= n;
	return n;
}

/* A device that asks for more from inside rx(). */
static struct chr *reentrant;
static size_t rx_again(void *dev, const uint8_t *buf, size_t len_bytes)
{
	size_t n = rx(dev, buf, len_bytes);

	reentrant->ops->rx_ready(reentrant);
	return n;
}

static void test_output(int ours, int theirs)
{
	struct chr *c = chr_fd_open(&rig.bus, 0, ours);
	static uint8_t big[1 << 20];
	uint8_t buf[16] = { 0 };

	ok(chr_fd_has_input(c), "a socket can have input");
	c->ops->write(c, (const uint8_t *)"hello", 5);
	ok(read(theirs, buf, sizeof(buf)) == 5 && !memcmp(buf, "hello", 5),
	   "output arrives");
	c->ops->write(c, big, sizeof(big));
	ok(true, "a reader that does not read does not block us");
	while (read(theirs, big, sizeof(big)) > 0)
		;
	c->ops->write(c, (const uint8_t *)"on", 2);
	ok(read(theirs, buf, sizeof(buf)) == 2 && !memcmp(buf, "on", 2),
	   "output goes on afterwards");
}

static void test_input(int ours, int theirs)
{
	struct chr *c = chr_fd_open(&rig.bus, 1, ours);
	uint8_t sent[1000];

	for (unsigned int i = 0; i < sizeof(sent); i++)
		sent[i] = (uint8_t)(i * 7);
	chr_fd_readable(c, 0);
	is_hex(got_len, 0, "no device, nothing read");
	c->rx = rx;
	chr_fd_readable(c, 0);
	is_hex(got_len, 0, "no input, nothing read");
	if (write(theirs, sent, sizeof(sent)) != sizeof(sent))
		ok(false, "cannot write");
	room = 16;
	chr_fd_readable(c, 0);
	is_hex(got_len, 16, "as much as there is room for");
	chr_fd_readable(c, 0);
	is_hex(got_len, 16, "and no more");
	for (unsigned int i = 0; i < 100 && got_len < sizeof(sent); i++) {
		room = 16;
		c->ops->rx_ready(c);
	}
	ok(got_len == sizeof(sent) && !memcmp(got, sent, sizeof(sent)),
	   "all of it comes, in order, as it is asked for");

	got_len = 0;
	room = sizeof(got);
	reentrant = c;
	c->rx = rx_again;
	if (write(theirs, sent, 600) != 600)
		ok(false, "cannot write");
	chr_fd_readable(c, 0);
	ok(got_len == 600 && !memcmp(got, sent, 600),
	   "a device may ask from inside rx()");
}

/* What the dead one had read ahead reaches the device, once and in order. */
static void test_successor(int ours, int theirs)
{
	struct chr *c;
	uint8_t sent[600];

	for (unsigned int i = 0; i < sizeof(sent); i++)
		sent[i] = (uint8_t)(i * 11);
	got_len = 0;
	rig_init(&rig, 0);
	c = chr_fd_open(&rig.bus, 1, ours);
	c->rx = rx;
	rig_close(&rig);
	if (write(theirs, sent, sizeof(sent)) != sizeof(sent))
		ok(false, "cannot write");
	for (unsigned int i = 0; i < 100 && got_len < sizeof(sent); i++) {
		room = 16;
		if (i % 3)
			c->ops->rx_ready(c);
		else
			chr_fd_readable(c, 0);
		rig_settle(&rig);
		room = i % 2;
		rig_successor(&rig);
		c = chr_fd_open(&rig.bus, 1, ours);
		c->rx = rx;
		rig_close(&rig);
	}
	ok(got_len == sizeof(sent) && !memcmp(got, sent, sizeof(sent)),
	   "a worker dies between any two: all input comes, in order");
	if (write(theirs, sent, 32) != 32)
		ok(false, "cannot write");
	got_len = 0;
	room = 16;
	chr_fd_readable(c, 0);
	rig_settle(&rig);
	room = 16;
	rig_successor(&rig);
	c = chr_fd_open(&rig.bus, 1, ours);
	c->rx = rx;
	rig_close(&rig);
	is_hex(got_len, 32, "what waits is offered without a new event");
}

static void test_hostile_state(int ours)
{
	struct state_half *h;
	struct chr *c;
	uint16_t at_len[2] = { 5, 4 };

	for (unsigned int i = 0; i < 2; i++) {
		h = &rig.state->half[atomic_load(&rig.state->flip) & 1];
		memcpy(h->regs + h->dev[0].regs_at, at_len, sizeof(at_len));
		rig_successor(&rig);
		c = chr_fd_open(&rig.bus, 1, ours);
		c->rx = rx;
		room = sizeof(got) - got_len;
		got_len = 0;
		rig_close(&rig);
		is_hex(got_len, 0, "an impossible index: nothing waits");
		at_len[1] = 257;
	}
}

static void test_file(void)
{
	char name[] = "/tmp/test_chr_fd.XXXXXX";
	int fd = mkstemp(name);
	struct chr *c = chr_fd_open(&rig.bus, 2, fd);
	char buf[8] = { 0 };

	unlink(name);
	ok(!chr_fd_has_input(c), "a file has no input");
	c->ops->write(c, (const uint8_t *)"log", 3);
	ok(pread(fd, buf, 8, 0) == 3 && !memcmp(buf, "log", 3),
	   "and takes output");
	close(fd);
}

/* Edge-triggered, as the worker watches it: every burst must be reported. */
static void test_pty(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
	int slave, ep = epoll_create1(0);
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	struct termios raw;
	struct chr *c;

	if (master < 0 || grantpt(master) || unlockpt(master) ||
	    (slave = open(ptsname(master), O_RDWR | O_NOCTTY)) < 0) {
		skip("no pseudo-terminal here");
		return;
	}
	tcgetattr(slave, &raw);
	cfmakeraw(&raw);
	tcsetattr(slave, TCSANOW, &raw);
	c = chr_fd_open(&rig.bus, 3, master);
	c->rx = rx;
	room = sizeof(got);
	got_len = 0;
	epoll_ctl(ep, EPOLL_CTL_ADD, master, &ev);
	for (unsigned int i = 1; i <= 3; i++) {
		if (write(slave, "key", 3) != 3)
			ok(false, "cannot type");
		ok(epoll_wait(ep, &ev, 1, 2000) == 1, "typing is reported");
		chr_fd_readable(c, ev.events);
		is_hex(got_len, 3 * i, "and read");
	}
	for (unsigned int i = 0; i < 100; i++)
		c->ops->write(c, got, sizeof(got));
	ok(true, "output that nobody reads does not block us");
	close(slave);
	chr_fd_readable(c, 0);
	c->ops->write(c, got, 10);
	ok(true, "nor does a slave that is gone");
	close(master);
	close(ep);
}

int main(void)
{
	int sv[2];

	log_init(-1, "test", LOG_L_ERR);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sv))
		return skip_all("no socket pair");
	rig_init(&rig, 0);
	test_output(sv[0], sv[1]);
	test_input(sv[0], sv[1]);
	test_successor(sv[0], sv[1]);
	test_hostile_state(sv[0]);
	rig_init(&rig, 0);
	test_file();
	test_pty();
	rig_free(&rig);
	return tap_done();
}
