/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/model/rtl8139_guest.h - a guest's view of an RTL8139C+
 *
 * One card at 00:03.0 in a rig with a megabyte of memory, both BARs placed.
 * Registers are reached through the memory BAR, as most drivers do.
 */
#ifndef TESTS_MODEL_RTL8139_GUEST_H
#define TESTS_MODEL_RTL8139_GUEST_H

#include "abi/io_msg.h"
#include "base/le.h"
#include "dev/rtl8139.h"
#include "tests/lib/busrig.h"
#include "tests/lib/nicrig.h"
#include "tests/lib/tap.h"

#define DEVFN	PCI_DEVFN(3, 0)
#define INTA	(DEVFN << 2)
#define PORT	0xc100u
#define MMIO	0xf2000000u
#define RAM	(1u << 20)

/* Where the guest keeps things */
#define TX_RING	0x10000u
#define RX_RING	0x11000u
#define TALLY	0x12000u
#define RX_BYTES 0x20000u		/* byte ring, up to 64 KiB and more */
#define TX_BUF(n) (0x40000u + (n) * 0x1000u)
#define RX_BUF(n) (0x80000u + (n) * 0x1000u)

#define OWN	0x80000000u
#define EOR	0x40000000u
#define FS	0x20000000u
#define LS	0x10000000u

static struct rig rig;
static struct nicrig host;
static struct rtl8139 card;
static const uint8_t mac[6] = { 0x00, 0x16, 0x3e, 0x12, 0x34, 0x56 };
static const uint8_t everyone[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

__attribute__((unused))
static uint32_t get(uint32_t off, unsigned int size)
{
	return mmio_read(&rig, MMIO + off, size);
}

__attribute__((unused))
static void put(uint32_t off, unsigned int size, uint32_t v)
{
	mmio_write(&rig, MMIO + off, size, v);
}

/* Off first, as firmware does: so it is placed anew whatever it was before. */
static void place(void)
{
	cfg_write(&rig, DEVFN, 0x04, 2, 0x0000);
	cfg_write(&rig, DEVFN, 0x10, 4, PORT);
	cfg_write(&rig, DEVFN, 0x14, 4, MMIO);
	cfg_write(&rig, DEVFN, 0x04, 2, 0x0007);
}

__attribute__((unused))
static void machine(void)
{
	rig_init(&rig, RAM);
	nicrig_init(&host, mac);
	memset(&card, 0, sizeof(card));
	rtl8139_init(&card, &rig.bus, DEVFN, &host.nic, NULL, 0);
	rig_close(&rig);
	place();
}

__attribute__((unused))
static void put_desc(uint32_t ring, unsigned int n, uint32_t dw0, uint32_t dw1,
		     uint64_t buf)
{
	le32_put(rig.ram + ring + n * 16, dw0);
	le32_put(rig.ram + ring + n * 16 + 4, dw1);
	le64_put(rig.ram + ring + n * 16 + 8, buf);
}

__attribute__((unused))
static uint32_t desc_dw(uint32_t ring, unsigned int n, unsigned int dw)
{
	return le32_get(rig.ram + ring + n * 16 + dw * 4);
}

/* C+ mode as Linux' 8139cp sets it up, with @count receive buffers. */
__attribute__((unused))
static void open_cplus(unsigned int count, uint32_t buf_bytes, uint16_t cpcr)
{
	put(0x37, 1, 0x10);
	for (unsigned int i = 0; i < count; i++)
		put_desc(RX_RING, i, OWN | (i == count - 1 ? EOR : 0) | buf_bytes,
			 0, RX_BUF(i));
	put(0xe0, 2, cpcr);
	put(0xe4, 4, RX_RING);
	put(0xe8, 4, 0);
	put(0x20, 4, TX_RING);
	put(0x24, 4, 0);
	put(0x37, 1, 0x0c);
	put(0x44, 4, 0xa40a);		/* broadcast, physical match */
	put(0x40, 4, 0x03000600);
	put(0x3c, 2, 0x807f);
}

/* The older mode, with a ring of 8 KiB << @size. */
__attribute__((unused))
static void open_legacy(unsigned int size, bool wrap)
{
	put(0x37, 1, 0x10);
	put(0x30, 4, RX_BYTES);
	put(0x37, 1, 0x0c);
	put(0x44, 4, 0xe70a | size << 11 | (wrap ? 0x80 : 0));
	put(0x40, 4, 0x03000600);
	put(0x3c, 2, 0xe07f);
}

/* Hands a frame to the card; what a worker does after it. */
__attribute__((unused))
static bool give(const void *frame, size_t len_bytes)
{
	bool taken = nicrig_give(&host, frame, len_bytes, true);

	rig_settle(&rig);
	return taken;
}

/* An Ethernet frame with a payload that tells positions apart. */
__attribute__((unused))
static const uint8_t *frame_for(const uint8_t to[6], uint16_t type,
				size_t len_bytes)
{
	static uint8_t f[16384];

	for (size_t i = 0; i < len_bytes; i++)
		f[i] = (uint8_t)(i * 7 + (i >> 8));
	memcpy(f, to, 6);
	memcpy(f + 6, "\x02\x00\x00\x00\x00\x01", 6);
	f[12] = (uint8_t)(type >> 8);
	f[13] = (uint8_t)type;
	return f;
}

/* The CRC bit by bit: what the card's tables are compared with. */
__attribute__((unused))
static uint32_t slow_crc(const uint8_t *p, size_t len_bytes)
{
	uint32_t crc = ~0u;

	for (size_t i = 0; i < len_bytes; i++)
		for (unsigned int bit = 0; bit < 8; bit++) {
			uint32_t x = (crc ^ (uint32_t)p[i] >> bit) & 1;

			crc = crc >> 1 ^ (x ? 0xedb88320u : 0);
		}
	return ~crc;
}

#endif /* TESTS_MODEL_RTL8139_GUEST_H */
