/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/vnc_listen.h - where VNC clients connect
 */
#ifndef SUPERVISOR_VNC_LISTEN_H
#define SUPERVISOR_VNC_LISTEN_H

#include <stdbool.h>
#include <stddef.h>

struct vnc_addr {
	char host[128];		/* as given, without brackets; "" is any */
	unsigned int display;	/* TCP port 5900 + this */
	unsigned int to;	/* further displays to try */
	bool password;
};

struct vnc_listener {
	int fd;			/* bound, listening, non-blocking */
	char host[64];		/* numeric, as bound */
	unsigned int port;
	bool ipv6;
};

/* "HOST:DISPLAY[,password=on][,to=N]".  False, and @why says what is wrong. */
bool vnc_addr_parse(const char *arg, struct vnc_addr *a, char *why, size_t why_len);

/*
 * Binds the first free port.  A single port in use is tried again for
 * @patience_ms: the guest's last device model may be on its way out.
 * 0, or -errno and @why.
 */
int vnc_listen(const struct vnc_addr *a, int patience_ms, struct vnc_listener *l,
	       char *why, size_t why_len);

/* Address and port of one that listens already: @l->fd.  0 or -errno. */
int vnc_look(struct vnc_listener *l);

#endif /* SUPERVISOR_VNC_LISTEN_H */
