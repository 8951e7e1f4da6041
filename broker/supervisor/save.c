/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/save.c - a family at rest into a save file
 *
 * Runs in the supervisor.  What workers left in their state memfds is as
 * hostile as any word of theirs: it is copied, and what no worker commits is
 * not saved.
 */
#include "supervisor/save.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/state.h"

/* Not mapped: reading a hole through a mapping would fill it. */
static bool read_at(int fd, void *to, size_t bytes, size_t at)
{
	return pread(fd, to, bytes, (off_t)at) == (ssize_t)bytes;
}

static bool is_name(const char name[sizeof(((struct state_dev *)0)->name)])
{
	size_t len = strnlen(name, sizeof(((struct state_dev *)0)->name));

	if (len == 0 || len == sizeof(((struct state_dev *)0)->name))
		return false;
	for (size_t i = 0; i < len; i++)
		if (name[i] < ' ' || name[i] > '~' || name[i] == '/')
			return false;
	/* The section that is no device. */
	return strcmp(name, "buffers") != 0;
}

/* NULL, or what of the table no worker commits. */
static const char *table_wrong(const struct state_half *h)
{
	uint32_t sum = 0;

	if (h->dev_count == 0 || h->dev_count > STATE_DEVS)
		return "dev_count";
	for (uint32_t i = 0; i < h->dev_count; i++) {
		const struct state_dev *d = &h->dev[i];

		if (!is_name(d->name))
			return "name";
		for (uint32_t k = 0; k < i; k++)
			if (strcmp(h->dev[k].name, d->name) == 0)
				return "name";
		if (d->regs_bytes > STATE_REGS_BYTES)
			return "regs_bytes";
		if (d->regs_at > STATE_REGS_BYTES - d->regs_bytes)
			return "regs_at";
		sum += (d->regs_bytes + 7u) & ~7u;
	}
	return sum > STATE_REGS_BYTES ? "regs_bytes" : NULL;
}

static void put_devices(struct save_out *o, const char *worker,
			const struct state_half *h)
{
	struct save_worker w = { .dev_count = h->dev_count,
		.isa_levels = h->isa_levels & UINT16_MAX };
	char name[SAVE_NAME_BYTES];

	memcpy(w.intx_levels, h->intx_levels, sizeof(w.intx_levels));
	save_put(o, worker, SAVE_WORKER_VERSION, &w, sizeof(w));
	for (uint32_t i = 0; i < h->dev_count; i++) {
		snprintf(name, sizeof(name), "%.20s/%.24s", worker, h->dev[i].name);
		save_put(o, name, h->dev[i].version, h->regs + h->dev[i].regs_at,
			 h->dev[i].regs_bytes);
	}
}

static size_t used_of(const uint8_t *bufs)
{
	size_t used = STATE_BUFS_BYTES;

	while (used && bufs[used - 1] == 0)
		used--;
	return used;
}

/* @s: room for a copy. */
static const char *put_worker(struct save_out *o, const char *name, int fd,
			      struct state *s)
{
	char buffers[SAVE_NAME_BYTES];
	const char *wrong;
	uint32_t flip;

	if (!read_at(fd, s, offsetof(struct state, half), 0))
		return "size_bytes";
	flip = atomic_load_explicit(&s->flip, memory_order_relaxed);
	if (!flip)
		return "flip";
	if (!read_at(fd, &s->half[0], sizeof(s->half[0]),
		     offsetof(struct state, half[flip & 1])) ||
	    !read_at(fd, s->bufs, sizeof(s->bufs), offsetof(struct state, bufs)))
		return "size_bytes";
	wrong = table_wrong(&s->half[0]);
	if (wrong)
		return wrong;
	put_devices(o, name, &s->half[0]);
	snprintf(buffers, sizeof(buffers), "%.20s/buffers", name);
	save_put(o, buffers, SAVE_BUFFERS_VERSION, s->bufs, used_of(s->bufs));
	return NULL;
}

int save_take(const struct save_family *f, struct save_out *o, char *why,
	      size_t why_len)
{
	struct state *s = aligned_alloc(4096, sizeof(*s));
	int rc;

	if (!s) {
		snprintf(why, why_len, "out of memory");
		return -ENOMEM;
	}
	save_put(o, "guest", SAVE_GUEST_VERSION, &f->guest, sizeof(f->guest));
	save_put(o, "broker", SAVE_BROKER_VERSION, &f->broker, sizeof(f->broker));
	for (unsigned int i = 0; i < f->worker_count; i++) {
		const char *wrong = put_worker(o, f->worker[i].name,
					       f->worker[i].state, s);

		if (!wrong)
			continue;
		snprintf(why, why_len, "section=%s field=%s: the worker left "
			 "nothing that could be saved", f->worker[i].name, wrong);
		free(s);
		return -EPROTO;
	}
	free(s);
	rc = save_finish(o);
	if (rc)
		snprintf(why, why_len, "%s", strerrordesc_np(-rc));
	return rc;
}

/* ---- files ---- */

static int write_all(const struct save_out *o, int fd)
{
	size_t at = 0;

	if (ftruncate(fd, 0))
		return -errno;
	while (at < o->used) {
		ssize_t r = pwrite(fd, o->bytes + at, o->used - at, (off_t)at);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r < 0 ? -errno : -EIO;
		at += (size_t)r;
	}
	return 0;
}

int save_write_fd(const struct save_out *o, int fd, char *why, size_t why_len)
{
	struct stat st;
	int rc;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		snprintf(why, why_len, "not a regular file");
		return -EINVAL;
	}
	rc = write_all(o, fd);
	if (rc) {
		snprintf(why, why_len, "cannot write: %s", strerrordesc_np(-rc));
		/* Half a file must not look like one. */
		if (ftruncate(fd, 0))
			snprintf(why, why_len, "cannot write, and half a file is left: %s",
				 strerrordesc_np(-rc));
	}
	return rc;
}

int save_write_path(const struct save_out *o, const char *path, char *why,
		    size_t why_len)
{
	char temp[4096];
	int fd, rc;

	if (snprintf(temp, sizeof(temp), "%s.XXXXXX", path) >= (int)sizeof(temp)) {
		snprintf(why, why_len, "the name is too long");
		return -ENAMETOOLONG;
	}
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0) {
		rc = -errno;
		snprintf(why, why_len, "cannot create: %s", strerrordesc_np(-rc));
		return rc;
	}
	rc = save_write_fd(o, fd, why, why_len);
	/* The name must not come before the bytes. */
	if (rc == 0 && (fsync(fd) || rename(temp, path))) {
		rc = -errno;
		snprintf(why, why_len, "cannot write: %s", strerrordesc_np(-rc));
	}
	close(fd);
	if (rc)
		unlink(temp);
	return rc;
}
