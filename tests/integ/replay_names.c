/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/integ/replay_names.c - what replay asks the device models
 */
#include "replay_names.h"

#include <stdio.h>

#include "bus/reg.h"
#include "ctl/trace_out.h"

static struct ctl ctl;
static struct tracer tracer = { .ctl = &ctl };

bool replay_names_begin(const char *role, const char *model)
{
	bool known = windows_kind_of(role, model, &tracer.kind);

	trace_out_begin(&tracer, known);
	return known;
}

void replay_names_configure(uint64_t devfn, const char *hex)
{
	trace_out_configure(&tracer, devfn, hex);
}

void replay_names_follow(const struct trace_rec *rec)
{
	trace_out_follow(&tracer, rec);
}

const char *replay_names_of(const struct trace_rec *rec)
{
	static char name[100];
	struct access a;

	trace_out_name(&tracer, rec, &a);
	snprintf(name, sizeof(name), "%s %s", a.device[0] ? a.device : "-",
		 a.reg[0] ? a.reg : "-");
	return name;
}

bool replay_names_is_polled(const struct trace_rec *rec)
{
	uint32_t off;
	int win = windows_find(tracer.bus, (enum chan_space)rec->space, rec->addr, &off);
	const struct reg_file *regs = win < 0 ? NULL : tracer.bus->win[win].regs;

	for (unsigned int i = 0; regs && i < regs->count; i++)
		if (regs->reg[i].off == off && regs->reg[i].flags & REG_SHADOW)
			return true;
	return false;
}
