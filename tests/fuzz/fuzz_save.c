/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/fuzz/fuzz_save.c - whatever a save file says, to its reader
 *
 * Sums are made right first: a fuzzer would not get past them.  What is taken
 * goes all the way into state memfds, whose table has to be one that a worker
 * could have committed: saving it again gives the same sections.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "savekit.h"

static struct save_family family;
static struct save_view view;

static void take(const struct save_view *v, struct save_family *f)
{
	static struct save_view again;
	struct save_out out = { 0 };
	char why[SAVE_WHY];

	bug_on(save_fill(v, f, SAVEKIT_CLOCK_NS) != 0);
	bug_on(save_take(f, &out, why, sizeof(why)) != 0);
	bug_on(save_parse(out.bytes, out.used, &again, why, sizeof(why)) != 0);
	bug_on(again.count != v->count);
	for (unsigned int i = 0; i < v->count; i++) {
		const struct save_part *a = &v->part[i], *b = &again.part[i];

		bug_on(strcmp(a->name, b->name) != 0 || a->version != b->version);
		/* Buffers lose zeros at their end. */
		bug_on(b->bytes > a->bytes || memcmp(a->body, b->body, b->bytes) != 0);
	}
	save_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	char why[SAVE_WHY] = "";

	bug_on(!copy);
	memcpy(copy, data, size);
	savekit_seal(copy, size);
	family = savekit_family(0);
	if (save_parse(copy, size, &view, why, sizeof(why)) ||
	    save_check(&view, &family, why, sizeof(why)))
		bug_on(!strstr(why, "section=") || !strstr(why, "field="));
	else
		take(&view, &family);
	savekit_end(&family);
	free(copy);
	return 0;
}

size_t fuzz_seed(uint8_t *to, size_t room)
{
	struct save_family f = savekit_family(7);
	struct save_out out = { 0 };
	char why[SAVE_WHY];
	size_t used;

	bug_on(save_take(&f, &out, why, sizeof(why)) != 0 || out.used > room);
	used = out.used;
	memcpy(to, out.bytes, used);
	save_free(&out);
	savekit_end(&f);
	return used;
}
