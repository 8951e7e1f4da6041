/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/serial.c - the host's end of a guest's serial port
 *
 * Runs in the supervisor; the platform worker moves the bytes.  The slave of a
 * pty stays open here and raw: clients of `xl console` come and go, and a
 * master without any slave reads EIO.
 */
#include "supervisor/serial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static int make_raw(int fd)
{
	struct termios t;

	if (tcgetattr(fd, &t))
		return -errno;
	cfmakeraw(&t);
	return tcsetattr(fd, TCSANOW, &t) ? -errno : 0;
}

static int open_pty(struct serial *s)
{
	char path[64];
	int r;

	s->fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (s->fd < 0 || grantpt(s->fd) || unlockpt(s->fd))
		return -errno;
	r = ptsname_r(s->fd, path, sizeof(path));
	if (r)
		return -r;
	s->slave = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (s->slave < 0)
		return -errno;
	snprintf(s->name, sizeof(s->name), "pty:%s", path);
	return make_raw(s->slave);
}

static int open_path(struct serial *s, const struct conf_serial *conf)
{
	bool tty = conf->kind == SERIAL_TTY;

	s->fd = open(conf->path, O_NOCTTY | O_CLOEXEC | O_NONBLOCK |
		     (tty ? O_RDWR : O_WRONLY | O_CREAT | O_TRUNC), 0640);
	if (s->fd < 0)
		return -errno;
	snprintf(s->name, sizeof(s->name), "%s", tty ? "serial" : "file");
	return tty ? make_raw(s->fd) : 0;
}

int serial_open(const struct conf_serial *conf, struct serial *s,
		char *why, size_t why_len)
{
	int rc = 0;

	*s = (struct serial){ .fd = -1, .slave = -1 };
	switch (conf->kind) {
	case SERIAL_ABSENT:
		break;
	case SERIAL_NULL:
		snprintf(s->name, sizeof(s->name), "null");
		break;
	case SERIAL_PTY:
		rc = open_pty(s);
		break;
	case SERIAL_FILE:
	case SERIAL_TTY:
		rc = open_path(s, conf);
		break;
	}
	if (rc)
		snprintf(why, why_len, "%.120s: %s", conf->path ? conf->path : "pty",
			 strerrordesc_np(-rc));
	return rc;
}

void serial_look(const struct conf_serial *conf, struct serial *s)
{
	char path[64];

	s->name[0] = '\0';
	if (conf->kind == SERIAL_NULL)
		snprintf(s->name, sizeof(s->name), "null");
	else if (conf->kind == SERIAL_FILE || conf->kind == SERIAL_TTY)
		snprintf(s->name, sizeof(s->name), "%s",
			 conf->kind == SERIAL_TTY ? "serial" : "file");
	else if (conf->kind == SERIAL_PTY && ptsname_r(s->fd, path, sizeof(path)) == 0)
		snprintf(s->name, sizeof(s->name), "pty:%s", path);
}
