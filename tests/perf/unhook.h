/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/perf/unhook.h - a running program without one of its functions
 *
 * For benchmarks that ask what a step costs: the very program that ships, with
 * no switch in it that somebody could set and no test for one on its path.
 */
#ifndef TESTS_PERF_UNHOOK_H
#define TESTS_PERF_UNHOOK_H

#include <sys/types.h>

/*
 * From now on @function, which returns nothing and is not in line, does nothing
 * in the child @pid of the calling thread; its other threads must not be in it.
 * Found by the symbol table of the program.  NULL, or why not (then the child
 * is as before): mostly that we are not root.
 */
const char *unhook_function(pid_t pid, const char *function);

#endif /* TESTS_PERF_UNHOOK_H */
