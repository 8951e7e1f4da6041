/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * runtime/worker.h - the life of a worker: inherit, build, confine, serve
 *
 * For workers with devices (platform, disk, net, vga); vnc has only the
 * sandbox.  One per process, static inside worker.c.
 */
#ifndef RUNTIME_WORKER_H
#define RUNTIME_WORKER_H

#include <stdint.h>

#include "bus/bus.h"
#include "runtime/sandbox.h"

struct worker {
	struct sandbox_args args;
	struct bus *bus;	/* devices are added here */
};

/*
 * Inherit: checks descriptors, starts logging, maps channel and state, makes
 * epoll and timer.  @role "disk".
 */
struct worker *worker_begin(const char *role, int argc, char **argv);

/*
 * For workers with guest memory (worker_mem.c, so that the others are not
 * linked with a hypervisor): opens the handle and provides bus/dma.h.
 * Directly after begin.
 */
void worker_open_memory(struct worker *w);

/* Between begin and confine: watch a descriptor; fn runs from the loop, then
   the bus is settled.  At most WORKER_WATCHES. */
#define WORKER_WATCHES	12u
void worker_watch(struct worker *w, int fd, uint32_t epoll_events,
		  void (*fn)(void *arg, uint32_t epoll_events), void *arg);
/* Change what is waited for (0: nothing), later. */
void worker_watch_change(struct worker *w, int fd, uint32_t epoll_events);
/* Never again, later: before closing @fd.  Somebody else may have the same open
   file, and then closing ends no event.  fn may still be called once. */
void worker_watch_end(struct worker *w, int fd);

/* From within such a fn: first do all that the broker has sent up to now. */
void worker_catch_up(struct worker *w);

/* A cheap look (no system call) at whether a watched back end has finished
   something: asked while the worker looks for requests before it sleeps. */
void worker_hint(struct worker *w, bool (*ready)(void));

/* After worker_open_memory(): VRAM is mapped once, writable, before
   confinement; NULL if it cannot be. */
void *worker_map_vram(struct worker *w, uint64_t gfn, uint32_t frames);

/* Own descriptor @fd (opened between begin and confine), for the check. */
void worker_owns(struct worker *w, int fd);

/* Point of no return: enters the sandbox, takes over what a predecessor left,
   closes the bus (announces windows), says that we serve. */
void worker_confine(struct worker *w, const struct sandbox_policy *policy);

/* Serves until the supervisor hangs up; returns the exit status. */
int worker_serve(struct worker *w);

#endif /* RUNTIME_WORKER_H */
