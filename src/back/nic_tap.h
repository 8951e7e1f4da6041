/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * back/nic_tap.h - a network card's wire: a tap on an open descriptor
 *
 * The tap is not blocking and has struct virtio_net_hdr, 10 bytes, in front of
 * each frame (IFF_VNET_HDR); a datagram socket that talks like it will do.
 * One per process.
 */
#ifndef BACK_NIC_TAP_H
#define BACK_NIC_TAP_H

#include "bus/nic.h"

/*
 * @fd -1: there is no tap, the link is down.
 *
 * @watch changes what is waited for on @fd (EPOLLIN at first); 0: nothing but
 * its end.  From then on @fd is ours: when the card is unplugged or the tap is
 * gone, we call @forget and close it.
 */
struct nic *nic_tap_open(int fd, const uint8_t mac[NIC_MAC_BYTES],
			 void (*watch)(uint32_t epoll_events),
			 void (*forget)(void));
/* The link is down for good, whatever the tap says; it is still closed at unplug.
   Before nic_tap_event() is called first. */
void nic_tap_fail(void);
/* From the loop, when @fd has one of these events. */
void nic_tap_event(void *arg, uint32_t epoll_events);

#endif /* BACK_NIC_TAP_H */
