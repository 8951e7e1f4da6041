/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * workers/net.c - net worker: one network card and the tap behind it
 *
 * Opens nothing: the tap and the boot ROM arrive at fixed numbers (abi/fds.h).
 * Options: model=, mac=, devfn=, rom=0|1, failed=0|1 (may be absent).  Without
 * a tap, or failed, the card is there and its link is down.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "abi/fds.h"
#include "abi/nic_rom.h"
#include "abi/state.h"
#include "back/nic_tap.h"
#include "base/bug.h"
#include "base/log.h"
#include "base/mac.h"
#include "dev/e1000.h"
#include "dev/rtl8139.h"
#include "policy/policy_net.h"
#include "runtime/worker.h"
#include "runtime/worker_rom.h"

static struct worker *worker;
static uint8_t rom[NIC_ROM_MAX];

static_assert(NIC_ROM_MAX <= RTL8139_ROM_MAX && NIC_ROM_MAX <= E1000_ROM_MAX,
	      "every card has room for it");

/* The table of cards: NAME_init() of dev/NAME.h, on a card of its own. */
#define NIC_MODEL(name, vendor, device, rom_file)			\
static struct name the_##name;						\
static void init_##name(struct worker *w, unsigned int devfn,		\
			struct nic *nic, size_t rom_bytes)		\
{									\
	name##_init(&the_##name, w->bus, devfn, nic,			\
		    rom_bytes ? rom : NULL, rom_bytes);			\
}
#include "abi/nic_model.def"
#undef NIC_MODEL

static const struct {
	const char *name;
	void (*init)(struct worker *w, unsigned int devfn, struct nic *nic,
		     size_t rom_bytes);
} models[] = {
#define NIC_MODEL(name, vendor, device, rom_file) { #name, init_##name },
#include "abi/nic_model.def"
#undef NIC_MODEL
};

static void watch_tap(uint32_t epoll_events)
{
	worker_watch_change(worker, FD_NET_TAP, epoll_events);
}

static void forget_tap(void)
{
	worker_watch_end(worker, FD_NET_TAP);
}

static const char *need_opt(const char *key)
{
	const char *value = sandbox_opt(&worker->args, key);

	if (!value)
		die(0, "missing: option=%s", key);
	return value;
}

static bool is_failed(void)
{
	const char *value = sandbox_opt(&worker->args, "failed");

	return value && strcmp(value, "1") == 0;
}

/* The supervisor gives no tap for a card that is unplugged. */
static struct nic *open_wire(const uint8_t mac[NIC_MAC_BYTES])
{
	bool there = worker->args.fds & (UINT64_C(1) << FD_NET_TAP);
	struct nic *nic = nic_tap_open(there ? FD_NET_TAP : -1, mac, watch_tap,
				       forget_tap);

	if (there)
		worker_watch(worker, FD_NET_TAP, EPOLLIN, nic_tap_event, NULL);
	if (is_failed()) {
		log_warn("card failed: its link is down");
		nic_tap_fail();
	}
	return nic;
}

static size_t read_rom(void)
{
	ssize_t r;

	if (strcmp(need_opt("rom"), "1") != 0)
		return 0;
	r = worker_read_rom(FD_NET_ROM, rom, sizeof(rom));
	if (r <= 0)
		die(r ? errno : 0, "cannot read the boot ROM: fd=%d", FD_NET_ROM);
	return (size_t)r;
}

static void add_card(struct nic *nic)
{
	const char *model = need_opt("model");
	unsigned int devfn = strtoul(need_opt("devfn"), NULL, 0) & 0xff;

	for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++)
		if (strcmp(models[i].name, model) == 0) {
			models[i].init(worker, devfn, nic, read_rom());
			return;
		}
	die(0, "unknown value: option=model value=%s", model);
}

int main(int argc, char **argv)
{
	uint8_t mac[NIC_MAC_BYTES];

	/* 1. Check what we inherited, start logging, map the rings. */
	worker = worker_begin("net", argc, argv);

	/* 2. Build the machine. */
	worker_open_memory(worker);
	if (!mac_parse(need_opt("mac"), mac))
		die(0, "unknown value: option=mac value=%s", need_opt("mac"));
	add_card(open_wire(mac));

	/* 3. Point of no return: from here only policy/net.policy is left. */
	worker_confine(worker, &policy_net);

	/* 4. Serve the guest until the supervisor hangs up. */
	return worker_serve(worker);
}
