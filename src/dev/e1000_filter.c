/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/e1000_filter.c - 82540EM: which frames are for the guest
 *
 * Runs in the net worker.  SDM 3.2.1 and 9.2.
 */
#include <string.h>

#include "dev/e1000_core.h"

#define ADDRESS_MULTICAST	0x01u	/* in its first byte */
#define TAG_CFI			0x1000u
#define TAG_VID			0x0fffu
#define TAG_AT			12u	/* tag protocol, then the tag */
#define TAGGED_MIN		(NIC_HEADER_BYTES + E1000_TAG_BYTES)
#define RAH_AS			0x00030000u
#define RAH_AS_DESTINATION	0u
#define RAH_AS_SOURCE		0x00010000u

bool e1000_is_tagged(const struct e1000 *d, const uint8_t *frame,
		     size_t len_bytes)
{
	return len_bytes >= TAGGED_MIN &&
		be16_get(frame + TAG_AT) == (uint16_t)d->r.vet;
}

static bool is_vlan_ok(const struct e1000 *d, const uint8_t *frame,
		       size_t len_bytes)
{
	uint32_t rctl = d->r.rctl;
	uint16_t tag;

	if (!(rctl & RCTL_VFE) || !e1000_is_tagged(d, frame, len_bytes))
		return true;
	tag = be16_get(frame + TAG_AT + 2);
	if ((rctl & RCTL_CFIEN) && !(rctl & RCTL_CFI) != !(tag & TAG_CFI))
		return false;
	tag &= TAG_VID;
	return d->t.vfta[tag / 32] & (1u << tag % 32);
}

static bool is_in_ra(const struct e1000 *d, const uint8_t *frame)
{
	for (unsigned int i = 0; i < E1000_RAS; i++) {
		uint32_t low = d->t.ra[2 * i], high = d->t.ra[2 * i + 1];
		const uint8_t *addr = frame;

		if (!(high & RAH_AV))
			continue;
		if ((high & RAH_AS) == RAH_AS_SOURCE)
			addr += NIC_MAC_BYTES;
		else if ((high & RAH_AS) != RAH_AS_DESTINATION)
			continue;
		if (le32_get(addr) == low &&
		    le16_get(addr + 4) == (uint16_t)high)
			return true;
	}
	return false;
}

static bool is_in_mta(const struct e1000 *d, const uint8_t *frame)
{
	static const uint8_t shift[] = { 4, 3, 2, 0 };
	uint32_t bit = (uint32_t)le16_get(frame + 4) >>
			shift[(d->r.rctl & RCTL_MO) >> 12] & 0xfff;

	return d->t.mta[bit / 32] & (1u << bit % 32);
}

enum e1000_match e1000_filter(const struct e1000 *d, const uint8_t *frame,
			      size_t len_bytes)
{
	static const uint8_t broadcast[NIC_MAC_BYTES] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	uint32_t rctl = d->r.rctl;
	bool multicast = frame[0] & ADDRESS_MULTICAST;

	if (!is_vlan_ok(d, frame, len_bytes))
		return E1000_NO_MATCH;
	if (rctl & (multicast ? RCTL_MPE : RCTL_UPE))
		return E1000_MATCH;
	if ((rctl & RCTL_BAM) && !memcmp(frame, broadcast, NIC_MAC_BYTES))
		return E1000_MATCH;
	if (is_in_ra(d, frame))
		return E1000_MATCH;
	if (multicast && is_in_mta(d, frame))
		return E1000_MATCH_INEXACT;
	return E1000_NO_MATCH;
}
