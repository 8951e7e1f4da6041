/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * back/fb_shm.h - a display that is memory: struct fb of abi/disp.h
 *
 * vga paints into it, vnc shows it.  One per process.
 */
#ifndef BACK_FB_SHM_H
#define BACK_FB_SHM_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/disp.h"
#include "bus/disp.h"

/* Map the picture at @fd (a sealed memfd).  Before confinement; dies if it is
   not one. */
struct fb *fb_shm_map(int fd, bool writable);

/* vga.  @fb stays; @painted_fd: eventfd, written after every scan; borrowed. */
struct disp *fb_shm_open(struct fb *fb, int painted_fd);

/* vnc.  The picture's size, if it is believable now: neither changing nor
   larger than the memory. */
bool fb_shm_get_size(const struct fb *fb, uint32_t *width, uint32_t *height);

#endif /* BACK_FB_SHM_H */
