/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/logsink.c - writes down what confined processes say
 *
 * Runs in the supervisor.  A speaker is hostile: it may flood, lie about
 * lengths and send terminal escapes.  Its name is ours, one packet is one
 * line, and a second has only so many lines.
 */
#include "supervisor/logsink.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "abi/log_msg.h"
#include "base/clock.h"

#define LINES_PER_SECOND 50u
#define PACKETS_PER_READ 64

static size_t quote(char *to, size_t room, const char *from, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	size_t used = 0;

	for (size_t i = 0; i < len && used + 5 <= room; i++) {
		unsigned char c = (unsigned char)from[i];

		if (c >= 0x20 && c < 0x7f && c != '\\') {
			to[used++] = (char)c;
			continue;
		}
		to[used++] = '\\';
		if (c == '\\') {
			to[used++] = '\\';
			continue;
		}
		to[used++] = 'x';
		to[used++] = hex[c >> 4];
		to[used++] = hex[c & 15];
	}
	to[used] = '\0';
	return used;
}

size_t logsink_format(const char *subject, const void *packet, size_t len,
		      enum log_level up_to, char line[LOGSINK_LINE_MAX],
		      const char **what)
{
	struct log_msg m;
	size_t used;

	*what = NULL;
	if (len < offsetof(struct log_msg, text) || len > sizeof(m)) {
		*what = "length of the packet";
		return 0;
	}
	memcpy(&m, packet, len);
	if (m.len != len - offsetof(struct log_msg, text)) {
		*what = "length of the text";
		return 0;
	}
	if (m.level >= LOG_L_COUNT) {
		*what = "level";
		return 0;
	}
	if (m.level > up_to)
		return 0;
	used = (size_t)snprintf(line, LOGSINK_LINE_MAX, "%.32s: ", subject);
	return used + quote(line + used, LOGSINK_LINE_MAX - used - 1, m.text, m.len);
}

static void keep_line(struct logsink *s, const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		s->tail[s->tail_bytes++ % LOGSINK_TAIL_BYTES] = line[i];
}

size_t logsink_tail(const struct logsink *s, char to[LOGSINK_TAIL_BYTES])
{
	bool cut = s->tail_bytes > LOGSINK_TAIL_BYTES;
	size_t len = 0;

	for (uint64_t at = cut ? s->tail_bytes - LOGSINK_TAIL_BYTES : 0;
	     at < s->tail_bytes; at++) {
		char c = s->tail[at % LOGSINK_TAIL_BYTES];

		if (!cut)
			to[len++] = c;
		else
			cut = c != '\n';	/* what is left of the first one */
	}
	return len;
}

static void put_line(struct logsink *s, char line[LOGSINK_LINE_MAX], size_t len)
{
	line[len] = '\n';
	keep_line(s, line, len + 1);
	(void)!write(s->out, line, len + 1);	/* nobody to tell */
}

/* May another line be written in this second? */
static bool admit(struct logsink *s)
{
	int64_t now_s = clock_now_ns() / NS_PER_S;
	char line[LOGSINK_LINE_MAX];

	if (now_s != s->window_s) {
		if (s->dropped)
			put_line(s, line, (size_t)snprintf(line, sizeof(line),
				 "%.32s: lines dropped: count=%u", s->subject,
				 s->dropped));
		s->window_s = now_s;
		s->written = 0;
		s->dropped = 0;
	}
	if (s->written < LINES_PER_SECOND) {
		s->written++;
		return true;
	}
	s->dropped++;
	if (s->about)
		stat_block_add(s->about, STAT_LOG_DROPPED, 1);
	return false;
}

bool logsink_read(struct logsink *s)
{
	char packet[sizeof(struct log_msg) + 1];
	char line[LOGSINK_LINE_MAX];
	const char *what;

	for (int i = 0; i < PACKETS_PER_READ; i++) {
		ssize_t r = recv(s->fd, packet, sizeof(packet), MSG_DONTWAIT | MSG_TRUNC);
		size_t len;

		if (r <= 0)
			return r < 0 && (errno == EAGAIN || errno == EINTR);
		if ((size_t)r > sizeof(packet))
			r = sizeof(packet);	/* too long: refused by its length */
		len = logsink_format(s->subject, packet, (size_t)r, s->up_to, line, &what);
		if (what)
			len = (size_t)snprintf(line, sizeof(line),
				"%.32s: malformed log record: wrong=\"%s\"", s->subject, what);
		if (len && admit(s))
			put_line(s, line, len);
	}
	return true;
}
