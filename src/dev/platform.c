/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev/platform.c - the machine's small devices, put together
 *
 * Runs in platform.  Which devices a guest has and where; no behaviour.
 */
#include "dev/platform.h"

#include <string.h>

static const struct {
	const char *name;
	uint16_t port;
	uint8_t line;
} com[PLATFORM_SERIALS] = {
	{ "com1", 0x3f8, 4 }, { "com2", 0x2f8, 3 },
	{ "com3", 0x3e8, 4 }, { "com4", 0x2e8, 3 },
};

static void add_serial(struct platform *p, struct bus *b,
		       const struct platform_conf *conf)
{
	for (unsigned int i = 0; i < PLATFORM_SERIALS; i++)
		if (conf->serial[i].present)
			uart_init(&p->serial[i], b, com[i].name, com[i].port,
				  com[i].line, conf->serial[i].chr);
	for (unsigned int i = 0; i + 2 < PLATFORM_SERIALS; i++)
		if (conf->serial[i].present && conf->serial[i + 2].present)
			uart_share_line(&p->serial[i], &p->serial[i + 2]);
}

void platform_init(struct platform *p, struct bus *b,
		   const struct platform_conf *conf)
{
	unsigned int com_mask = (conf->serial[0].present ? 1u : 0) |
				(conf->serial[1].present ? 2u : 0);
	struct cmos_conf cmos = {
		.ram_below_4g_bytes = conf->ram_below_4g_bytes,
		.ram_above_4g_bytes = conf->ram_above_4g_bytes,
		.vcpus = conf->vcpus, .boot = conf->boot };

	memcpy(cmos.disk_cyls, conf->disk_cyls, sizeof(cmos.disk_cyls));
	i440fx_init(&p->host, b, conf->ram_below_4g_bytes +
				 conf->ram_above_4g_bytes);
	piix3_init(&p->isa, b);
	cmos_init(&p->cmos, b, &cmos);
	piix4_pm_init(&p->pm, b, &p->cmos, conf->vcpus, com_mask);
	if (conf->xen_pci)
		xen_platform_init(&p->xen, b, conf->accept_unplug);
	i8042_init(&p->i8042, b);
	add_serial(p, b, conf);
}
