/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/json_conn.h - one client that talks JSON over a stream socket
 *
 * Framing and bounds, for QMP and for the control socket; what an object
 * means is the owner's business.  An object is a message; newlines do not
 * matter.  Nothing blocks: a client sends as much as its owner allows, and one
 * that does not read is dropped.
 */
#ifndef SUPERVISOR_JSON_CONN_H
#define SUPERVISOR_JSON_CONN_H

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_CONN_FDS	8u	/* descriptors that wait for their command */

struct json_conn;

struct json_conn_ops {
	const char *who;		/* "qmp", for the log */
	size_t in_max;			/* bytes of an object */
	size_t out_max;			/* bytes that wait to be sent */
	unsigned int write_limit_s;	/* that may wait so long; 0: for ever */
	unsigned int turn_max;		/* objects a turn of the loop; then it is
					   others' turn; 0: no limit */
	/*
	 * One whole object, not yet parsed.  False: drop the client.  With
	 * *held the object stays, and comes again after json_conn_go_on().
	 */
	bool (*object)(struct json_conn *c, const char *text, size_t len,
		       bool *held);
	/* What came is no object, says @desc.  False: drop the client. */
	bool (*bad)(struct json_conn *c, const char *desc);
	/* The connection is closed; @c is free for another.  May be NULL. */
	void (*gone)(struct json_conn *c);
};

/* Owned by its owner, and its members are json_conn.c's. */
struct json_conn {
	int fd;			/* -1: free */
	const struct json_conn_ops *ops;
	bool held;		/* its next object waits */
	bool in_junk;		/* skipping to what may be the next object */
	bool more;		/* there may be whole objects in @in */
	struct event *on_read, *on_write, *on_more;
	char *in;		/* unparsed input, grows up to in_max */
	size_t in_len, in_room;
	size_t scanned;		/* bytes of @in the scanner has seen */
	unsigned int depth;
	bool in_string, escaped;
	uint64_t taken;		/* stream offset of in[0] */
	struct {
		int fd;
		uint64_t end;	/* stream offset after the chunk it came with */
	} pending[JSON_CONN_FDS];
	unsigned int pending_count;
	char *out;		/* not yet sent */
	size_t out_len, out_room;
	int out_fd;		/* goes with out[out_fd_at]; -1: none */
	size_t out_fd_at;
};

/* Takes over a connected socket.  0, or -errno and it is still the caller's. */
int json_conn_begin(struct json_conn *c, struct event_base *base, int fd,
		    const struct json_conn_ops *ops);

/* Closes it, frees all, calls ops->gone.  Does nothing if it is free. */
void json_conn_end(struct json_conn *c);

/* Queues @msg, which is consumed, and CR LF.  False: to be dropped. */
bool json_conn_put(struct json_conn *c, json_t *msg);

/* {"error": {"class", "desc"}}, and @id (borrowed, or NULL) if there is one. */
bool json_conn_put_error(struct json_conn *c, json_t *id, const char *class,
			 const char *desc);

/* The same, with a copy of @fd (borrowed) beside it; one at a time. */
bool json_conn_put_fd(struct json_conn *c, json_t *msg, int fd);

/* A held object may come now. */
void json_conn_go_on(struct json_conn *c);

/* Oldest descriptor that came with the present object, or -1. */
int json_conn_take_fd(struct json_conn *c);

#endif /* SUPERVISOR_JSON_CONN_H */
