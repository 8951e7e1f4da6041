/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_control.c - the control socket: framing, bounds, commands
 *
 * The server runs in this process; a client's bytes go through a socket pair.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/chan.h"
#include "abi/plan.h"
#include "base/clock.h"
#include "ring/memfd.h"
#include "supervisor/control.h"
#include "tap.h"

static struct event_base *base;
static struct conf conf = { .domid = 7, .name = "web1", .ram_mib = 64, .vcpus = 2,
	.drive = { { .path = "/img/a", .read_only = true } }, .have_vga = true };
static struct qmp_host guest = { .conf = &conf, .status = QMP_STATUS_RUNNING };
static char got[3 * 1024 * 1024];
static char limited[200];
static int ring = -1, chan = -1;

static bool look(unsigned int i, struct control_process *p)
{
	static const struct control_process all[] = {
		{ .name = "broker", .role = "broker", .state = "running", .pid = 4,
		  .uid = 1000, .syscalls = 17 },
		{ .name = "disk0", .role = "disk", .state = "ended" },
	};

	if (i >= 2)
		return false;
	*p = all[i];
	return true;
}

static json_t *count(const char *name)
{
	return strcmp(name, "disk0") == 0 ? json_pack("{s:i}", "accesses", 99) : NULL;
}

static int set_limit(const char *process, const char *key, const char *value,
		     char *why, size_t why_len)
{
	snprintf(limited, sizeof(limited), "%s %s %s", process, key, value);
	if (strcmp(key, "memory.max") == 0)
		return 0;
	snprintf(why, why_len, "no such key");
	return -EINVAL;
}

static int find_ring(const char *name) { return strcmp(name, "disk0") ? -1 : ring; }
static int find_chan(const char *name) { return strcmp(name, "disk0") ? -1 : chan; }
static char *metrics(void) { return strdup("# EOF\n"); }

static struct control_host host = { .guest = &guest, .plan = -1, .process = look };

static void turn(void)
{
	for (int i = 0; i < 200; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static int connect_client(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair))
		return -1;
	if (control_add_client(base, pair[1])) {
		close(pair[0]);
		close(pair[1]);
		return -1;
	}
	return pair[0];
}

static const char *take(int fd)
{
	size_t len = 0;
	ssize_t r;

	do {
		turn();
		r = recv(fd, got + len, sizeof(got) - 1 - len, MSG_DONTWAIT);
		len += r > 0 ? (size_t)r : 0;
	} while (r > 0);
	got[len] = '\0';
	return got;
}

