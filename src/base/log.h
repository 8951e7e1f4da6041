/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * base/log.h - one event, one line: "event: key=value ...: cause"
 *
 * Event first, lower case, no full stop, not built from variables; then
 * key=value with units in the keys; the errno text last.  The subject
 * ("disk0:") is added by the supervisor.  In a confined process a line is one
 * packet on FD_LOG (never blocks: dropped and counted when full); elsewhere it
 * goes to standard error.  Logging preserves errno.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_L_ERR, LOG_L_WARN, LOG_L_INFO, LOG_L_DEBUG, LOG_L_COUNT };

/* @fd: FD_LOG, or -1 for standard error with @subject in front. */
void log_init(int fd, const char *subject, enum log_level up_to);

/* @cause: an errno value, or 0. */
void log_event(enum log_level level, int cause, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Would a line of this level be written? */
bool log_is_on(enum log_level level);

#define log_err(...)		log_event(LOG_L_ERR, 0, __VA_ARGS__)
#define log_errno(e, ...)	log_event(LOG_L_ERR, (e), __VA_ARGS__)
#define log_warn(...)		log_event(LOG_L_WARN, 0, __VA_ARGS__)
#define log_info(...)		log_event(LOG_L_INFO, 0, __VA_ARGS__)
#define log_debug(...)		log_event(LOG_L_DEBUG, 0, __VA_ARGS__)

/*
 * For anything a guest, a client or a peer can provoke: five lines a second
 * per call site, then one that says how many were dropped.  Device models have
 * no unlimited call.
 */
struct log_limit { int64_t window_s; uint32_t sent, dropped; };
bool log_allow(struct log_limit *l);
#define guest_warn(...) do {						\
	static struct log_limit limit_;					\
	if (log_allow(&limit_))						\
		log_event(LOG_L_WARN, 0, __VA_ARGS__);			\
} while (0)

#endif /* BASE_LOG_H */
