/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/tap.c - the tap that libxl's hotplug scripts expect
 *
 * Runs in the supervisor.  Touches neither address, state nor bridge of the
 * interface: the scripts do, and they may rename it, so it is never looked up
 * by name again.
 */
#include "supervisor/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define RETRY_MS	50
#define DRAIN_MAX	256
#define PACKET_MAX	65536

/*
 * A busy bridge would wake us for every broadcast; the filter drops packets
 * before they are queued.  Without it tap_drain() does.
 */
static void drop_all(int fd)
{
	struct sock_filter none = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog prog = { .len = 1, .filter = &none };

	(void)!ioctl(fd, TUNATTACHFILTER, &prog);
}

/* What the worker's back end knows how to finish; no UDP. */
static int set_offloads(int fd)
{
	int header_bytes = (int)sizeof(struct virtio_net_hdr);
	unsigned long offloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 |
				 TUN_F_TSO_ECN;

	return ioctl(fd, TUNSETVNETHDRSZ, &header_bytes) ||
	       ioctl(fd, TUNSETOFFLOAD, offloads) ? -errno : 0;
}

static int try_open(const char *ifname, bool served)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	int rc = 0;

	if (fd < 0)
		return -errno;
	if (served)
		ifr.ifr_flags |= IFF_VNET_HDR;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", ifname);
	if (ioctl(fd, TUNSETIFF, &ifr))
		rc = -errno;
	else if (strcmp(ifr.ifr_name, ifname) != 0)
		rc = -EINVAL;	/* "%d": scripts would look for that name */
	else if (served)
		rc = set_offloads(fd);
	else
		drop_all(fd);
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}

int tap_open(const char *ifname, bool served, int patience_ms, char *why,
	     size_t why_len)
{
	const struct timespec pause = { 0, RETRY_MS * NS_PER_MS };
	const int64_t until_ns = clock_now_ns() + patience_ms * NS_PER_MS;
	int rc;

	while ((rc = try_open(ifname, served)) == -EBUSY && clock_now_ns() < until_ns)
		nanosleep(&pause, NULL);
	if (rc < 0)
		snprintf(why, why_len, "ifname=%s: cannot make a tap of /dev/net/tun: %s",
			 ifname, strerrordesc_np(-rc));
	return rc;
}

bool tap_drain(int fd)
{
	static char packet[PACKET_MAX];

	for (int i = 0; i < DRAIN_MAX; i++)
		if (read(fd, packet, sizeof(packet)) < 0)
			return errno != EBADFD && errno != ENODEV;
	return true;
}
