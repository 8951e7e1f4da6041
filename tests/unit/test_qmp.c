/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_qmp.c - QMP framing, and the conversations of libxl
 *
 * The server runs in this process; a client's bytes go through a socket pair.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/stat.h"
#include "supervisor/qmp.h"
#include "tap.h"

static struct event_base *base;
static struct conf conf = { .vcpus = 2, .max_vcpus = 4, .have_vnc = true,
	.vnc = { .password = true }, .serial_count = 1, .pci_platform = true,
	.drive = { { .path = "/img/a" } }, .chardev_count = 1,
	.chardev = { { .id = "libxl-cmd", .path = "/run/q", .is_mon = true } } };
static struct qmp_host host;
static char got[300000];
static char password[64];
static int conts, quits;

static int set_password(const char *p)
{
	snprintf(password, sizeof(password), "%s", p);
	return 0;
}

static void on_cont(void) { conts++; }
static void on_quit(void) { quits++; }
static int on_wakeup(void) { return 0; }

static void turn(void)
{
	for (int i = 0; i < 50; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static void restart(bool ready)
{
	qmp_end();
	host = (struct qmp_host){ .conf = &conf, .status = QMP_STATUS_PRELAUNCH,
		.vnc_host = "127.0.0.1", .vnc_port = 5901,
		.serial_name = { "pty:/dev/pts/9" }, .set_password = set_password,
		.cont = on_cont, .wakeup = on_wakeup, .quit = on_quit };
	qmp_begin(base, &host);
	if (ready)
		qmp_set_ready();
}

/* Whatever has arrived, as a string. */
static const char *take(int fd)
{
	ssize_t r;

	turn();
	r = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);
	got[r > 0 ? r : 0] = '\0';
	return got;
}

static const char *ask(int fd, const char *text)
{
	(void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
	return take(fd);
}

/* A connected client; greeted and negotiated if @negotiate. */
static int connect_client(bool negotiate)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair))
		return -1;
	if (qmp_add_client(pair[1])) {
		close(pair[0]);
		close(pair[1]);
		return -1;
	}
	if (negotiate) {
		take(pair[0]);
		ask(pair[0], "{\"execute\":\"qmp_capabilities\"}\r\n");
	}
	return pair[0];
}

static bool is_gone(int fd)
{
	char byte;

	turn();
	while (recv(fd, got, sizeof(got), MSG_DONTWAIT) > 0)
		turn();
	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET;
}

static void test_negotiation(void)
{
	int fd = connect_client(false);

	take(fd);
	ok(strncmp(got, "{\"QMP\":{\"version\":{\"qemu\":{", 27) == 0 &&
	   strstr(got, "\"major\":7") && strstr(got, "}\r\n"), "greeting, unasked");
	ask(fd, "{\"execute\":\"query-status\",\"id\":1}\r\n");
	ok(strstr(got, "CommandNotFound") && strstr(got, "\"id\":1}\r\n"),
	   "nothing goes before the negotiation");
	is_str(ask(fd, "{\"execute\":\"qmp_capabilities\",\"id\":2020372736}\r\n"),
	       "{\"return\":{},\"id\":2020372736}\r\n", "negotiation, id echoed");
	ask(fd, "{\"execute\":\"qmp_capabilities\",\"id\":3}\r\n");
	ok(strstr(got, "CommandNotFound") && strstr(got, "\"id\":3"), "once");
	is_str(ask(fd, "{\"execute\":\"query-status\",\"id\":\"text\"}\r\n"),
	       "{\"return\":{\"running\":false,\"singlestep\":false,"
	       "\"status\":\"prelaunch\"},\"id\":\"text\"}\r\n", "any id is echoed");
	close(fd);
}

