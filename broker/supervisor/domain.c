/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/domain.c - `serve --name`: which domain is it?
 *
 * Runs in the supervisor, before anything is opened.
 */
#include "supervisor/domain.h"

#include <stdio.h>

#include "base/log.h"
#include "supervisor/xs.h"

#define NAMESAKES	8	/* told, when a name is not enough */

/* Nobody but the caller knows which one is meant. */
static void refuse_namesakes(const struct conf *conf, const uint32_t *domid,
			     unsigned int count)
{
	char list[NAMESAKES * 12] = "";
	size_t len = 0;

	for (unsigned int i = 0; i < count && i < NAMESAKES; i++)
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%u",
					i ? "," : "", domid[i]);
	log_err("several domains have this name, one has to be told by --domid: "
		"--name %.60s domids=%s%s", conf->name, list,
		count > NAMESAKES ? ",..." : "");
}

/* `serve --name`: the domain is there, its number is for us to find. */
bool domain_find(struct conf *conf)
{
	uint32_t domid[NAMESAKES];
	int n;

	if (conf->have_domid)
		return true;
	n = xs_find_domains(conf->name, domid, NAMESAKES);
	if (n < 0)
		log_errno(-n, "cannot reach xenstore: --name %.60s", conf->name);
	else if (n == 0)
		log_err("no domain has this name: --name %.60s", conf->name);
	else if (n > 1)
		refuse_namesakes(conf, domid, (unsigned int)n);
	if (n == 1)
		conf->domid = domid[0];
	conf->have_domid = n == 1;
	return n == 1;
}
