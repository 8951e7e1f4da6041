/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/crash.c - writes down what a child was at when it died
 *
 * Runs in the supervisor, and in a process that it forks for each report: that
 * one reads the recorder's ring, formats and writes, and has nothing else of
 * the supervisor's open.  It is forked twice, so that nobody has to wait for
 * its end.  What a worker or the broker wrote is checked and comes out as
 * numbers; texts are quoted.
 */
#include "supervisor/crash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "abi/crash.h"
#include "base/clock.h"
#include "base/ticks.h"
#include "ring/trace.h"
#include "ring/trace_text.h"
#include "supervisor/chan_look.h"
#include "supervisor/crash_dir.h"

#define GUEST_NAME_BYTES 64
#define BUFFER_BYTES	(64 * 1024)

/* What is known of a death, once it is known. */
struct report {
	struct crash_death d;
	siginfo_t how;			/* what d.how was */
	struct timespec at;
	uint64_t at_ticks;
	const char *role, *model;	/* model: NULL */
	int trace;			/* -1 */
	struct chan_look_request request;
	struct chan_look_function function[CRASH_FUNCTIONS_MAX];
	unsigned int functions;
	char guest[GUEST_NAME_BYTES], file[160];
};

static struct report noted;	/* to be written, if is_noted */
static bool is_noted;
static struct trace_rec recs[TRACE_SLOTS];	/* of the writing process */

/* ---- text ---- */

/* Printable ASCII, and no line that is not ours. */
static void put_text(FILE *to, const char *key, const char *text, size_t len)
{
	fprintf(to, "%s: ", key);
	for (size_t i = 0; i < len && i < CRASH_LINE_MAX / 5; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < 0x20 || c >= 0x7f || c == '\\')
			fprintf(to, "\\x%02x", c);
		else
			putc(c, to);
	}
	putc('\n', to);
}

static void put_string(FILE *to, const char *key, const char *text)
{
	if (text)
		put_text(to, key, text, strlen(text));
}

static void put_end(FILE *to, const siginfo_t *how)
{
	const char *name = sigabbrev_np(how->si_status);

	if (!how->si_code)
		fprintf(to, "ended: unknown\n");
	else if (how->si_code == CLD_EXITED)
		fprintf(to, "ended: status %d\n", how->si_status);
	else if (name)
		fprintf(to, "ended: signal SIG%s\n", name);
	else
		fprintf(to, "ended: signal %d\n", how->si_status);
}

static void put_head(FILE *to, const struct report *r)
{
	const struct conf *c = r->d.roster->conf;
	struct tm tm;

	gmtime_r(&r->at.tv_sec, &tm);
	fprintf(to, CRASH_MAGIC " %u\ntime: %04d-%02d-%02dT%02d:%02d:%02d.%06ldZ\n",
		CRASH_VERSION, tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
		tm.tm_min, tm.tm_sec, r->at.tv_nsec / 1000);
	fprintf(to, "version: " CLOISTER_VERSION "\ndomid: %u\n", c->domid);
	put_string(to, "guest", c->name ? c->name : "");
	fprintf(to, "worker: %s\nrole: %s\n", roster_name(r->d.member), r->role);
	put_string(to, "model", r->model);
	fprintf(to, "pid: %d\n", r->d.pid);
	put_end(to, &r->how);
	put_string(to, "why", r->d.why);
}

/* ---- what it was at ---- */

static bool is_access(const struct chan_look_request *q)
{
	return (q->msg.kind == IO_ACCESS || q->msg.kind == IO_READ_NOTE) &&
		!q->no_window && q->msg.count &&
		(q->msg.size == 1 || q->msg.size == 2 || q->msg.size == 4 ||
		 q->msg.size == 8);
}

