/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_notify.c - what systemd hears, on a socket of the test's
 */
#include <event2/event.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "supervisor/notify.h"
#include "tap.h"

static char heard[300];
static bool told_end;

/* A datagram socket at @name; "@..." is an abstract one. */
static int listen_at(const char *name)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	size_t len = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(sa.sun_path, name, len);
	if (name[0] == '@')
		sa.sun_path[0] = '\0';
	if (bind(fd, (struct sockaddr *)&sa,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len))) {
		perror("# bind");
		close(fd);
		return -1;
	}
	return fd;
}

static const char *hear(int fd)
{
	ssize_t r = recv(fd, heard, sizeof(heard) - 1, 0);

	heard[r > 0 ? r : 0] = '\0';
	return heard;
}

static void test_nobody(void)
{
	unsetenv("NOTIFY_SOCKET");
	notify_begin();
	notify_say("READY=1");
	setenv("NOTIFY_SOCKET", "relative", 1);
	notify_begin();
	notify_say("READY=1");
	ok(access("relative", F_OK) != 0, "where nobody listens nothing happens");
}

static void test_sockets(const char *path)
{
	char name[80];
	int fd = listen_at(path);

	setenv("NOTIFY_SOCKET", path, 1);
	notify_begin();
	notify_say("READY=1\nSTATUS=serving: domid=%u", 7u);
	is_str(hear(fd), "READY=1\nSTATUS=serving: domid=7", "a socket in a directory");
	close(fd);
	unlink(path);
	snprintf(name, sizeof(name), "@cloister-test-%d", (int)getpid());
	fd = listen_at(name);
	setenv("NOTIFY_SOCKET", name, 1);
	notify_begin();
	notify_say("STOPPING=1");
	is_str(hear(fd), "STOPPING=1", "an abstract socket");
	close(fd);
	notify_say("STOPPING=1");
	ok(true, "a socket that is gone holds up nobody");
}

/* A reader that does not read must not stall the supervisor. */
static void test_full(const char *path)
{
	int fd = listen_at(path);
	int64_t began = clock_now_ns();

	setenv("NOTIFY_SOCKET", path, 1);
	notify_begin();
	for (int i = 0; i < 5000; i++)
		notify_say("WATCHDOG=1");
	ok(clock_now_ns() - began < 5 * NS_PER_S, "nor does one that does not read");
	close(fd);
	unlink(path);
}

static void on_end(evutil_socket_t fd, short what, void *base)
{
	(void)fd;
	(void)what;
	event_base_loopbreak(base);
}

/* How often the watchdog is fed in half a second. */
static int feed(const char *path, const char *usec, const char *pid)
{
	struct event_base *base = event_base_new();
	const struct timeval half = { 0, 500000 };
	struct event *end = evtimer_new(base, on_end, base);
	int fd = listen_at(path), n = 0;

	setenv("NOTIFY_SOCKET", path, 1);
	setenv("WATCHDOG_USEC", usec, 1);
	if (pid)
		setenv("WATCHDOG_PID", pid, 1);
	else
		unsetenv("WATCHDOG_PID");
	notify_begin();
	notify_watch(base);
	evtimer_add(end, &half);
	event_base_dispatch(base);
	while (strcmp(hear(fd), "WATCHDOG=1") == 0)
		n++;
	notify_end();
	told_end = strncmp(hear(fd), "STOPPING=1\n", 11) == 0;
	event_free(end);
	event_base_free(base);
	close(fd);
	unlink(path);
	return n;
}

int main(void)
{
	char dir[] = "/tmp/test_notify.XXXXXX", path[60], pid[12];
	int n;

	if (!mkdtemp(dir))
		return skip_all("no temporary directory");
	snprintf(path, sizeof(path), "%s/notify", dir);
	test_nobody();
	test_sockets(path);
	test_full(path);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	n = feed(path, "100000", pid);
	ok(n >= 3 && n <= 11, "the watchdog is fed at half its period: %d times", n);
	ok(told_end, "and told of the end");
	ok(feed(path, "100000", "1") == 0, "not for another process");
	ok(feed(path, "0", NULL) == 0, "nor without a period");
	ok(feed(path, "nonsense", NULL) == 0, "nor for nonsense");
	rmdir(dir);
	return tap_done();
}