static const char *ask(int fd, const char *text)
{
	(void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
	return take(fd);
}

static bool is_gone(int fd)
{
	ssize_t r;

	do {
		turn();
		r = recv(fd, got, sizeof(got), MSG_DONTWAIT);
	} while (r > 0);
	return r == 0 || errno == ECONNRESET || errno == EPIPE;
}

static void test_framing(void)
{
	int fd = connect_client();

	is_str(take(fd), "", "no greeting");
	ask(fd, "{\"execute\":\"commands\",\"id\":[1]}\n");
	ok(strstr(got, "\"name\":\"status\"") && strstr(got, "\"id\":[1]}\r\n"),
	   "an answer, the id echoed, CR LF");
	ask(fd, "nonsense\x1b[2J\n");
	ok(strstr(got, "\"class\":\"Usage\"") && !strchr(got, 0x1b), "garbage is an error");
	ask(fd, "{\"execute\":\"frobnicate\"}");
	ok(strstr(got, "\"NoSuchCommand\"") && strstr(got, "frobnicate"), "an unknown command");
	ask(fd, "{\"execute\":7}");
	ok(strstr(got, "\"Usage\""), "a command that is no name");
	ask(fd, "{\"execute\":\"limit\",\"arguments\":{\"process\":\"disk0\",\"key\":1}}");
	ok(strstr(got, "limit wants key"), "an argument of the wrong kind");
	ask(fd, "{\"execute\":\"limit\",\"arguments\":[]}");
	ok(strstr(got, "limit wants process"), "arguments that are no object");
	ask(fd, "{\"execute\":\"commands\"}{\"execute\":\"commands\"}");
	ok(strstr(got, "\r\n{\"return\""), "two at once");
	close(fd);
	turn();
}

static void test_status(void)
{
	int fd = connect_client();

	ask(fd, "{\"execute\":\"status\"}\n");
	ok(strstr(got, "\"domid\":7") && strstr(got, "\"name\":\"web1\"") &&
	   strstr(got, "\"state\":\"running\""), "the guest");
	ok(strstr(got, "{\"name\":\"supervisor\"") && strstr(got, "{\"name\":\"broker\""),
	   "its processes");
	ok(strstr(got, "\"syscalls\":17"), "with the size of a filter");
	ok(!strstr(got, "\"counters\""), "nothing is counted");
	ok(strstr(got, "{\"kind\":\"disk, read-only\",\"name\":\"hda\""), "its devices");
	conf.name = "\xff\xfe";
	ask(fd, "{\"execute\":\"status\"}\n");
	ok(strstr(got, "\"name\":\"\"") && strstr(got, "\"domid\":7"),
	   "a name that is no UTF-8 is none");
	conf.name = "web1";
	host.counters = count;
	ask(fd, "{\"execute\":\"status\"}\n");
	ok(strstr(got, "\"counters\":{\"accesses\":99}"), "counters");
	close(fd);
	turn();
}

static void test_limit(void)
{
	int fd = connect_client();
	static const char good[] = "{\"execute\":\"limit\",\"arguments\":{\"process\":"
		"\"disk0\",\"key\":\"memory.max\",\"value\":\"64M\"}}\n";

	ask(fd, good);
	ok(strstr(got, "NotAvailable"), "without cgroups: said");
	host.limit = set_limit;
	ask(fd, good);
	ok(strstr(got, "{\"return\":{}}"), "set");
	is_str(limited, "disk0 memory.max 64M", "what was asked for");
	ask(fd, "{\"execute\":\"limit\",\"arguments\":{\"process\":\"disk0\",\"key\":"
	    "\"x\",\"value\":\"y\"}}");
	ok(strstr(got, "\"Usage\"") && strstr(got, "disk0: x=y: no such key"),
	   "refused, and why");
	close(fd);
	turn();
}

static int replace(const char *name, char *why, size_t why_len)
{
	snprintf(limited, sizeof(limited), "%s", name);
	if (strcmp(name, "disk0") == 0)
		return 0;
	snprintf(why, why_len, "no such process; there are broker disk0");
	return -ENOENT;
}

static void test_restart(void)
{
	int fd = connect_client();
	static const char good[] =
		"{\"execute\":\"restart\",\"arguments\":{\"process\":\"disk0\"}}\n";

	ask(fd, good);
	ok(strstr(got, "NotAvailable"), "nobody replaces: said");
	host.restart = replace;
	ask(fd, good);
	ok(strstr(got, "{\"return\":{}}"), "replaced");
	is_str(limited, "disk0", "who was asked for");
	ask(fd, "{\"execute\":\"restart\",\"arguments\":{\"process\":\"disk7\"}}");
	ok(strstr(got, "\"NoSuchProcess\"") &&
	   strstr(got, "disk7: no such process; there are broker disk0"),
	   "refused, with those there are");
	ask(fd, "{\"execute\":\"restart\"}");
	ok(strstr(got, "restart wants process"), "who?");
	close(fd);
	turn();
}

static int receive_fd(int from)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { got, sizeof(got) - 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *h;
	ssize_t r;
	int fd = -1;

	turn();
	r = recvmsg(from, &m, MSG_DONTWAIT);
	got[r > 0 ? r : 0] = '\0';
	h = r > 0 ? CMSG_FIRSTHDR(&m) : NULL;
	if (h && h->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(h), sizeof(fd));
	return fd;
}

static void make_chan(void)
{
	struct chan *c;

	chan = memfd_make_chan();
	c = memfd_map(chan, sizeof(*c), 1);
	c->win_count = 3;
	c->win[0] = (struct chan_win){ .space = CHAN_PIO, .base = 0x1f0 };
	c->win[1] = (struct chan_win){ .space = CHAN_PCI, .base = 9,
		.flags = CHAN_WIN_MIRROR, .mirror = 512 };
	/* A worker that lies about where its mirror is. */
	c->win[2] = (struct chan_win){ .space = CHAN_PCI, .base = 10,
		.flags = CHAN_WIN_MIRROR, .mirror = CHAN_MIRROR_BYTES - 255 };
	memcpy(c->mirror + 512, "\x86\x80\x10\x70", 4);
}

static void test_trace(void)
{
	static const char question[] =
		"{\"execute\":\"trace\",\"arguments\":{\"worker\":\"disk0\"}}\n";
	int fd = connect_client(), passed;
	struct stat a, b;

	ask(fd, question);
	ok(strstr(got, "NotAvailable"), "nothing is recorded: said");
	host.trace = find_ring;
	host.channel = find_chan;
	ring = memfd_make_trace();
	make_chan();
	(void)!send(fd, question, strlen(question), 0);
	passed = receive_fd(fd);
	ok(passed >= 0 && fstat(passed, &a) == 0 && fstat(ring, &b) == 0 &&
	   a.st_ino == b.st_ino, "the ring's descriptor comes along");
	ok(strstr(got, "\"devfn\":9,\"config\":\"86801070") && !strstr(got, "\"devfn\":10"),
	   "and configuration spaces, but for a mirror that is not one");
	close(passed);
	ask(fd, "{\"execute\":\"trace\",\"arguments\":{\"worker\":\"nobody\"}}");
	ok(strstr(got, "NoSuchProcess"), "an unknown worker");
	/* Before and behind other answers, it goes with its own. */
	for (int i = 0; i < 3; i++)
		(void)!send(fd, question, strlen(question), 0);
	passed = receive_fd(fd);
	ok(passed >= 0 || is_gone(fd), "three at once: told apart, or dropped");
	if (passed >= 0)
		close(passed);
	close(fd);
	turn();
}

/* The descriptor goes with the first byte of its answer, whatever waits before
   and behind it. */
static void test_fd_in_queue(void)
{
	static const char question[] =
		"{\"execute\":\"trace\",\"arguments\":{\"worker\":\"disk0\"}}\n";
	static const char status[] = "{\"execute\":\"status\"}\n";
	char control[CMSG_SPACE(sizeof(int))];
	int pair[2], small = 4096, fds = 0, answers = 0;
	size_t len = 0, from = 0, to = 0;
	const char *answer;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair))
		return;
	setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	ok(control_add_client(base, pair[1]) == 0, "a client with little room");
	for (int i = 0; i < 61; i++)
		(void)!send(pair[0], i == 40 ? question : status,
			    strlen(i == 40 ? question : status), 0);
	turn();
	for (int i = 0; i < 2000; i++) {
		struct iovec iov = { got + len, 1000 };
		struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
			.msg_control = control, .msg_controllen = sizeof(control) };
		ssize_t r = recvmsg(pair[0], &m, MSG_DONTWAIT);
		struct cmsghdr *h = r > 0 ? CMSG_FIRSTHDR(&m) : NULL;

		if (r <= 0) {
			turn();
			continue;
		}
		if (h && h->cmsg_type == SCM_RIGHTS) {
			int fd;

			memcpy(&fd, CMSG_DATA(h), sizeof(fd));
			close(fd);
			fds++;
			from = len;
			to = len + (size_t)r;
		}
		len += (size_t)r;
	}
	got[len] = '\0';
	for (char *at = got; (at = strstr(at, "\r\n")); at += 2)
		answers++;
	answer = strstr(got, "{\"return\":{\"worker\"");
	ok(answers == 61, "all are answered");
	ok(fds == 1 && answer && answer >= got + from && answer < got + to, "the descriptor came with its answer");
	close(pair[0]);
	turn();
}

