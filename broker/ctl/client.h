/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl/client.h - the guests of this host, by their control sockets
 */
#ifndef CTL_CLIENT_H
#define CTL_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ctl/ctl.h"

#define CLIENT_GUESTS	1024u		/* of one host */

struct client {
	int fd;			/* -1: not connected */
	uint32_t domid;
	pid_t pid;		/* of the supervisor, as the kernel has it; 0:
				   in a pid namespace that is not ours */
};

/*
 * Connects to DIR/<domid>/control.sock.  CTL_OK; or, with a text in @why:
 * CTL_NO_GUEST if nobody listens there, CTL_NO_RIGHTS, CTL_FAILED.
 */
enum ctl_exit client_open(const char *dir, uint32_t domid, struct client *c,
			  char *why, size_t why_len);
void client_close(struct client *c);

/*
 * Sends a command (@args is consumed, and may be NULL).  False: the text is in
 * @why, and @c is closed.
 */
bool client_send(struct client *c, const char *command, json_t *args, char *why,
		 size_t why_len);
/*
 * Waits for the answer to it until @until_ns (CLOCK_MONOTONIC), and takes one
 * that is there even later.  As client_ask().
 */
json_t *client_receive(struct client *c, int64_t until_ns, int *fd, char *why,
		       size_t why_len);
/* When a question asked now is given up. */
int64_t client_patience_ns(void);

/*
 * Sends a command (@args is consumed, and may be NULL) and waits for its
 * answer, a few seconds at most: the "return" value, the caller's.  NULL: the
 * text is in @why.  *fd, if @fd is not NULL, is a descriptor that came along,
 * the caller's, or -1.
 */
json_t *client_ask(struct client *c, const char *command, json_t *args, int *fd,
		   char *why, size_t why_len);

/* A guest and what it said to "status", checked as far as its shape goes. */
struct guest {
	struct client client;
	json_t *status;		/* NULL: it does not answer as it should */
	char why[200];		/* and why not */
};

struct guest_list {
	struct guest *guest;	/* by domid */
	size_t count;
	char why[400];		/* unless it was CTL_OK */
};

/*
 * All guests (@which NULL), or the one that has this domid or name.
 * CTL_NO_GUEST if @which is not there, CTL_NO_RIGHTS if there are guests, and
 * we may talk to none.  Stale sockets are passed over.  Freed with
 * guest_list_free(), whatever the result.
 */
enum ctl_exit guest_list_find(const char *dir, const char *which,
			      struct guest_list *l);
/* The same, and what is wrong is complained of. */
enum ctl_exit guest_list_get(const char *dir, const char *which,
			     struct guest_list *l);
void guest_list_free(struct guest_list *l);

/* Asks @g for its status again; false: g->why. */
bool guest_refresh(struct guest *g);

#endif /* CTL_CLIENT_H */
