/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policy/mkpolicy.c - turns NAME.policy into a seccomp filter, at build time
 *
 * Runs on the build machine, links libseccomp, is not installed.  Refuses a
 * rule without a reason, without the arguments that calls.def wants checked,
 * or with a name it does not know.  It does not decide what is wise: the
 * policies do, and README.md says how to read them.
 *
 *	mkpolicy [--log] -o policy_NAME.h FDS_H NAME.policy
 *	mkpolicy --explain FDS_H NAME.policy	the final list, for people
 *	mkpolicy --list FDS_H NAME.policy	call, number, mark, fds; for scripts
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <linux/falloc.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <seccomp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#if __has_include(<xen/xen.h>)
#include <xen/xen.h>
#include <xen/sys/evtchn.h>
#include <xen/sys/privcmd.h>
_Static_assert(IOCTL_EVTCHN_NOTIFY == 0x44504, "consts.def");
_Static_assert(IOCTL_EVTCHN_UNBIND == 0x44503, "consts.def");
_Static_assert(IOCTL_PRIVCMD_DM_OP == 0x105005, "consts.def");
_Static_assert(IOCTL_PRIVCMD_MMAPBATCH_V2 == 0x205004, "consts.def");
#endif

#define RULES		80
#define CONDS		4
#define VALUES		48
#define WORDS		64
#define ARGS		6
#define NAMES		200

static const struct {
	const char *name;
	uint64_t value;
} consts[] = {
#define CONST(n)	{ #n, (uint64_t)(n) },
#define CONST_AS(n, v)	{ #n, (v) },
#include "consts.def"
};

static const struct call {
	const char *name, *required, *prototype;
} calls[] = {
#define CALL(n, required, prototype) { #n, required, prototype },
#include "calls.def"
};

static struct {
	char name[40];
	uint64_t value;
} fds[NAMES];
static unsigned int fd_count;

enum op { IS, SUBSET };

struct cond {
	char text[400];			/* as written, for --explain */
	unsigned int arg;
	bool wide;			/* 64 bits matter */
	enum op op;
	uint64_t value[VALUES];
	unsigned int count;
};

struct rule {
	const struct call *call;
	int nr;
	struct cond cond[CONDS];
	unsigned int conds;
	char tag[16];			/* "@lab", "@fallback" or nothing */
	char reason[200];
};

static struct rule rules[RULES];
static unsigned int rule_count;
static bool default_seen;

/* Where we are, for complaints. */
static const char *at_file;
static unsigned int at_line;