static void test_claims(void)
{
	struct plan plan = { .magic = PLAN_MAGIC, .worker_count = 1000, .worker = {
		{ .role = PLAN_DISK, .range_count = 200, .isa_lines = 1 << 14,
		  .verbs = PLAN_MAY_MODIFIED, .name = "disk0",
		  .range = { { .first = 0x1f0, .last = 0x1f7 } } } } };
	int fd = connect_client();

	host.plan = memfd_make("plan", sizeof(plan));
	if (pwrite(host.plan, &plan, sizeof(plan), 0) < 0)
		perror("plan");
	ask(fd, "{\"execute\":\"explain\"}\n");
	ok(strstr(got, "\"claims\":{\"disk0\":{") && strstr(got, "\"isa_lines\":[14]") &&
	   strstr(got, "\"first\":496,\"last\":503") && strstr(got, "guest-memory"),
	   "what a worker may claim");
	host.metrics = metrics;
	ask(fd, "{\"execute\":\"metrics\"}\n");
	ok(strstr(got, "{\"return\":{\"text\":\"# EOF\\n\"}}"), "metrics");
	close(fd);
	turn();
}

/* ---- clients that mean no good ---- */

static void test_flood(void)
{
	static char junk[65536];
	int fd = connect_client(), other = connect_client();
	size_t sent = 0;
	ssize_t r = 0;

	memset(junk, 'a', sizeof(junk));
	(void)!send(fd, "{\"execute\":\"", 12, 0);
	while (sent < 10 * 1024 * 1024 && (r >= 0 || errno == EAGAIN)) {
		r = send(fd, junk, sizeof(junk), MSG_NOSIGNAL | MSG_DONTWAIT);
		sent += r > 0 ? (size_t)r : 0;
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
	ok(is_gone(fd) && sent < 1024 * 1024, "a command without end is cut off after %zu bytes",
	   sent);
	ask(other, "{\"execute\":\"commands\"}\n");
	ok(strstr(got, "return"), "others are served");
	close(fd);
	fd = connect_client();
	memset(junk, '{', 1000);
	(void)!send(fd, junk, 1000, 0);
	ok(is_gone(fd), "nested too deeply");
	close(fd);
	close(other);
	turn();
}

static unsigned int count_answers(int fd, unsigned int loops)
{
	unsigned int n = 0;
	ssize_t r;

	for (unsigned int i = 0; i < loops; i++)
		event_base_loop(base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
	while ((r = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT)) > 0) {
		got[r] = '\0';
		for (char *at = got; (at = strstr(at, "\r\n")); at += 2)
			n++;
	}
	return n;
}

/* A thousand questions at once do not keep the loop from others. */
static void test_turns(void)
{
	static const char question[] = "{\"execute\":\"limit\"}\n";
	static char all[1000 * sizeof(question)];
	int fd = connect_client();
	unsigned int n;

	for (int i = 0; i < 1000; i++)
		memcpy(all + (size_t)i * strlen(question), question, sizeof(question));
	(void)!send(fd, all, strlen(all), 0);
	n = count_answers(fd, 1);
	ok(n > 0 && n <= 40, "one turn of the loop answers a few: %u", n);
	for (int i = 0; i < 200; i++)
		n += count_answers(fd, 1);
	ok(n == 1000, "and in the end all: %u", n);
	close(fd);
	turn();
}

static void test_deaf(void)
{
	static const char question[] = "{\"execute\":\"status\"}\n";
	int fd = connect_client(), other = connect_client();
	int64_t began = clock_now_ns();
	unsigned int asked = 0;
	ssize_t r;

	do {
		r = send(fd, question, strlen(question), MSG_NOSIGNAL | MSG_DONTWAIT);
		asked += r > 0;
		event_base_loop(base, EVLOOP_NONBLOCK);
	} while ((r > 0 || errno == EAGAIN) && clock_now_ns() - began < 60 * NS_PER_S);
	ok(r < 0 && errno != EAGAIN && asked > 100,
	   "a client that never reads is dropped, after %u questions", asked);
	ask(other, question);
	ok(strstr(got, "\"domid\":7"), "others are served");
	close(fd);
	close(other);
	turn();
}

/* All places are taken by clients who say nothing. */
static void test_crowd(void)
{
	int fd[CONTROL_CLIENTS + 1];

	for (unsigned int i = 0; i <= CONTROL_CLIENTS; i++) {
		fd[i] = connect_client();
		if (i == 0)
			continue;
		usleep(1000);
		ask(fd[0], "{\"execute\":\"commands\"}\n");
	}
	ask(fd[CONTROL_CLIENTS], "{\"execute\":\"commands\"}\n");
	ok(strstr(got, "return"), "one more is served");
	ask(fd[0], "{\"execute\":\"commands\"}\n");
	ok(strstr(got, "return"), "and so is one who talks");
	ok(is_gone(fd[1]), "the most silent one is not");
	for (unsigned int i = 0; i <= CONTROL_CLIENTS; i++)
		close(fd[i]);
	turn();
}

int main(void)
{
	base = event_base_new();
	control_host = &host;
	if (!base)
		return 1;
	test_framing();
	test_status();
	test_limit();
	test_restart();
	test_trace();
	test_fd_in_queue();
	test_claims();
	test_flood();
	test_turns();
	test_deaf();
	test_crowd();
	control_end();
	event_base_free(base);
	return tap_done();
}
