/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/fuzz/driver.c - runs a fuzz target without a fuzzer
 *
 * usage: TARGET [ROUNDS [SEED]]	changes the seed input at random
 *        TARGET --seed FILE		writes the seed input
 *        TARGET --run FILE...		runs these
 */
#include "fuzz.h"

#include <fcntl.h>
#include <unistd.h>

#include "tap.h"

#define INPUT_MAX	(1u << 20)
#define ROUNDS		20000u

static uint8_t first[INPUT_MAX], input[INPUT_MAX];
static uint64_t state;

static uint32_t random_below(size_t n)
{
	state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)((state >> 33) % n);
}

/* Values at which readers stumble. */
static uint64_t odd_value(void)
{
	static const uint64_t odd[] = { 0, 1, 7, 8, 0x7f, 0x80, 0xff, 0x7fff, 0xffff,
		0x10000, INT32_MAX, UINT32_MAX, INT64_MAX, UINT64_MAX, UINT64_MAX - 7 };

	return odd[random_below(sizeof(odd) / sizeof(odd[0]))];
}

static size_t change(size_t size)
{
	size_t at = random_below(size), n;
	uint64_t v;

	switch (random_below(5)) {
	case 0:
		input[at] = (uint8_t)random_below(256);
		return size;
	case 1:
		input[at] ^= (uint8_t)(1u << random_below(8));
		return size;
	case 2:
		v = odd_value();
		at &= ~(size_t)7;
		n = 1u << random_below(4);
		memcpy(input + at, &v, n < size - at ? n : size - at);
		return size;
	case 3:		/* something twice */
		n = random_below(size - at) + 1;
		memmove(input + random_below(size - n + 1), input + at, n);
		return size;
	default:
		return random_below(8) ? size : at + 1;
	}
}

static int run_files(int argc, char **argv)
{
	for (int i = 2; i < argc; i++) {
		int fd = open(argv[i], O_RDONLY);
		ssize_t r = fd < 0 ? -1 : read(fd, input, sizeof(input));

		if (r < 0)
			perror(argv[i]);
		else
			LLVMFuzzerTestOneInput(input, (size_t)r);
		close(fd);
	}
	return 0;
}

int main(int argc, char **argv)
{
	unsigned int rounds = argc > 1 ? (unsigned int)strtoul(argv[1], NULL, 10) : ROUNDS;
	size_t size = fuzz_seed(first, sizeof(first));

	if (argc > 2 && strcmp(argv[1], "--seed") == 0) {
		int fd = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0644);

		return fd < 0 || write(fd, first, size) != (ssize_t)size;
	}
	if (argc > 2 && strcmp(argv[1], "--run") == 0)
		return run_files(argc, argv);
	state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	LLVMFuzzerTestOneInput(first, size);
	LLVMFuzzerTestOneInput(first, 0);
	for (unsigned int n = 0; n < rounds; n++) {
		size_t len = size;

		memcpy(input, first, size);
		for (unsigned int k = random_below(6) + 1; k && len; k--)
			len = change(len);
		LLVMFuzzerTestOneInput(input, len);
	}
	ok(true, "%u inputs, %zu bytes to begin with", rounds, size);
	return tap_done();
}
