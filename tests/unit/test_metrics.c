/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_metrics.c - figures as text, from made-up processes and a
 *                             made-up cgroup
 *
 * What is exported, under which labels, and that no page a process can write
 * makes a text that is none.
 */
#include <event2/buffer.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/stat.h"
#include "supervisor/metrics.h"
#include "tap.h"

static struct stat_page broker_page, disk_page, platform_page, net_page, vga_page,
	vnc_page;
static struct stat_block about;
static struct metrics m;
static char dir[] = "/tmp/test_metrics.XXXXXX";
static char text[1 << 20];

static const struct { const char *name, *content; } files[] = {
	{ "cpu.stat", "usage_usec 3000003\nuser_usec 2000001\nsystem_usec 1000002\n"
	  "nr_periods 4\nnr_throttled 1\nthrottled_usec 70\n" },
	{ "io.stat", "8:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n"
	  "259:3 rbytes=18446744073709551615 wbytes=0 rios=7 wios=0 dbytes=5 dios=6\n" },
	{ "memory.current", "1048576\n" }, { "memory.peak", "2097152\n" },
	{ "pids.current", "3\n" },
	{ "cpu.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=1500000\n" },
	{ "io.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=250\n"
	  "full avg10=0.00 avg60=0.00 avg300=0.00 total=125\n" },
	{ "memory.pressure", "nonsense\n" },
};

static int make_cgroup(void)
{
	char path[100];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		FILE *f;

		snprintf(path, sizeof(path), "%s/%s", dir, files[i].name);
		f = fopen(path, "w");
		if (!f || fputs(files[i].content, f) < 0 || fclose(f))
			return -1;
	}
	return open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void remove_cgroup(void)
{
	char path[100];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i].name);
		unlink(path);
	}
	rmdir(dir);
}

static void make_family(int cgroup)
{
	m = (struct metrics){ .domid = 7, .name = "web1",
		.began_ns = clock_now_ns() - 5 * NS_PER_S, .count = 7,
		.member = {
		{ .worker = "supervisor", .cgroup = -1, .pid = getpid() },
		{ .worker = "broker", .in = STAT_IN_BROKER, .page = &broker_page,
		  .about = &about, .cgroup = -1 },
		{ .worker = "disk0", .device = "piix3-ide", .in = STAT_IN_DISK,
		  .units = 0x5, .page = &disk_page, .peer = &broker_page.block[2],
		  .about = &about, .cgroup = cgroup, .pid = 1 },
		{ .worker = "platform", .device = "chipset", .in = STAT_IN_PLATFORM,
		  .units = 1, .page = &platform_page, .cgroup = -1 },
		{ .worker = "net0", .device = "e1000", .in = STAT_IN_NET,
		  .page = &net_page, .cgroup = -1 },
		{ .worker = "vga", .device = "stdvga", .in = STAT_IN_VGA,
		  .page = &vga_page, .cgroup = -1 },
		{ .worker = "vnc", .in = STAT_IN_VNC, .page = &vnc_page, .cgroup = -1 },
		} };
}

static const char *make_text(enum metrics_format format)
{
	struct evbuffer *out = evbuffer_new();
	ev_ssize_t len = -1;

	if (metrics_text(&m, format, out) == 0)
		len = evbuffer_remove(out, text, sizeof(text) - 1);
	evbuffer_free(out);
	text[len > 0 ? len : 0] = '\0';
	return text;
}

/* A whole line? */
static bool has(const char *line)
{
	size_t len = strlen(line);

	for (const char *at = text; (at = strstr(at, line)); at++)
		if ((at == text || at[-1] == '\n') && at[len] == '\n')
			return true;
	printf("# no line %s\n", line);
	return false;
}

#define DISK "{domid=\"7\",name=\"web1\",worker=\"disk0\""

static void test_counters(void)
{
	struct stat_block *peer = &broker_page.block[2], *d = &disk_page.block[0];

	stat_block_add(peer, STAT_ACCESSES + 0 * STAT_DIRS + STAT_READ, 50);
	stat_block_add(peer, STAT_ACCESSES + 3 * STAT_DIRS + STAT_WRITE, 3);
	stat_block_add(d, STAT_DISK_BYTES + 2 * STAT_DIRS + STAT_WRITE, 512);
	stat_block_add(d, STAT_DISK_BYTES + 1 * STAT_DIRS + STAT_WRITE, 999);
	stat_block_add(d, STAT_MAP_PAGES, 17);
	stat_block_add(&about, STAT_LOG_DROPPED, 2);
	make_text(METRICS_OPEN);
	ok(has("cloister_accesses_total" DISK ",device=\"piix3-ide\",kind=\"shadow\",direction=\"read\"} 50") &&
	   has("cloister_accesses_total" DISK ",device=\"piix3-ide\",kind=\"hop\",direction=\"write\"} 3"),
	   "what the broker counts about a worker");
	ok(has("cloister_disk_bytes_total" DISK ",device=\"ide1-hd0\",direction=\"write\"} 512"),
	   "what a worker counts about one of its devices");
	ok(!strstr(text, "ide0-hd1") && !strstr(text, "serial1"), "devices that are not there are not there");
	ok(has("cloister_map_pages" DISK ",device=\"piix3-ide\"} 17"), "a gauge");
	ok(has("cloister_log_dropped_lines_total" DISK ",device=\"piix3-ide\"} 2"),
	   "what the supervisor counts");
	ok(!strstr(text, "cloister_disk_requests_total{domid=\"7\",name=\"web1\",worker=\"net0\""),
	   "a network card has no disk requests");
}

