/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/adopt.c - a supervisor takes over what another one left
 *
 * Runs in the supervisor, instead of opening what a guest is made of: images
 * that were unplugged stay so, a pty keeps its name, and a file that was put
 * in the place of an image since then is not looked at.
 */
#include "supervisor/adopt.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "supervisor/cgroup.h"
#include "supervisor/family.h"
#include "supervisor/limits.h"
#include "supervisor/store.h"

bool adopt_is_due(char *why, size_t why_len)
{
	why[0] = '\0';
	if (!store_has_any())
		return false;
	if (family_was_left(why, why_len))
		return true;
	store_discard();
	return false;
}

static bool look_at_image(struct roster *r, unsigned int drive, char *why, size_t why_len)
{
	struct image *img = &r->host->image[drive];
	bool is_whole = img->fd >= 0 && img->spare >= 0;

	if (img->fd < 0 && img->spare < 0)
		return true;
	if (image_look(img)) {
		snprintf(why, why_len, "image-%u: not an image", drive);
		return false;
	}
	/* One of two, if the one before us died between taking the old one out
	   and putting the new one in. */
	if (!is_whole)
		roster_keep_image(r, drive);
	return true;
}

/* Fills in @r and its host from the store.  False, and @why: it is not whole,
   or not what the settings say. */
static bool fill_roster(struct roster *r, char *why, size_t why_len)
{
	struct roster_host *h = r->host;

	if (roster_adopt(r, why, why_len))
		return false;
	for (unsigned int i = 0; i < CONF_DRIVES; i++)
		if (!look_at_image(r, i, why, why_len))
			return false;
	for (int i = 0; i < CONF_SERIALS; i++)
		serial_look(&r->conf->serial[i], &h->serial[i]);
	if (r->conf->have_vnc && (h->vnc.fd < 0 || vnc_look(&h->vnc))) {
		snprintf(why, why_len, "vnc: not in the store");
		return false;
	}
	return true;
}

/* ---- the steps ---- */

/* First, so that whatever goes wrong later ends it in order. */
static bool take_children(void)
{
	store_open();
	family_take_children(sup.base, &sup.roster, sup_family_ops(NULL));
	return true;
}

static bool take_roster(void)
{
	char why[240];

	if (spawn_find_programs(why, sizeof(why)) ||
	    !fill_roster(&sup.roster, why, sizeof(why))) {
		log_err("cannot adopt the family of domid=%u, it is ended: %s",
			sup.conf.domid, why);
		return false;
	}
	sup_tell_serials();
	if (sup.conf.have_vnc)
		sup_tell_vnc();
	sup.qmp.disk_stats = sup.roster.stat_page[MEMBER_DISK0];
	for (unsigned int i = 0; i < sup.conf.nic_count; i++)
		if (!sup.conf.nic[i].model && sup.host.tap[i] >= 0 &&
		    !sup_drain_tap(sup.host.tap[i]))
			return false;
	limits_adopt();
	store_close_rest();
	return true;
}

static bool go_on(void)
{
	sup.qmp.status = QMP_STATUS_RUNNING;
	cgroup_begin(sup.conf.domid, sup.conf.cgroup_parent);
	if (!limits_apply(&sup.roster))
		return false;
	limits_apply_kept();
	family_go_on();
	sup_say_serving();
	sup_begin_rest();
	return true;
}

const struct step adopt_steps[] = {
	{ "events",	sup_begin_events },
	{ "children",	take_children },
	{ "xen",	sup_reach_xen },
	{ "roster",	take_roster },
	{ "qmp",	sup_open_qmp },
	{ "xenstore",	sup_open_xenstore },
	{ "family",	go_on },
	{ 0 }
};

/* ---- after the end ---- */

int adopt_tear_down(void)
{
	/* With these, Restart=on-abnormal starts nobody. */
	static const char *const last[] = { "success", "exit-code", "exec-condition" };
	const char *result = getenv("SERVICE_RESULT");
	bool keep = result;

	for (size_t i = 0; result && i < sizeof(last) / sizeof(last[0]); i++)
		keep &= strcmp(result, last[i]) != 0;
	cgroup_tear_down(keep);
	return 0;
}
