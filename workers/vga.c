/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * workers/vga.c - vga worker: the standard VGA, painting into shared memory
 *
 * VRAM is mapped once and stays mapped wherever the guest moves it; the VGA
 * BIOS is read before confinement.  Options: vram=GFN,FRAMES devfn=N rom=1.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "abi/fds.h"
#include "back/fb_shm.h"
#include "base/bug.h"
#include "base/log.h"
#include "base/stat.h"
#include "dev/stdvga.h"
#include "policy/policy_vga.h"
#include "runtime/worker.h"
#include "runtime/worker_rom.h"

static struct stdvga vga;
static struct worker *worker;
static uint8_t rom[VGA_ROM_BYTES];

static void on_scan(void *arg, uint32_t epoll_events)
{
	uint64_t count;

	(void)epoll_events;
	if (read(FD_VGA_SCAN, &count, sizeof(count)) != (ssize_t)sizeof(count))
		return;
	/* Writes that nobody waits for do not wake us; the picture shows them. */
	worker_catch_up(worker);
	stat_add(STAT_SCANS, 1);
	stdvga_scan(arg);
}

static void open_vram(struct worker *w, struct stdvga_cfg *cfg)
{
	const char *vram = sandbox_opt(&w->args, "vram");
	uint64_t gfn;
	uint32_t frames;
	char rest;

	if (!vram || sscanf(vram, "%" SCNu64 ",%" SCNu32 "%c", &gfn, &frames,
			    &rest) != 2)
		die(0, "not GFN,FRAMES: option=vram value=%s",
		    vram ? vram : "(none)");
	if (frames < VGA_VRAM_MIN / VGA_PAGE_BYTES ||
	    frames > CHAN_VRAM_FRAMES_MAX || (frames & (frames - 1)))
		die(0, "not a power of two from 1 to 512 MiB: option=vram value=%s",
		    vram);
	cfg->vram_bytes = frames * VGA_PAGE_BYTES;
	cfg->vram = worker_map_vram(w, gfn, frames);
	if (!cfg->vram)
		die(0, "cannot map video memory: option=vram value=%s", vram);
}

static void read_rom(struct worker *w, struct stdvga_cfg *cfg)
{
	const char *opt = sandbox_opt(&w->args, "rom");
	ssize_t r;

	if (!opt || strcmp(opt, "1") != 0)
		return;
	r = worker_read_rom(FD_VGA_ROM, rom, sizeof(rom));
	if (r <= 0)
		die(0, "cannot read the VGA BIOS: fd=%d", FD_VGA_ROM);
	cfg->rom = rom;
	cfg->rom_bytes = (uint32_t)r;
}

int main(int argc, char **argv)
{
	/* 1. Check what we inherited, start logging, map the rings. */
	struct worker *w = worker_begin("vga", argc, argv);
	const char *devfn = sandbox_opt(&w->args, "devfn");
	struct stdvga_cfg cfg = { .devfn = PCI_DEVFN(3, 0) };

	/* 2. Build the machine. */
	worker = w;
	worker_open_memory(w);
	if (devfn)
		cfg.devfn = strtoul(devfn, NULL, 0) & 0xff;
	open_vram(w, &cfg);
	read_rom(w, &cfg);
	cfg.disp = fb_shm_open(fb_shm_map(FD_VGA_FB, true), FD_VGA_PAINTED);
	stdvga_init(&vga, w->bus, &cfg);
	worker_watch(w, FD_VGA_SCAN, EPOLLIN, on_scan, &vga);

	/* 3. Point of no return: from here only policy/vga.policy is left. */
	worker_confine(w, &policy_vga);

	/* 4. Serve the guest until the supervisor hangs up. */
	return worker_serve(w);
}
