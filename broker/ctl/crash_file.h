/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl/crash_file.h - reads a crash report, abi/crash.h
 *
 * The text is hostile: a report may have been cut, edited or made up.
 */
#ifndef CTL_CRASH_FILE_H
#define CTL_CRASH_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/crash.h"
#include "abi/trace.h"

struct crash_access {
	struct trace_rec rec;	/* ticks 0 */
	uint64_t age_ns;	/* before the end of the recording */
	unsigned int line;	/* of the file, from 1 */
};

/* Texts point into what was read: printable ASCII, "" where there is none. */
struct crash_file {
	int64_t time_ns;	/* CLOCK_REALTIME of the death */
	const char *time, *version, *guest, *worker, *role, *model, *ended, *why;
	uint64_t domid, pid;
	uint64_t waiting;
	const char *request;	/* "access", "batch", ...; "": none */
	uint64_t request_seq;
	bool request_is_access;
	struct trace_rec request_rec;
	struct {
		uint64_t devfn;
		const char *config;	/* 512 hex digits */
	} function[CRASH_FUNCTIONS_MAX];
	unsigned int function_count;
	const char *log[CRASH_LOG_LINES_MAX];
	unsigned int log_count;
	uint64_t before;
	struct crash_access access[TRACE_SLOTS];
	unsigned int access_count;
};

/*
 * @text of @len bytes, written over: lines become strings.  @len is at most
 * CRASH_FILE_BYTES_MAX, and there is room for one byte more.  False: @why is
 * "line N: ..."; *f then has what was right until there.
 */
bool crash_file_parse(struct crash_file *f, char *text, size_t len, char *why,
		      size_t why_len);

#endif /* CTL_CRASH_FILE_H */
