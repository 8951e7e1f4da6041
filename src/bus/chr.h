/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bus/chr.h - what a serial port asks of the host: bytes
 */
#ifndef BUS_CHR_H
#define BUS_CHR_H

#include <stddef.h>
#include <stdint.h>

struct chr;
struct chr_ops {
	/* Never blocks; what the host does not take at once is dropped (and
	   counted by the back end). */
	void (*write)(struct chr *c, const uint8_t *buf, size_t len_bytes);
	/* The device has room again after @rx took less than offered. */
	void (*rx_ready)(struct chr *c);
};

struct chr {
	const struct chr_ops *ops;	/* NULL: not connected */
	/* Set by the device: takes up to @len_bytes, returns how many. */
	size_t (*rx)(void *dev, const uint8_t *buf, size_t len_bytes);
	void *dev;
};

#endif /* BUS_CHR_H */
