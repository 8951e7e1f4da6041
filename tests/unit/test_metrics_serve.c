/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_metrics_serve.c - the socket and the file that figures go to
 *
 * Clients as they should be and as they should not; a file on a full disk.
 * The loop is the test's: what it does not get around to has stalled.
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/stat.h"
#include "supervisor/metrics_serve.h"
#include "tap.h"

#define CROWD	40

static struct event_base *base;
static struct stat_page page[METRICS_MEMBERS];
static struct metrics m = { .domid = 7, .name = "web1" };
static char dir[] = "/tmp/test_serve.XXXXXX";
static struct sockaddr_un address = { .sun_family = AF_UNIX };
static char got[1 << 20];
static char log_text[8192];

static void turn(int ms)
{
	for (int64_t until = clock_now_ns() + ms * NS_PER_MS;
	     clock_now_ns() < until; usleep(1000))
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static int join(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* All up to the end, into @got.  False: it did not come in time. */
static bool take(int fd, int limit_ms)
{
	size_t len = 0;
	bool over = false;

	for (int64_t until = clock_now_ns() + limit_ms * NS_PER_MS;
	     !over && clock_now_ns() < until; ) {
		ssize_t r = read(fd, got + len, sizeof(got) - 1 - len);

		if (r > 0)
			len += (size_t)r;
		else if (r == 0 || errno != EAGAIN)
			over = true;
		else
			turn(1);
	}
	got[len] = '\0';
	close(fd);
	return over;
}

static bool ask(const char *request)
{
	int fd = join();

	if (fd < 0 || write(fd, request, strlen(request)) < 0)
		return false;
	return take(fd, 3000);
}

static bool is_open_text(const char *text)
{
	return strncmp(text, "# HELP cloister_", 16) == 0 && strlen(text) > 6 &&
		strcmp(text + strlen(text) - 6, "# EOF\n") == 0;
}

static const char *body(void)
{
	const char *at = strstr(got, "\r\n\r\n");

	return at ? at + 4 : "";
}

static void test_bare(void)
{
	int fd = join();

	ok(take(fd, 3000) && is_open_text(got), "who says nothing gets OpenMetrics text");
	fd = join();
	shutdown(fd, SHUT_WR);
	ok(take(fd, 3000) && is_open_text(got), "who hangs up one way, too");
}

static void test_http(void)
{
	const char *length;
	int fd;

	ok(ask("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n") &&
	   strncmp(got, "HTTP/1.1 200 OK\r\n", 17) == 0 &&
	   strstr(got, "Content-Type: text/plain; version=0.0.4"), "GET");
	length = strstr(got, "Content-Length: ");
	ok(length && strtoul(length + 16, NULL, 10) == strlen(body()) &&
	   !strstr(body(), "# EOF"), "the older format, all of it");
	ok(ask("GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text;"
	       "version=1.0.0,text/plain;q=0.5\r\n\r\n") && is_open_text(body()) &&
	   strstr(got, "Content-Type: application/openmetrics-text; version=1.0.0"),
	   "OpenMetrics for who accepts it");
	ok(ask("HEAD / HTTP/1.0\r\n\r\n") && strstr(got, "200 OK") && !*body(), "HEAD");
	ok(ask("GET /passwd HTTP/1.1\r\n\r\n") && strstr(got, " 404 "), "another path");
	ok(ask("POST /metrics HTTP/1.1\r\n\r\n") && strstr(got, " 405 ") &&
	   strstr(got, "\r\nAllow: GET, HEAD\r\n"), "another method: which there are");
	ok(ask("\r\n\r\n") && strstr(got, " 405 "), "no method");
	fd = join();
	ok(write(fd, "GET /metr", 9) == 9, "a request in two pieces,");
	turn(2 * METRICS_BARE_MS);
	ok(write(fd, "ics HTTP/1.1\n\n", 14) == 14 && take(fd, 3000) &&
	   strstr(got, "200 OK"), "the second one late");
}

static void test_garbage(void)
{
	static char junk[20000];
	int fd = join();

	memset(junk, 'x', sizeof(junk));
	(void)!write(fd, junk, sizeof(junk));
	ok(take(fd, 3000) && strstr(got, " 431 "), "a head without end is refused");
	fd = join();
	(void)!write(fd, junk, 100);
	shutdown(fd, SHUT_WR);
	ok(take(fd, 3000) && !*got, "half a request gets nothing");
	memset(junk, 0, sizeof(junk));
	fd = join();
	(void)!write(fd, junk, 300);
	turn(10);
	close(fd);
	turn(10);
	ok(ask("GET / HTTP/1.1\r\n\r\n") && strstr(got, "200 OK"), "others are served");
}

/* They connect and ask, and never read. */
static void test_never_reads(void)
{
	static const char request[] = "GET / HTTP/1.1\r\n\r\n";
	int fd[CROWD], tiny = 4096;
	unsigned int gone = 0;
	int64_t began;

	for (int i = 0; i < CROWD; i++) {
		fd[i] = join();
		setsockopt(fd[i], SOL_SOCKET, SO_RCVBUF, &tiny, sizeof(tiny));
		if (i % 2)
			(void)!write(fd[i], request, sizeof(request) - 1);
		turn(2);
	}
	turn(2 * METRICS_BARE_MS);
	began = clock_now_ns();
	ok(ask(request) && strstr(got, "200 OK"), "a crowd that never reads keeps nobody out");
	began = clock_now_ns() - began;
	ok(began < NS_PER_S, "nor makes him wait (%lld us)", (long long)(began / NS_PER_US));
	for (int i = 0; i < CROWD; i++) {
		gone += send(fd[i], "?", 1, MSG_NOSIGNAL) < 0;
		close(fd[i]);
	}
	ok(gone >= CROWD - METRICS_CLIENTS, "the oldest were let go: %u", gone);
	turn(20);
}

/* ---- the file ---- */

static void read_log(int fd)
{
	ssize_t len = pread(fd, log_text, sizeof(log_text) - 1, 0);

	log_text[len > 0 ? len : 0] = '\0';
}

static unsigned int count(const char *what)
{
	unsigned int n = 0;

	for (const char *at = log_text; (at = strstr(at, what)); at++)
		n++;
	return n;
}

static bool read_file(const char *path)
{
	int fd = open(path, O_RDONLY);
	ssize_t len = fd < 0 ? -1 : read(fd, got, sizeof(got) - 1);

	if (fd >= 0)
		close(fd);
	got[len > 0 ? len : 0] = '\0';
	return len > 0;
}

static void limit_files(rlim_t bytes)
{
	const struct rlimit l = { bytes, RLIM_INFINITY };

	setrlimit(RLIMIT_FSIZE, &l);
}

/* Standard error is what is logged; it is short enough for the limit. */
static void test_file(void)
{
	char path[100], fresh[120], log_path[100];
	int saved = dup(STDERR_FILENO), log_fd;
	struct stat st;

	snprintf(path, sizeof(path), "%s/metrics.prom", dir);
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	snprintf(log_path, sizeof(log_path), "%s/log", dir);
	log_fd = open(log_path, O_CREAT | O_RDWR | O_APPEND, 0600);
	dup2(log_fd, STDERR_FILENO);
	log_init(-1, "cloister", LOG_L_INFO);
	ok(symlink("/dev/full", fresh) == 0, "somebody put a link where the new file goes");
	ok(metrics_file_begin(base, &m, path, 1) == 0 && read_file(path) &&
	   strncmp(got, "# HELP cloister_", 16) == 0, "a file is written at once");
	ok(stat(path, &st) == 0 && (st.st_mode & 0777) == 0644, "that anybody may read");
	ok(access(fresh, F_OK) != 0, "and nothing beside it");
	m.domid = 8;
	limit_files(4096);
	turn(2500);
	limit_files(RLIM_INFINITY);
	ok(read_file(path) && strstr(got, "domid=\"7\"") && !strstr(got, "domid=\"8\""),
	   "disk full: the old one stays");
	ok(access(fresh, F_OK) != 0, "and no piece of a new one");
	turn(1500);
	ok(read_file(path) && strstr(got, "domid=\"8\""), "room again: a new one");
	read_log(log_fd);
	ok(count("cannot write metrics") == 1 && count("written again") == 1,
	   "each is said once");
	for (char *line = strtok(log_text, "\n"); line; line = strtok(NULL, "\n"))
		printf("# %s\n", line);
	metrics_file_end();
	ok(access(path, F_OK) != 0, "it goes with the family");
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(log_fd);
	unlink(log_path);
	m.domid = 7;
}

/* A real full disk, if we may have one. */
static void test_full_disk(void)
{
	char path[100], at[80], fill[100];
	static char block[4096];
	int fd, null = open("/dev/null", O_WRONLY), saved = dup(STDERR_FILENO);

	snprintf(at, sizeof(at), "%s/disk", dir);
	snprintf(path, sizeof(path), "%s/metrics.prom", at);
	snprintf(fill, sizeof(fill), "%s/fill", at);
	mkdir(at, 0755);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", at, "tmpfs", 0, "size=2m")) {
		skip("a full disk needs root");
		rmdir(at);
		return;
	}
	fd = open(fill, O_CREAT | O_WRONLY, 0600);
	while (write(fd, block, sizeof(block)) > 0)
		;
	close(fd);
	dup2(null, STDERR_FILENO);
	ok(metrics_file_begin(base, &m, path, 1) == 0 && access(path, F_OK) != 0,
	   "on a full file system there is none");
	unlink(fill);
	turn(1500);
	ok(read_file(path), "until there is room");
	metrics_file_end();
	dup2(saved, STDERR_FILENO);
	umount(at);
	rmdir(at);
}

/* A name that does not fit, and whose beginning is somebody's file. */
static void test_too_long(void)
{
	char path[1100], victim[1024];
	size_t at = strlen(dir);

	memset(path, '/', sizeof(path));
	memcpy(path, dir, at);
	snprintf(path + sizeof(victim) - 7, 7, "victim");
	memcpy(victim, path, sizeof(victim));
	close(open(victim, O_CREAT | O_WRONLY, 0600));
	snprintf(path + sizeof(victim) - 1, 20, "-and-more");
	ok(metrics_file_begin(base, &m, path, 1) == -ENAMETOOLONG, "a name that is too long");
	metrics_file_end();
	ok(access(victim, F_OK) == 0, "is not cut and removed");
	unlink(victim);
}

static int listen_here(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/sock", dir);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 64))
		return -1;
	return fd;
}

int main(void)
{
	static char name[METRICS_MEMBERS][12];

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	if (!mkdtemp(dir))
		return 1;
	for (unsigned int i = 0; i < METRICS_MEMBERS; i++) {
		snprintf(name[i], sizeof(name[i]), "worker%u", i);
		m.member[i] = (struct metrics_member){ .worker = name[i],
			.in = STAT_IN_ALL, .units = 0xf, .page = &page[i],
			.peer = &page[i].block[1], .cgroup = -1 };
	}
	m.count = METRICS_MEMBERS;
	m.began_ns = clock_now_ns();
	base = event_base_new();
	ok(metrics_serve_begin(base, &m, listen_here()) == 0, "it listens");
	test_bare();
	test_http();
	test_garbage();
	test_never_reads();
	metrics_serve_end();
	ok(join() < 0, "until it ends");
	unlink(address.sun_path);
	test_file();
	test_too_long();
	test_full_disk();
	event_base_free(base);
	rmdir(dir);
	return tap_done();
}
