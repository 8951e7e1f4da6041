/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_tap.c - the taps that the supervisor makes
 *
 * In a network namespace of its own.  Needs root and /dev/net/tun.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "abi/nic_rom.h"
#include "supervisor/nic.h"
#include "supervisor/tap.h"
#include "tap.h"

static char why[240];

static short flags_of(int fd)
{
	struct ifreq ifr = { 0 };

	return ioctl(fd, TUNGETIFF, &ifr) ? 0 : ifr.ifr_flags;
}

static void test_taps(void)
{
	int fd, again, header = 0;

	if (geteuid() || unshare(CLONE_NEWNET) || access("/dev/net/tun", R_OK | W_OK)) {
		skip("TAPS NOT TRIED: needs root and /dev/net/tun");
		return;
	}
	fd = tap_open("vif7.0-emu", true, 0, why, sizeof(why));
	ok(fd >= 0, "a tap for a card");
	ok((flags_of(fd) & (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)) ==
	   (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR), "with headers");
	ok(ioctl(fd, TUNGETVNETHDRSZ, &header) == 0 && header == 10, "of 10 bytes");
	ok((fcntl(fd, F_GETFL) & O_NONBLOCK) && (fcntl(fd, F_GETFD) & FD_CLOEXEC),
	   "that does not block and is not inherited");
	again = tap_open("vif7.0-emu", true, 100, why, sizeof(why));
	ok(again == -EBUSY && strstr(why, "ifname=vif7.0-emu"), "there is one of it");
	close(fd);
	ok(if_nametoindex("vif7.0-emu") == 0, "closed, it is gone");
	ok(tap_open("vif%d-emu", true, 0, why, sizeof(why)) == -EINVAL &&
	   strstr(why, "ifname=vif%d-emu") && !if_nametoindex("vif0-emu"),
	   "the kernel is not to choose a name");
	fd = tap_open("vif7.1-emu", false, 0, why, sizeof(why));
	ok(fd >= 0 && !(flags_of(fd) & IFF_VNET_HDR), "one that no card has is plain");
	ok(tap_drain(fd), "and drained");
	if (system("ip link del vif7.1-emu 2>/dev/null"))
		skip("no ip(8)");
	else
		ok(!tap_drain(fd), "until somebody deletes it");
	close(fd);
}

static void test_roms(void)
{
	char path[] = "/tmp/test_tap.XXXXXX";
	int file = mkstemp(path), fd;

	ok(file >= 0 && ftruncate(file, NIC_ROM_MAX) == 0, "a file");
	fd = nic_open_rom(path, why, sizeof(why));
	ok(fd >= 0, "a boot ROM");
	close(fd);
	ok(ftruncate(file, NIC_ROM_MAX + 1) == 0 &&
	   nic_open_rom(path, why, sizeof(why)) == -EFBIG && strstr(why, path),
	   "one that the worker has no room for");
	ok(ftruncate(file, 0) == 0 &&
	   nic_open_rom(path, why, sizeof(why)) == -ENODATA, "or that is empty");
	close(file);
	unlink(path);
	ok(nic_open_rom(path, why, sizeof(why)) == -ENOENT && strstr(why, path),
	   "none, and which");
	ok(nic_open_rom("/tmp", why, sizeof(why)) == -EINVAL, "not a folder");
	ok(nic_open_rom("no-such.rom", why, sizeof(why)) == -ENOENT &&
	   strstr(why, CLOISTER_IPXE_DIR "/no-such.rom"), "a name is looked up");
}

int main(void)
{
	test_taps();
	test_roms();
	return tap_done();
}
