/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi/crash.h - the crash report of a guest's process, a text file
 *
 * Written by the supervisor (supervisor/crash.h) when one of its children dies,
 * read by `cloisterctl trace --file` and tests/integ/replay.  What a guest did to
 * its devices is in it, keystrokes among it: mode 0600.
 *
 *	cloister-crash 1
 *	time: 2026-11-21T17:04:05.123456Z	of the death
 *	version: 0.1.0				of cloister
 *	domid: 7
 *	guest: web1
 *	worker: disk0
 *	role: disk
 *	model: e1000				of a network card
 *	pid: 817
 *	ended: signal SIGSEGV			or: status 42
 *	why: no heartbeat			if the supervisor knows more
 *	waiting: 3				requests sent, not committed
 *	request: 4711 access W1 port 0x1f7 0x20 1 -
 *	pci: 9 868010...			a function, its 256 bytes in hex
 *	log: disk0: the last lines it said
 *	before: 120				what came before was overwritten
 *	accesses: 4094
 *	access 1203 hop W1 port 0x1f7 0x20 1 -	oldest first, ring/trace_text.h
 *	end
 *
 * Keys stand in this order, each on a line of its own; pci and log come as
 * often as there is something to say, model, why, waiting and request if
 * there is.  Text is printable ASCII, anything else as \xHH.
 *
 * "request" is the one that was being served: its sequence number, its name
 * (CRASH_REQUEST_NAMES) and, of an access, what ring/trace_text.h has for it; with
 * "string" its data were in the channel, and the value says nothing.
 * "before" counts slots of the ring, abi/trace.h.
 */
#ifndef ABI_CRASH_H
#define ABI_CRASH_H

#define CRASH_MAGIC		"cloister-crash"
#define CRASH_VERSION		1u
#define CRASH_SUFFIX		".crash"

#define CRASH_FILE_BYTES_MAX	(1024u * 1024u)
#define CRASH_LINE_MAX		1200u
#define CRASH_LOG_LINES_MAX	128u
#define CRASH_FUNCTIONS_MAX	8u

/* By enum io_kind. */
#define CRASH_REQUEST_NAMES { "none", "access", "batch", "read-note",		\
	"invalidate", "unplug", "reply", "pause", "resume", "sync" }

#endif /* ABI_CRASH_H */