static void test_histogram(void)
{
	struct stat_block *peer = &broker_page.block[2];
	unsigned int at = STAT_ACCESS_LATENCY + STAT_HOP * STAT_HIST_WORDS;

	stat_block_time(peer, at, 100);
	stat_block_time(peer, at, 1000);
	stat_block_time(peer, at, 3 * (uint64_t)NS_PER_S);
	make_text(METRICS_OPEN);
#define HIST "cloister_access_latency_seconds_bucket" DISK ",device=\"piix3-ide\",path=\"hop\",le="
	ok(has(HIST "\"2.56e-07\"} 1") && has(HIST "\"5.12e-07\"} 1") &&
	   has(HIST "\"1.024e-06\"} 2") && has(HIST "\"2.147483648\"} 2") &&
	   has(HIST "\"+Inf\"} 3"), "buckets add up, bounds are seconds");
	ok(has("cloister_access_latency_seconds_sum" DISK ",device=\"piix3-ide\",path=\"hop\"} 3.000001100") &&
	   has("cloister_access_latency_seconds_count" DISK ",device=\"piix3-ide\",path=\"hop\"} 3"),
	   "so do sum and count");
}

static void test_host(void)
{
	make_text(METRICS_OPEN);
#define HOST DISK ",device=\"piix3-ide\""
	ok(has("cloister_cpu_seconds_total" HOST ",mode=\"user\"} 2.000001") &&
	   has("cloister_cpu_seconds_total" HOST ",mode=\"system\"} 1.000002") &&
	   has("cloister_cpu_throttled_seconds_total" HOST "} 0.000070"), "cpu.stat");
	ok(has("cloister_io_bytes_total" HOST ",disk=\"8:0\",direction=\"write\"} 8192") &&
	   has("cloister_io_bytes_total" HOST ",disk=\"259:3\",direction=\"read\"} 18446744073709551615") &&
	   has("cloister_io_requests_total" HOST ",disk=\"259:3\",direction=\"discard\"} 6"), "io.stat");
	ok(has("cloister_memory_bytes" HOST "} 1048576") &&
	   has("cloister_memory_peak_bytes" HOST "} 2097152") &&
	   has("cloister_tasks" HOST "} 3"), "memory.current, memory.peak, pids.current");
	ok(has("cloister_pressure_seconds_total" HOST ",resource=\"cpu\",share=\"some\"} 1.500000") &&
	   has("cloister_pressure_seconds_total" HOST ",resource=\"io\",share=\"full\"} 0.000125") &&
	   !strstr(text, "resource=\"memory\""), "pressure, where there is some");
	ok(has("cloister_up" HOST "} 1") &&
	   has("cloister_up{domid=\"7\",name=\"web1\",worker=\"vnc\"} 0"), "who runs");
	ok(strstr(text, "cloister_cpu_seconds_total{domid=\"7\",name=\"web1\",worker=\"supervisor\",mode=\"user\"} ") &&
	   strstr(text, "cloister_resident_bytes{domid=\"7\",name=\"web1\",worker=\"supervisor\"} "),
	   "without a cgroup, what /proc tells");
	ok(strstr(text, "cloister_uptime_seconds{domid=\"7\",name=\"web1\",worker=\"supervisor\"} 5.") != NULL,
	   "how long");
}

static uint64_t member(const json_t *o, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(o, name));
}

/* For programs of ours: added up. */
static void test_sums(void)
{
	json_t *o = metrics_counters(&m, "disk0");
	char *all = metrics_string(&m, METRICS_OPEN);

	ok(member(o, "accesses") == 53 && member(o, "disk_bytes") == 1511 &&
	   member(o, "map_pages") == 17 && member(o, "log_dropped_lines") == 2,
	   "sums over labels");
	ok(!json_object_get(o, "net_frames") && !json_object_get(o, "access_latency_seconds"),
	   "of what the process has, and no histograms");
	json_decref(o);
	ok(!metrics_counters(&m, "nobody") && !metrics_counters(&m, "supervisor"),
	   "who counts nothing has none");
	ok(all && strncmp(all, "# HELP", 6) == 0 && strstr(all, "# EOF\n"), "the text as a string");
	free(all);
}

