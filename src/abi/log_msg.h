/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi/log_msg.h - one log record of a confined process, on FD_LOG
 *
 * One SOCK_SEQPACKET packet: this header, then @len bytes of text without a
 * newline.  The supervisor checks both, quotes control characters and puts
 * the speaker's name in front: the subject is never the speaker's choice.
 */
#ifndef ABI_LOG_MSG_H
#define ABI_LOG_MSG_H

#include <stdint.h>

#define LOG_TEXT_MAX	240u

struct log_msg {
	uint8_t level;		/* enum log_level, base/log.h */
	uint8_t len;		/* bytes of text that follow */
	char text[LOG_TEXT_MAX];
};

#endif /* ABI_LOG_MSG_H */
