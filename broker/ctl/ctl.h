/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl/ctl.h - what cloisterctl's commands share
 */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <jansson.h>
#include <stdbool.h>

/* Exit statuses, cloisterctl(8). */
enum ctl_exit {
	CTL_OK, CTL_FAILED, CTL_USAGE, CTL_NO_GUEST, CTL_NO_RIGHTS,
};

enum ctl_sort { CTL_SORT_CPU, CTL_SORT_MEMORY, CTL_SORT_REQUESTS, CTL_SORT_IO,
		CTL_SORT_NAME, CTL_SORT_COUNT };
extern const char *const ctl_sort_name[CTL_SORT_COUNT];

/* The command line, read. */
struct ctl {
	const char *run_dir;
	bool json;
	unsigned int batch;		/* 0: live */
	double delay_s;
	enum ctl_sort sort;
	bool follow;
	unsigned long long count;	/* 0: no end */
	const char *file;		/* NULL: a guest */
	char **arg;			/* of the command, NULL at the end */
	int args;
};

/* A line on standard error: "cloisterctl: ...". */
void ctl_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Prints @o (consumed) as JSON, ASCII only, and a newline. */
void ctl_print_json(json_t *o);
/* Prints @all (borrowed): of the one guest that was asked for, if it is there,
   the value alone; else the array. */
void ctl_print_guests(const struct ctl *ctl, json_t *all);

/* One function a command, ctl_cmd.def.  The result is the exit status, and
   why is on standard error. */
enum ctl_exit cmd_list(const struct ctl *ctl);
enum ctl_exit cmd_status(const struct ctl *ctl);
enum ctl_exit cmd_top(const struct ctl *ctl);
enum ctl_exit cmd_metrics(const struct ctl *ctl);
enum ctl_exit cmd_explain(const struct ctl *ctl);
enum ctl_exit cmd_trace(const struct ctl *ctl);
enum ctl_exit cmd_limit(const struct ctl *ctl);
enum ctl_exit cmd_restart(const struct ctl *ctl);
enum ctl_exit cmd_devices(const struct ctl *ctl);

#endif /* CTL_CTL_H */