static void test_framing(void)
{
	int fd = connect_client(true);
	const char *cmd = "{\"execute\":\"stop\",\"id\":{\"a\":[\"}\\\"{\"]}}";

	got[0] = '\0';
	for (const char *p = cmd; *p; p++) {
		(void)!send(fd, p, 1, 0);
		turn();
	}
	is_str(take(fd), "{\"return\":{},\"id\":{\"a\":[\"}\\\"{\"]}}\r\n",
	       "byte by byte, braces in strings, no newline");
	is_str(ask(fd, "{\"execute\":\"stop\",\"id\":1}{\"execute\":\"stop\",\"id\":2}"),
	       "{\"return\":{},\"id\":1}\r\n{\"return\":{},\"id\":2}\r\n",
	       "two in one segment");
	is_str(ask(fd, " \r\n\r\n\t"), "", "white space is nothing");
	ask(fd, "garbage \x01\xff here\r\nmore\r\n");
	ok(strstr(got, "JSON parse error") && !strstr(strstr(got, "\r\n") + 2, "error"),
	   "garbage is one error");
	is_str(ask(fd, "{\"execute\":\"stop\",\"id\":3}\r\n"), "{\"return\":{},\"id\":3}\r\n",
	       "and the connection goes on");
	ask(fd, "{\"execute\" \"stop\"}");
	ok(strstr(got, "JSON parse error"), "an object that is no JSON");
	ask(fd, "{\"id\":4}");
	ok(strstr(got, "execute") && strstr(got, "\"id\":4"), "an object that is no command");
	ask(fd, "{\"execute\":\"x-frobnicate\",\"id\":5}");
	ok(strstr(got, "\"class\":\"CommandNotFound\"") && strstr(got, "x-frobnicate"),
	   "an unknown command");
	ask(fd, "{\"execute\":\"eject\",\"arguments\":{\"id\":\"ide-5632\"},\"id\":6}");
	ok(strstr(got, "GenericError") && strstr(got, "CD-ROM is not served yet"),
	   "a known one that is not served");
	ask(fd, "{\"execute\":\"\xff\"}");
	ok(strstr(got, "error"), "a name that is not UTF-8");
	close(fd);
}

static void test_too_much(void)
{
	static char chunk[65536];
	int fd = connect_client(true);
	size_t sent = 0;

	memset(chunk, 'a', sizeof(chunk));
	for (int i = 0; i < 400 && sent < 10u << 20; i++) {
		ssize_t r = send(fd, chunk, sizeof(chunk), MSG_NOSIGNAL);

		sent += r > 0 ? (size_t)r : 0;
		turn();
	}
	ok(sent >= 10u << 20 && strstr(take(fd), "JSON parse error"),
	   "10 MB of garbage without a newline is one error");
	is_str(ask(fd, "{\"execute\":\"stop\",\"id\":9}"), "{\"return\":{},\"id\":9}\r\n",
	       "and nothing is kept of it");
	ask(fd, "{\"execute\":\"");
	for (int i = 0; i < 400; i++) {
		if (send(fd, chunk, sizeof(chunk), MSG_NOSIGNAL) < 0 && errno == EPIPE)
			break;
		turn();
	}
	ok(is_gone(fd), "a command of 10 MB ends the connection");
	close(fd);

	fd = connect_client(true);
	memset(chunk, '[', sizeof(chunk));
	(void)!send(fd, "{", 1, 0);
	(void)!send(fd, chunk, 1000, 0);
	ok(is_gone(fd), "so does nesting without end");
	close(fd);
}

/* A client that asks and never reads. */
static void test_deaf_client(void)
{
	static const char cmd[] = "{\"execute\":\"query-commands\"}";
	int fd = connect_client(true);
	int other = connect_client(true);
	bool ended = false;

	for (int i = 0; i < 20000 && !ended; i++) {
		ended = send(fd, cmd, sizeof(cmd) - 1, MSG_NOSIGNAL) < 0 && errno == EPIPE;
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
	ok(ended, "a client that never reads is dropped");
	is_str(ask(other, "{\"execute\":\"stop\",\"id\":1}"), "{\"return\":{},\"id\":1}\r\n",
	       "the others do not notice");
	close(fd);
	close(other);
}

static void test_many_clients(void)
{
	int fd[QMP_CLIENTS + 1];

	for (unsigned int i = 0; i <= QMP_CLIENTS; i++)
		fd[i] = connect_client(true);
	ok(fd[QMP_CLIENTS - 1] >= 0 && fd[QMP_CLIENTS] < 0, "sixteen clients");
	for (unsigned int i = 0; i < QMP_CLIENTS; i++)
		close(fd[i]);
	turn();
	fd[0] = connect_client(true);
	ok(fd[0] >= 0, "and places come free");
	close(fd[0]);
}

/* xentop: no newline, no id, and each answer has to be one JSON document. */
/* As the disk worker counts, and as a bad one would. */
static void test_blockstats(int fd)
{
	const char *cmd = "{ \"execute\": \"query-blockstats\" }";
	static struct stat_page page;
	struct stat_block *b = &page.block[0];

	stat_block_add(b, STAT_DISK_REQUESTS + STAT_OP_READ, 3);
	stat_block_add(b, STAT_DISK_BYTES + STAT_READ, UINT64_C(5) << 32);
	stat_block_add(b, STAT_DISK_REQUESTS + STAT_OP_WRITE, 2);
	stat_block_add(b, STAT_DISK_BYTES + STAT_WRITE, UINT64_MAX);
	stat_block_add(b, STAT_DISK_REQUESTS + STAT_OP_FLUSH, 1);
	ok(strstr(ask(fd, cmd), "\"rd_operations\":0"), "no disk worker: zeros");
	host.disk_stats = &page;
	ok(strstr(ask(fd, cmd), "\"stats\":{\"rd_bytes\":21474836480,"
		  "\"wr_bytes\":9223372036854775807,\"rd_operations\":3,"
		  "\"wr_operations\":2,\"flush_operations\":1}"), "its counters");
	printf("# %s", got);
	host.disk_stats = NULL;
}

static void test_libxenstat(void)
{
	static const char *const cmd[] = { "{ \"execute\": \"qmp_capabilities\" }",
		"{ \"execute\": \"query-blockstats\" }", "{ \"execute\": \"query-block\" }" };
	int fd = connect_client(false);

	take(fd);
	for (int i = 0; i < 3; i++) {
		json_t *doc = json_loads(ask(fd, cmd[i]), 0, NULL);

		ok(doc && json_object_get(doc, "return"), "one document: %s", cmd[i]);
		json_decref(doc);
	}
	test_blockstats(fd);
	ok(strstr(ask(fd, cmd[2]), "\"device\":\"ide0-hd0\"") && strstr(got, "\"file\":\"/img/a\""),
	   "with the disk's file");
	close(fd);
}

static void send_with_fd(int fd, const char *text, int carried)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { (void *)(uintptr_t)text, strlen(text) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof(control) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &carried, sizeof(int));
	(void)!sendmsg(fd, &m, 0);
}

