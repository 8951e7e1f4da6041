/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl/main.c - `cloisterctl`: the command line
 *
 * Runs as whoever calls it, which has to be root to see anything.  Talks to
 * the supervisors' control sockets and reads /proc; changes nothing by itself.
 * What comes from a socket is not trusted: it is bounded, checked, and quoted
 * before it goes to a terminal.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "ctl/ctl.h"
#include "ctl/text.h"
#include "supervisor/run_dir.h"

#define DELAY_DEFAULT_S	3.0
#define DELAY_MIN_S	0.1
#define DELAY_MAX_S	3600.0
#define COUNT_MAX	1000000000u

enum opt_id {
#define OPT(id, name, arg, commands, text) OPT_##id,
#include "ctl/ctl_opt.def"
#undef OPT
	OPT_COUNT_ALL
};

static const struct opt_desc {
	const char *name, *arg, *commands, *text;
} opts[OPT_COUNT_ALL] = {
#define OPT(id, name, arg, commands, text) [OPT_##id] = { name, arg, commands, text },
#include "ctl/ctl_opt.def"
#undef OPT
};

static const struct cmd_desc {
	const char *name, *args;
	int least, most;
	enum ctl_exit (*run)(const struct ctl *ctl);
	const char *text;
} cmds[] = {
#define CMD(name, args, least, most, run, text) { name, args, least, most, run, text },
#include "ctl/ctl_cmd.def"
#undef CMD
};
#define CMDS (sizeof(cmds) / sizeof(cmds[0]))

static void print_help(void)
{
	puts("usage: cloisterctl [OPTION]... COMMAND [ARGUMENT]...\n"
	     "Looks at the guests that cloister serves.  GUEST is a domid or a name.\n"
	     "\nCommands:");
	for (size_t i = 0; i < CMDS; i++)
		printf("  %s%s%s\n\t%s\n", cmds[i].name, cmds[i].args[0] ? " " : "",
		       cmds[i].args, cmds[i].text);
	puts("\nOptions:");
	for (int i = 0; i < OPT_COUNT_ALL; i++)
		printf("  --%s%s%s%s%s%s\n\t%s\n", opts[i].name, opts[i].arg ? " " : "",
		       opts[i].arg ? opts[i].arg : "", opts[i].commands[0] ? " (" : "",
		       opts[i].commands, opts[i].commands[0] ? ")" : "", opts[i].text);
	puts("\nExit status: 0 done, 1 failed, 2 usage, 3 no such guest, 4 no rights.");
}

/* All of @s, a whole number from 1 to @max. */
static bool read_count(const char *s, unsigned long long max, unsigned long long *v)
{
	char *end;

	errno = 0;
	*v = s[0] >= '0' && s[0] <= '9' ? strtoull(s, &end, 10) : 0;
	return *v >= 1 && *v <= max && !errno && !*end;
}

static bool read_delay(const char *s, double *v)
{
	char *end;

	*v = strtod(s, &end);
	return end != s && !*end && *v >= DELAY_MIN_S && *v <= DELAY_MAX_S;
}

static bool read_sort(const char *s, enum ctl_sort *v)
{
	for (*v = 0; *v < CTL_SORT_COUNT; ++*v)
		if (strcmp(ctl_sort_name[*v], s) == 0)
			return true;
	return false;
}

/* False: @arg is nothing for this option. */
static bool set_option(struct ctl *ctl, enum opt_id id, const char *arg)
{
	unsigned long long n;

	switch (id) {
	case OPT_JSON:
		ctl->json = true;
		return true;
	case OPT_RUN_DIR:
		ctl->run_dir = arg;
		return arg[0] != '\0';
	case OPT_BATCH:
		if (!read_count(arg, COUNT_MAX, &n))
			return false;
		ctl->batch = (unsigned int)n;
		return true;
	case OPT_DELAY:
		return read_delay(arg, &ctl->delay_s);
	case OPT_SORT:
		return read_sort(arg, &ctl->sort);
	case OPT_FOLLOW:
		ctl->follow = true;
		return true;
	case OPT_COUNT:
		return read_count(arg, COUNT_MAX, &ctl->count);
	case OPT_FILE:
		ctl->file = arg;
		return arg[0] != '\0';
	case OPT_HELP:
	case OPT_VERSION:
	case OPT_COUNT_ALL:
		break;
	}
	return true;
}

