/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * back/nic_gso.h - checksums and segments of frames, in software
 *
 * A tap takes and gives frames with work left to do (virtio 1.1, 5.1.6).
 * Here is what is done to a large frame before the kernel gets it, and to
 * what the kernel gives before a card gets it.  All of it works on private
 * memory, believes no length in a frame, and touches nothing outside
 * [frame, frame + len_bytes).
 */
#ifndef BACK_NIC_GSO_H
#define BACK_NIC_GSO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus/nic.h"

#define NIC_GSO_HEADER_MAX	256u	/* Ethernet, tags, IP and TCP */

/*
 * Completes a checksum: adds up from @start to the end and stores the result
 * @offset bytes further, where the pseudo header's sum is.  False, and nothing
 * done: it is not in the frame.
 */
bool nic_gso_complete(uint8_t *frame, size_t len_bytes, size_t start,
		      size_t offset);

/*
 * @header: the first @todo->header_bytes of a frame of @frame_bytes that the
 * kernel is to cut.  Fills in what drivers leave to their card: the IP length,
 * IPv4's checksum, the TCP pseudo header's sum over all of it.  False: these
 * are not headers of that kind.
 */
bool nic_gso_fill_header(uint8_t *header, size_t frame_bytes,
			 const struct nic_todo *todo);

/*
 * One large frame, cut into whole ones.  The segments are made in place: each
 * overwrites the end of the one before, so it has to be done with by then.
 */
struct nic_gso_cut {
	uint8_t header[NIC_GSO_HEADER_MAX];
	size_t header_bytes, ip_at, tcp_at;
	enum nic_gso kind;
	size_t segment_bytes;		/* TCP payload of each but the last */
	uint8_t *payload;		/* of the next segment */
	size_t left_bytes;		/* from @payload on; 0: done */
	uint32_t index;			/* of the next segment */
};

/*
 * @tcp_at: where the TCP header begins, as the kernel says.  False: it is not
 * what @kind says, its segments would be longer than NIC_FRAME_MAX, or there
 * is no payload.
 */
bool nic_gso_begin(struct nic_gso_cut *c, uint8_t *frame, size_t len_bytes,
		   enum nic_gso kind, size_t tcp_at, size_t segment_bytes);
/* The next segment, a whole frame of *@len_bytes; NULL: that was all. */
uint8_t *nic_gso_next(struct nic_gso_cut *c, size_t *len_bytes);

#endif /* BACK_NIC_GSO_H */
