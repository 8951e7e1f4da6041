/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl/trace_file.h - cloisterctl trace --file: a crash report by register name
 */
#ifndef CTL_TRACE_FILE_H
#define CTL_TRACE_FILE_H

#include "ctl/ctl.h"

/* ctl->file, and of it the accesses to the device ctl->arg[0] if there is one.
   What is wrong with it is said, after what was right. */
enum ctl_exit trace_file(const struct ctl *ctl);

#endif /* CTL_TRACE_FILE_H */
