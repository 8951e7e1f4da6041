/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl/cmd_explain.c - cloisterctl explain: the evidence sheet of a guest
 *
 * Runs in cloisterctl.  What each process is comes from evidence.c, what it
 * may claim of the guest from the supervisor.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/client.h"
#include "ctl/ctl.h"
#include "ctl/evidence.h"
#include "ctl/rows.h"
#include "ctl/text.h"

/* A value as it is, on one line; of {"unknown": why}, that. */
static void put_value(const json_t *v)
{
	const char *why = text_of(v, "unknown");

	if (json_is_string(v))
		text_put(stdout, json_string_value(v));
	else if (json_is_integer(v))
		printf("%" JSON_INTEGER_FORMAT, json_integer_value(v));
	else if (json_is_boolean(v))
		fputs(json_is_true(v) ? "yes" : "no", stdout);
	else
		printf("unknown (%s)", why[0] ? why : "not told");
}

static bool is_unknown(const json_t *v)
{
	return !v || json_object_get(v, "unknown");
}

static void put_subject(const char *name)
{
	printf("    %-14s ", name);
}

/* "key value, key value": the members of an object. */
static void print_members(const char *name, json_t *o)
{
	const char *key, *comma = "";
	json_t *v;

	put_subject(name);
	if (is_unknown(o)) {
		put_value(o);
	} else {
		json_object_foreach(o, key, v) {
			printf("%s%s ", comma, key);
			put_value(v);
			comma = ", ";
		}
	}
	putchar('\n');
}

static void print_namespaces(json_t *o)
{
	const char *key, *comma = "";
	json_t *v;

	put_subject("namespaces");
	json_object_foreach(o, key, v) {
		printf("%s%s ", comma, key);
		if (is_unknown(v))
			put_value(v);
		else
			fputs(json_is_true(json_object_get(v, "own")) ? "own" :
			      "the host's", stdout);
		comma = ", ";
	}
	putchar('\n');
}

static void print_root(const json_t *o)
{
	put_subject("root");
	if (is_unknown(o))
		put_value(o);
	else
		printf("%s, %" PRIu64 " entries",
		       json_is_true(json_object_get(o, "own")) ? "own" : "the host's",
		       text_uint(o, "entries"));
	putchar('\n');
}

static void print_seccomp(const json_t *o)
{
	put_subject("seccomp");
	put_value(json_object_get(o, "mode"));
	fputs(", filters ", stdout);
	put_value(json_object_get(o, "filters"));
	if (json_object_get(o, "instructions"))
		printf("; as built: %" PRIu64 " instructions, %" PRIu64 " system calls",
		       text_uint(o, "instructions"), text_uint(o, "system_calls"));
	putchar('\n');
}

static void print_fds(const json_t *list)
{
	const json_t *f;
	size_t i;

	if (is_unknown(list)) {
		put_subject("descriptors");
		put_value(list);
		putchar('\n');
		return;
	}
	json_array_foreach(list, i, f) {
		const char *means = text_of(f, "means");

		put_subject(i ? "" : "descriptors");
		printf("%3" PRIu64 "  ", text_uint(f, "fd"));
		text_put(stdout, text_of(f, "is"));
		if (means[0]) {
			fputs("  ", stdout);
			text_put(stdout, means);
		}
		putchar('\n');
	}
}

static void print_memory(const json_t *evidence, const struct row *r)
{
	const json_t *o = json_object_get(evidence, "guest_memory");
	char bytes[TEXT_NUMBER];

	put_subject("guest memory");
	if (is_unknown(o))
		put_value(o);
	else
		printf("%s mapped", text_bytes(bytes,
					       (double)text_uint(o, "mapped_bytes")));
	if (r->has_map)
		printf("; by its counter %" PRIu64 " pages", r->map_pages);
	putchar('\n');
}

/* ---- what it may claim ---- */