__attribute__((format(printf, 1, 2)))
static _Noreturn void refuse(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s:%u: ", at_file, at_line);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static FILE *open_text(const char *path)
{
	FILE *f = fopen(path, "r");

	if (!f) {
		fprintf(stderr, "mkpolicy: %s: %s\n", path, strerror(errno));
		exit(1);
	}
	at_file = path;
	at_line = 0;
	return f;
}

/* Lines of the form "NAME = NUMBER," inside the enums of abi/fds.h. */
static void read_fds(const char *path)
{
	FILE *f = open_text(path);
	char line[500], name[32];
	unsigned int value;
	int used;

	while (fgets(line, sizeof(line), f)) {
		at_line++;
		if (sscanf(line, " FD_%27[A-Z0-9_]%n", name, &used) != 1)
			continue;
		if (sscanf(line + used, " = %u ,", &value) != 1)
			refuse("FD_%s has no explicit number", name);
		if (fd_count == NAMES)
			refuse("too many names");
		snprintf(fds[fd_count].name, sizeof(fds[0].name), "FD_%s", name);
		fds[fd_count++].value = value;
	}
	fclose(f);
	if (!fd_count)
		refuse("no descriptor names found");
}

static uint64_t parse_name(const char *s)
{
	char *end;
	uint64_t v;

	for (unsigned int i = 0; i < fd_count; i++)
		if (!strcmp(s, fds[i].name))
			return fds[i].value;
	for (size_t i = 0; i < sizeof(consts) / sizeof(consts[0]); i++)
		if (!strcmp(s, consts[i].name))
			return consts[i].value;
	errno = 0;
	v = strtoull(s, &end, 0);
	if (!*s || *end || errno)
		refuse("unknown name \"%s\" (abi/fds.h, consts.def)", s);
	return v;
}

/* NAME, number, or several joined by "|". */
static uint64_t parse_value(char *s)
{
	uint64_t v = 0;

	for (char *next; s; s = next) {
		next = strchr(s, '|');
		if (next)
			*next++ = '\0';
		v |= parse_name(s);
	}
	return v;
}

static void add_value(struct cond *c, uint64_t v)
{
	if (c->count == VALUES)
		refuse("too many values");
	c->value[c->count++] = c->wide ? v : (uint32_t)v;
}

/* One word after "in": a value, FIRST..LAST, or FIRST..<END. */
static void add_values(struct cond *c, char *word)
{
	char *dots = strstr(word, "..");
	uint64_t first, last;

	if (!dots) {
		add_value(c, parse_value(word));
		return;
	}
	*dots = '\0';
	first = parse_name(word);
	last = dots[2] == '<' ? parse_name(dots + 3) - 1 : parse_name(dots + 2);
	if (last < first || last - first >= VALUES)
		refuse("bad range %s..%s", word, dots + 2);
	for (uint64_t v = first; v <= last; v++)
		add_value(c, v);
}

/* Finds argument @name in the prototype; refuses if there is none. */
static void find_arg(const struct call *call, const char *name, struct cond *c)
{
	char copy[100], *save = NULL, *arg;

	snprintf(copy, sizeof(copy), "%s", call->prototype);
	arg = strtok_r(copy, " ", &save);
	for (c->arg = 0; arg; c->arg++, arg = strtok_r(NULL, " ", &save)) {
		char *wide = strstr(arg, ":64");

		if (wide)
			*wide = '\0';
		c->wide = wide != NULL;
		if (*arg != '-' && !strcmp(arg, name))
			return;
	}
	refuse("%s has no argument \"%s\" that can be checked (%s)",
	       call->name, name, call->prototype);
}

static bool is_operator(const char *s)
{
	return s && (!strcmp(s, "==") || !strcmp(s, "in") || !strcmp(s, "subset"));
}

static void add_text(struct cond *c, const char *word)
{
	size_t used = strlen(c->text);

	snprintf(c->text + used, sizeof(c->text) - used, "%s%s",
		 used ? " " : "", word);
}

/* "ARG == VALUE", "ARG in VALUE...", "ARG subset VALUE".  Words consumed. */
static unsigned int parse_cond(struct rule *r, char **word)
{
	struct cond *c = &r->cond[r->conds];
	unsigned int n = 2;

	if (r->conds++ == CONDS)
		refuse("too many conditions");
	if (!is_operator(word[1]))
		refuse("\"%s\": expected ==, in or subset after it", word[0]);
	find_arg(r->call, word[0], c);
	for (unsigned int i = 0; i + 1 < r->conds; i++)
		if (r->cond[i].arg == c->arg)
			refuse("\"%s\" is checked twice", word[0]);
	add_text(c, word[0]);
	add_text(c, word[1]);
	c->op = strcmp(word[1], "subset") ? IS : SUBSET;
	while (word[n] && *word[n] != '@' && !is_operator(word[n + 1])) {
		add_text(c, word[n]);
		if (!strcmp(word[1], "in"))
			add_values(c, word[n]);
		else
			add_value(c, parse_value(word[n]));
		n++;
	}
	if (!c->count || (c->count > 1 && strcmp(word[1], "in")))
		refuse("\"%s %s\" takes %s", word[0], word[1],
		       c->count ? "one value" : "a value");
	return n;
}

static void check_required(const struct rule *r)
{
	char copy[100], *save = NULL, *arg;

	snprintf(copy, sizeof(copy), "%s", r->call->required);
	arg = strtok_r(copy, " ", &save);
	for (; arg; arg = strtok_r(NULL, " ", &save)) {
		struct cond want = { 0 };
		bool found = false;

		find_arg(r->call, arg, &want);
		for (unsigned int i = 0; i < r->conds; i++)
			found |= r->cond[i].arg == want.arg;
		if (!found)
			refuse("%s without a condition on \"%s\"",
			       r->call->name, arg);
	}
}

static bool same_conds(const struct rule *a, const struct rule *b)
{
	for (unsigned int i = 0; i < a->conds; i++)
		if (strcmp(a->cond[i].text, b->cond[i].text))
			return false;
	return a->conds == b->conds;
}

/* Two rules for one call are either/or; one without conditions eats the rest. */
static void check_overlap(const struct rule *r)
{
	for (unsigned int i = 0; i < rule_count; i++) {
		if (rules[i].call != r->call)
			continue;
		if (!r->conds || !rules[i].conds)
			refuse("%s is already listed, and one of the rules has "
			       "no conditions", r->call->name);
		if (same_conds(r, &rules[i]))
			refuse("this rule is already there");
	}
}

static void parse_rule(char **word, const char *reason)
{
	struct rule *r = &rules[rule_count];

	if (rule_count == RULES)
		refuse("too many rules");
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (!strcmp(word[0], calls[i].name))
			r->call = &calls[i];
	if (!r->call)
		refuse("\"%s\" is not a call a policy may list (calls.def)", word[0]);
	r->nr = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86_64, word[0]);
	if (r->nr < 0)
		refuse("libseccomp does not know \"%s\"", word[0]);
	for (word++; *word && **word != '@';)
		word += parse_cond(r, word);
	if (*word) {
		if (strcmp(*word, "@lab") && strcmp(*word, "@fallback"))
			refuse("unknown mark \"%s\"", *word);
		snprintf(r->tag, sizeof(r->tag), "%s", *word);
		if (word[1])
			refuse("\"%s\" after the mark", word[1]);
	}
	if (strlen(reason) < 3)
		refuse("%s: a rule needs its reason after a #", r->call->name);
	snprintf(r->reason, sizeof(r->reason), "%s", reason);
	check_required(r);
	check_overlap(r);
	rule_count++;
}

