/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_bufioreq.c - Xen's buffered ring
 *
 * The hard case is not raced but forced: the ring's indices are in a page that
 * is write-protected, so that the reader stops exactly between its load and
 * its update, and the SIGSEGV handler plays Xen rebasing both indices.
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>

#include "dispatch/bufioreq.h"
#include "tap.h"

#define SLOTS	XEN_BUFIOREQ_SLOTS

static struct xen_bufioreq_page *page;

static struct xen_bufioreq entry(uint32_t addr, unsigned int log2_size, uint32_t data)
{
	return (struct xen_bufioreq){
		.bits = XEN_IOREQ_TYPE_COPY | log2_size << 10 | addr << 12,
		.data = data };
}

static void xen_rebases(int sig)
{
	(void)sig;
	mprotect(page, XEN_PAGE_SIZE, PROT_READ | PROT_WRITE);
	page->ptrs.rd -= SLOTS;
	page->ptrs.wr -= SLOTS;
}

static void test_rebase_between_load_and_update(void)
{
	struct bufioreq e;
	struct sigaction sa = { .sa_handler = xen_rebases };

	sigaction(SIGSEGV, &sa, NULL);
	page->ptrs.rd = SLOTS + 7;
	page->ptrs.wr = SLOTS + 9;
	page->slot[7] = entry(0xb8000, 0, 0x41);
	mprotect(page, XEN_PAGE_SIZE, PROT_READ);
	is_hex(bufioreq_get(page, &e), 1, "one entry read");
	is_hex(e.addr, 0xb8000, "its address");
	is_hex(e.data, 0x41, "its data");
	is_hex(page->ptrs.rd, 8, "the rebased read index moved by one");
	is_hex(page->ptrs.wr - page->ptrs.rd, 1, "one entry is left");
}

static void test_sizes(void)
{
	struct bufioreq e;

	page->ptrs.rd = 510;
	page->ptrs.wr = 512;
	page->slot[510] = entry(0xa0008, 3, 0x11223344);
	page->slot[0] = entry(0, 0, 0x55667788);
	is_hex(bufioreq_get(page, &e), 1, "eight bytes over the wrap");
	is_hex(e.size, 8, "size");
	is_hex(e.data, 0x5566778811223344, "both halves");
	is_hex(bufioreq_level(page), 0, "two slots used");
	is_hex(bufioreq_get(page, &e), 0, "empty");
}

static void test_nonsense(void)
{
	struct bufioreq e;

	page->ptrs.rd = 0;
	page->ptrs.wr = SLOTS + 1;
	ok(bufioreq_get(page, &e) == -EPROTO, "more entries than slots");
	page->ptrs.wr = 1;
	page->slot[0] = entry(0xa0000, 3, 0);
	ok(bufioreq_get(page, &e) == -EPROTO, "half an 8-byte entry");
}

int main(void)
{
	page = mmap(NULL, XEN_PAGE_SIZE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	test_rebase_between_load_and_update();
	test_sizes();
	test_nonsense();
	return tap_done();
}