/* Did the server let go of its end of this pipe? */
static bool hung_up(int reader)
{
	char byte;

	turn();
	return read(reader, &byte, 1) == 0;
}

static void test_fds(void)
{
	int fd = connect_client(true);
	int p[2], q[2];

	if (pipe2(p, O_NONBLOCK) || pipe2(q, O_NONBLOCK))
		return;
	send_with_fd(fd, "{", p[1]);
	close(p[1]);
	turn();
	ask(fd, "\"execute\":\"add-fd\",\"id\":1,\"arguments\":{\"opaque\":\"raw:/x\"}}");
	ok(strstr(got, "\"fdset-id\":0") && strstr(got, "\"id\":1"),
	   "a descriptor on the first byte, the text later");
	ask(fd, "{\"execute\":\"add-fd\",\"id\":2}");
	ok(strstr(got, "GenericError"), "no descriptor, no set");
	send_with_fd(fd, "{\"execute\":\"stop\"}", q[1]);
	close(q[1]);
	take(fd);
	ok(hung_up(q[0]), "one that came with another command is closed");
	ask(fd, "{\"execute\":\"query-fdsets\"}");
	ok(strstr(got, "\"fdset-id\":0") && strstr(got, "raw:/x"), "sets are listed");
	ok(!hung_up(p[0]), "and kept");
	close(fd);
	ok(hung_up(p[0]), "until the connection ends");
	close(p[0]);
	close(q[0]);
}

static void test_answers(void)
{
	int fd = connect_client(true);

	is_str(ask(fd, "{\"execute\":\"query-chardev\"}"),
	       "{\"return\":[{\"frontend-open\":true,\"filename\":\"unix:/run/q,server=on\","
	       "\"label\":\"libxl-cmd\"},{\"frontend-open\":true,\"filename\":"
	       "\"pty:/dev/pts/9\",\"label\":\"serial0\"}]}\r\n", "query-chardev");
	ask(fd, "{\"execute\":\"query-vnc\"}");
	ok(strstr(got, "\"enabled\":true") && strstr(got, "\"service\":\"5901\"") &&
	   strstr(got, "\"host\":\"127.0.0.1\""), "query-vnc: port as text");
	ask(fd, "{\"execute\":\"change-vnc-password\",\"arguments\":{\"password\":\"s3cret\"}}");
	is_str(password, "s3cret", "change-vnc-password reaches the family");
	host.vnc_host = "::1";
	host.vnc_ipv6 = true;
	ask(fd, "{\"execute\":\"query-vnc\",\"id\":7}");
	ok(strstr(got, "\"family\":\"ipv6\"") && strstr(got, "\"host\":\"::1\"") &&
	   strstr(got, "\"service\":\"5901\""), "query-vnc tells of IPv6");
	ask(fd, "{\"execute\":\"change-vnc-password\",\"arguments\":[]}");
	ok(strstr(got, "password"), "and wants its argument");
	ask(fd, "{\"execute\":\"query-cpus-fast\"}");
	ok(strstr(got, "\"cpu-index\":1") && !strstr(got, "\"cpu-index\":2"),
	   "query-cpus-fast: those plugged");
	ask(fd, "{\"execute\":\"query-hotpluggable-cpus\"}");
	ok(strstr(got, "\"type\":\"") && strstr(got, "\"socket-id\":3"), "all there can be");
	ask(fd, "{\"execute\":\"query-pci\"}");
	ok(strstr(got, "\"devices\":[") && strstr(got, "\"qdev_id\":\"\""), "query-pci");
	ask(fd, "{\"execute\":\"human-monitor-command\",\"arguments\":{\"command-line\":\"x\"}}");
	ok(strstr(got, "GenericError"), "no human monitor");
	close(fd);
}