static void read_policy(const char *path, bool included);

static void include(const char *name, bool included)
{
	const char *file = at_file;
	unsigned int line = at_line;
	char copy[400], path[500];

	if (included)
		refuse("an included file includes nothing");
	snprintf(copy, sizeof(copy), "%s", at_file);
	snprintf(path, sizeof(path), "%s/%s", dirname(copy), name);
	read_policy(path, true);
	at_file = file;
	at_line = line;
}

/* Splits a line into words and the trimmed text after '#'. */
static unsigned int split(char *line, char **word, char **reason)
{
	char *hash = strchr(line, '#'), *save = NULL;
	unsigned int n = 0;

	*reason = line + strlen(line);
	if (hash) {
		*hash = '\0';
		*reason = hash + 1;
		while (isspace((unsigned char)**reason))
			(*reason)++;
		for (size_t len = strlen(*reason); len &&
		     isspace((unsigned char)(*reason)[len - 1]); len--)
			(*reason)[len - 1] = '\0';
	}
	for (char *w = strtok_r(line, " \t\r\n", &save); w;
	     w = strtok_r(NULL, " \t\r\n", &save)) {
		if (n == WORDS - 2)
			refuse("too many words");
		word[n++] = w;
	}
	word[n] = word[n + 1] = NULL;
	return n;
}

static void read_policy(const char *path, bool included)
{
	char line[2000], *word[WORDS], *reason;
	FILE *f = open_text(path);

	while (fgets(line, sizeof(line), f)) {
		unsigned int n;

		at_line++;
		if (!strchr(line, '\n'))
			refuse("line too long, or no end of line");
		n = split(line, word, &reason);
		if (n == 0)
			continue;
		if (!strcmp(word[0], "default")) {
			if (n != 2 || strcmp(word[1], "kill"))
				refuse("the only default is: default kill");
			default_seen = true;
		} else if (!strcmp(word[0], "@include")) {
			if (n != 2)
				refuse("@include takes one file name");
			include(word[1], included);
		} else {
			parse_rule(word, reason);
		}
	}
	fclose(f);
	if (!included && !default_seen)
		refuse("\"default kill\" is missing");
}

static unsigned int distinct_calls(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < rule_count; i++) {
		bool first = true;

		for (unsigned int j = 0; j < i; j++)
			first &= rules[j].call != rules[i].call;
		n += first;
	}
	return n;
}

static void must(int rc, const char *what, const char *call)
{
	if (rc == 0)
		return;
	fprintf(stderr, "%s: %s %s: %s\n", at_file, what, call, strerror(-rc));
	exit(1);
}

/* One libseccomp rule per combination of values. */
static void add_combinations(scmp_filter_ctx ctx, const struct rule *r,
			     unsigned int depth, struct scmp_arg_cmp *cmp)
{
	const struct cond *c = &r->cond[depth];
	uint64_t all;

	if (depth == r->conds) {
		must(seccomp_rule_add_exact_array(ctx, SCMP_ACT_ALLOW, r->nr,
						  r->conds, cmp),
		     "cannot add a rule for", r->call->name);
		return;
	}
	all = c->wide ? UINT64_MAX : UINT32_MAX;
	for (unsigned int i = 0; i < c->count; i++) {
		if (c->op == SUBSET)
			cmp[depth] = SCMP_CMP64(c->arg, SCMP_CMP_MASKED_EQ,
						all & ~c->value[i], 0);
		else
			cmp[depth] = SCMP_CMP64(c->arg, SCMP_CMP_MASKED_EQ,
						all, c->value[i]);
		add_combinations(ctx, r, depth + 1, cmp);
	}
}

