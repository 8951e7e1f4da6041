/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * base/log.c - one event, one line
 *
 * Runs in every process.  Formats into a buffer on the stack and hands it over
 * with one write: a packet for the supervisor, or a line on standard error.
 */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "abi/log_msg.h"
#include "base/clock.h"
#include "base/stat.h"

#define LINES_PER_SECOND 5u

static int log_fd = -1;
static enum log_level log_up_to = LOG_L_INFO;
static char log_subject[32];

void log_init(int fd, const char *subject, enum log_level up_to)
{
	log_fd = fd;
	log_up_to = up_to;
	snprintf(log_subject, sizeof(log_subject), "%s", subject);
}

/* Text and cause, cut to LOG_TEXT_MAX; returns the bytes used. */
static size_t compose(char *text, int cause, const char *fmt, va_list ap)
{
	int r = vsnprintf(text, LOG_TEXT_MAX, fmt, ap);
	size_t len = r < 0 ? 0 : (size_t)r;

	if (len >= LOG_TEXT_MAX)
		len = LOG_TEXT_MAX - 1;
	if (cause) {
		/* strerror_r could load locale files; the table does not. */
		const char *why = strerrordesc_np(cause);

		r = snprintf(text + len, LOG_TEXT_MAX - len, ": %s",
			     why ? why : "unknown error");
		len += r < 0 ? 0 : (size_t)r;
		if (len >= LOG_TEXT_MAX)
			len = LOG_TEXT_MAX - 1;
	}
	return len;
}

/* A path may have anything in it; a line stays a line. */
static void blank_controls(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			text[i] = '?';
}

static void log_va(enum log_level level, int cause, const char *fmt, va_list ap)
{
	struct log_msg m;
	char line[sizeof(log_subject) + LOG_TEXT_MAX + 4];
	size_t len = compose(m.text, cause, fmt, ap);
	ssize_t r;
	int n;

	if (log_fd >= 0) {
		m.level = (uint8_t)level;
		m.len = (uint8_t)len;
		r = write(log_fd, &m, offsetof(struct log_msg, text) + len);
	} else {
		blank_controls(m.text, len);	/* the sink quotes for others */
		n = snprintf(line, sizeof(line), "%s: %.*s\n", log_subject,
			     (int)len, m.text);
		r = write(STDERR_FILENO, line, n < 0 ? 0 : (size_t)n);
	}
	(void)r;	/* nobody to tell */
}

bool log_is_on(enum log_level level)
{
	return level <= log_up_to;
}

void log_event(enum log_level level, int cause, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	if (level > log_up_to)
		return;
	va_start(ap, fmt);
	log_va(level, cause, fmt, ap);
	va_end(ap);
	errno = saved;
}

bool log_allow(struct log_limit *l)
{
	int64_t now_s = clock_now_ns() / NS_PER_S;

	stat_add(STAT_WARNINGS, 1);
	if (now_s != l->window_s) {
		uint32_t dropped = l->dropped;

		*l = (struct log_limit){ .window_s = now_s };
		if (dropped)
			log_warn("%u similar lines dropped", dropped);
	}
	if (l->sent < LINES_PER_SECOND) {
		l->sent++;
		return true;
	}
	l->dropped++;
	return false;
}
