/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_restore.c - state from a save file: times, and what is wrong
 */
#include <stdatomic.h>

#include "bus/restore.h"
#include "busrig.h"
#include "tap.h"

struct watch {
	struct watch_regs { int64_t at_ns; uint8_t mode, rsvd[7]; } r;
};

static struct rig rig;
static struct watch watch;
static struct bus_left left;

static const struct bus_field fields[] = {
	BUS_FIELD(struct watch_regs, at_ns, BUS_FIELD_TIME, 0),
	BUS_FIELD(struct watch_regs, mode, BUS_FIELD_MAX, 3),
};
static const struct bus_state state = { .version = 2, .field_count = 2, .field = fields };
static const struct bus_dev_ops ops = { .state = &state };

/* What the supervisor leaves, or a predecessor after it. */
static void fill(uint32_t flip, int64_t shift_ns, const struct watch_regs *regs)
{
	struct state_half *h;

	rig_init(&rig, 0);
	h = &rig.state->half[flip & 1];
	h->dev_count = 1;
	h->dev[0] = (struct state_dev){ .name = "watch", .version = 2,
					.regs_bytes = sizeof(*regs) };
	memcpy(h->regs, regs, sizeof(*regs));
	rig.state->shift_ns = shift_ns;
	atomic_store(&rig.state->flip, flip);
}

static bool take(void)
{
	rig_successor(&rig);
	watch = (struct watch){ .r = { .at_ns = 77 } };
	bus_add_dev(&rig.bus, "watch", &watch, &ops, &watch.r, sizeof(watch.r));
	return bus_take_over(&rig.bus, &left);
}

static int64_t moved(uint32_t flip, int64_t at_ns, int64_t shift_ns)
{
	fill(flip, shift_ns, &(struct watch_regs){ .at_ns = at_ns });
	ok(take() && !left.wrong_dev, "state is taken: flip=%u", flip);
	return watch.r.at_ns;
}

static void test_times(void)
{
	is_hex((uint64_t)moved(STATE_FLIP_FILLED, 5000, -1000), 4000,
	       "a time from a file is of another clock");
	is_hex((uint64_t)moved(STATE_FLIP_FILLED, INT64_MAX, -1000), INT64_MAX,
	       "never stays never");
	is_hex((uint64_t)moved(STATE_FLIP_FILLED, INT64_MAX - 1, 1000), INT64_MAX,
	       "too far ahead is never");
	is_hex((uint64_t)moved(STATE_FLIP_FILLED, INT64_MIN, -1000), 0,
	       "too far back is due");
	is_hex((uint64_t)moved(2, 5000, -1000), 5000,
	       "whoever went on from it committed times of this clock");
	is_hex((uint64_t)moved(3, 5000, -1000), 5000, "in either half");
}

static void is_wrong(const char *dev, const char *field)
{
	ok(take() && left.wrong_dev && !strcmp(left.wrong_dev, dev) &&
	   !strcmp(left.wrong_field, field), "wrong: %s %s", dev, field);
}

static void test_wrong(void)
{
	const struct watch_regs good = { .at_ns = 5, .mode = 3 };
	const struct watch_regs bad = { .at_ns = 5, .mode = 4 };

	fill(1, 0, &bad);
	is_wrong("watch", "mode");
	is_hex((uint64_t)watch.r.at_ns, 77, "registers stay as they were");
	fill(1, 0, &good);
	rig.state->half[1].dev[0].version = 3;
	is_wrong("watch", "version");
	fill(1, 0, &good);
	rig.state->half[1].dev[0].regs_bytes--;
	is_wrong("watch", "regs_bytes");
	fill(1, 0, &good);
	rig.state->half[1].dev[0].regs_at = STATE_REGS_BYTES;
	is_wrong("watch", "regs_at");
	fill(1, 0, &good);
	rig.state->half[1].dev_count = UINT32_MAX;
	is_wrong("watch", "name");
	fill(1, 0, &good);
	rig.state->half[1].dev_count = 2;
	rig.state->half[1].dev[1] = rig.state->half[1].dev[0];
	rig.state->half[1].dev[1].name[0] = 'm';
	is_wrong("match", "name");
	ok(watch.r.mode == 3, "a stranger's is told, ours is taken");
}

/* Two deaths in a row, the second before anything was said about the first. */
static void test_death_before_resume(void)
{
	fill(2, 0, &(struct watch_regs){ .mode = 4 });
	is_wrong("watch", "mode");
	bus_close(&rig.bus, 5, 0);
	is_wrong("watch", "mode");
	ok(rig.bus.dev_was_reset, "the next one knows as well that it was reset");
	bus_close(&rig.bus, 5, 0);
	bus_resume_devs(&rig.bus);
	bus_settle(&rig.bus, 5, 0);
	ok(take() && !left.wrong_dev && left.seq == 5,
	   "once that is told and committed it is good");
}

int main(void)
{
	test_times();
	test_wrong();
	test_death_before_resume();
	rig_free(&rig);
	return tap_done();
}
