/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/run_dir.h - the guest's directory in /run: sockets, textfile
 *
 * BASE/<domid>/, BASE being /run/cloister.  One per supervisor, held by a lock
 * that ends with us: what a dead family left behind is told by its lock.
 * Everything in it is made through a descriptor, so a path that somebody
 * changes leads nowhere.
 */
#ifndef SUPERVISOR_RUN_DIR_H
#define SUPERVISOR_RUN_DIR_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define RUN_DIR_DEFAULT	"/run/cloister"
#define RUN_DIR_BASE_MAX 187

/*
 * Makes @base (0755; its parent has to be there) and @base/<domid> (0755,
 * empty), and removes the directories of families that are dead.  @base NULL:
 * the default.  0, or -errno and @why: then there is none, and a guest goes on
 * without it.  -ENAMETOOLONG: @base has more than RUN_DIR_BASE_MAX characters,
 * and nothing was made.
 */
int run_dir_open(const char *base, uint32_t domid, char *why, size_t why_len);

/* For openat() and renameat(); ours to keep.  -1: there is none. */
int run_dir_fd(void);

/* "/run/cloister/7", for messages and for people; "" if there is none. */
const char *run_dir_path(void);

/*
 * A listening stream socket @name (mode 0600) in it, nonblocking, owned by the
 * caller; or -errno.  run_dir_close() removes its name.
 */
int run_dir_listen(const char *name, int backlog);
/*
 * The same for @group, too (mode 0660, and the group's from its first moment
 * on).  -EPERM: making it that wants CAP_SETGID; nothing was made.
 */
int run_dir_listen_group(const char *name, gid_t group, int backlog);

/* Removes all files in it, and it. */
void run_dir_close(void);

#endif /* SUPERVISOR_RUN_DIR_H */
