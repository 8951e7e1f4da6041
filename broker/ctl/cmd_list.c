/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl/cmd_list.c - cloisterctl list, status
 *
 * Runs in cloisterctl.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/client.h"
#include "ctl/ctl.h"
#include "ctl/rows.h"
#include "ctl/text.h"

#define NAME_ROOM	160	/* two names may differ in the last letter */

/* What the kernel says of the processes goes beside what the supervisor says. */
static void join_rows(struct guest *g, unsigned int *running, uint64_t *memory)
{
	struct row r;

	*running = 0;
	*memory = 0;
	for (size_t i = 0; row_get(g, i, &r); i++) {
		json_t *p = json_array_get(json_object_get(g->status, "processes"), i);
		uint64_t pss = r.pid ? proc_pss_bytes(r.pid) : 0;

		if (!r.pid)
			continue;
		++*running;
		*memory += pss ? pss : r.use.resident_bytes;
		json_object_set_new(p, "cpu_s", json_real((double)r.use.cpu_ms / 1000));
		json_object_set_new(p, "threads", json_integer(r.use.threads));
		json_object_set_new(p, "resident_bytes",
				    json_integer((json_int_t)r.use.resident_bytes));
		if (pss)
			json_object_set_new(p, "pss_bytes", json_integer((json_int_t)pss));
	}
}

/* Processes that are not as they should be: "disk0 failed, vga restarting". */
static json_t *tell_trouble(const struct guest *g)
{
	json_t *list = json_array();
	const json_t *p;
	size_t i;

	json_array_foreach(json_object_get(g->status, "processes"), i, p) {
		const char *state = text_of(p, "state");

		if (strcmp(state, "failed") == 0 || strcmp(state, "restarting") == 0)
			json_array_append_new(list, json_pack("{s:s,s:s}", "name",
				text_of(p, "name"), "state", state));
	}
	return list;
}

static void print_trouble(const struct guest *g)
{
	json_t *list = tell_trouble(g);
	const json_t *p;
	size_t i;

	json_array_foreach(list, i, p) {
		char name[13], state[12];

		printf("%s%s %s", i ? ", " : "  ",
		       text_quote(name, sizeof(name), text_of(p, "name")),
		       text_quote(state, sizeof(state), text_of(p, "state")));
	}
	json_decref(list);
}

static json_t *list_json(const struct guest *g, unsigned int running, uint64_t memory)
{
	if (!g->status)
		return json_pack("{s:i,s:s,s:s}", "domid", (int)g->client.domid,
				 "state", "no answer", "why", g->why);
	return json_pack("{s:i,s:s,s:s,s:f,s:i,s:I,s:o}", "domid", (int)g->client.domid,
			 "name", text_of(g->status, "name"),
			 "state", text_of(g->status, "state"),
			 "age_s", text_real(g->status, "age_s"),
			 "processes", (int)running, "memory_bytes", (json_int_t)memory,
			 "trouble", tell_trouble(g));
}

static void list_line(const struct guest *g, unsigned int running, uint64_t memory)
{
	char name[NAME_ROOM], state[16], age[TEXT_NUMBER], bytes[TEXT_NUMBER];

	if (!g->status) {
		printf("%5u  %-24s  no answer: ", g->client.domid, "?");
		text_put(stdout, g->why);
		putchar('\n');
		return;
	}
	printf("%5u  %-24s  %-10s  %7s  %9u  %7s", g->client.domid,
	       text_quote(name, sizeof(name), text_of(g->status, "name")),
	       text_quote(state, sizeof(state), text_of(g->status, "state")),
	       text_age(age, text_real(g->status, "age_s")), running,
	       text_bytes(bytes, (double)memory));
	print_trouble(g);
	putchar('\n');
}

enum ctl_exit cmd_list(const struct ctl *ctl)
{
	json_t *all = ctl->json ? json_array() : NULL;
	struct guest_list l;
	enum ctl_exit status = guest_list_get(ctl->run_dir, NULL, &l);

