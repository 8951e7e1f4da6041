/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl/trace_out.h - accesses by register name, on standard output
 *
 * Names come from models that are built with the guest's own configuration
 * words: to be used after confine_self() only.
 */
#ifndef CTL_TRACE_OUT_H
#define CTL_TRACE_OUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "abi/trace.h"
#include "ctl/ctl.h"
#include "ctl/windows.h"

#define TRACE_OUT_NO_TIME	(-1)

struct tracer {
	const struct ctl *ctl;
	enum windows_kind kind;
	struct bus *bus;			/* NULL: no names */
	const struct windows_device *device;	/* NULL: all of the worker's */
	uint64_t seen, printed;
	json_t *list;				/* NULL: each is printed at once */
};

struct access {
	struct trace_rec rec;
	const char *device;			/* "" */
	const char *window;			/* "" */
	char reg[40];				/* "" */
	char time[32];				/* "?", "17:04:05.123456" */
};

/* Which worker's registers @device (of it, or NULL) is looked for among;
   @known: there are models of its kind. */
void trace_out_begin(struct tracer *t, bool known);
/* A function's configuration space, 512 hex digits; what is none is ignored. */
void trace_out_configure(struct tracer *t, uint64_t devfn, const char *hex);

/* Names it; false: it is of another device than was asked for. */
bool trace_out_name(struct tracer *t, const struct trace_rec *rec, struct access *a);
/* The guest moves a window: the accesses after it are found elsewhere. */
void trace_out_follow(struct tracer *t, const struct trace_rec *rec);
/* @at_ns: CLOCK_REALTIME, or TRACE_OUT_NO_TIME. */
void trace_out_put_time(struct access *a, int64_t at_ns);
/* Prints it, or adds it to t->list. */
void trace_out_print(struct tracer *t, const struct access *a);
json_t *trace_out_json(const struct access *a);

/* @count 0: all. */
uint64_t trace_out_wanted(uint64_t count, uint64_t there);

#endif /* CTL_TRACE_OUT_H */
