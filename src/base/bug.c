/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * base/bug.c - the two ways to end on purpose
 *
 * Runs in every process.  _exit(): no handlers, no flushing, one system call.
 */
#include "base/bug.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"

void bug_at(const char *file, int line, const char *what)
{
	log_err("bug: at=%s:%d what=\"%s\"", file, line, what);
	_exit(70);
}

void die(int cause, const char *fmt, ...)
{
	char text[240];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_event(LOG_L_ERR, cause, "%s", text);
	_exit(1);
}
