/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/nic.c - the network cards there are, and their boot ROMs
 *
 * Runs in the supervisor.  Looks at no byte of a ROM: the net worker reads it.
 */
#include "supervisor/nic.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/nic_rom.h"

static const struct nic_model models[] = {
#define NIC_MODEL(name, vendor, device, rom) { #name, vendor, device, rom },
#include "abi/nic_model.def"
#undef NIC_MODEL
};
#define MODELS (sizeof(models) / sizeof(models[0]))

const struct nic_model *nic_find_model(const char *name)
{
	for (size_t i = 0; i < MODELS; i++)
		if (strcmp(models[i].name, name) == 0)
			return &models[i];
	return NULL;
}

const char *nic_model_names(void)
{
	static char names[80];
	size_t at = 0;

	for (size_t i = 0; i < MODELS && at < sizeof(names); i++)
		at += (size_t)snprintf(names + at, sizeof(names) - at, "%s%s",
				       i ? ", " : "", models[i].name);
	return names;
}

int nic_open_rom(const char *file, char *why, size_t why_len)
{
	char path[300];
	struct stat st;
	int fd, rc = 0;

	snprintf(path, sizeof(path), "%s%.250s",
		 strchr(file, '/') ? "" : CLOISTER_IPXE_DIR "/", file);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		rc = -errno;
	else if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		rc = -EINVAL;	/* the worker expects a file */
	else if (st.st_size == 0)
		rc = -ENODATA;
	else if (st.st_size > (off_t)NIC_ROM_MAX)
		rc = -EFBIG;
	if (rc == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	snprintf(why, why_len, "romfile=%.120s: %s", path, strerrordesc_np(-rc));
	return rc;
}
