/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi/nic_rom.h - how large a network card's boot ROM may be
 *
 * The supervisor opens no other, the net worker has room for as much.
 */
#ifndef ABI_NIC_ROM_H
#define ABI_NIC_ROM_H

#define NIC_ROM_MAX	(512u * 1024u)	/* ipxe-qemu's have half of it */

#endif /* ABI_NIC_ROM_H */
