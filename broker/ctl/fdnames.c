/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl/fdnames.c - what a confined process holds at which number
 *
 * Runs in cloisterctl.  Names and numbers are abi/fds.h's; a test looks for
 * each of them here.
 */
#include "ctl/fdnames.h"

#include <stdio.h>

#include "abi/fds.h"
#include "ctl/text.h"

#define ALL	"broker platform disk net vga vnc"
#define WORKERS	"platform disk net vga"

static const struct {
	const char *roles;
	int first, last;		/* numbered from first on, if several */
	const char *name, *meaning;
} names[] = {
#define ONE(roles, fd, meaning) { roles, fd, fd, #fd, meaning }
#define MANY(roles, fd, end, meaning) { roles, fd, end - 1, #fd, meaning }
	{ ALL, 0, 2, "standard", "input, output, error" },
	ONE(ALL, FD_LOG, "log records, to the supervisor"),
	ONE(ALL, FD_CTL, "control messages, with the supervisor"),
	ONE(ALL, FD_EPOLL, "waits for all the others"),
	ONE(ALL, FD_TIMER, "the next deadline"),
	ONE(WORKERS, FD_CALM, "waits for broker and supervisor alone, while saved"),
	ONE("broker disk net vga", FD_HV_MEM, "guest memory, restricted to this domain"),
	ONE(ALL, FD_STATS, "what it counts"),
	ONE(WORKERS, FD_CHAN, "requests and answers, shared with the broker"),
	ONE(WORKERS, FD_KICK, "the broker wakes us"),
	ONE(WORKERS, FD_BROKER_KICK, "we wake the broker"),
	ONE(WORKERS, FD_STATE, "committed device state"),
	ONE("platform", FD_SERIAL0, "serial port 1"),
	ONE("platform", FD_SERIAL1, "serial port 2"),
	ONE("platform", FD_SERIAL2, "serial port 3"),
	ONE("platform", FD_SERIAL3, "serial port 4"),
	ONE("platform", FD_INPUT, "keys and pointer, from vnc"),
	ONE("platform", FD_INPUT_KICK, "vnc wakes us"),
	ONE("disk", FD_DISK0, "image of the primary master"),
	ONE("disk", FD_DISK1, "image of the primary slave"),
	ONE("disk", FD_DISK2, "image of the secondary master"),
	ONE("disk", FD_DISK3, "image of the secondary slave"),
	ONE("disk", FD_BLK_DONE, "I/O threads finished something"),
	ONE("disk", FD_BLK_WORK, "wakes an I/O thread"),
	ONE("net", FD_NET_TAP, "the card's tap"),
	ONE("net", FD_NET_ROM, "the card's boot ROM"),
	ONE("vga", FD_VGA_FB, "the picture, written"),
	ONE("vga", FD_VGA_SCAN, "vnc asks for a picture"),
	ONE("vga", FD_VGA_PAINTED, "the picture changed"),
	ONE("vga", FD_VGA_ROM, "the VGA BIOS"),
	ONE("vnc", FD_VNC_FB, "the picture, read only"),
	ONE("vnc", FD_VNC_SCAN, "asks vga for a picture"),
	ONE("vnc", FD_VNC_PAINTED, "the picture changed"),
	ONE("vnc", FD_VNC_LISTEN, "VNC clients connect here"),
	ONE("vnc", FD_VNC_INPUT, "keys and pointer, to platform"),
	ONE("vnc", FD_VNC_INPUT_KICK, "wakes platform"),
	ONE("broker", FD_ANSWER_KICK, "the workers wake us"),
	ONE("broker", FD_EVTCHN, "event channels of this domain"),
	ONE("broker", FD_DM_CALL, "spent"),
	ONE("broker", FD_DM_BUF, "spent"),
	ONE("broker", FD_DM, "device-model calls, restricted to this domain"),
	ONE("broker", FD_PLAN, "what each worker may claim, sealed"),
	ONE("broker", FD_BROKER_STATE, "what a successor needs"),
	MANY("broker", FD_CHAN0, FD_CHAN_END, "a worker's requests and answers"),
	MANY("broker", FD_KICK0, FD_KICK_END, "wakes a worker"),
	MANY("broker", FD_TRACE0, FD_TRACE_END, "a worker's last accesses"),
#undef ONE
#undef MANY
};

const char *fdnames_find(const char *role, int fd, char *to, size_t room)
{
	to[0] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (fd < names[i].first || fd > names[i].last ||
		    !text_has_word(names[i].roles, role))
			continue;
		if (names[i].first == names[i].last || fd <= 2)
			snprintf(to, room, "%s: %s", names[i].name, names[i].meaning);
		else
			snprintf(to, room, "%s+%d: %s", names[i].name,
				 fd - names[i].first, names[i].meaning);
		break;
	}
	return to;
}
