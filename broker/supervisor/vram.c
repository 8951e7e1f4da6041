/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/vram.c - what only an unrestricted hypercall can do for a guest
 *
 * Runs in the supervisor.  The handle stays open: ACPI S3 needs it later.
 */
#include "supervisor/vram.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xenctrl.h>
#include <xen/hvm/params.h>

static xc_interface *xc;
static uint32_t dom;

bool vram_domain_lives(void)
{
	xc_domaininfo_t info;

	/* The list starts at the first domain that is not below ours. */
	if (!xc)
		return true;
	return xc_domain_getinfolist(xc, dom, 1, &info) == 1 && info.domain == dom &&
		!(info.flags & XEN_DOMINF_dying);
}

static int check_domain(char *why, size_t why_len)
{
	xc_domaininfo_t info;

	if (xc_domain_getinfolist(xc, dom, 1, &info) != 1 || info.domain != dom) {
		snprintf(why, why_len, "no such domain: -xen-domid %u", dom);
		return -ESRCH;
	}
	if (info.flags & XEN_DOMINF_dying) {
		snprintf(why, why_len, "domain is dying: -xen-domid %u", dom);
		return -ESRCH;
	}
	if (!(info.flags & XEN_DOMINF_hvm_guest)) {
		snprintf(why, why_len, "not an HVM guest: -xen-domid %u", dom);
		return -EINVAL;
	}
	return 0;
}

int vram_open(uint32_t domid, char *why, size_t why_len)
{
	int fd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
	int rc;

	/* The library would tell the same in four lines. */
	if (fd < 0) {
		rc = -errno;
		snprintf(why, why_len,
			 "no Xen here (/dev/xen/privcmd): %s; try contrib/demo",
			 strerrordesc_np(-rc));
		return rc;
	}
	close(fd);
	xc = xc_interface_open(NULL, NULL, 0);
	if (!xc) {
		rc = -errno;
		snprintf(why, why_len, "cannot reach the hypervisor: %s",
			 strerrordesc_np(-rc));
		return rc;
	}
	dom = domid;
	return check_domain(why, why_len);
}

void vram_close(void)
{
	if (xc)
		xc_interface_close(xc);
	xc = NULL;
}

int vram_populate(const struct vram_layout *l)
{
	xen_pfn_t *pfn;
	int rc = 0;

	if (!l->frames)
		return 0;
	pfn = malloc(l->frames * sizeof(*pfn));
	if (!pfn)
		return -ENOMEM;
	for (uint32_t i = 0; i < l->frames; i++)
		pfn[i] = l->gfn + i;
	/* errno of a partial success would mislead: it is out of memory. */
	errno = 0;
	if (xc_domain_populate_physmap_exact(xc, dom, l->frames, 0, 0, pfn))
		rc = errno ? -errno : -ENOMEM;
	free(pfn);
	return rc;
}

int vram_set_sleep_state(unsigned int s)
{
	if (!xc)
		return -ENOTCONN;
	return xc_hvm_param_set(xc, dom, HVM_PARAM_ACPI_S_STATE, s) ? -errno : 0;
}