static void put_request(FILE *to, const struct chan_look_request *q)
{
	static const char *const name[] = CRASH_REQUEST_NAMES;
	const struct io_msg *m = &q->msg;
	char access[TRACE_TEXT_MAX] = "";
	struct trace_rec rec;

	_Static_assert(sizeof(name) / sizeof(name[0]) == IO_KIND_COUNT, "each");
	if (!q->waiting)
		return;
	fprintf(to, "waiting: %u\n", q->waiting);
	if (m->kind >= IO_KIND_COUNT)
		return;
	if (is_access(q)) {
		rec = (struct trace_rec){ .addr = q->space == CHAN_PCI ?
			(q->base & UINT8_MAX) << 8 | (m->addr & UINT8_MAX) : m->addr,
			.value = m->data, .count = m->count, .size = m->size,
			.space = q->space, .flags = (uint8_t)
			((m->flags & IO_WRITE ? TRACE_WRITE : 0) |
			 (m->flags & IO_DATA ? TRACE_STRING : 0) |
			 (m->flags & IO_DESC ? TRACE_DESC : 0)) };
		trace_text_access(access, &rec);
	}
	fprintf(to, "request: %u %s%s%s\n", m->seq, name[m->kind], access[0] ? " " : "",
		access);
}

static void put_functions(FILE *to, const struct report *r)
{
	for (unsigned int i = 0; i < r->functions; i++) {
		fprintf(to, "pci: %u ", r->function[i].devfn);
		for (unsigned int k = 0; k < CHAN_LOOK_CONFIG_BYTES; k++)
			fprintf(to, "%02x", r->function[i].config[k]);
		putc('\n', to);
	}
}

/* Where the last CRASH_LOG_LINES_MAX begin: a worker may say little often, and
   a report with more would be read by nobody. */
static size_t last_lines(const char *tail, size_t len)
{
	unsigned int lines = 0;

	for (size_t at = len; at > 0; at--)
		if (tail[at - 1] == '\n' && lines++ == CRASH_LOG_LINES_MAX)
			return at;
	return 0;
}

static void put_log(FILE *to, const struct logsink *log)
{
	char tail[LOGSINK_TAIL_BYTES];
	size_t len = log ? logsink_tail(log, tail) : 0;

	for (size_t at = last_lines(tail, len), n; at < len; at += n + 1) {
		const char *end = memchr(tail + at, '\n', len - at);

		n = end ? (size_t)(end - tail) - at : len - at;
		/* They are quoted already: a backslash is ours. */
		fprintf(to, "log: %.*s\n", (int)n, tail + at);
	}
}

static void put_accesses(FILE *to, const struct report *r)
{
	struct trace *t = r->trace < 0 ? NULL : trace_map(r->trace, false);
	struct trace_reader reader;
	unsigned int n = 0, more;
	uint64_t before;

	if (!t)
		return;
	trace_reader_init(&reader, t, true);
	before = reader.next;
	do {
		more = trace_read(&reader, recs + n, TRACE_SLOTS - n);
		n += more;
	} while (more);
	/* A successor may be there by now. */
	while (n && recs[n - 1].ticks > r->at_ticks)
		n--;
	fprintf(to, "before: %llu\naccesses: %u\n",
		(unsigned long long)(before + reader.lost + reader.bad), n);
	for (unsigned int i = 0; i < n; i++) {
		char line[TRACE_TEXT_MAX];

		trace_text_put(line, &recs[i], trace_age_ns(t, &recs[i], r->at_ticks));
		fprintf(to, "%s\n", line);
	}
}

/* ---- the file ---- */

static int write_all(int dir, const struct report *r, const char *name)
{
	static char buffer[BUFFER_BYTES];
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	FILE *to = fd < 0 ? NULL : fdopen(fd, "w");
	int rc;

	if (!to)
		return -errno;
	setvbuf(to, buffer, _IOFBF, sizeof(buffer));
	put_head(to, r);
	put_request(to, &r->request);
	put_functions(to, r);
	put_log(to, r->d.log);
	put_accesses(to, r);
	fputs("end\n", to);
	rc = fflush(to) || ferror(to) ? -errno : 0;
	return fclose(to) && !rc ? -errno : rc;
}

/* A report is there as a whole or not at all. */
static int write_report(int dir, const struct report *r)
{
	char name[40];
	int rc;

	snprintf(name, sizeof(name), ".%d.new", getpid());
	unlinkat(dir, name, 0);
	rc = write_all(dir, r, name);
	if (rc == 0) {
		crash_dir_tidy(dir, r->guest, CRASH_FILES_A_GUEST, CRASH_FILES);
		rc = renameat(dir, name, dir, r->file) ? -errno : 0;
	}
	if (rc)
		unlinkat(dir, name, 0);
	return rc;
}

