/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/nic.h - the network cards there are, and their boot ROMs
 */
#ifndef SUPERVISOR_NIC_H
#define SUPERVISOR_NIC_H

#include <stddef.h>
#include <stdint.h>

struct nic_model {
	const char *name;
	uint16_t vendor, device;
	const char *rom;		/* in CLOISTER_IPXE_DIR */
};

/* NULL: there is no such card. */
const struct nic_model *nic_find_model(const char *name);
/* "rtl8139, e1000" */
const char *nic_model_names(void);

/*
 * Opens the ROM of a card: @file as it is if there is a slash in it, else in
 * CLOISTER_IPXE_DIR.  A descriptor of a file of 1 to NIC_ROM_MAX bytes, or
 * -errno and @why.
 */
int nic_open_rom(const char *file, char *why, size_t why_len);

#endif /* SUPERVISOR_NIC_H */
