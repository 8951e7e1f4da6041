/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/logsink.h - writes down what confined processes say
 */
#ifndef SUPERVISOR_LOGSINK_H
#define SUPERVISOR_LOGSINK_H

#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "base/stat.h"

#define LOGSINK_LINE_MAX	1100	/* a record, every byte quoted, and its subject */
#define LOGSINK_TAIL_BYTES	2048u	/* of the last lines, kept */

struct logsink {
	int fd;			/* our end, non-blocking; borrowed */
	int out;		/* where lines go: STDERR_FILENO */
	const char *subject;	/* "disk0" */
	enum log_level up_to;
	int64_t window_s;	/* rate limit: this second, */
	uint32_t written;	/* lines in it, */
	uint32_t dropped;	/* and lines left out */
	struct stat_block *about;	/* counts them, too; or NULL */
	char tail[LOGSINK_TAIL_BYTES];	/* what was written last, and */
	uint64_t tail_bytes;		/* how much in all: logsink_tail() */
};

/*
 * One packet as a line without newline: subject, text with control characters
 * and non-ASCII quoted as \xNN.  Returns its length, 0 if the packet is
 * malformed (@what says how) or above @up_to.
 */
size_t logsink_format(const char *subject, const void *packet, size_t len,
		      enum log_level up_to, char line[LOGSINK_LINE_MAX],
		      const char **what);

/* Takes what is there, at most a bounded number of packets.  False: the speaker
   hung up (or sent an empty packet, which nobody has a reason to). */
bool logsink_read(struct logsink *s);

/* The last lines that were written, whole ones, each with its newline. */
size_t logsink_tail(const struct logsink *s, char to[LOGSINK_TAIL_BYTES]);

#endif /* SUPERVISOR_LOGSINK_H */
