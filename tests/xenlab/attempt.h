/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/xenlab/attempt.h - one call to Xen through a given descriptor
 *
 * The same call by us, or by a confined process that ptrace holds: who makes
 * it is a struct caller.  Every call is harmless to the domain it names.
 */
#ifndef TESTS_XENLAB_ATTEMPT_H
#define TESTS_XENLAB_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct victim;

/* Results below this: the caller died, of signal ATTEMPT_DIED - result. */
#define ATTEMPT_DIED	(-100000)

struct caller {
	struct victim *victim;	/* NULL: ourselves */
	int memory;		/* /proc/N/mem of the victim */
	uint64_t scratch;	/* a page in the caller's memory */
};

/* False, with errno, if there is no memory or the victim gives none. */
bool caller_be_us(struct caller *c);
bool caller_be_victim(struct caller *c, struct victim *v);

/* What a call is about. */
struct target {
	uint32_t domid;
	uint64_t gfn;		/* a frame of its memory */
	uint32_t server;	/* its ioreq server */
	uint32_t port;		/* an event channel of its, for us to bind */
	uint8_t *copy;		/* if not NULL, the page that was mapped */
};

/*
 * All return what the call did (0 or more) or -errno; or, when the caller
 * died, less than ATTEMPT_DIED.
 */
typedef int64_t attempt_fn(struct caller *c, int fd, const struct target *t);

/* On privcmd; what these map they unmap. */
attempt_fn attempt_dm_op;		/* nr_vcpus */
attempt_fn attempt_resource;		/* the slots of its ioreq server */
attempt_fn attempt_map;			/* MMAPBATCH_V2 */
attempt_fn attempt_map_v1;		/* MMAPBATCH */
attempt_fn attempt_map_v0;		/* MMAP */
attempt_fn attempt_restrict;		/* the handle, to this domain */
/* Plain hypercalls. */
attempt_fn attempt_version;		/* xen_version, about no domain */
attempt_fn attempt_param;		/* HVMOP_get_param, STORE_PFN */
attempt_fn attempt_domctl;		/* XEN_DOMCTL_getdomaininfo */
attempt_fn attempt_alloc_port;		/* a new channel of its, for dom0; its number */

/* On evtchn; what these bind they unbind. */
attempt_fn attempt_bind;		/* @port */
attempt_fn attempt_bind_unbound;	/* a new one, for this domain */
attempt_fn attempt_bind_virq;		/* VIRQ_TBUF, about no domain */
attempt_fn attempt_restrict_evtchn;	/* the handle, to this domain */
attempt_fn attempt_notify;		/* @port, a local one */

#endif /* TESTS_XENLAB_ATTEMPT_H */