/* Nothing of the supervisor's but what is read here: its locks, images and
   sockets would live as long as a slow disk takes. */
static void keep_only(int fd)
{
	unsigned int from = STDERR_FILENO + 1;

	if (fd >= (int)from) {
		if (fd > (int)from)
			close_range(from, (unsigned int)fd - 1, 0);
		from = (unsigned int)fd + 1;
	}
	close_range(from, ~0u, 0);
}

static void name_file(struct report *r)
{
	const struct conf *c = r->d.roster->conf;
	char unnamed[20];
	struct tm tm;

	gmtime_r(&r->at.tv_sec, &tm);
	snprintf(unnamed, sizeof(unnamed), "dom%u", c->domid);
	crash_dir_name(r->guest, sizeof(r->guest), c->name && c->name[0] ? c->name : unnamed);
	snprintf(r->file, sizeof(r->file), "%s.%s.%04d%02d%02dT%02d%02d%02d.%06ldZ" CRASH_SUFFIX,
		 r->guest, roster_name(r->d.member), tm.tm_year + 1900, tm.tm_mon + 1,
		 tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, r->at.tv_nsec / 1000);
}

/* In the process that writes. */
static void write_down(struct report *r)
{
	const char *path = r->d.roster->conf->crash_dir;
	int dir = crash_dir_open(path);
	int rc;

	name_file(r);
	rc = dir < 0 ? dir : write_report(dir, r);
	if (rc)
		log_event(LOG_L_WARN, -rc, "no crash report: name=%s dir=%.200s",
			  roster_name(r->d.member), path);
	else
		log_warn("crash report: name=%s file=%.200s/%s",
			 roster_name(r->d.member), path, r->file);
}

/*
 * In the process between, which the supervisor waits for: when it goes on, an
 * image that it closes is closed.
 */
_Noreturn static void hand_over(struct report *r)
{
	pid_t pid;

	keep_only(r->trace);
	pid = fork();
	if (pid == 0)
		write_down(r);
	else if (pid < 0)
		log_event(LOG_L_WARN, errno, "no crash report: name=%s",
			  roster_name(r->d.member));
	_exit(0);
}

/* ---- in the supervisor ---- */

/* A guest that can end its workers cannot fill the disk, or the log. */
static bool admit(void)
{
	static int64_t window_ns;
	static unsigned int written;
	int64_t now_ns = clock_now_ns();

	if (!window_ns || now_ns - window_ns > CRASH_BURST_S * NS_PER_S) {
		window_ns = now_ns;
		written = 0;
	}
	if (written++ == CRASH_BURST)
		log_warn("no more crash reports for now: limit=%u per_s=%d", CRASH_BURST,
			 CRASH_BURST_S);
	return written <= CRASH_BURST;
}

static const char *model_of(const struct conf *c, enum member m)
{
	for (unsigned int i = 0; i < c->nic_count; i++)
		if (roster_net(i) == m && c->nic[i].model)
			return c->nic[i].model->name;
	return NULL;
}

static void begin(struct report *r, const struct crash_death *d)
{
	const struct conf *c = d->roster->conf;
	int ch = roster_channel(d->member);

	*r = (struct report){ .d = *d, .how = *d->how, .role = roster_role(d->member),
		.at_ticks = ticks_now(), .model = model_of(c, d->member), .trace = -1 };
	if (ch >= 0) {
		int chan = d->roster->chan[ch];

		r->trace = d->roster->trace[ch];
		chan_look_request(chan, d->roster->state[ch], &r->request);
		r->functions = chan_look_functions(chan, r->function, CRASH_FUNCTIONS_MAX);
	}
	clock_gettime(CLOCK_REALTIME, &r->at);
}

void crash_note(const struct crash_death *d)
{
	crash_write();
	if (!d->roster->conf->crash_dir || !admit())
		return;
	begin(&noted, d);
	is_noted = true;
}

void crash_write(void)
{
	sigset_t all, before;
	pid_t pid;

	if (!is_noted)
		return;
	is_noted = false;
	/* No handler of the event loop's may run over there. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		hand_over(&noted);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid < 0)
		log_event(LOG_L_WARN, errno, "no crash report: name=%s",
			  roster_name(noted.d.member));
	else
		waitpid(pid, NULL, 0);
}
