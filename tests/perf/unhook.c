/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/perf/unhook.c - puts a return where a function begins
 *
 * Runs in benchmarks, as a debugger of their own children, for a moment.
 */
#include "unhook.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define RET	0xc3u
#define AUXV	64u

/* Where the program's entry is, less where its file says; 0: unknown. */
static uint64_t find_base(pid_t pid, const Elf64_Ehdr *e)
{
	Elf64_auxv_t aux[AUXV];
	char path[40];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/auxv", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? 0 : read(fd, aux, sizeof(aux));
	if (fd >= 0)
		close(fd);
	for (ssize_t i = 0; i < len / (ssize_t)sizeof(aux[0]); i++)
		if (aux[i].a_type == AT_ENTRY)
			return aux[i].a_un.a_val - e->e_entry;
	return 0;
}

static uint64_t find_symbol(const uint8_t *file, const char *name)
{
	const Elf64_Ehdr *e = (const void *)file;
	const Elf64_Shdr *s = (const void *)(file + e->e_shoff);

	for (unsigned int i = 0; i < e->e_shnum; i++) {
		const Elf64_Sym *sym = (const void *)(file + s[i].sh_offset);
		const char *names;

		if (s[i].sh_type != SHT_SYMTAB)
			continue;
		names = (const char *)file + s[s[i].sh_link].sh_offset;
		for (uint64_t k = 0; k < s[i].sh_size / sizeof(*sym); k++)
			if (strcmp(names + sym[k].st_name, name) == 0)
				return sym[k].st_value;
	}
	return 0;
}

/* Our own build's program, so its file is believed. */
static uint64_t find_function(pid_t pid, const char *name)
{
	char path[40];
	struct stat st;
	uint64_t at = 0;
	uint8_t *file;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	file = fstat(fd, &st) ? MAP_FAILED :
		mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (file == MAP_FAILED)
		return 0;
	at = find_symbol(file, name);
	if (at)
		at += find_base(pid, (const void *)file);
	munmap(file, (size_t)st.st_size);
	return at;
}

static bool write_return(pid_t pid, uint64_t at)
{
	uint64_t word_at = at & ~UINT64_C(7);
	unsigned int shift = (unsigned int)(at & 7) * 8;
	unsigned long word;

	errno = 0;
	word = (unsigned long)ptrace(PTRACE_PEEKTEXT, pid, word_at, NULL);
	if (errno)
		return false;
	word = (word & ~(0xffUL << shift)) | (unsigned long)RET << shift;
	return ptrace(PTRACE_POKETEXT, pid, word_at, word) == 0;
}

const char *unhook_function(pid_t pid, const char *function)
{
	static char why[120];
	uint64_t at = find_function(pid, function);
	bool good;
	int status;

	if (!at) {
		snprintf(why, sizeof(why), "%s is not found in process %d", function, pid);
		return why;
	}
	if (ptrace(PTRACE_ATTACH, pid, NULL, NULL)) {
		snprintf(why, sizeof(why), "cannot trace process %d: %s", pid,
			 strerror(errno));
		return why;
	}
	good = waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status) &&
		write_return(pid, at);
	ptrace(PTRACE_DETACH, pid, NULL, NULL);
	snprintf(why, sizeof(why), "cannot change process %d", pid);
	return good ? NULL : why;
}
