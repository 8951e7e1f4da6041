/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/lib/fakefamily.h - the real broker and workers around a fake guest
 *
 * Starts the programs of the build tree on the in-memory hypervisor, with the
 * descriptors of abi/fds.h, as the supervisor does, and plays the supervisor:
 * collects their logs (printed as TAP comments), answers their control
 * messages.  CLOISTER_BINDIR says where the build tree is.
 *
 *	static struct fakefamily f;
 *	const char *why = fakefamily_missing(&conf);
 *	if (why)
 *		return skip_all(why);
 *	if (!ok(fakefamily_start(&f, &conf), "the family is up"))
 *		...
 *	fakeguest_in(f.g, 0, 0x3ff, 1);
 *	ok(fakefamily_stop(&f), "it ends by itself");
 */
#ifndef TESTS_LIB_FAKEFAMILY_H
#define TESTS_LIB_FAKEFAMILY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "abi/ctl_msg.h"
#include "abi/disp.h"
#include "abi/plan.h"
#include "abi/stat.h"
#include "abi/trace.h"
#include "fakeguest.h"

enum fakefamily_who {
	FF_PLATFORM, FF_DISK, FF_VGA, FF_NET, FF_BROKER, FF_COUNT
};

#define FF_DRIVES	4
#define FF_OPTS		8

#define FF_NIC_SLOT	4u	/* PCI device number of the network card */
#define FF_NIC_MAC	"00:16:3e:01:02:03"

struct fakefamily;

struct fakefamily_conf {
	struct fakeguest_conf guest;
	bool no_disk, no_vga;
	bool no_stats;			/* nobody counts, nothing is recorded */
	const char *image[FF_DRIVES];	/* path, or NULL */
	bool read_only[FF_DRIVES];
	const char *nic;		/* model; NULL: no network card */
	int tap;			/* descriptor for it; ours stays open */
	const char *nic_rom;		/* path, or NULL */
	int serial0;			/* descriptor for COM1; 0: "null" */
	bool input;			/* platform has the input ring; the test
					   plays vnc, on f.input */
	bool decline_unplug;
	uint32_t plan_flags;		/* PLAN_NO_* */
	bool wide_plan;			/* BARs anywhere, as the supervisor plans */
	bool quiet;			/* keep logs, but do not print them */
	/* Workers that the test plays itself, on fakefamily_chan(); announce()
	   is called when the real ones are up, before the broker starts.  The
	   broker may be played as well. */
	bool played[FF_COUNT];
	void (*announce)(struct fakefamily *f);
	/* Called before anybody starts, to spoil what they will share. */
	void (*spoil)(struct fakefamily *f);
	/* A restored guest: where its VRAM is already, if not parked. */
	uint64_t vram_now_gfn;
	/* More "key=value" arguments for each; NULL ends them. */
	const char *opt[FF_COUNT][FF_OPTS];
};

struct fakefamily_member {
	pid_t pid;			/* 0: not running */
	int status;			/* of the last one, as wait() has it */
	int log_fd, ctl_fd;		/* our ends; -1 */
	bool ready;
	uint64_t syscalls;		/* as it reported */
};

struct fakefamily {
	struct fakeguest *g;
	struct fakefamily_conf conf;
	struct plan plan;
	struct fakefamily_member member[FF_COUNT];
	/* What the broker told us. */
	_Atomic uint32_t unplugs, unplug_mask, sleeps, shutdowns, lies, hangs;
	_Atomic uint32_t hanging;	/* who, if hangs */
	_Atomic uint32_t paused, logged;
	_Atomic uint64_t paused_arg;	/* of the last CTL_PAUSED */
	char lie[sizeof(((struct ctl_msg *)0)->text)];
	/* What is counted and recorded; NULL with conf.no_stats. */
	const struct stat_page *stats[FF_COUNT];
	const struct trace *trace[FF_BROKER];
	struct input_ring *input;	/* NULL without conf.input */

	/* Private. */
	int chan_fd[FF_COUNT], kick_fd[FF_COUNT], state_fd[FF_COUNT];
	int stat_fd[FF_COUNT], trace_fd[FF_BROKER];	/* -1 with conf.no_stats */
	int plan_fd, broker_state_fd, answer_kick_fd, null_fd, image_fd[FF_DRIVES];
	int fb_fd, scan_fd, painted_fd, nic_rom_fd;
	int input_fd, input_kick_fd;	/* -1 without conf.input */
	pthread_t monitor;
	pthread_mutex_t lock;
	_Atomic bool stopping;
	bool adopt;
	char *log;
	size_t log_len;
};

/* An image of zeros; @path is mkstemp()'s, and the test's to remove. */
bool fakefamily_make_image(char *path, uint32_t sectors);

/* NULL, or which program is not built (yet). */
const char *fakefamily_missing(const struct fakefamily_conf *conf);

/* All are READY and the server is enabled; false (with comments) after 20 s. */
bool fakefamily_start(struct fakefamily *f, const struct fakefamily_conf *conf);

/* The channel of a worker that the test plays; stays mapped. */
struct chan *fakefamily_chan(struct fakefamily *f, enum fakefamily_who who);
/* As that worker: something is in the answer ring. */
void fakefamily_kick_broker(struct fakefamily *f);

/* CTL_STOP, then hang up.  True: everybody who ran ended with status 0 by
   himself.  Frees everything. */
bool fakefamily_stop(struct fakefamily *f);

/* As if the supervisor had ended: its socket to this child is closed. */
void fakefamily_hang_up(struct fakefamily *f, enum fakefamily_who who);
/* End one by a signal and reap it.  True: it was that signal. */
bool fakefamily_kill(struct fakefamily *f, enum fakefamily_who who, int sig);
/* Start a successor with the same memory, and wait until it is READY; a broker
   adopts the guest. */
bool fakefamily_respawn(struct fakefamily *f, enum fakefamily_who who);
bool fakefamily_tell(struct fakefamily *f, enum fakefamily_who who,
		     enum ctl_kind kind, uint64_t arg);
/* Still there?  Reaps it if not. */
bool fakefamily_runs(struct fakefamily *f, enum fakefamily_who who);
/* Did anybody log a line with @text in it? */
bool fakefamily_logged(struct fakefamily *f, const char *text);
/* The same, of a line that has to come: another thread reads them. */
bool fakefamily_logs(struct fakefamily *f, const char *text);

#endif /* TESTS_LIB_FAKEFAMILY_H */