/* Each of the list is there, with its type, in both formats. */
static void test_formats(void)
{
	static const struct { const char *name, *type; bool counter, unit; } all[] = {
#define COUNTER "counter", true
#define GAUGE "gauge", false
#define HISTOGRAM "histogram", false
#define NONE false
#define BYTES true
#define SECONDS true
#define PAGES true
#define STAT(id, name, type, unit, set, where, help) { name, type, unit },
#define FIGURE(id, name, type, unit, set, help) { name, type, unit },
#include "abi/stat.def"
#undef STAT
#undef FIGURE
	};
	unsigned int missing = 0;
	char line[200];

	make_text(METRICS_OPEN);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		snprintf(line, sizeof(line), "# TYPE cloister_%s %s", all[i].name, all[i].type);
		missing += !has(line);
		snprintf(line, sizeof(line), "# UNIT cloister_%s %s", all[i].name,
			 strrchr(all[i].name, '_') ? strrchr(all[i].name, '_') + 1 : "");
		missing += all[i].unit && !has(line);
	}
	is_hex(missing, 0, "OpenMetrics has each figure");
	ok(strlen(text) > 6 && strcmp(text + strlen(text) - 7, "\n# EOF\n") == 0,
	   "and ends as it should");
	make_text(METRICS_CLASSIC);
	missing = 0;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		snprintf(line, sizeof(line), "# TYPE cloister_%s%s %s", all[i].name,
			 all[i].counter ? "_total" : "", all[i].type);
		missing += !has(line);
	}
	is_hex(missing, 0, "so has the older format");
	ok(!strstr(text, "# UNIT") && !strstr(text, "# EOF"), "which knows no units and no end");
}

static void test_names(void)
{
	static char longest[2000];

	m.name = "a\"b\\c\nd";
	make_text(METRICS_OPEN);
	ok(strstr(text, "name=\"a\\\"b\\\\c\\nd\",") != NULL, "a name is quoted");
	m.name = "caf\xc3\xa9";
	make_text(METRICS_OPEN);
	ok(strstr(text, "name=\"caf\xc3\xa9\",") != NULL, "UTF-8 stays");
	m.name = "caf\xe9";
	make_text(METRICS_OPEN);
	ok(strstr(text, "name=\"caf?\",") != NULL, "what is none does not");
	for (size_t i = 0; i + 2 < sizeof(longest); i += 2)
		memcpy(longest + i, "\xc3\xa9", 3);
	m.name = longest;
	make_text(METRICS_OPEN);
	ok(strstr(text, "\xc3\xa9\",worker") != NULL && !strstr(text, "\xc3\","),
	   "a long one is cut between characters");
	m.name = NULL;
	make_text(METRICS_OPEN);
	ok(strstr(text, "name=\"\",") != NULL, "none is empty");
	m.name = "web1";
}

/* All ones everywhere: the text is still one, and histograms do not shrink. */
static void test_hostile(void)
{
	unsigned long long last = 0, now;
	bool grows = true;

	memset(&broker_page, 0xff, sizeof(broker_page));
	memset(&disk_page, 0xff, sizeof(disk_page));
	make_text(METRICS_OPEN);
	for (char *at = text; (at = strstr(at, "path=\"spared\",le=")); at++) {
		if (sscanf(strchr(at, '}') + 1, "%llu", &now) != 1 || now < last)
			grows = false;
		last = now;
	}
	ok(grows && last == UINT64_MAX, "buckets saturate");
	ok(has("cloister_map_pages" DISK ",device=\"piix3-ide\"} 18446744073709551615"),
	   "numbers are all there is to it");
	is_hex(strlen(text) > 20000, 1, "and nothing is missing");
	for (unsigned int i = 0; i < m.count; i++)
		m.member[i].page = NULL, m.member[i].peer = NULL;
	make_text(METRICS_OPEN);
	ok(!strstr(text, "cloister_accesses") && strstr(text, "cloister_up"),
	   "while nobody counts, only the host's figures are there");
}

int main(void)
{
	int cgroup;

	if (!mkdtemp(dir))
		return 1;
	cgroup = make_cgroup();
	make_family(cgroup);
	test_counters();
	test_sums();
	test_histogram();
	test_host();
	test_formats();
	test_names();
	test_hostile();
	close(cgroup);
	remove_cgroup();
	return tap_done();
}
