/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl/cmd_top.c - cloisterctl top: what each process uses, live or for scripts
 *
 * Runs in cloisterctl.  The only file that knows ncurses.
 */
#include <inttypes.h>
#include <curses.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "ctl/ctl.h"
#include "ctl/sample.h"
#include "ctl/text.h"

#define LINE_ROOM	160
#define HEADING	"DOMID NAME               PROCESS      CPU%     MEM     REQ/S     I/O/S   PAGES"

static void format_row(char line[LINE_ROOM], const struct sample_row *r)
{
	char memory[TEXT_NUMBER], requests[TEXT_NUMBER], io[TEXT_NUMBER];

	snprintf(line, LINE_ROOM, "%5u %-18.18s %-11.11s %6.1f %7s %9s %9s %7" PRIu64,
		 r->domid, r->guest, r->process, r->cpu_percent,
		 text_bytes(memory, (double)r->memory_bytes),
		 text_count(requests, r->requests_per_s), text_bytes(io, r->io_per_s),
		 r->map_pages);
}

static void format_sum(char line[LINE_ROOM], const struct sample *s)
{
	char silent[40] = "";

	if (s->why[0]) {
		text_quote(line, LINE_ROOM, s->why);
		return;
	}
	if (s->silent)
		snprintf(silent, sizeof(silent), ", %u do not answer", s->silent);
	snprintf(line, LINE_ROOM, "%u guests%s, %zu processes, %.1f %% of one CPU",
		 s->guests, silent, s->count, s->cpu_percent);
}

/* ---- for scripts ---- */

static json_t *row_json(const struct sample_row *r)
{
	return json_pack("{s:i,s:s,s:s,s:i,s:f,s:I,s:I,s:f,s:f,s:I}",
			 "domid", (int)r->domid, "name", r->guest,
			 "process", r->process, "pid", (int)r->pid,
			 "cpu_percent", r->cpu_percent,
			 "memory_bytes", (json_int_t)r->memory_bytes,
			 "resident_bytes", (json_int_t)r->resident_bytes,
			 "requests_per_s", r->requests_per_s,
			 "io_bytes_per_s", r->io_per_s,
			 "map_pages", (json_int_t)r->map_pages);
}

static void print_sample(const struct ctl *ctl, const struct sample *s)
{
	char line[LINE_ROOM];
	json_t *rows;

	if (ctl->json) {
		rows = json_array();
		for (size_t i = 0; i < s->count; i++)
			json_array_append_new(rows, row_json(&s->row[i]));
		ctl_print_json(json_pack("{s:f,s:i,s:f,s:o}", "interval_s", s->interval_s,
					 "guests", (int)s->guests,
					 "cpu_percent", s->cpu_percent, "rows", rows));
	} else {
		format_sum(line, s);
		puts(line);
		puts(HEADING);
		for (size_t i = 0; i < s->count; i++) {
			format_row(line, &s->row[i]);
			puts(line);
		}
		putchar('\n');
	}
	fflush(stdout);
}

static enum ctl_exit run_batch(const struct ctl *ctl, struct sample *before)
{
	enum ctl_exit status = CTL_OK;

	for (unsigned int i = 0; i < ctl->batch && status == CTL_OK && !ferror(stdout); i++) {
		struct sample now;

		usleep((useconds_t)(ctl->delay_s * 1e6));
		status = sample_take(ctl->run_dir, ctl->arg[0], before, &now);
		sample_sort(&now, ctl->sort);
		if (status == CTL_OK)
			print_sample(ctl, &now);
		else
			ctl_complain(status == CTL_NO_GUEST ? "the guest is gone" : "%s",
				     now.why);
		sample_free(before);
		*before = now;
	}
	return status;
}

/* ---- live ---- */

static void draw(const struct ctl *ctl, struct sample *s, enum ctl_sort sort)
{
	char line[LINE_ROOM];
	int rows = LINES - 3;

	sample_sort(s, sort);
	erase();
	format_sum(line, s);
	mvaddnstr(0, 0, line, COLS);
	snprintf(line, sizeof(line), "by %s; keys: c m r i n sort, q ends; each %.1f s",
		 ctl_sort_name[sort], ctl->delay_s);
	mvaddnstr(1, 0, line, COLS);
	attron(A_REVERSE);
	mvaddnstr(2, 0, HEADING, COLS);
	attroff(A_REVERSE);
	for (int i = 0; i < rows && (size_t)i < s->count; i++) {
		format_row(line, &s->row[i]);
		mvaddnstr(3 + i, 0, line, COLS);
	}
	refresh();
}

/* Looks at keys until @until_ns; false: the end. */
static bool obey(const struct ctl *ctl, struct sample *s, enum ctl_sort *sort,
		 int64_t until_ns)
{
	static const char keys[CTL_SORT_COUNT + 1] = "cmrin";

	for (;;) {
		int64_t left_ns = until_ns - clock_now_ns();
		const char *at;
		int key;

		if (left_ns <= 0)
			return true;
		timeout((int)(left_ns / NS_PER_MS) + 1);
		key = getch();
		if (key == 'q' || key == 'Q')
			return false;
		/* A terminal that went away gives errors at once, for ever. */
		if (key == ERR && until_ns - clock_now_ns() > 5 * NS_PER_MS)
			return false;
		at = key > 0 && key < 128 ? strchr(keys, key) : NULL;
		if (at)
			*sort = (enum ctl_sort)(at - keys);
		if (at || key == KEY_RESIZE)
			draw(ctl, s, *sort);
	}
}

static enum ctl_exit run_live(const struct ctl *ctl, struct sample *before)
{
	enum ctl_sort sort = ctl->sort;
	SCREEN *screen = newterm(NULL, stdout, stdin);

	if (!screen) {
		ctl_complain("this terminal is not known; try --batch");
		return CTL_FAILED;
	}
	cbreak();
	noecho();
	curs_set(0);
	keypad(stdscr, TRUE);
	draw(ctl, before, sort);
	/* The first rates do not take as long as those after them. */
	for (double delay_s = ctl->delay_s < 0.5 ? ctl->delay_s : 0.5;;
	     delay_s = ctl->delay_s) {
		struct sample now;

		if (!obey(ctl, before, &sort, clock_now_ns() +
			  (int64_t)(delay_s * (double)NS_PER_S)))
			break;
		sample_take(ctl->run_dir, ctl->arg[0], before, &now);
		draw(ctl, &now, sort);
		sample_free(before);
		*before = now;
	}
	endwin();
	delscreen(screen);
	return CTL_OK;
}

enum ctl_exit cmd_top(const struct ctl *ctl)
{
	struct sample first;
	enum ctl_exit status;

	if (!ctl->batch && (ctl->json || !isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO))) {
		ctl_complain("top without a terminal wants --batch N");
		return CTL_USAGE;
	}
	status = sample_take(ctl->run_dir, ctl->arg[0], NULL, &first);
	if (status)
		ctl_complain("%s", first.why);
	else
		status = ctl->batch ? run_batch(ctl, &first) : run_live(ctl, &first);
	sample_free(&first);
	return status;
}
