/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bus/nic.h - what a network card asks of the host
 *
 * A card sends frames with what is left to do on them (checksum,
 * segmentation), and is given frames that are whole: never longer than
 * NIC_FRAME_MAX, never shorter than an Ethernet header, checksums filled in.
 * No frame has a frame check sequence; a card that shows one to its driver
 * makes it up.
 *
 * Calls come from the worker's loop, one at a time; none blocks.
 */
#ifndef BUS_NIC_H
#define BUS_NIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define NIC_MAC_BYTES	6u
#define NIC_HEADER_BYTES 14u
#define NIC_FRAME_MIN	60u		/* on a wire, without FCS; the back end
					   does not pad what it sends */
#define NIC_FRAME_MAX	16384u		/* the longest that is given to a card */
#define NIC_SEND_MAX	65550u		/* the longest a card may send: a large
					   send with its headers */
#define NIC_SEND_WHOLE	(NIC_FRAME_MAX + 4u)	/* the longest that is not cut, with
					   a tag */
#define NIC_MSS_MIN	48u		/* the least that frames are cut into:
					   Linux believes no peer that wants
					   less than 88, and TCP options take
					   up to 40 of them */
#define NIC_SEND_IOVS	64u

/*
 * What is left to do on a frame that a card sends (virtio 1.1, 5.1.6,
 * struct virtio_net_hdr).  All zero: nothing.  The back end checks all of it
 * against the frame's length: what does not fit is sent as if it were zero.
 * It drops what would make the host's kernel work for nobody's good: frames
 * to be cut into segments of less than NIC_MSS_MIN (64 KiB are 65,000 frames
 * of one byte each) or more than NIC_FRAME_MAX, and whole ones longer than
 * NIC_SEND_WHOLE.
 */
enum nic_gso { NIC_GSO_NONE, NIC_GSO_TCPV4, NIC_GSO_TCPV6 };

struct nic_todo {
	bool csum;		/* add up from csum_start to the end and store
				   at csum_start + csum_offset, which holds the
				   pseudo header's sum now */
	uint16_t csum_start;	/* bytes from the start of the frame */
	uint16_t csum_offset;	/* bytes from csum_start */
	enum nic_gso gso;	/* cut into segments; then csum is set, too, for
				   the TCP checksum */
	uint16_t gso_bytes;	/* TCP payload of each segment (MSS), not 0 */
	uint16_t header_bytes;	/* Ethernet, IP and TCP headers, repeated */
	/* With gso, the back end fills in the IP length, IPv4's checksum and
	   the pseudo header's sum, whatever the driver left there. */
};

struct nic;
struct nic_ops {
	/*
	 * Sends one frame; iov is read before it returns.  0: taken, or
	 * dropped as a wire would (and counted); -EAGAIN: no room, the card
	 * keeps it and tries again when send_ready() is called.
	 */
	int (*send)(struct nic *n, const struct iovec *iov, unsigned int iov_count,
		    const struct nic_todo *todo);
	/* The card has room again after receive() returned false, or was
	   enabled. */
	void (*receive_ready)(struct nic *n);
	/* Unplugged: lets the host's side go; later sends are dropped. */
	void (*close)(struct nic *n);
};

struct nic {
	const struct nic_ops *ops;
	uint8_t mac[NIC_MAC_BYTES];	/* as configured; the card's own may be
					   changed by its driver */
	bool link_up;
	/* Set by the card before the bus is closed. */
	void *dev;
	/*
	 * One frame for the guest.  True: taken, or dropped (disabled, filtered,
	 * too long for the card).  False: no buffer is free; the back end keeps
	 * it and stops until receive_ready().  @csum_good: the host vouches for
	 * the checksum of TCP or UDP; nobody has looked at IP's.
	 */
	bool (*receive)(void *dev, const uint8_t *frame, size_t len_bytes,
			bool csum_good);
	/* The frames of this turn are through: the time for one interrupt. */
	void (*received)(void *dev);
	/* send() has room again. */
	void (*send_ready)(void *dev);
	/* link_up has changed. */
	void (*link_changed)(void *dev);
};

#endif /* BUS_NIC_H */
