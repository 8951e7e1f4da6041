/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/conf_file.c - reads cloister.conf(5)
 *
 * Runs in the supervisor, first.  libinih splits the lines; what they mean is
 * that of the options they stand for.  Lines are handed to it one by one, so
 * that a refusal can name the line, and one that does not fit is not cut.
 */
#include "supervisor/conf_file.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervisor/metrics_path.h"

#define LINE_MAX_BYTES	4096
#define FILE_MAX_BYTES	(1024 * 1024)
#define BOM		"\xef\xbb\xbf"
#define BLANKS		" \t\r\n\v\f"

struct reader {
	struct conf *conf;
	const char *path;
	struct serve_late *late;
	FILE *from;
	unsigned int line;
	enum conf_result result;
};

/* c->why = "PATH:LINE: what". */
__attribute__((format(printf, 2, 3)))
static int refuse(struct reader *r, const char *fmt, ...)
{
	char what[240];
	va_list ap;

	if (r->result)
		return 0;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	snprintf(r->conf->why, sizeof(r->conf->why), "%.120s:%u: %s", r->path, r->line,
		 what);
	r->result = CONF_REFUSED;
	return 0;
}

/* A setting of ours: what -cloister KEY=VALUE does. */
static enum conf_result take_setting(struct conf *c, const char *key, const char *value)
{
	char text[LINE_MAX_BYTES + 8];
	size_t n = (size_t)snprintf(text, sizeof(text), "%s=", key);

	if (strcmp(key, "limit") == 0)
		return CONF_USAGE;	/* they have sections */
	for (; *value && n < sizeof(text) - 2; value++) {
		text[n++] = *value;
		if (*value == ',')
			text[n++] = ',';
	}
	text[n] = '\0';
	if (*value)
		return conf_refuse(c, OPT_CLOISTER, NULL, "too long");
	return conf_use(c, OPT_CLOISTER, text);
}

/* What all guests read gives all of them the same file. */
static bool is_everybodys(const struct reader *r, const char *key, const char *value)
{
	return !r->late && strcmp(key, "metrics") == 0 && value[0] == '/' &&
		!metrics_path_differs(value);
}

static enum conf_result take_key(struct reader *r, const char *section,
				 const char *key, const char *value)
{
	if (strcmp(section, "defaults") == 0 && is_everybodys(r, key, value))
		return conf_refuse(r->conf, OPT_CLOISTER, value,
				   "would be the same file for all guests; put %%d, "
				   "the domid, or %%n, the name, into it");
	if (strcmp(section, "defaults") == 0)
		return take_setting(r->conf, key, value);
	if (strncmp(section, "limits.", 7) == 0)
		return conf_limit_of(r->conf, section + 7, key, value);
	return serve_take(r->conf, r->late, key, value);
}

/* libinih's handler: 1 goes on, 0 notes the line as wrong. */
static int on_key(void *arg, const char *section, const char *key, const char *value)
{
	struct reader *r = arg;
	char said[180];
	enum conf_result rc;

	if (r->result)
		return 0;
	if (strcmp(section, "guest") == 0 && !r->late)
		return refuse(r, "[guest]: only a file for serve --config may have it");
	if (strcmp(section, "defaults") != 0 && strncmp(section, "limits.", 7) != 0 &&
	    strcmp(section, "guest") != 0)
		return refuse(r, "[%.40s]: no such section; there are defaults, "
			      "limits.PROCESS and guest", section);
	if (!value[0])
		return refuse(r, "%.60s: empty", key);
	snprintf(said, sizeof(said), "%.110s:%u: %.40s:", r->path, r->line, key);
	r->conf->said = said;
	rc = take_key(r, section, key, value);
	r->conf->said = NULL;
	if (rc == CONF_USAGE)
		return refuse(r, "%.60s: no such key in [%.40s]", key, section);
	if (rc == CONF_OK && r->conf->text_full)
		return refuse(r, "%.60s: there is no more room for it", key);
	r->result = rc;
	return rc == CONF_OK;
}

/* libinih does not look there, and a setting that somebody put there would be
   none. */
static bool has_more_behind_section(const struct reader *r, const char *line)
{
	const char *end;

	if (r->line == 1 && strncmp(line, BOM, strlen(BOM)) == 0)
		line += strlen(BOM);
	line += strspn(line, BLANKS);
	end = line[0] == '[' ? strchr(line, ']') : NULL;
	if (!end)
		return false;
	line = ++end;
	line += strspn(line, BLANKS);
	return *line && (*line != ';' || line == end);
}

/* libinih's reader: one line a call, as fgets(). */
static char *next_line(char *to, int room, void *arg)
{
	struct reader *r = arg;
	size_t len;

	if (r->result)
		return NULL;
	memset(to, 0, (size_t)room);
	if (!fgets(to, room, r->from))
		return NULL;
	r->line++;
	len = strlen(to);
	if (len == 0 || (to[len - 1] != '\n' && !feof(r->from))) {
		refuse(r, len == (size_t)room - 1 ? "the line is too long" :
		       "a zero byte");
		return NULL;
	}
	if (has_more_behind_section(r, to)) {
		refuse(r, "something after [SECTION]");
		return NULL;
	}
	return to;
}

static void parse(struct reader *r)
{
	int bad;

	/* An indented line is a line: what it would go on is a matter of taste. */
	ini_allow_multiline = false;
	ini_use_stack = false;
	ini_max_line = ini_initial_alloc = LINE_MAX_BYTES;
	bad = ini_parse_stream(next_line, r, on_key, r);
	if (bad > 0 && !r->result) {
		r->line = (unsigned int)bad;
		refuse(r, "neither [SECTION] nor KEY = VALUE");
	} else if (bad < 0) {
		refuse(r, "no memory");
	}
}

/* A file that others may write says what others want. */
static int check_file(int fd, const char **what)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	*what = !S_ISREG(st.st_mode) ? "not a regular file" :
		st.st_mode & S_IWOTH ? "writable by everybody" :
		st.st_uid != 0 && st.st_uid != geteuid() ? "somebody else's" :
		st.st_size > FILE_MAX_BYTES ? "too large" : NULL;
	return 0;
}

enum conf_result conf_file_read(struct conf *c, const char *path, unsigned int flags,
				struct serve_late *late)
{
	struct reader r = { .conf = c, .path = path, .late = late };
	const char *what = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int rc = fd < 0 ? -errno : check_file(fd, &what);

	if (rc == -ENOENT && (flags & CONF_FILE_OPTIONAL))
		return CONF_OK;
	if (rc == 0 && !what) {
		r.from = fdopen(fd, "r");
		rc = r.from ? 0 : -errno;
	}
	if (rc || what) {
		snprintf(c->why, sizeof(c->why), "cannot read settings: %.160s: %s",
			 path, what ? what : strerrordesc_np(-rc));
		if (fd >= 0)
			close(fd);
		return CONF_REFUSED;
	}
	parse(&r);
	fclose(r.from);
	return r.result;
}