static void test_run_state(void)
{
	int fd = connect_client(true);

	conts = 0;
	ask(fd, "{\"execute\":\"cont\"}{\"execute\":\"cont\"}");
	ok(conts == 2 && host.status == QMP_STATUS_RUNNING, "cont, twice");
	ask(fd, "{\"execute\":\"system_wakeup\"}");
	ok(strstr(got, "GenericError"), "nothing to wake");
	host.status = QMP_STATUS_SUSPENDED;
	ask(fd, "{\"execute\":\"cont\"}");
	ok(host.status == QMP_STATUS_SUSPENDED, "cont does not end S3");
	is_str(ask(fd, "{\"execute\":\"system_wakeup\"}"), "{\"return\":{}}\r\n", "wake-up does");
	ask(fd, "{\"execute\":\"stop\"}{\"execute\":\"query-status\"}");
	ok(strstr(got, "\"status\":\"paused\""), "stop");
	ask(fd, "{\"execute\":\"quit\"}");
	ok(quits == 1, "quit");
	close(fd);
}

/* dm_restrict: libxl asks before we are ready, and believes the answer. */
static void test_held_back(void)
{
	int fd, early;

	restart(false);
	fd = connect_client(true);
	early = connect_client(true);
	is_str(ask(fd, "{\"execute\":\"query-status\",\"id\":1}\r\n"
		   "{\"execute\":\"query-chardev\",\"id\":2}\r\n"), "",
	       "no answer before readiness");
	ok(strstr(ask(early, "{\"execute\":\"query-version\"}"), "return"),
	   "harmless ones are answered");
	qmp_set_ready();
	take(fd);
	ok(strstr(got, "\"status\":\"prelaunch\"},\"id\":1}\r\n") && strstr(got, "\"id\":2"),
	   "then both, in order");
	close(fd);
	close(early);
	restart(false);
	fd = connect_client(true);
	ask(fd, "{\"execute\":\"query-status\",\"id\":1}");
	close(fd);
	turn();
	qmp_set_ready();
	turn();
	ok(true, "a client may leave while it waits");
}

static void test_socket(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	char dir[] = "/tmp/test_qmp.XXXXXX";
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	int stale = socket(AF_UNIX, SOCK_STREAM, 0);

	if (!mkdtemp(dir))
		return;
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/sock", dir);
	close(open(sa.sun_path, O_CREAT | O_WRONLY, 0600));
	restart(true);
	ok(qmp_listen(sa.sun_path, -1) == -EEXIST && access(sa.sun_path, F_OK) == 0,
	   "a file in the way stays");
	unlink(sa.sun_path);
	ok(bind(stale, (struct sockaddr *)&sa, sizeof(sa)) == 0, "a stale socket");
	close(stale);
	ok(qmp_listen(sa.sun_path, -1) == 0, "does not");
	ok(connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0 &&
	   strstr(take(fd), "QMP"), "and greets");
	ok(qmp_listen("/no/such/directory/sock", -1) == -ENOENT, "or says why not");
	stale = open("/dev/null", O_RDWR);
	ok(qmp_listen(NULL, stale) == -ENOTSOCK, "also of what is inherited");
	close(stale);
	qmp_end();
	ok(access(sa.sun_path, F_OK) != 0, "the socket goes at the end");
	close(fd);
	rmdir(dir);
	qmp_begin(base, &host);
}

int main(void)
{
	base = event_base_new();
	if (!base)
		return 1;
	qmp_begin(base, &host);
	restart(true);
	test_negotiation();
	test_framing();
	test_too_much();
	test_deaf_client();
	test_many_clients();
	test_libxenstat();
	test_fds();
	test_answers();
	test_run_state();
	test_held_back();
	test_socket();
	qmp_end();
	event_base_free(base);
	return tap_done();
}