static scmp_filter_ctx compile(bool log_only)
{
	uint32_t otherwise = log_only ? SCMP_ACT_LOG : SCMP_ACT_KILL_PROCESS;
	scmp_filter_ctx ctx = seccomp_init(otherwise);
	struct scmp_arg_cmp cmp[CONDS];

	if (!ctx)
		must(-ENOMEM, "seccomp_init", "");
	if (seccomp_arch_native() != SCMP_ARCH_X86_64) {
		must(seccomp_arch_add(ctx, SCMP_ARCH_X86_64), "arch", "");
		must(seccomp_arch_remove(ctx, SCMP_ARCH_NATIVE), "arch", "");
	}
	must(seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH,
			      SCMP_ACT_KILL_PROCESS), "bad arch", "");
	for (unsigned int i = 0; i < rule_count; i++)
		add_combinations(ctx, &rules[i], 0, cmp);
	/* The file's order is the filter's: the busy calls are written first. */
	for (unsigned int i = rule_count; i-- > 0;)
		must(seccomp_syscall_priority(ctx, rules[i].nr,
					      (uint8_t)(255 - i)),
		     "priority", rules[i].call->name);
	return ctx;
}

static void write_header(const char *out, const char *name, scmp_filter_ctx ctx,
			 bool log_only)
{
	int fd = memfd_create("bpf", MFD_CLOEXEC);
	struct sock_filter insn;
	unsigned int n = 0;
	FILE *f;

	if (fd < 0)
		must(-errno, "memfd", "");
	must(seccomp_export_bpf(ctx, fd), "export", "");
	lseek(fd, 0, SEEK_SET);
	f = fopen(out, "w");
	if (!f)
		must(-errno, "cannot write", out);
	fprintf(f, "/* Made by policy/mkpolicy from policy/%s.policy. */\n"
		"#include <linux/filter.h>\n#include \"runtime/sandbox.h\"\n\n"
		"static const struct sock_filter policy_%s_filter[] = {\n",
		name, name);
	while (read(fd, &insn, sizeof(insn)) == sizeof(insn)) {
		fprintf(f, "\t{ 0x%02x, %u, %u, 0x%08" PRIx32 " },\n",
			insn.code, insn.jt, insn.jf, (uint32_t)insn.k);
		n++;
	}
	fprintf(f, "};\n\nstatic const struct sandbox_policy policy_%s = {\n"
		"\t.name = \"%s%s\",\n\t.filter = policy_%s_filter,\n"
		"\t.filter_len = %u,\n\t.syscalls = %u,\n};\n",
		name, name, log_only ? " (log only)" : "", name, n,
		distinct_calls());
	if (fclose(f) || n == 0 || n > BPF_MAXINSNS)
		must(-EIO, "writing", out);
	close(fd);
}

static void explain(const char *name)
{
	printf("%s: %u system calls; anything else kills the process\n\n",
	       name, distinct_calls());
	for (unsigned int i = 0; i < rule_count; i++) {
		const struct rule *r = &rules[i];

		printf("%s", r->call->name);
		for (unsigned int j = 0; j < r->conds; j++)
			printf("%s%s", j ? ", " : " if ", r->cond[j].text);
		printf("\n\t%s%s%s\n", r->reason, *r->tag ? " " : "", r->tag);
	}
}

static void list(void)
{
	for (unsigned int i = 0; i < rule_count; i++) {
		const struct rule *r = &rules[i];
		const char *comma = "";

		printf("%s\t%d\t%s\t", r->call->name, r->nr,
		       *r->tag ? r->tag : "-");
		for (unsigned int j = 0; j < r->conds; j++) {
			if (strncmp(r->cond[j].text, "fd ", 3))
				continue;
			for (unsigned int k = 0; k < r->cond[j].count; k++) {
				printf("%s%d", comma, (int)r->cond[j].value[k]);
				comma = ",";
			}
		}
		printf("\n");
	}
}

static int usage(void)
{
	fprintf(stderr, "usage: mkpolicy [--log] -o HEADER FDS_H NAME.policy\n"
		"       mkpolicy --explain|--list FDS_H NAME.policy\n");
	return 2;
}

int main(int argc, char **argv)
{
	bool log_only = false, want_explain = false, want_list = false;
	const char *out = NULL;
	char name[100], copy[400];
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i++) {
		if (!strcmp(argv[i], "--log"))
			log_only = true;
		else if (!strcmp(argv[i], "--explain"))
			want_explain = true;
		else if (!strcmp(argv[i], "--list"))
			want_list = true;
		else if (!strcmp(argv[i], "-o") && i + 1 < argc)
			out = argv[++i];
		else
			return usage();
	}
	if (argc - i != 2 || (!out && !want_explain && !want_list))
		return usage();

	snprintf(copy, sizeof(copy), "%s", argv[i + 1]);
	snprintf(name, sizeof(name), "%s", basename(copy));
	if (strchr(name, '.'))
		*strchr(name, '.') = '\0';
	read_fds(argv[i]);
	read_policy(argv[i + 1], false);
	if (out) {
		scmp_filter_ctx ctx = compile(log_only);

		write_header(out, name, ctx, log_only);
		seccomp_release(ctx);
	}
	if (want_explain)
		explain(name);
	if (want_list)
		list();
	return 0;
}
