/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bus/timer.h - device deadlines, all on one timerfd
 *
 * A struct bus_timer is a member of its device, added once at init.  An idle
 * device has no deadline: nothing in this project ticks.
 */
#ifndef BUS_TIMER_H
#define BUS_TIMER_H

#include <stdint.h>

struct bus;

struct bus_timer {
	int64_t deadline_ns;		/* CLOCK_MONOTONIC; INT64_MAX: off */
	void (*fire)(void *dev);	/* once; it is off again when called */
	void *dev;
};

void timer_add(struct bus *b, struct bus_timer *t, void (*fire)(void *), void *dev);
void timer_set(struct bus *b, struct bus_timer *t, int64_t deadline_ns);
void timer_off(struct bus *b, struct bus_timer *t);
int64_t timer_now_ns(struct bus *b);

#endif /* BUS_TIMER_H */
