/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_vnc_listen.c - -vnc as libxl writes it, and the port search
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "supervisor/vnc_listen.h"
#include "tap.h"

static struct vnc_addr a;
static char why[160];

static void test_parse(void)
{
	ok(vnc_addr_parse("127.0.0.1:0,to=99", &a, why, sizeof(why)) &&
	   strcmp(a.host, "127.0.0.1") == 0 && a.display == 0 && a.to == 99 &&
	   !a.password, "libxl's default");
	ok(vnc_addr_parse("0.0.0.0:3,password=on,to=99", &a, why, sizeof(why)) &&
	   a.display == 3 && a.password, "with a password");
	ok(vnc_addr_parse("0.0.0.0:3,password", &a, why, sizeof(why)) && a.password,
	   "as before 4.16");
	ok(vnc_addr_parse("[::1]:7", &a, why, sizeof(why)) &&
	   strcmp(a.host, "::1") == 0 && a.display == 7 && a.to == 0,
	   "a bracketed IPv6 address");
	ok(vnc_addr_parse("::1:7", &a, why, sizeof(why)) &&
	   strcmp(a.host, "::1") == 0 && a.display == 7, "one without brackets");
	ok(vnc_addr_parse("[::]:0,password=on,to=99", &a, why, sizeof(why)) &&
	   strcmp(a.host, "::") == 0 && a.password && a.to == 99, "any IPv6 address");
	ok(vnc_addr_parse(":1", &a, why, sizeof(why)) && a.host[0] == '\0',
	   "any address");
}

static void refused(const char *arg, const char *naming)
{
	why[0] = '\0';
	ok(!vnc_addr_parse(arg, &a, why, sizeof(why)) && strstr(why, naming),
	   "refused, naming it: %s", arg);
	if (!strstr(why, naming))
		printf("# why: %s\n", why);
}

static void test_refuse(void)
{
	refused("unix:/run/vnc", "unix:/run/vnc");
	refused("127.0.0.1", "127.0.0.1");
	refused("127.0.0.1:x", "127.0.0.1:x");
	refused("::", "[ADDRESS]:DISPLAY");
	refused("::1,to=99", "::1: an IPv6 address");
	refused("fe80::1", "[ADDRESS]:DISPLAY");
	refused("[::1]", "[ADDRESS]:DISPLAY");
	refused("[::1:0", "[ADDRESS]:DISPLAY");
	refused("127.0.0.1:60000", "60000");
	refused("127.0.0.1:0,to=none", "to=none");
	refused("127.0.0.1:0,tls-creds=t0", "tls-creds=t0");
	refused("127.0.0.1:0,password=maybe", "password=maybe");
	refused("", "HOST:DISPLAY");
}

/* A display whose port nobody has: found by asking for any port. */
static unsigned int free_display(void)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sa);
	unsigned int port = 0;

	for (int i = 0; i < 50 && (port < 6000 || port > 65000); i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		sa.sin_port = 0;
		if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0 &&
		    getsockname(fd, (struct sockaddr *)&sa, &len) == 0)
			port = ntohs(sa.sin_port);
		close(fd);
	}
	return port - 5900;
}

static void test_search(void)
{
	struct vnc_listener first = { .fd = -1 }, second = { .fd = -1 }, third = { 0 };
	unsigned int d = free_display();
	int rc;

	a = (struct vnc_addr){ .host = "127.0.0.1", .display = d, .to = 20 };
	ok(vnc_listen(&a, 0, &first, why, sizeof(why)) == 0 &&
	   first.port >= 5900 + d && first.port <= 5920 + d, "a free port binds");
	is_str(first.host, "127.0.0.1", "its address is told as bound");
	ok(!first.ipv6, "and its family");
	ok(vnc_listen(&a, 0, &second, why, sizeof(why)) == 0 &&
	   second.port > first.port, "the next guest gets the next one");
	a = (struct vnc_addr){ .host = "127.0.0.1", .display = first.port - 5900 };
	rc = vnc_listen(&a, 60, &third, why, sizeof(why));
	ok(rc == -EADDRINUSE, "a single port in use is an error");
	ok(strstr(why, "Address already in use") && strstr(why, "127.0.0.1"),
	   "that names address and reason");
	printf("# %s\n", why);
	a = (struct vnc_addr){ .host = "no such host" };
	ok(vnc_listen(&a, 0, &third, why, sizeof(why)) < 0, "so is an unknown host");
	close(first.fd);
	close(second.fd);
}

/* A client gets through to it. */
static bool reaches(const char *to, unsigned int port)
{
	struct sockaddr_in6 sa = { .sin6_family = AF_INET6,
		.sin6_port = htons((uint16_t)port) };
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	bool good = inet_pton(AF_INET6, to, &sa.sin6_addr) == 1 &&
		connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0;

	close(fd);
	return good;
}

static void test_ipv6(void)
{
	struct vnc_listener l = { .fd = -1 }, second = { .fd = -1 };
	int rc;

	a = (struct vnc_addr){ .host = "::1", .display = free_display(), .to = 20 };
	rc = vnc_listen(&a, 0, &l, why, sizeof(why));
	if (rc == -EADDRNOTAVAIL || rc == -EAFNOSUPPORT || rc == -ENOENT) {
		skip("no IPv6 here");
		return;
	}
	ok(rc == 0 && l.ipv6 && strcmp(l.host, "::1") == 0, "IPv6 binds");
	ok(reaches("::1", l.port), "and is reached");
	ok(vnc_listen(&a, 0, &second, why, sizeof(why)) == 0 && second.port > l.port &&
	   reaches("::1", second.port), "the next guest gets the next port");
	close(second.fd);
	a = (struct vnc_addr){ .host = "::1", .display = l.port - 5900 };
	ok(vnc_listen(&a, 0, &second, why, sizeof(why)) == -EADDRINUSE &&
	   strstr(why, "[::1]:"), "a port in use is said");
	close(l.fd);
	snprintf(a.host, sizeof(a.host), "::");
	a.to = 20;
	ok(vnc_listen(&a, 0, &l, why, sizeof(why)) == 0 && l.ipv6 &&
	   strcmp(l.host, "::") == 0 && reaches("::1", l.port) &&
	   reaches("::ffff:127.0.0.1", l.port),
	   "[::] is reached by IPv6 and by IPv4");
	close(l.fd);
}

int main(void)
{
	test_parse();
	test_refuse();
	test_search();
	test_ipv6();
	return tap_done();
}