#define LONG	0x100	/* what getopt_long() says, and its optopt: long ones */

/* @id: ':' or '?', of getopt_long(). */
static void complain_option(int id, char **argv)
{
	const struct opt_desc *o = optopt >= LONG ? &opts[optopt - LONG] : NULL;

	if (id == ':' && o)
		ctl_complain("--%s wants %s; see --help", o->name, o->arg);
	else if (o)
		ctl_complain("--%s takes no argument; see --help", o->name);
	else if (optopt)
		ctl_complain("unknown option: -%c; see --help", optopt);
	else
		ctl_complain("unknown option: %s; see --help", argv[optind - 1]);
}

/* 0 to go on, or -1 - the exit status. */
static int read_options(struct ctl *ctl, int argc, char **argv, unsigned int *given)
{
	struct option list[OPT_COUNT_ALL + 1] = { { 0 } };
	int id;

	for (int i = 0; i < OPT_COUNT_ALL; i++)
		list[i] = (struct option){ opts[i].name, opts[i].arg != NULL, NULL, LONG + i };
	opterr = 0;
	while ((id = getopt_long(argc, argv, ":h", list, NULL)) != -1) {
		if (id == ':' || id == '?') {
			complain_option(id, argv);
			return -1 - CTL_USAGE;
		}
		id = id == 'h' ? OPT_HELP : id - LONG;
		if (id == OPT_HELP) {
			print_help();
			return -1 - CTL_OK;
		}
		if (id == OPT_VERSION) {
			puts("cloisterctl " CLOISTER_VERSION);
			return -1 - CTL_OK;
		}
		*given |= 1u << id;
		if (!set_option(ctl, (enum opt_id)id, optarg)) {
			ctl_complain("--%s: not a value for it: %s", opts[id].name, optarg);
			return -1 - CTL_USAGE;
		}
	}
	return 0;
}

/* Arguments that go to a supervisor go as JSON. */
static bool check_arguments(char *const *arg)
{
	for (; *arg; arg++) {
		json_t *s = json_string(*arg);

		if (!s) {
			ctl_complain("not UTF-8: %s", *arg);
			return false;
		}
		json_decref(s);
	}
	return true;
}

static enum ctl_exit run(struct ctl *ctl, const char *name, unsigned int given)
{
	for (size_t i = 0; i < CMDS; i++) {
		if (strcmp(cmds[i].name, name) != 0)
			continue;
		for (int id = 0; id < OPT_COUNT_ALL; id++)
			if (given >> id & 1 && opts[id].commands[0] &&
			    !text_has_word(opts[id].commands, name)) {
				ctl_complain("--%s is not for %s", opts[id].name, name);
				return CTL_USAGE;
			}
		if (ctl->args < cmds[i].least || ctl->args > cmds[i].most) {
			ctl_complain("usage: cloisterctl %s %s", name, cmds[i].args);
			return CTL_USAGE;
		}
		return check_arguments(ctl->arg) ? cmds[i].run(ctl) : CTL_USAGE;
	}
	ctl_complain("no such command: %s; see --help", name);
	return CTL_USAGE;
}

/* The exit status; what could not be printed is not done. */
static enum ctl_exit finish(enum ctl_exit status)
{
	if ((!fflush(stdout) && !ferror(stdout)) || status != CTL_OK)
		return status;
	if (errno != EPIPE)
		ctl_complain("cannot write: %s", strerror(errno));
	return CTL_FAILED;
}

/* A socket must not become what we print to.  For reading: writing still fails,
   and is told. */
static void fill_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	struct ctl ctl = { .run_dir = RUN_DIR_DEFAULT, .delay_s = DELAY_DEFAULT_S };
	unsigned int given = 0;
	int rc;

	fill_standard();
	signal(SIGPIPE, SIG_IGN);
	log_init(-1, "cloisterctl", LOG_L_WARN);
	rc = read_options(&ctl, argc, argv, &given);
	if (rc)
		return (int)finish((enum ctl_exit)(-1 - rc));
	if (optind == argc) {
		ctl_complain("a command is missing; see --help");
		return CTL_USAGE;
	}
	ctl.arg = argv + optind + 1;
	ctl.args = argc - optind - 1;
	return (int)finish(run(&ctl, argv[optind], given));
}