static void print_ranges(const json_t *list)
{
	const json_t *g;
	size_t i;

	json_array_foreach(list, i, g) {
		printf("%s", i ? ", " : "");
		text_put(stdout, text_of(g, "space"));
		printf(" 0x%" PRIx64, text_uint(g, "first"));
		if (text_uint(g, "first") != text_uint(g, "last"))
			printf("-0x%" PRIx64, text_uint(g, "last"));
	}
}

static void print_words(const char *name, const json_t *list)
{
	const json_t *v;
	size_t i;

	if (!json_array_size(list))
		return;
	printf("; %s", name);
	json_array_foreach(list, i, v) {
		putchar(' ');
		put_value(v);
	}
}

static void print_claims(const json_t *o)
{
	if (!o)
		return;
	put_subject("may claim");
	print_ranges(json_object_get(o, "ranges"));
	print_words("ISA lines", json_object_get(o, "isa_lines"));
	print_words("interrupts of PCI slots", json_object_get(o, "pci_slots"));
	print_words("asks for", json_object_get(o, "verbs"));
	putchar('\n');
}

/* ---- one process ---- */

static void print_sheet(const struct row *r, json_t *e, const json_t *claims)
{
	printf("  ");
	text_put(stdout, text_of(r->process, "name"));
	printf(": pid %d\n", (int)r->pid);
	if (json_object_get(e, "status")) {
		put_subject("status");
		put_value(json_object_get(e, "status"));
		putchar('\n');
	} else {
		print_members("identity", json_object_get(e, "ids"));
		print_members("capabilities", json_object_get(e, "capabilities"));
		put_subject("no new privs");
		put_value(json_object_get(e, "no_new_privs"));
		putchar('\n');
		print_seccomp(json_object_get(e, "seccomp"));
	}
	print_namespaces(json_object_get(e, "namespaces"));
	print_root(json_object_get(e, "root"));
	print_members("limits", json_object_get(e, "limits"));
	put_subject("cgroup");
	put_value(json_object_get(e, "cgroup"));
	putchar('\n');
	print_memory(e, r);
	print_claims(claims);
	print_fds(json_object_get(e, "fds"));
}

/* Adds the evidence to the processes of g->status; prints it, or not. */
static void explain_guest(struct guest *g, bool print)
{
	const json_t *claims = json_object_get(g->status, "claims");
	json_t *list = json_object_get(g->status, "processes");
	struct row r;

	if (print) {
		printf("guest %u ", g->client.domid);
		text_put(stdout, text_of(g->status, "name"));
		putchar('\n');
	}
	for (size_t i = 0; row_get(g, i, &r); i++) {
		const char *name = text_of(r.process, "name");
		json_t *e;

		if (!r.pid) {
			if (print) {
				printf("  ");
				text_put(stdout, name);
				puts(": does not run, or is no child of the supervisor");
			}
			continue;
		}
		e = evidence_collect(r.pid, text_of(r.process, "role"));
		if (print)
			print_sheet(&r, e, json_object_get(claims, name));
		json_object_set_new(json_array_get(list, i), "evidence", e);
	}
}

/* "explain" says what "status" does, and more. */
static bool ask(struct guest *g)
{
	json_t *o = client_ask(&g->client, "explain", NULL, NULL, g->why, sizeof(g->why));

	if (!o)
		return false;
	json_object_set(g->status, "claims", json_object_get(o, "claims"));
	json_decref(o);
	return true;
}

enum ctl_exit cmd_explain(const struct ctl *ctl)
{
	json_t *all = ctl->json ? json_array() : NULL;
	struct guest_list l;
	enum ctl_exit found = guest_list_get(ctl->run_dir, ctl->arg[0], &l);
	enum ctl_exit status = found;

	for (size_t i = 0; found == CTL_OK && i < l.count; i++) {
		struct guest *g = &l.guest[i];

		if (!g->status || !ask(g)) {
			ctl_complain("guest %u: %s", g->client.domid, g->why);
			status = CTL_FAILED;
			continue;
		}
		explain_guest(g, !all);
		if (all)
			json_array_append(all, g->status);
	}
	if (found == CTL_OK && all)
		ctl_print_guests(ctl, all);
	json_decref(all);
	guest_list_free(&l);
	return status;
}
