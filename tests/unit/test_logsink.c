/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_logsink.c - what a hostile child can do to the log: little
 */
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "abi/log_msg.h"
#include "supervisor/logsink.h"
#include "tap.h"

static char line[LOGSINK_LINE_MAX];
static const char *what;

/* Length of the line that a well-formed record of @text makes. */
static size_t format(enum log_level level, const char *text, size_t len)
{
	struct log_msg m = { .level = (uint8_t)level, .len = (uint8_t)len };

	memcpy(m.text, text, len);
	memset(line, 'Z', sizeof(line));
	return logsink_format("disk0", &m, offsetof(struct log_msg, text) + len,
			      LOG_L_INFO, line, &what);
}

static void test_quoting(void)
{
	char all[LOG_TEXT_MAX];

	format(LOG_L_INFO, "read failed: fd=11", 18);
	is_str(line, "disk0: read failed: fd=11", "plain text gets its subject");
	format(LOG_L_INFO, "a\nvnc: b\x1b[2J\\\xff", 14);
	is_str(line, "disk0: a\\x0avnc: b\\x1b[2J\\\\\\xff",
	       "newlines, escapes, backslashes and bytes above ASCII are quoted");
	memset(all, 1, sizeof(all));
	ok(format(LOG_L_INFO, all, sizeof(all)) == 7 + 4 * sizeof(all),
	   "a record of nothing but control characters fits");
	ok(strlen(line) == 7 + 4 * sizeof(all), "and is terminated");
	ok(format(LOG_L_DEBUG, "x", 1) == 0 && !what, "above the level: no line");
}

static void test_malformed(void)
{
	struct log_msg m = { .level = LOG_L_INFO, .len = 200, .text = "short" };

	ok(!logsink_format("d", &m, 7, LOG_L_INFO, line, &what) && what,
	   "a text shorter than it says is refused");
	m.len = 1;
	ok(!logsink_format("d", &m, 7, LOG_L_INFO, line, &what) && what,
	   "and one longer than it says");
	ok(!logsink_format("d", &m, 1, LOG_L_INFO, line, &what) && what,
	   "and half a header");
	ok(!logsink_format("d", &m, sizeof(m) + 1, LOG_L_INFO, line, &what) && what,
	   "and too long a packet");
	m.len = 5;
	m.level = LOG_L_COUNT;
	ok(!logsink_format("d", &m, 7, LOG_L_INFO, line, &what) && what,
	   "and an unknown level");
}

static unsigned int count_lines(int fd, char *text, size_t room)
{
	ssize_t r = read(fd, text, room - 1);
	unsigned int n = 0;

	text[r < 0 ? 0 : r] = '\0';
	for (char *at = text; (at = strchr(at, '\n')); at++)
		n++;
	return n;
}

static void test_flood(void)
{
	static char text[65536];
	struct log_msg m = { .level = LOG_L_WARN, .len = 4, .text = "spam" };
	struct logsink s = { .subject = "vnc", .up_to = LOG_L_INFO };
	unsigned int lines;
	int pair[2], out[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair) || pipe(out)) {
		ok(false, "socketpair");
		return;
	}
	s.fd = pair[0];
	s.out = out[1];
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 60; i++)
			(void)!send(pair[1], &m, 6, MSG_DONTWAIT);
		logsink_read(&s);
	}
	lines = count_lines(out[0], text, sizeof(text));
	ok(lines >= 50 && lines < 160, "1200 records in a moment make few lines");
	ok(strncmp(text, "vnc: spam\n", 10) == 0, "each with its subject");
	s.window_s -= 2;
	(void)!send(pair[1], &m, 6, MSG_DONTWAIT);
	logsink_read(&s);
	count_lines(out[0], text, sizeof(text));
	ok(strstr(text, "vnc: lines dropped: count=") != NULL,
	   "then one says how many are missing");
	close(pair[1]);
	ok(!logsink_read(&s), "hanging up is told");
}

/* The last lines, for who asks after its end. */
static void test_tail(void)
{
	static struct logsink s = { .subject = "net0", .up_to = LOG_L_INFO };
	char tail[LOGSINK_TAIL_BYTES], last[40];
	struct log_msg m = { .level = LOG_L_INFO };
	int pair[2];
	size_t len;

	socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair);
	s.fd = pair[0];
	s.out = open("/dev/null", O_WRONLY);
	is_hex(logsink_tail(&s, tail), 0, "nothing was said, nothing is kept");
	for (int i = 0; i < 40; i++) {
		m.len = (uint8_t)snprintf(m.text, sizeof(m.text), "%0*d", 60 + i % 7, i);
		send(pair[1], &m, offsetof(struct log_msg, text) + m.len, 0);
		logsink_read(&s);
		if (i == 1)
			is_hex(logsink_tail(&s, tail), 2 * 7 + 60 + 61, "two lines");
	}
	len = logsink_tail(&s, tail);
	ok(len > LOGSINK_TAIL_BYTES - 80 && len < LOGSINK_TAIL_BYTES &&
	   strncmp(tail, "net0: 0", 7) == 0 && tail[len - 1] == '\n',
	   "later the last ones, the first of them whole");
	snprintf(last, sizeof(last), "%.2s", tail + len - 3);
	is_str(last, "39", "up to the very last");
	close(pair[0]);
	close(pair[1]);
	close(s.out);
}

int main(void)
{
	test_quoting();
	test_malformed();
	test_flood();
	test_tail();
	return tap_done();
}
