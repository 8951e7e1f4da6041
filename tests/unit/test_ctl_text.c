/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_ctl_text.c - what cloisterctl shows: quoting, numbers, names
 */
#include "abi/fds.h"
#include "ctl/fdnames.h"
#include "ctl/proc.h"
#include "ctl/sample.h"
#include "ctl/text.h"
#include "tap.h"

#include <unistd.h>

static void test_quote(void)
{
	char to[64], small[8];

	is_str(text_quote(to, sizeof(to), "plain name-1"), "plain name-1", "plain");
	is_str(text_quote(to, sizeof(to), "\x1b[2J\a\r\n"), "\\x1b[2J\\x07\\x0d\\x0a",
	       "what moves a cursor");
	is_str(text_quote(to, sizeof(to), "\xc2\x9b""1m \xe2\x80\xae"),
	       "\\xc2\\x9b1m \\xe2\\x80\\xae", "and what does so in UTF-8");
	is_str(text_quote(to, sizeof(to), "a\\x41"), "a\\\\x41", "no two texts look alike");
	is_str(text_quote(small, sizeof(small), "abcdefgh"), "abcdefg", "cut");
	is_str(text_quote(small, sizeof(small), "abcde\x1b"), "abcde", "not within a quote");
}

static void test_numbers(void)
{
	char to[TEXT_NUMBER];

	is_str(text_bytes(to, 999), "999", "bytes");
	is_str(text_bytes(to, 1536), "1.5K", "with a unit");
	is_str(text_bytes(to, 23.0 * 1024 * 1024), "23M", "short");
	is_str(text_count(to, 999999), "1.0M", "counts go by thousands");
	is_str(text_bytes(to, -1), "0", "no number below 0");
	is_str(text_bytes(to, 1e300), "0", "nor beyond all");
	is_str(text_age(to, 59.9), "59s", "an age");
	is_str(text_age(to, 3 * 3600 + 62), "3h1m", "in hours");
	is_str(text_age(to, -5), "0s", "of somebody who lies");
	is_str(text_age(to, 1e30), "0s", "in either direction");
}

static void test_json(void)
{
	json_t *o = json_pack("{s:i,s:s,s:f}", "n", -5, "s", "x", "f", 1.5);

	ok(text_uint(o, "n") == 0 && text_uint(o, "s") == 0 && text_uint(o, "f") == 0 &&
	   text_uint(o, "none") == 0 && text_uint(NULL, "n") == 0, "no number: 0");
	ok(*text_of(o, "n") == '\0' && *text_of(NULL, "s") == '\0', "no text: empty");
	json_decref(o);
}

static void test_fds(void)
{
	static const struct { int fd; const char *means; } vnc[] = {
		{ FD_EPOLL, "FD_VNC_CLIENT0+0: a client" },
		{ FD_HV_MEM, "FD_VNC_CLIENT0+2: a client" },
		{ FD_STATS, "FD_STATS: what it counts" },
		{ FD_VNC_FB, "FD_VNC_FB: the picture, read only" },
		{ FD_VNC_MORE_END - 1, "FD_VNC_MORE0+19: a client" },
		{ FD_VNC_MORE_END, "" },
	};
	char to[100];

	ok(strstr(fdnames_find("disk", FD_CHAN, to, sizeof(to)), "FD_CHAN: "), "%s", to);
	ok(strstr(fdnames_find("disk", FD_DISK1, to, sizeof(to)), "FD_DISK1: "), "%s", to);
	ok(strstr(fdnames_find("broker", FD_KICK0 + 3, to, sizeof(to)), "FD_KICK0+3: "),
	   "%s", to);
	for (unsigned int i = 0; i < sizeof(vnc) / sizeof(vnc[0]); i++)
		is_str(fdnames_find("vnc", vnc[i].fd, to, sizeof(to)), vnc[i].means,
		       "vnc's clients are where others have something else");
	is_str(fdnames_find("vga", FD_VNC_MORE0, to, sizeof(to)), "", "vga has none");
	is_str(fdnames_find("supervisor", 5, to, sizeof(to)), "", "the supervisor's are not told");
	is_str(fdnames_find("", 5, to, sizeof(to)), "", "nor nobody's");
}

static void test_proc(void)
{
	struct proc_use u;
	char value[20];

	ok(proc_use(getpid(), &u) && u.parent == getppid() && u.threads >= 1 &&
	   u.resident_bytes > 100000, "this process");
	ok(proc_is_family(getpid(), getppid(), &u) && proc_is_family(getpid(), getpid(), &u) &&
	   !proc_is_family(1, getpid(), &u), "whose child it is");
	ok(!proc_use(-1, &u) && !proc_use(0, &u) && !proc_use(1 << 30, &u), "no process");
	ok(proc_field("A:\t1\nAB:\t 2 3\n", "AB", value, sizeof(value)) &&
	   strcmp(value, "2 3") == 0, "a field");
	ok(!proc_field("A:\t1\n", "B", value, sizeof(value)) &&
	   !proc_field("", "B", value, sizeof(value)), "none");
}

static void test_sort(void)
{
	struct sample_row rows[] = {
		{ .domid = 9, .guest = "a", .process = "x", .cpu_percent = 1 },
		{ .domid = 3, .guest = "b", .process = "z", .cpu_percent = 5 },
		{ .domid = 3, .guest = "b", .process = "y", .cpu_percent = 5 },
	};
	struct sample s = { .count = 3, .row = rows };

	sample_sort(&s, CTL_SORT_CPU);
	ok(rows[0].process[0] == 'y' && rows[1].process[0] == 'z', "by CPU, then by name");
	sample_sort(&s, CTL_SORT_NAME);
	ok(rows[0].guest[0] == 'a' && rows[2].process[0] == 'z', "by name");
	ok(strcmp(ctl_sort_name[CTL_SORT_IO], "io") == 0, "as the option has it");
}

int main(void)
{
	test_quote();
	test_numbers();
	test_json();
	test_fds();
	test_proc();
	test_sort();
	return tap_done();
}
