/* The report and the trace of a build, read back with a JSON library. */
#include "run/jsontext.h"
#include "run/progress.h"
#include "test.h"

#include <jansson.h>
#include <string.h>

static const nsec S = 1000000000;
static const nsec MS = 1000000;

static json_t *parse(const struct buf *b)
{
	json_error_t e;
	json_t *o = json_loadb(b->data, b->len, JSON_REJECT_DUPLICATES, &e);

	if (!o)
		printf("# %s at line %d: %.*s\n", e.text, e.line, (int)b->len, b->data);
	return o;
}

static bool writes(const char *text, const char *want)
{
	AUTO_BUF struct buf b = {0};

	json_text(&b, text);
	return b.len == strlen(want) && memcmp(b.data, want, b.len) == 0;
}

static void strings(void)
{
	AUTO_BUF struct buf b = {0};

	CHECK(writes("a.c", "\"a.c\""));
	CHECK(writes("", "\"\""));
	CHECK(writes(NULL, "null"));
	CHECK(writes("a\"b\\c/d", "\"a\\\"b\\\\c/d\""));
	CHECK(writes("\n\t\033\x7f", "\"\\u000a\\u0009\\u001b\\u007f\""));
	CHECK(writes("日本.c", "\"日本.c\""));
	CHECK(writes("\xff\xc3(\xe6\x97", "\"\\ufffd\\ufffd(\\ufffd\\ufffd\""));
	CHECK(writes("\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""));
	CHECK(writes("\xe2\x80\xae", "\"\\u202e\""));
	/* Every byte there is, in one string. */
	char all[256];

	for (unsigned i = 0; i < 255; i++)
		all[i] = (char)(i + 1);
	all[255] = 0;
	buf_str(&b, "[");
	json_text(&b, all);
	buf_str(&b, "]");
	json_t *o = parse(&b);

	CHECK(o);
	json_decref(o);
	b.len = 0;
	json_seconds(&b, 1234567890);
	buf_str(&b, " ");
	json_seconds(&b, -1);
	CHECK(b.len == 17 && memcmp(b.data, "1.234567 0.000000", 17) == 0);
}

static void report(void)
{
	static const char want[] =
	    "{\n \"version\": 1,\n \"status\": 2,\n \"seconds\": 10.000000,\n"
	    " \"tool\": {\"done\": 12, \"total\": 97, \"percent\": false},\n"
	    " \"jobs\": {\"total\": 3, \"remote\": 2, \"local\": 1, \"failed\": 1},\n"
	    " \"why_local\": [\n  {\"reason\": \"links \\\"x\\\"\", \"jobs\": 1}],\n"
	    " \"cpu_seconds\": {\"remote\": 6.000000, \"local\": 1.500000, \"estimated\": "
	    "1.500000},\n"
	    " \"speed_up\": 0.75,\n \"bytes_up\": 5,\n \"bytes_down\": 7,\n"
	    " \"workers\": [\n"
	    "  {\"address\": \"w1:3690\", \"jobs\": 1, \"seconds\": 5.000000, \"cpu_seconds\": "
	    "4.000000},\n"
	    "  {\"address\": \"[::1]:2\", \"jobs\": 1, \"seconds\": 2.500000, "
	    "\"cpu_seconds\": 2.000000}],\n"
	    " \"slots\": {\"remote\": 48.00, \"remote_used\": 9.00, \"local\": 4},\n"
	    " \"slowest\": [\n"
	    "  {\"file\": \"a\\ufffd.c\", \"host\": \"w1:3690\", \"seconds\": 5.000000, "
	    "\"cpu_seconds\": 4.000000},\n"
	    "  {\"file\": \"b.c\", \"host\": \"[::1]:2\", \"seconds\": 2.500000, "
	    "\"cpu_seconds\": 2.000000},\n"
	    "  {\"file\": \"c.c\", \"host\": null, \"seconds\": 1.500000, \"cpu_seconds\": "
	    "null}],\n"
	    " \"held_back_by\": \"width\",\n"
	    " \"held_back\": \"held back by the build's own width: on average 9 of 48 slots "
	    "were in use\"\n}\n";
	AUTO_BUF struct buf b = {0};
	struct progress *p = progress_new();

	progress_line(p, "[12/97] x", 9);
	progress_job(p,
		     &(struct progress_job){
			 .file = "a\xff.c", .host = "w1:3690", .end = 5 * S, .cpu = 4 * S});
	progress_job(p, &(struct progress_job){.file = "b.c",
					       .host = "[::1]:2",
					       .start = S,
					       .end = 3500 * MS,
					       .cpu = 2 * S});
	progress_job(
	    p, &(struct progress_job){
		   .file = "c.c", .why = "links \"x\"", .end = 1500 * MS, .status = 256});
	progress_sample(p, 10 * S,
			&(struct progress_now){.remote = 9,
					       .slots = 48,
					       .local_slots = 4,
					       .bytes_up = 5,
					       .bytes_down = 7});
	progress_report(&b, p, 10 * S, 2);
	if (!CHECK(b.len == strlen(want) && memcmp(b.data, want, b.len) == 0))
		printf("# got: %.*s\n", (int)b.len, b.data);
	json_t *o = parse(&b);

	CHECK(o);
	json_decref(o);
	progress_free(p);
}

static void empty(void)
{
	AUTO_BUF struct buf b = {0};
	AUTO_BUF struct buf t = {0};
	struct progress *p = progress_new();

	progress_report(&b, p, 0, 0);
	progress_trace(&t, p);
	json_t *o = parse(&b), *trace = parse(&t);

	CHECK(o && json_is_null(json_object_get(o, "tool")));
	CHECK(json_is_null(json_object_get(o, "held_back_by")));
	CHECK(json_array_size(json_object_get(o, "workers")) == 0);
	CHECK(trace && json_array_size(json_object_get(trace, "traceEvents")) == 2);
	json_decref(o);
	json_decref(trace);
	progress_free(p);
}

static void small_trace(void)
{
	static const char want[] =
	    "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n"
	    "{\"ph\":\"X\",\"name\":\"a.c\",\"cat\":\"remote\",\"ts\":0,\"dur\":2000000,"
	    "\"pid\":2,\"tid\":1,\"args\":{\"status\":0,\"cpu_seconds\":1.000000}},\n"
	    "{\"ph\":\"X\",\"name\":\"b.c\",\"cat\":\"remote\",\"ts\":1000000,"
	    "\"dur\":2000000,\"pid\":2,\"tid\":2,\"args\":{\"status\":0}},\n"
	    "{\"ph\":\"X\",\"name\":\"c.c\",\"cat\":\"remote\",\"ts\":2000000,"
	    "\"dur\":500000,\"pid\":2,\"tid\":1,\"args\":{\"status\":0}},\n"
	    "{\"ph\":\"X\",\"name\":\"d.c\",\"cat\":\"local\",\"ts\":2000000,\"dur\":0,"
	    "\"pid\":1,\"tid\":1,\"args\":{\"status\":256,\"why_here\":\"links\"}},\n"
	    "{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":1,\"tid\":0,"
	    "\"args\":{\"name\":\"this machine\"}},\n"
	    "{\"ph\":\"M\",\"name\":\"process_sort_index\",\"pid\":1,\"tid\":0,"
	    "\"args\":{\"sort_index\":0}},\n"
	    "{\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":1,\"tid\":1,"
	    "\"args\":{\"name\":\"slot 1\"}},\n"
	    "{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":2,\"tid\":0,"
	    "\"args\":{\"name\":\"w:1\"}},\n"
	    "{\"ph\":\"M\",\"name\":\"process_sort_index\",\"pid\":2,\"tid\":0,"
	    "\"args\":{\"sort_index\":1}},\n"
	    "{\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":2,\"tid\":1,"
	    "\"args\":{\"name\":\"slot 1\"}},\n"
	    "{\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":2,\"tid\":2,"
	    "\"args\":{\"name\":\"slot 2\"}}\n"
	    "]}\n";
	AUTO_BUF struct buf b = {0};
	struct progress *p = progress_new();

	/* They are told when they end, which is not the order of their beginning. */
	progress_job(
	    p, &(struct progress_job){
		   .file = "a.c", .host = "w:1", .start = -5, .end = 2 * S, .cpu = S});
	progress_job(p,
		     &(struct progress_job){
			 .file = "c.c", .host = "w:1", .start = 2 * S, .end = 2500 * MS});
	progress_job(
	    p, &(struct progress_job){
		   .file = "d.c", .why = "links", .start = 2 * S, .end = S, .status = 256});
	progress_job(p, &(struct progress_job){
			    .file = "b.c", .host = "w:1", .start = S, .end = 3 * S});
	progress_trace(&b, p);
	if (!CHECK(b.len == strlen(want) && memcmp(b.data, want, b.len) == 0))
		printf("# got: %.*s\n", (int)b.len, b.data);
	progress_free(p);
}

enum {
	HOSTS = 5,
	ROWS = 32,
	JOBS = 5000
};

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* Each host runs at most SLOTS at once, one after the other in each; the trace must need no more rows. */
static void add_busy_hosts(struct progress *p, unsigned slots)
{
	static const char *const names[HOSTS] = {NULL, "w1:1", "w2:1", "w3:1", "w4:1"};
	nsec free_at[HOSTS][ROWS] = {{0}};
	uint32_t seed = 42;

	for (int i = 0; i < JOBS; i++) {
		unsigned host = next_random(&seed) % HOSTS,
			 slot = next_random(&seed) % slots;
		nsec start = free_at[host][slot] + next_random(&seed) % 3 * 100;
		nsec end = start + next_random(&seed) % 5 * (next_random(&seed) % 7000);

		free_at[host][slot] = end;
		progress_job(
		    p, &(struct progress_job){
			   .file = "x.c", .host = names[host], .start = start, .end = end});
	}
}

static void rows_never_overlap(void)
{
	AUTO_BUF struct buf b = {0};
	struct progress *p = progress_new();
	int64_t last[HOSTS + 1][ROWS + 1] = {{0}};
	size_t i, njobs = 0;
	json_t *e;

	add_busy_hosts(p, 7);
	progress_trace(&b, p);
	json_t *o = parse(&b);

	json_array_foreach(json_object_get(o, "traceEvents"), i, e)
	{
		int64_t pid = json_integer_value(json_object_get(e, "pid"));
		int64_t tid = json_integer_value(json_object_get(e, "tid"));
		int64_t ts = json_integer_value(json_object_get(e, "ts"));
		int64_t dur = json_integer_value(json_object_get(e, "dur"));

		if (strcmp(json_string_value(json_object_get(e, "ph")), "X") != 0)
			continue;
		njobs++;
		if (!CHECK(pid >= 1 && pid <= HOSTS && tid >= 1 && tid <= 7))
			break;
		CHECK(ts >= last[pid][tid] && dur >= 0);
		last[pid][tid] = ts + dur;
	}
	CHECK(njobs == JOBS);
	json_decref(o);
	progress_free(p);
}

TESTS({"strings", strings}, {"the report", report}, {"of no build at all", empty},
      {"the trace", small_trace}, {"jobs on one row never overlap", rows_never_overlap})
