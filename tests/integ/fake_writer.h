/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/fake_writer.h - a guest that writes to its disk as fast as it can
 */
#ifndef INTEG_FAKE_WRITER_H
#define INTEG_FAKE_WRITER_H

#include "fakeguest.h"

/*
 * From when the disk is served on, a thread writes to it in a circle, 64 KiB
 * and a flush at a time, and keeps the bytes that were flushed, as a number,
 * in the file @path (borrowed).  0, or an errno value.
 */
int fake_writer_begin(struct fakeguest *g, const char *path);

#endif /* INTEG_FAKE_WRITER_H */
