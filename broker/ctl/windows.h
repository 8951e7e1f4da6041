/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl/windows.h - what is where in a guest: devices, windows, registers
 *
 * The device models themselves are asked: each role's devices are built on a
 * bus that nobody drives, and tell their windows and register tables.
 */
#ifndef CTL_WINDOWS_H
#define CTL_WINDOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/chan.h"
#include "bus/bus.h"

enum windows_kind {
	WINDOWS_PLATFORM, WINDOWS_DISK, WINDOWS_VGA, WINDOWS_RTL8139, WINDOWS_E1000,
	WINDOWS_KIND_COUNT
};

/* One of the devices people speak of; ctl_device.def has them. */
struct windows_device {
	const char *name;
	enum windows_kind kind;
	const char *bus_devs;		/* names of bus_add_dev(), "a|b|c" */
	const char *sheet;		/* where its registers are described */
};
extern const struct windows_device windows_device[];
extern const unsigned int windows_device_count;
/* NULL if there is none of that name. */
const struct windows_device *windows_find_device(const char *name);

/* The bus with all devices of @kind, where they are after a reset. */
struct bus *windows_build(enum windows_kind kind);
/* Which kind a worker with this role, and cards of @model, is. */
bool windows_kind_of(const char *role, const char *model, enum windows_kind *kind);
/* The device that window @win of a bus of @kind belongs to; NULL: none. */
const struct windows_device *windows_owner(enum windows_kind kind,
					   const struct bus *b, unsigned int win);

/*
 * The guest's configuration space of function @devfn: 256 bytes, from which
 * the model finds where its BARs are.  Ignored if it is not one of @b's; if
 * @b has one function only, that is the one.
 */
void windows_configure(struct bus *b, unsigned int devfn, const uint8_t cfg[256]);

/* The window at @addr (a record's address in @space); -1: none of ours.  *off
   is the offset in it. */
int windows_find(const struct bus *b, enum chan_space space, uint64_t addr,
		 uint32_t *off);

/*
 * The register at @off in a window, by its data-sheet name: "LSR", or with an
 * offset "TSD0+2" if the access starts in its middle, or "+0x1c" if nothing is
 * known to be there.
 */
void windows_register(const struct bus *b, unsigned int win, uint32_t off,
		      char *name, size_t room);

#endif /* CTL_WINDOWS_H */
