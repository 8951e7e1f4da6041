/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/serial.h - the host's end of a guest's serial port
 */
#ifndef SUPERVISOR_SERIAL_H
#define SUPERVISOR_SERIAL_H

#include <stddef.h>

#include "supervisor/conf.h"

struct serial {
	int fd;			/* for the platform worker; -1: none */
	int slave;		/* pty: kept open so that the master never hangs up */
	char name[128];		/* as query-chardev reports it; "" if absent */
};

/* 0, or -errno and @why. */
int serial_open(const struct conf_serial *conf, struct serial *s,
		char *why, size_t why_len);

/* The name of one that is open already. */
void serial_look(const struct conf_serial *conf, struct serial *s);

#endif /* SUPERVISOR_SERIAL_H */