	if (status == CTL_OK && !all)
		printf("%5s  %-24s  %-10s  %7s  %9s  %7s\n", "DOMID", "NAME",
		       "STATE", "AGE", "PROCESSES", "MEMORY");
	for (size_t i = 0; i < l.count; i++) {
		unsigned int running;
		uint64_t memory;

		join_rows(&l.guest[i], &running, &memory);
		if (all)
			json_array_append_new(all, list_json(&l.guest[i], running, memory));
		else
			list_line(&l.guest[i], running, memory);
	}
	if (status == CTL_OK && all)
		ctl_print_json(all);
	else
		json_decref(all);
	guest_list_free(&l);
	return status;
}

/* ---- status ---- */

static void print_processes(const struct guest *g)
{
	struct row r;

	printf("  %-12s %8s  %-10s %8s %8s %8s %9s %8s\n", "PROCESS", "PID", "STATE",
	       "CPU", "RSS", "PSS", "REQUESTS", "I/O");
	for (size_t i = 0; row_get(g, i, &r); i++) {
		char name[13], state[12], rss[TEXT_NUMBER], pss[TEXT_NUMBER];
		char requests[TEXT_NUMBER] = "-", io[TEXT_NUMBER] = "-";

		if (r.has_requests)
			text_count(requests, (double)r.requests);
		if (r.has_io)
			text_bytes(io, (double)r.io_bytes);
		printf("  %-12s ", text_quote(name, sizeof(name),
					      text_of(r.process, "name")));
		if (!r.pid) {
			printf("%8s  %-10s\n", "-",
			       text_quote(state, sizeof(state), text_of(r.process, "state")));
			continue;
		}
		printf("%8d  %-10s %7.2fs %8s %8s %9s %8s\n", (int)r.pid,
		       text_quote(state, sizeof(state), text_of(r.process, "state")),
		       (double)r.use.cpu_ms / 1000,
		       text_bytes(rss, (double)r.use.resident_bytes),
		       text_bytes(pss, (double)text_uint(r.process, "pss_bytes")),
		       requests, io);
	}
}

static void print_devices(const struct guest *g)
{
	const json_t *d;
	size_t i;

	printf("  %-18s %-12s %-10s %s\n", "DEVICE", "NAME", "WORKER", "ON THE HOST");
	json_array_foreach(json_object_get(g->status, "devices"), i, d) {
		char kind[19], name[13], worker[11];

		printf("  %-18s %-12s %-10s ",
		       text_quote(kind, sizeof(kind), text_of(d, "kind")),
		       text_quote(name, sizeof(name), text_of(d, "name")),
		       text_quote(worker, sizeof(worker), text_of(d, "worker")));
		text_put(stdout, text_of(d, "source"));
		putchar('\n');
	}
}

static void print_status(const struct guest *g)
{
	char age[TEXT_NUMBER], ram[TEXT_NUMBER];

	printf("guest %u ", g->client.domid);
	text_put(stdout, text_of(g->status, "name"));
	printf(": ");
	text_put(stdout, text_of(g->status, "state"));
	printf(" for %s, %s of RAM, %" PRIu64 " vCPUs, cloister ",
	       text_age(age, text_real(g->status, "age_s")),
	       text_bytes(ram, (double)text_uint(g->status, "ram_bytes")),
	       text_uint(g->status, "vcpus"));
	text_put(stdout, text_of(g->status, "version"));
	putchar('\n');
	print_processes(g);
	print_devices(g);
}

enum ctl_exit cmd_status(const struct ctl *ctl)
{
	json_t *all = ctl->json ? json_array() : NULL;
	struct guest_list l;
	enum ctl_exit found = guest_list_get(ctl->run_dir, ctl->arg[0], &l);
	enum ctl_exit status = found;

	for (size_t i = 0; found == CTL_OK && i < l.count; i++) {
		struct guest *g = &l.guest[i];
		unsigned int running;
		uint64_t memory;

		if (!g->status) {
			ctl_complain("guest %u: %s", g->client.domid, g->why);
			status = CTL_FAILED;
			continue;
		}
		join_rows(g, &running, &memory);
		if (all)
			json_array_append(all, g->status);
		else
			print_status(g);
	}
	if (found == CTL_OK && all)
		ctl_print_guests(ctl, all);
	json_decref(all);
	guest_list_free(&l);
	return status;
}
