/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl/cmd_devices.c - cloisterctl devices: what the models have
 *
 * Runs in cloisterctl; asks no guest.  Places are those after a reset.
 */
#include <inttypes.h>
#include <stdio.h>

#include "bus/reg.h"
#include "ctl/ctl.h"
#include "ctl/windows.h"

static const char *const space_name[CHAN_SPACE_COUNT] = {
	[CHAN_PIO] = "port", [CHAN_MMIO] = "memory", [CHAN_PCI] = "pci",
};

static json_t *registers(const struct bus_win *w)
{
	json_t *list = json_array();

	for (unsigned int i = 0; w->regs && i < w->regs->count; i++)
		json_array_append_new(list, json_pack("{s:s,s:i,s:i}",
			"name", w->regs->reg[i].name, "offset", (int)w->regs->reg[i].off,
			"size", (int)w->regs->reg[i].size));
	return list;
}

static json_t *window(const struct bus_win *w)
{
	json_t *o = json_pack("{s:s,s:s,s:I,s:o}", "name", w->name,
			      "space", space_name[w->space], "bytes", (json_int_t)w->len,
			      "registers", registers(w));

	if (w->mapped)
		json_object_set_new(o, "at", json_integer((json_int_t)w->base));
	return o;
}

static json_t *device(const struct windows_device *d)
{
	const struct bus *b = windows_build(d->kind);
	json_t *list = json_array();

	for (unsigned int i = 0; i < b->win_count; i++)
		if (windows_owner(d->kind, b, i) == d)
			json_array_append_new(list, window(&b->win[i]));
	return json_pack("{s:s,s:s,s:o}", "name", d->name, "sheet", d->sheet,
			 "windows", list);
}

static void print_device(const struct windows_device *d, bool with_registers)
{
	const struct bus *b = windows_build(d->kind);

	printf("%s: %s\n", d->name, d->sheet);
	for (unsigned int i = 0; i < b->win_count; i++) {
		const struct bus_win *w = &b->win[i];

		if (windows_owner(d->kind, b, i) != d)
			continue;
		printf("  %-20s %-6s ", w->name, space_name[w->space]);
		if (w->mapped)
			printf("0x%" PRIx64, w->base);
		else
			printf("%s", "where the guest puts it");
		printf(", %u bytes\n", w->len);
		for (unsigned int k = 0; with_registers && w->regs && k < w->regs->count; k++)
			printf("    +0x%02x %u %s\n", w->regs->reg[k].off,
			       w->regs->reg[k].size, w->regs->reg[k].name);
	}
}

enum ctl_exit cmd_devices(const struct ctl *ctl)
{
	const struct windows_device *one = NULL;
	json_t *all;

	if (ctl->arg[0]) {
		one = windows_find_device(ctl->arg[0]);
		if (!one) {
			ctl_complain("no such device: %s; see cloisterctl devices",
				     ctl->arg[0]);
			return CTL_FAILED;
		}
	}
	if (!ctl->json) {
		for (unsigned int i = 0; i < windows_device_count; i++)
			if (!one || one == &windows_device[i])
				print_device(&windows_device[i], one != NULL);
		return CTL_OK;
	}
	if (one) {
		ctl_print_json(device(one));
		return CTL_OK;
	}
	all = json_array();
	for (unsigned int i = 0; i < windows_device_count; i++)
		json_array_append_new(all, device(&windows_device[i]));
	ctl_print_json(all);
	return CTL_OK;
}
