/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_platform_regs.c - the platform worker's register tables
 */
#include "bus/reg.h"
#include "dev/fifo16.h"
#include "dev/platform.h"
#include "tap.h"

static const struct {
	const char *name;
	const struct reg_file *file;
} tables[] = {
	{ "piix3 confadd", &piix3_confadd_regs },
	{ "piix3 port 0x92", &piix3_port92_regs },
	{ "piix4 PM1a", &piix4_pm_pm_regs },
	{ "piix4 APM", &piix4_pm_apm_regs },
	{ "piix4 GPE0", &piix4_pm_gpe_regs },
	{ "piix4 PCI hot-plug", &piix4_pm_pcihp_regs },
	{ "piix4 CPU map", &piix4_pm_cpu_regs },
	{ "cmos", &cmos_regs },
	{ "i8042 data", &i8042_data_regs },
	{ "i8042 status", &i8042_status_regs },
	{ "uart", &uart_regs },
};

static void test_tables(void)
{
	for (unsigned int i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		const char *bad = reg_check(tables[i].file);

		ok(!bad, "%s is sane", tables[i].name);
		if (bad)
			printf("# %s\n", bad);
	}
}

static void test_fifo(void)
{
	struct fifo16 f = { 0 };

	for (unsigned int i = 0; i < 20; i++)
		fifo16_push(&f, (uint8_t)(i + 1));
	is_hex(fifo16_count(&f), 16, "a full queue drops what comes");
	is_hex(fifo16_pop(&f), 1, "first in, first out");
	fifo16_push(&f, 0x55);
	is_hex(fifo16_peek(&f, 15), 0x55, "and wraps around");

	f = (struct fifo16){ .head = 0xf3, .count = 0xff };
	is_hex(fifo16_count(&f), 16, "garbage in the state is brought in range");
	for (unsigned int i = 0; i < 16; i++)
		fifo16_pop(&f);
	is_hex(fifo16_count(&f), 0, "and can be emptied");
	is_hex(fifo16_pop(&f), 0, "an empty queue gives 0");
}

int main(void)
{
	test_tables();
	test_fifo();
	return tap_done();
}
