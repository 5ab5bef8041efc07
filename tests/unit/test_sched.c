/* The scheduler on a virtual clock. A story is a text: its lines that begin with "[ms]" are events, and
 * are carried out; the lines between them are the effects, which must come out just so. The random
 * test holds the scheduler against a model that knows only the rules. */
#include "base/buf.h"
#include "core/sched.h"
#include "test.h"

#include <inttypes.h>
#include <string.h>

static const nsec MS = 1000 * 1000;

static const uint64_t COPY = UINT64_C(1) << 63; /* what ids of copies have in common */
static const uint64_t SEED = 3;                 /* one that prefers worker 1 among equals */

static const char *const home_names[] = {
    [SCHED_HOME_NO_WORKERS] = "no workers",
    [SCHED_HOME_ALL_DOWN] = "all down",
    [SCHED_HOME_NO_TOOLCHAIN] = "no toolchain",
    [SCHED_HOME_ALL_FAILED] = "all failed",
};

/* ---- stories ---- */

/* Reads "[ms] words"; false when the words are none of ours. */
static bool event_parse(const char *line, struct sched_event *e)
{
	static const struct {
		const char *form;
		enum sched_event_type type;
	} forms[] = {
	    {"add worker %" SCNu64,    SCHED_WORKER_ADD   },
	    {"remove worker %" SCNu64, SCHED_WORKER_REMOVE},
	    {"down worker %" SCNu64,   SCHED_WORKER_DOWN  },
	    {"cancel job %" SCNu64,    SCHED_CANCEL       },
	    {"failed job %" SCNu64,    SCHED_FAILED       },
	    {"cancel copy %" SCNu64,   SCHED_CANCEL       },
	    {"failed copy %" SCNu64,   SCHED_FAILED       },
	    {"done copy %" SCNu64,     SCHED_DONE         },
	};

	long long ms, cpu = 0;
	int at = 0;
	char answer[4] = "";

	if (sscanf(line, "[%lld] %n", &ms, &at) < 1 || at == 0)
		return false;
	*e = (struct sched_event){.now = ms * MS, .toolchain = 1};
	line += at;
	if (strcmp(line, "tick") == 0)
		return true;
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		uint64_t id;
		const char *form = forms[i].form;
		size_t fixed = strcspn(form, "%");

		if (strncmp(line, form, fixed) != 0)
			continue;
		id = strtoull(line + fixed, NULL, 10);
		e->type = forms[i].type;
		if (form[fixed - 2] == 'y')
			e->job = id | COPY;
		else
			*(form[fixed - 2] == 'b' ? &e->job : &e->worker) = id;
		const char *memory = strstr(line, " memory ");

		e->memory_kb = memory ? (uint32_t)strtoul(memory + 8, NULL, 10) : 0;
		return true;
	}
	if (sscanf(line, "up worker %" SCNu64 " slots %u", &e->worker, &e->slots) == 2) {
		e->type = SCHED_WORKER_UP;
	} else if (sscanf(line, "toolchain %" SCNu64 " worker %" SCNu64 " %3s",
			  &e->toolchain, &e->worker, answer) == 3) {
		e->type = SCHED_TOOLCHAIN;
		e->yes = strcmp(answer, "yes") == 0;
	} else if (sscanf(line, "ask job %" SCNu64 " unit %" SCNu64 " bytes %" SCNu64,
			  &e->job, &e->unit, &e->bytes) >= 2) {
		e->type = SCHED_ASK;
	} else if (sscanf(line,
			  "link worker %" SCNu64 " rtt %lld bytes/s %" SCNu64
			  " sent %" SCNu64,
			  &e->worker, &cpu, &e->bytes_per_s, &e->bytes) == 4) {
		e->type = SCHED_LINK;
		e->rtt = cpu * MS;
	} else if (sscanf(line, "ask job %" SCNu64 " toolchain %" SCNu64 " unit %" SCNu64,
			  &e->job, &e->toolchain, &e->unit) >= 1) {
		e->type = SCHED_ASK;
	} else if (sscanf(line, "done job %" SCNu64 " cpu %lld", &e->job, &cpu) >= 1) {
		const char *memory = strstr(line, " memory ");

		e->type = SCHED_DONE;
		e->cpu_ns = cpu * MS;
		e->memory_kb = memory ? (uint32_t)strtoul(memory + 8, NULL, 10) : 0;
	} else {
		return false;
	}
	return true;
}

static void effects_print(struct buf *out, const struct sched_out *o)
{
	for (size_t i = 0; i < o->n; i++) {
		const struct sched_effect *f = &o->v[i];

		switch (f->type) {
		case SCHED_DIAL:
			buf_printf(out, "\tdial worker %" PRIu64 "\n", f->worker);
			break;
		case SCHED_QUERY:
			buf_printf(out,
				   "\tquery worker %" PRIu64 " toolchain %" PRIu64 "\n",
				   f->worker, f->toolchain);
			break;
		case SCHED_GRANT:
			buf_printf(out, "\tgrant job %" PRIu64 " -> worker %" PRIu64 "\n",
				   f->job, f->worker);
			break;
		case SCHED_HOME:
			buf_printf(out, "\thome job %" PRIu64 ": %s\n", f->job,
				   home_names[f->home]);
			break;
		case SCHED_BACK: buf_printf(out, "\tback job %" PRIu64 "\n", f->job); break;
		case SCHED_COPY:
			buf_printf(out,
				   "\tcopy %" PRIu64 " of job %" PRIu64
				   " -> worker %" PRIu64 "\n",
				   f->copy & ~COPY, f->job, f->worker);
			break;
		case SCHED_OVERDUE:
			buf_printf(out, "\toverdue job %" PRIu64 " on worker %" PRIu64 "\n",
				   f->job & ~COPY, f->worker);
			break;
		}
	}
	if (o->wake != INT64_MAX)
		buf_printf(out, "\twake at %" PRId64 "\n", o->wake / MS);
}

static void story_run(struct sched *s, const char *story)
{
	AUTO_BUF struct buf got = {0};

	for (const char *p = story; *p;) {
		size_t n = strcspn(p, "\n");
		char line[128];
		struct sched_event e;
		struct sched_out o;

		if (*p == '[' && CHECK(n < sizeof line)) {
			snprintf(line, sizeof line, "%.*s", (int)n, p);
			if (!CHECK(event_parse(line, &e)))
				printf("# not an event: %s\n", line);
			buf_printf(&got, "%s\n", line);
			sched_step(s, &e, &o);
			effects_print(&got, &o);
		}
		p += n + 1;
	}
	buf_u8(&got, 0);
	if (CHECK(strcmp(got.data, story) == 0))
		return;
	for (char *l = strtok(got.data, "\n"); l; l = strtok(NULL, "\n"))
		printf("# %s\n", l);
}

static void tell(const char *story)
{
	struct sched *s = sched_new(SEED);

	story_run(s, story);
	sched_free(s);
}

/* Workers 1 and 2, connected, idle, with toolchain 1. */
#define TWO_UP(slots) \
	"[0] add worker 1\n" \
	"[0] add worker 2\n" \
	"[0] ask job 99\n" \
	"\tdial worker 1\n" \
	"\tdial worker 2\n" \
	"[0] cancel job 99\n" \
	"[0] up worker 1 slots " slots "\n" \
	"[0] up worker 2 slots " slots "\n" \
	"[0] ask job 98\n" \
	"\tquery worker 1 toolchain 1\n" \
	"\tquery worker 2 toolchain 1\n" \
	"[0] cancel job 98\n" \
	"[0] toolchain 1 worker 1 yes\n" \
	"[0] toolchain 1 worker 2 yes\n"

#define ONE_UP(slots) \
	"[0] add worker 1\n" \
	"[0] ask job 99\n" \
	"\tdial worker 1\n" \
	"[0] up worker 1 slots " slots "\n" \
	"\tquery worker 1 toolchain 1\n" \
	"[0] cancel job 99\n" \
	"[0] toolchain 1 worker 1 yes\n"

static void no_workers(void)
{
	tell("[0] ask job 1\n"
	     "\thome job 1: no workers\n");
}

static void dialled_on_demand(void)
{
	tell("[0] add worker 1\n"
	     "[0] add worker 2\n"
	     "[9000] tick\n"
	     "[9000] ask job 1\n"
	     "\tdial worker 1\n"
	     "\tdial worker 2\n"
	     "[9001] ask job 2\n"
	     "[9010] down worker 2\n"
	     "\twake at 10010\n"
	     "[9020] up worker 1 slots 1\n"
	     "\tquery worker 1 toolchain 1\n"
	     "\twake at 10010\n"
	     "[9030] toolchain 1 worker 1 yes\n"
	     "\tgrant job 1 -> worker 1\n"
	     "\twake at 10010\n"
	     "[9040] done job 1\n"
	     "\tgrant job 2 -> worker 1\n");
}

static void dial_fails(void)
{
	tell("[0] add worker 1\n"
	     "[0] ask job 1\n"
	     "\tdial worker 1\n"
	     "[0] ask job 2\n"
	     "[5] down worker 1\n"
	     "\thome job 1: all down\n"
	     "\thome job 2: all down\n"
	     "\twake at 1005\n"
	     "[6] ask job 3\n"
	     "\thome job 3: all down\n"
	     "\twake at 1005\n");
}

/* After the rest one request pays with staying at home, the next ones profit; doubling, then reset. */
static void backoff_doubles(void)
{
	tell("[0] add worker 1\n"
	     "[0] ask job 1\n"
	     "\tdial worker 1\n"
	     "[0] down worker 1\n"
	     "\thome job 1: all down\n"
	     "\twake at 1000\n"
	     "[999] ask job 2\n"
	     "\thome job 2: all down\n"
	     "\twake at 1000\n"
	     "[1000] ask job 3\n"
	     "\tdial worker 1\n"
	     "\thome job 3: all down\n"
	     "[1001] ask job 4\n"
	     "\thome job 4: all down\n"
	     "[1100] down worker 1\n"
	     "\twake at 3100\n"
	     "[3099] ask job 5\n"
	     "\thome job 5: all down\n"
	     "\twake at 3100\n"
	     "[3100] ask job 6\n"
	     "\tdial worker 1\n"
	     "\thome job 6: all down\n"
	     "[3200] up worker 1 slots 4\n"
	     "\tback job 1\n"
	     "\tback job 2\n"
	     "\tback job 3\n"
	     "\tback job 4\n"
	     "\tback job 5\n"
	     "\tback job 6\n"
	     "[3201] ask job 7\n"
	     "\tquery worker 1 toolchain 1\n"
	     "[3202] toolchain 1 worker 1 yes\n"
	     "\tgrant job 7 -> worker 1\n"
	     "[3300] done job 7\n"
	     "[3400] down worker 1\n"
	     "[4399] ask job 8\n"
	     "\thome job 8: all down\n"
	     "\twake at 4400\n"
	     "[4400] ask job 9\n"
	     "\tdial worker 1\n"
	     "\thome job 9: all down\n");
}

static void backoff_has_a_maximum(void)
{
	struct sched *s = sched_new(SEED);
	struct sched_out o;
	nsec now = 0, rest = SCHED_BACKOFF_FIRST_MS * MS;

	sched_step(s, &(struct sched_event){.type = SCHED_WORKER_ADD, .worker = 1}, &o);
	for (uint64_t job = 1; job <= 40; job += 2) {
		struct sched_event ask = {.now = now - 1, .type = SCHED_ASK, .job = job};
		struct sched_event down = {
		    .now = now, .type = SCHED_WORKER_DOWN, .worker = 1};

		if (job > 1) {
			sched_step(s, &ask, &o);
			CHECK(o.n == 1 && o.v[0].type == SCHED_HOME);
		}
		ask.now = now;
		ask.job = job + 1;
		sched_step(s, &ask, &o);
		CHECK(o.n >= 1 && o.v[0].type == SCHED_DIAL);
		sched_step(s, &down, &o);
		now += rest;
		rest = 2 * rest < SCHED_BACKOFF_MAX_MS * MS ? 2 * rest
							    : SCHED_BACKOFF_MAX_MS * MS;
	}
	sched_free(s);
}

static void first_come(void)
{
	tell(ONE_UP("1") "[10] ask job 1\n"
			 "\tgrant job 1 -> worker 1\n"
			 "[11] ask job 2\n"
			 "[12] ask job 3\n"
			 "[13] ask job 4\n"
			 "[20] done job 1\n"
			 "\tgrant job 2 -> worker 1\n"
			 "[21] ask job 5\n"
			 "[30] done job 2\n"
			 "\tgrant job 3 -> worker 1\n"
			 "[40] cancel job 4\n"
			 "[50] done job 3\n"
			 "\tgrant job 5 -> worker 1\n");
}

/* Among equals the emptier one; a grant that is given back goes to the next. */
static void spread_and_cancel(void)
{
	tell(TWO_UP("2") "[1] ask job 1\n"
			 "\tgrant job 1 -> worker 1\n"
			 "[1] ask job 2\n"
			 "\tgrant job 2 -> worker 2\n"
			 "[1] ask job 3\n"
			 "\tgrant job 3 -> worker 1\n"
			 "[1] ask job 4\n"
			 "\tgrant job 4 -> worker 2\n"
			 "[1] ask job 5\n"
			 "[1] ask job 6\n"
			 "[2] cancel job 5\n"
			 "[2] cancel job 4\n"
			 "\tgrant job 6 -> worker 2\n"
			 "[3] cancel job 4\n"
			 "[3] cancel job 77\n");
}

static void fastest_after_learning(void)
{
	struct sched *s = sched_new(SEED);

	/* The same unit takes 4 s on worker 1 and 1 s on worker 2. */
	story_run(s, TWO_UP("4") "[1] ask job 1 toolchain 1 unit 7\n"
				 "\tgrant job 1 -> worker 1\n"
				 "[1] ask job 2 toolchain 1 unit 7\n"
				 "\tgrant job 2 -> worker 2\n"
				 "[2] done job 1 cpu 4000\n"
				 "\twake at 20\n"
				 "[2] done job 2 cpu 1000\n"
				 "[3] ask job 3\n"
				 "\tgrant job 3 -> worker 2\n"
				 "\twake at 20\n"
				 "[3] ask job 4\n"
				 "\tgrant job 4 -> worker 2\n"
				 "\twake at 20\n"
				 "[3] ask job 5\n"
				 "\tgrant job 5 -> worker 2\n"
				 "\twake at 20\n"
				 "[3] ask job 6\n"
				 "\tgrant job 6 -> worker 2\n"
				 "\twake at 20\n"
				 "[3] ask job 7\n"
				 "\tgrant job 7 -> worker 1\n"
				 "\twake at 20\n");
	CHECK(sched_speed(s, 2) > 1.2);
	CHECK(sched_speed(s, 1) < 0.8);
	CHECK(sched_speed(s, 3) == 1.0);
	sched_free(s);
}

static void down_with_jobs(void)
{
	tell(TWO_UP("1") "[1] ask job 1\n"
			 "\tgrant job 1 -> worker 1\n"
			 "[1] ask job 2\n"
			 "\tgrant job 2 -> worker 2\n"
			 "[1] ask job 3\n"
			 "[2] down worker 1\n"
			 "\twake at 1002\n"
			 "[2] ask job 1\n"
			 "\twake at 1002\n"
			 "[3] done job 1\n"
			 "\twake at 1002\n"
			 "[4] done job 2\n"
			 "\tgrant job 3 -> worker 2\n"
			 "\twake at 1002\n"
			 "[5] done job 3\n"
			 "\tgrant job 1 -> worker 2\n"
			 "[6] down worker 2\n"
			 "[6] ask job 1\n"
			 "\thome job 1: all down\n"
			 "\twake at 1002\n");
}

/* A waiting job is a request: the worker is dialled when its rest ends. */
static void rest_ends_while_waiting(void)
{
	tell(TWO_UP("1") "[1] ask job 1\n"
			 "\tgrant job 1 -> worker 1\n"
			 "[1] ask job 2\n"
			 "\tgrant job 2 -> worker 2\n"
			 "[2] down worker 1\n"
			 "[3] ask job 3\n"
			 "\twake at 1002\n"
			 "[1002] tick\n"
			 "\tdial worker 1\n"
			 "[1003] up worker 1 slots 3\n"
			 "\tquery worker 1 toolchain 1\n"
			 "[1004] toolchain 1 worker 1 yes\n"
			 "\tgrant job 3 -> worker 1\n"
			 "[1004] ask job 4\n"
			 "\tgrant job 4 -> worker 1\n"
			 "[1004] ask job 5\n"
			 "\tgrant job 5 -> worker 1\n"
			 "[1004] ask job 6\n");
}

static void never_back_to_who_failed_it(void)
{
	tell(TWO_UP("1") "[1] ask job 1\n"
			 "\tgrant job 1 -> worker 1\n"
			 "[2] failed job 1\n"
			 "[2] ask job 1\n"
			 "\tgrant job 1 -> worker 2\n"
			 "[3] ask job 2\n"
			 "\twake at 1002\n"
			 "[1002] tick\n"
			 "\tgrant job 2 -> worker 1\n"
			 "[1003] done job 2\n"
			 "[1004] done job 1\n"
			 "[1005] ask job 1\n"
			 "\tgrant job 1 -> worker 2\n"
			 "[1006] failed job 1\n"
			 "[1006] ask job 1\n"
			 "\thome job 1: all failed\n"
			 "[1007] ask job 3\n"
			 "\tgrant job 3 -> worker 1\n");
}

/* A scarred job waits for the other worker while younger ones pass it on the one that failed it. */
static void scarred_job_waits(void)
{
	tell(TWO_UP("1") "[1] ask job 1\n"
			 "\tgrant job 1 -> worker 1\n"
			 "[1] ask job 2\n"
			 "\tgrant job 2 -> worker 2\n"
			 "[2] failed job 1\n"
			 "[2] ask job 1\n"
			 "\twake at 1002\n"
			 "[2] ask job 3\n"
			 "\twake at 1002\n"
			 "[1002] tick\n"
			 "\tgrant job 3 -> worker 1\n"
			 "[1003] ask job 4\n"
			 "[1004] down worker 2\n"
			 "\thome job 1: all failed\n"
			 "\twake at 2004\n"
			 "[1005] done job 3\n"
			 "\tgrant job 4 -> worker 1\n");
}

/* Several failures at once are one trouble; a success ends the rest. */
static void rest_of_connected(void)
{
	tell(ONE_UP("3") "[1] ask job 1\n"
			 "\tgrant job 1 -> worker 1\n"
			 "[1] ask job 2\n"
			 "\tgrant job 2 -> worker 1\n"
			 "[1] ask job 3\n"
			 "\tgrant job 3 -> worker 1\n"
			 "[1] ask job 4\n"
			 "[2] failed job 1\n"
			 "\thome job 4: all down\n"
			 "\twake at 1002\n"
			 "[3] failed job 2\n"
			 "\twake at 1002\n"
			 "[4] ask job 5\n"
			 "\thome job 5: all down\n"
			 "\twake at 1002\n"
			 "[5] done job 3\n"
			 "\tback job 4\n"
			 "\tback job 5\n"
			 "[6] ask job 6\n"
			 "\tgrant job 6 -> worker 1\n"
			 "[7] failed job 6\n"
			 "[1006] ask job 7\n"
			 "\thome job 7: all down\n"
			 "\twake at 1007\n"
			 "[1007] ask job 8\n"
			 "\tback job 7\n"
			 "\tgrant job 8 -> worker 1\n");
}

static void toolchains(void)
{
	tell(TWO_UP("1") "[1] ask job 1 toolchain 5\n"
			 "\tquery worker 1 toolchain 5\n"
			 "\tquery worker 2 toolchain 5\n"
			 "[1] ask job 2 toolchain 5\n"
			 "[2] toolchain 5 worker 1 no\n"
			 "[3] ask job 3 toolchain 5\n"
			 "[4] toolchain 5 worker 2 yes\n"
			 "\tgrant job 1 -> worker 2\n"
			 "[5] ask job 4 toolchain 1\n"
			 "\tgrant job 4 -> worker 1\n"
			 "[6] done job 4\n"
			 "[7] toolchain 5 worker 2 no\n"
			 "\thome job 2: no toolchain\n"
			 "\thome job 3: no toolchain\n"
			 "[8] ask job 5 toolchain 5\n"
			 "\thome job 5: no toolchain\n"
			 "[9] toolchain 1234 worker 1 yes\n");
}

/* The oldest waiting job that fits, whatever its toolchain. */
static void order_across_toolchains(void)
{
	tell(ONE_UP("1") "[1] ask job 1\n"
			 "\tgrant job 1 -> worker 1\n"
			 "[2] ask job 2 toolchain 2\n"
			 "\tquery worker 1 toolchain 2\n"
			 "[3] ask job 3\n"
			 "[4] ask job 4 toolchain 2\n"
			 "[5] toolchain 2 worker 1 yes\n"
			 "[6] done job 1\n"
			 "\tgrant job 2 -> worker 1\n"
			 "[7] done job 2\n"
			 "\tgrant job 3 -> worker 1\n"
			 "[8] done job 3\n"
			 "\tgrant job 4 -> worker 1\n");
}

static void removed_and_added(void)
{
	tell(ONE_UP("1") "[1] ask job 1\n"
			 "\tgrant job 1 -> worker 1\n"
			 "[1] ask job 2\n"
			 "[2] add worker 2\n"
			 "\tdial worker 2\n"
			 "[3] remove worker 1\n"
			 "[3] done job 1\n"
			 "[3] up worker 1 slots 9\n"
			 "[3] ask job 1\n"
			 "[4] up worker 2 slots 1\n"
			 "\tquery worker 2 toolchain 1\n"
			 "[5] toolchain 1 worker 2 yes\n"
			 "\tgrant job 2 -> worker 2\n"
			 "[6] remove worker 2\n"
			 "\thome job 1: no workers\n");
}

static void slots_change(void)
{
	tell(ONE_UP("2") "[1] ask job 1\n"
			 "\tgrant job 1 -> worker 1\n"
			 "[1] ask job 2\n"
			 "\tgrant job 2 -> worker 1\n"
			 "[1] ask job 3\n"
			 "[2] up worker 1 slots 1\n"
			 "[3] done job 1\n"
			 "[4] done job 2\n"
			 "\tgrant job 3 -> worker 1\n"
			 "[5] ask job 4\n"
			 "[6] up worker 1 slots 2\n"
			 "\tgrant job 4 -> worker 1\n"
			 "[7] ask job 5\n"
			 "[8] up worker 1 slots 0\n"
			 "\thome job 5: all down\n");
}

static void late_and_double(void)
{
	tell(ONE_UP("1") "[1] done job 55\n"
			 "[1] failed job 55\n"
			 "[1] down worker 55\n"
			 "[1] toolchain 1 worker 55 yes\n"
			 "[1] add worker 1\n"
			 "[2] ask job 1\n"
			 "\tgrant job 1 -> worker 1\n"
			 "[2] ask job 2\n"
			 "[3] done job 2\n"
			 "[4] ask job 1\n"
			 "\tgrant job 2 -> worker 1\n"
			 "[5] done job 2\n"
			 "\tgrant job 1 -> worker 1\n"
			 "[6] done job 1\n"
			 "[7] done job 1\n");
}

/* The costly one passes the cheap one, but not who came 30 s before it. */
static void costly_first(void)
{
	tell(ONE_UP("1") "[0] ask job 1 toolchain 1 unit 1\n"
			 "\tgrant job 1 -> worker 1\n"
			 "[100] done job 1 cpu 100\n"
			 "[100] ask job 2 toolchain 1 unit 2\n"
			 "\tgrant job 2 -> worker 1\n"
			 "\twake at 600100\n"
			 "[5100] done job 2 cpu 5000\n"
			 "[6000] ask job 3 toolchain 1 unit 2\n"
			 "\tgrant job 3 -> worker 1\n"
			 "\twake at 66000\n"
			 "[6000] ask job 4 toolchain 1 unit 1\n"
			 "\twake at 66000\n"
			 "[6001] ask job 5 toolchain 1 unit 2\n"
			 "\twake at 66000\n"
			 "[6002] ask job 6 toolchain 1 unit 1\n"
			 "\twake at 66000\n"
			 "[11000] done job 3 cpu 5000\n"
			 "\tgrant job 5 -> worker 1\n"
			 "\twake at 66000\n"
			 "[16000] done job 5 cpu 5000\n"
			 "\tgrant job 4 -> worker 1\n"
			 "\twake at 66000\n"
			 "[36001] ask job 7 toolchain 1 unit 2\n"
			 "\twake at 66000\n"
			 "[36002] cancel job 4\n"
			 "\tgrant job 7 -> worker 1\n"
			 "\twake at 66000\n"
			 "[36101] done job 6 cpu 100\n"
			 "\twake at 66000\n"
			 "[37000] ask job 8 toolchain 1 unit 1\n"
			 "\twake at 66000\n"
			 "[67001] ask job 9 toolchain 1 unit 2\n"
			 "\twake at 96002\n"
			 "[67002] done job 7 cpu 5000\n"
			 "\tgrant job 6 -> worker 1\n"
			 "\twake at 96002\n");
}

/* Late is twice what is expected and a quarter of a second. Its copy is first; who was late twice rests. */
static void copy_wins(void)
{
	tell(TWO_UP("2") "[0] ask job 1 toolchain 1 unit 7\n"
			 "\tgrant job 1 -> worker 1\n"
			 "[0] ask job 2 toolchain 1 unit 7\n"
			 "\tgrant job 2 -> worker 2\n"
			 "[0] ask job 8 toolchain 1 unit 9\n"
			 "\tgrant job 8 -> worker 1\n"
			 "[1000] done job 8 cpu 1000\n"
			 "[1000] done job 2 cpu 1000\n"
			 "\twake at 1020\n"
			 "[1000] done job 1 cpu 1000\n"
			 "[2000] ask job 3 toolchain 1 unit 7\n"
			 "\tgrant job 3 -> worker 1\n"
			 "\twake at 4250\n"
			 "[4249] tick\n"
			 "\twake at 4250\n"
			 "[4251] tick\n"
			 "\tcopy 1 of job 3 -> worker 2\n"
			 "\twake at 62000\n"
			 "[5000] tick\n"
			 "\twake at 62000\n"
			 "[5251] done copy 1\n"
			 "\twake at 62000\n"
			 "[5251] cancel job 3\n"
			 "[6000] ask job 4 toolchain 1 unit 9\n"
			 "\tgrant job 4 -> worker 1\n"
			 "\twake at 8250\n"
			 "[8251] tick\n"
			 "\tcopy 2 of job 4 -> worker 2\n"
			 "\twake at 62000\n"
			 "[9251] done copy 2\n"
			 "\twake at 62000\n"
			 "[9251] cancel job 4\n"
			 "[9300] ask job 5\n"
			 "\tgrant job 5 -> worker 2\n"
			 "\twake at 62000\n"
			 "[9300] ask job 6\n"
			 "\tgrant job 6 -> worker 2\n"
			 "\twake at 62000\n"
			 "[9300] ask job 7\n"
			 "\twake at 10251\n");
}

/* The first is first after all; or the copy fails, and no other one is made. */
static void copy_loses(void)
{
	tell(TWO_UP("2") "[0] ask job 1 toolchain 1 unit 7\n"
			 "\tgrant job 1 -> worker 1\n"
			 "[0] ask job 2 toolchain 1 unit 7\n"
			 "\tgrant job 2 -> worker 2\n"
			 "[1000] done job 2 cpu 1000\n"
			 "[1000] done job 1 cpu 1000\n"
			 "[2000] ask job 3 toolchain 1 unit 7\n"
			 "\tgrant job 3 -> worker 1\n"
			 "\twake at 4250\n"
			 "[4300] tick\n"
			 "\tcopy 1 of job 3 -> worker 2\n"
			 "\twake at 62000\n"
			 "[4400] done job 3 cpu 1000\n"
			 "\twake at 62000\n"
			 "[4400] cancel copy 1\n"
			 "[4400] cancel copy 1\n"
			 "[5000] ask job 4 toolchain 1 unit 7\n"
			 "\tgrant job 4 -> worker 2\n"
			 "\twake at 7250\n"
			 "[7900] tick\n"
			 "\tcopy 2 of job 4 -> worker 1\n"
			 "\twake at 62000\n"
			 "[7901] failed copy 2\n"
			 "\twake at 62000\n"
			 "[9400] tick\n"
			 "\twake at 62000\n"
			 "[9500] done job 4 cpu 1000\n");
}

/* The first fails while its copy runs: that is the job now, and may ask again. */
static void copy_goes_on(void)
{
	tell(TWO_UP("2") "[0] ask job 1 toolchain 1 unit 7\n"
			 "\tgrant job 1 -> worker 1\n"
			 "[0] ask job 2 toolchain 1 unit 7\n"
			 "\tgrant job 2 -> worker 2\n"
			 "[1000] done job 2 cpu 1000\n"
			 "[1000] done job 1 cpu 1000\n"
			 "[2000] ask job 3 toolchain 1 unit 7\n"
			 "\tgrant job 3 -> worker 1\n"
			 "\twake at 4250\n"
			 "[4300] tick\n"
			 "\tcopy 1 of job 3 -> worker 2\n"
			 "\twake at 62000\n"
			 "[4301] failed job 3\n"
			 "\twake at 4320\n"
			 "[4302] failed copy 1\n");
}

/* Slots are for who waits; and a copy needs another worker. */
static void no_copy_while_somebody_waits(void)
{
	tell(TWO_UP("1") "[0] ask job 1 toolchain 1 unit 7\n"
			 "\tgrant job 1 -> worker 1\n"
			 "[0] ask job 2 toolchain 1 unit 7\n"
			 "\tgrant job 2 -> worker 2\n"
			 "[1000] done job 2 cpu 1000\n"
			 "[1000] done job 1 cpu 1000\n"
			 "[2000] ask job 3 toolchain 1 unit 7\n"
			 "\tgrant job 3 -> worker 1\n"
			 "\twake at 4250\n"
			 "[2000] ask job 4 toolchain 1 unit 7\n"
			 "\tgrant job 4 -> worker 2\n"
			 "\twake at 4250\n"
			 "[2000] ask job 5 toolchain 1 unit 7\n"
			 "\twake at 62000\n"
			 "[4300] tick\n"
			 "\twake at 62000\n"
			 "[4400] done job 4 cpu 1000\n"
			 "\tgrant job 5 -> worker 2\n"
			 "\twake at 62000\n"
			 "[4500] cancel job 5\n"
			 "\twake at 4800\n");
}

/* Two, and one of twenty. */
static void copies_are_few(void)
{
	tell(TWO_UP("8") "[0] ask job 1 toolchain 1 unit 7\n"
			 "\tgrant job 1 -> worker 1\n"
			 "[0] ask job 2 toolchain 1 unit 9\n"
			 "\tgrant job 2 -> worker 2\n"
			 "[1000] done job 1 cpu 1000\n"
			 "[1000] done job 2 cpu 1000\n"
			 "[2000] ask job 3 toolchain 1 unit 7\n"
			 "\tgrant job 3 -> worker 1\n"
			 "\twake at 4250\n"
			 "[2000] ask job 4 toolchain 1 unit 9\n"
			 "\tgrant job 4 -> worker 2\n"
			 "\twake at 4250\n"
			 "[2000] ask job 5 toolchain 1 unit 7\n"
			 "\tgrant job 5 -> worker 1\n"
			 "\twake at 4250\n"
			 "[2000] ask job 6 toolchain 1 unit 9\n"
			 "\tgrant job 6 -> worker 2\n"
			 "\twake at 4250\n"
			 "[4300] tick\n"
			 "\tcopy 1 of job 3 -> worker 2\n"
			 "\tcopy 2 of job 5 -> worker 2\n"
			 "\twake at 62000\n"
			 "[4400] tick\n"
			 "\twake at 62000\n"
			 "[6000] tick\n"
			 "\twake at 62000\n");
}

/* Eight times what is expected, and a minute at least: then it is given up. */
static void overdue(void)
{
	tell(ONE_UP("2") "[0] ask job 1 toolchain 1 unit 7\n"
			 "\tgrant job 1 -> worker 1\n"
			 "[20000] done job 1 cpu 20000\n"
			 "[20000] ask job 2 toolchain 1 unit 7\n"
			 "\tgrant job 2 -> worker 1\n"
			 "\twake at 180000\n"
			 "[20000] ask job 3 toolchain 1 unit 8\n"
			 "\tgrant job 3 -> worker 1\n"
			 "\twake at 180000\n"
			 "[179999] tick\n"
			 "\twake at 180000\n"
			 "[180000] tick\n"
			 "\twake at 180000\n"
			 "[180001] tick\n"
			 "\toverdue job 2 on worker 1\n"
			 "\twake at 660000\n"
			 "[180002] failed job 2\n"
			 "\twake at 660000\n"
			 "[900000] tick\n"
			 "\toverdue job 3 on worker 1\n");
}

/* Killed for want of memory: not there again, nor another that needs as much; the worker does not rest. */
static void out_of_memory(void)
{
	tell(TWO_UP("1") "[0] ask job 1 toolchain 1 unit 7\n"
			 "\tgrant job 1 -> worker 1\n"
			 "[1] failed job 1 memory 1000\n"
			 "[1] ask job 1 toolchain 1 unit 7\n"
			 "\tgrant job 1 -> worker 2\n"
			 "[2] done job 1 cpu 100 memory 3000\n"
			 "[3] ask job 2\n"
			 "\tgrant job 2 -> worker 1\n"
			 "\twake at 20\n"
			 "[4] ask job 3 toolchain 1 unit 7\n"
			 "\tgrant job 3 -> worker 2\n"
			 "\twake at 20\n"
			 "[5] ask job 4 toolchain 1 unit 7\n"
			 "\twake at 60004\n"
			 "[6] done job 2 cpu 10\n"
			 "\twake at 60004\n"
			 "[7] done job 3 cpu 100 memory 3000\n"
			 "\tgrant job 4 -> worker 2\n"
			 "\twake at 20\n"
			 "[8] failed job 4 memory 2000\n"
			 "[8] ask job 4 toolchain 1 unit 7\n"
			 "\thome job 4: all failed\n");
}

/* A round trip and bytes yet to be sent count like time. */
/* A unit goes to the worker that did it last, while that has a slot free. */
static void where_it_was(void)
{
	tell(TWO_UP("2") "[0] ask job 1 toolchain 1 unit 7\n"
			 "\tgrant job 1 -> worker 1\n"
			 "[0] ask job 2 toolchain 1 unit 8\n"
			 "\tgrant job 2 -> worker 2\n"
			 "[100] done job 1 cpu 100\n"
			 "[100] done job 2 cpu 100\n"
			 "[200] ask job 3 toolchain 1 unit 8\n"
			 "\tgrant job 3 -> worker 2\n"
			 "\twake at 650\n"
			 "[200] ask job 4 toolchain 1 unit 8\n"
			 "\tgrant job 4 -> worker 2\n"
			 "\twake at 650\n"
			 "[200] ask job 5 toolchain 1 unit 8\n"
			 "\tgrant job 5 -> worker 1\n"
			 "\twake at 650\n");
}

static void far_away(void)
{
	tell(TWO_UP("1") "[0] ask job 1 toolchain 1 unit 7\n"
			 "\tgrant job 1 -> worker 1\n"
			 "[100] done job 1 cpu 100\n"
			 "[100] link worker 1 rtt 200 bytes/s 0 sent 5000\n"
			 "[100] ask job 2 toolchain 1 unit 7\n"
			 "\tgrant job 2 -> worker 2\n"
			 "\twake at 550\n"
			 "[200] done job 2 cpu 100\n"
			 "[200] link worker 2 rtt 1 bytes/s 1000 sent 100\n"
			 "[200] ask job 3 unit 7 bytes 4000\n"
			 "\tgrant job 3 -> worker 1\n"
			 "\twake at 1050\n"
			 "[300] done job 3 cpu 100\n"
			 "[300] link worker 2 rtt 1 bytes/s 1000 sent 4950\n"
			 "[300] ask job 4 unit 7 bytes 4000\n"
			 "\tgrant job 4 -> worker 2\n"
			 "\twake at 852\n");
}

/* The only worker fails a job: the line goes home, and who still waits there comes back after its rest. */
static void called_back(void)
{
	tell(ONE_UP("1") "[0] ask job 1\n"
			 "\tgrant job 1 -> worker 1\n"
			 "[0] ask job 2\n"
			 "[0] ask job 3\n"
			 "[10] failed job 1\n"
			 "\thome job 2: all down\n"
			 "\thome job 3: all down\n"
			 "\twake at 1010\n"
			 "[20] cancel job 2\n"
			 "\twake at 1010\n"
			 "[1010] tick\n"
			 "\tback job 3\n"
			 "[1011] ask job 3\n"
			 "\tgrant job 3 -> worker 1\n");
}

/* ---- the rules, at random ---- */

enum {
	NW = 12,
	NJ = 60,
	NT = 3
};

enum {
	M_NONE,
	M_DIALING,
	M_UP
};

struct model {
	uint64_t rng;
	nsec now;

	struct {
		bool exists;
		int link;
		unsigned slots, used;
		nsec rest_until, backoff;
		bool queried[NT], answered[NT], has[NT];
	} w[NW];

	struct {
		bool waiting;
		bool away; /* sent home, and may be called back */
		int on;    /* worker + 1; 0: none */
		unsigned tool;
		uint64_t seq;
		nsec came;
		bool copied; /* in this round */
		uint64_t twin;
		bool failed[NW];
		unsigned nfailed;
		uint64_t generation; /* of the id: a new compile is a new job */
	} j[NJ];

	/* Second copies, by the low bits of their ids. */
	struct {
		bool runs;
		int of; /* job */
		int on; /* worker */
	} copy[1 << 16];

	uint64_t seq;
	unsigned long ncopies;
	unsigned long called_back;
	unsigned long asked, granted, homed, cancelled;
};

static unsigned draw(struct model *m, unsigned n)
{
	m->rng = m->rng * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(m->rng >> 33) % n;
}

static bool m_usable(const struct model *m, int w)
{
	return m->w[w].exists && m->w[w].link == M_UP && m->w[w].slots > 0 &&
	       m->w[w].rest_until <= m->now;
}

static bool m_fits(const struct model *m, int w, int j)
{
	unsigned t = m->j[j].tool;

	return m_usable(m, w) && m->w[w].answered[t] && m->w[w].has[t] &&
	       !m->j[j].failed[w];
}

static bool m_hope(const struct model *m, int w, int j)
{
	unsigned t = m->j[j].tool;

	if (!m->w[w].exists || m->j[j].failed[w])
		return false;
	if (m->w[w].link == M_DIALING)
		return m->w[w].backoff == 0;
	return m_usable(m, w) && !(m->w[w].answered[t] && !m->w[w].has[t]);
}

static void m_rest(struct model *m, int w)
{
	if (m->now < m->w[w].rest_until)
		return;
	nsec b = m->w[w].backoff ? 2 * m->w[w].backoff : SCHED_BACKOFF_FIRST_MS * MS;

	m->w[w].backoff = b < SCHED_BACKOFF_MAX_MS * MS ? b : SCHED_BACKOFF_MAX_MS * MS;
	m->w[w].rest_until = m->now + m->w[w].backoff;
}

static void m_unlink(struct model *m, int w)
{
	for (int j = 0; j < NJ; j++)
		if (m->j[j].on == w + 1)
			m->j[j].on = 0;
	for (unsigned long c = 1; c <= m->ncopies; c++)
		m->copy[c].runs = m->copy[c].runs && m->copy[c].on != w;
	m->w[w].link = M_NONE;
	m->w[w].used = 0;
	for (int t = 0; t < NT; t++)
		m->w[w].queried[t] = m->w[w].answered[t] = false;
}

/* What the event means to the model, before the scheduler is asked. */
static void m_event_worker(struct model *m, const struct sched_event *e)
{
	int w = (int)e->worker;

	switch (e->type) {
	case SCHED_WORKER_ADD:
		if (!m->w[w].exists)
			memset(&m->w[w], 0, sizeof m->w[w]);
		if (!m->w[w].exists)
			m->w[w].rest_until = INT64_MIN;
		m->w[w].exists = true;
		break;
	case SCHED_WORKER_REMOVE:
		m_unlink(m, w);
		m->w[w].exists = false;
		break;
	case SCHED_WORKER_UP:
		m->w[w].link = M_UP;
		m->w[w].slots = e->slots;
		break;
	case SCHED_WORKER_DOWN:
		if (m->w[w].link != M_NONE) {
			m_unlink(m, w);
			m_rest(m, w);
		}
		break;
	case SCHED_TOOLCHAIN:
		m->w[w].answered[e->toolchain] = true;
		m->w[w].has[e->toolchain] = e->yes;
		break;
	default: break;
	}
}

/* A copy ends, in whatever way. */
static void m_event_copy(struct model *m, const struct sched_event *e)
{
	unsigned long c = (unsigned long)(e->job & ~COPY);
	int w = m->copy[c].on, j = m->copy[c].of;

	if (!m->copy[c].runs)
		return;
	m->copy[c].runs = false;
	m->w[w].used--;
	if (e->type == SCHED_DONE) {
		m->w[w].backoff = 0;
		m->w[w].rest_until = INT64_MIN;
	} else if (e->type == SCHED_FAILED) {
		m_rest(m, w);
		if (m->j[j].on && m->j[j].twin == e->job) {
			m->j[j].failed[w] = true;
			m->j[j].nfailed++;
		}
	}
}

/* The worker that has it; -1: none. */
static int m_place_of(const struct model *m, uint64_t job)
{
	if (!(job & COPY))
		return m->j[job % NJ].on - 1;
	return m->copy[job & ~COPY].runs ? m->copy[job & ~COPY].on : -1;
}

static void m_event_job(struct model *m, const struct sched_event *e)
{
	if (e->job & COPY) {
		m_event_copy(m, e);
		return;
	}
	int j = (int)(e->job % NJ), w = m->j[j].on - 1;

	if (e->type == SCHED_ASK) {
		m->j[j].waiting = true;
		m->j[j].away = false;
		m->j[j].tool = (unsigned)e->toolchain;
		m->j[j].seq = ++m->seq;
		m->j[j].came = m->now;
		m->j[j].copied = false;
		m->asked++;
		return;
	}
	if (e->type == SCHED_CANCEL && m->j[j].waiting)
		m->cancelled++;
	if (e->type == SCHED_CANCEL)
		m->j[j].waiting = m->j[j].away = false;
	if (w < 0)
		return;
	m->w[w].used--;
	m->j[j].on = 0;
	if (e->type == SCHED_DONE) {
		m->w[w].backoff = 0;
		m->w[w].rest_until = INT64_MIN;
	} else if (e->type == SCHED_FAILED) {
		m->j[j].failed[w] = true;
		m->j[j].nfailed++;
		m_rest(m, w);
	}
}

/* One a job, few in all, elsewhere. */
static void m_copy(struct model *m, const struct sched_effect *f)
{
	int w = (int)f->worker, j = (int)(f->job % NJ);
	unsigned long c = (unsigned long)(f->copy & ~COPY);

	CHECK(c == ++m->ncopies);
	CHECK(m->ncopies <=
	      SCHED_COPIES_FREE + 1 + (m->granted + m->ncopies) / SCHED_COPY_SHARE);
	CHECK(f->job / NJ == m->j[j].generation && m->j[j].on && m->j[j].on != w + 1);
	CHECK(!m->j[j].copied && m_fits(m, w, j) && m->w[w].used < m->w[w].slots);
	m->j[j].copied = true;
	m->j[j].twin = f->copy;
	m->copy[c].runs = true;
	m->copy[c].of = j;
	m->copy[c].on = w;
	m->w[w].used++;
}

static void m_effect(struct model *m, const struct sched_effect *f, bool ask)
{
	int w = (int)f->worker, j = (int)(f->job % NJ);
	bool demand = ask;

	switch (f->type) {
	case SCHED_DIAL:
		for (int i = 0; i < NJ; i++)
			demand = demand || m->j[i].waiting || m->j[i].away;
		CHECK(demand && m->w[w].exists && m->w[w].link == M_NONE &&
		      m->w[w].rest_until <= m->now);
		m->w[w].link = M_DIALING;
		break;
	case SCHED_QUERY:
		CHECK(m_usable(m, w) && !m->w[w].queried[f->toolchain]);
		m->w[w].queried[f->toolchain] = true;
		break;
	case SCHED_GRANT:
		CHECK(f->job / NJ == m->j[j].generation && m->j[j].waiting);
		CHECK(m_fits(m, w, j) && m->w[w].used < m->w[w].slots);
		for (int i = 0; i < NJ; i++)
			CHECK(!m->j[i].waiting || !m_fits(m, w, i) ||
			      m->j[j].came - m->j[i].came <= SCHED_PASS_MS * MS);
		m->j[j].waiting = false;
		m->j[j].on = w + 1;
		m->w[w].used++;
		m->granted++;
		break;
	case SCHED_HOME:
		CHECK(f->job / NJ == m->j[j].generation && m->j[j].waiting);
		for (int i = 0; i < NW; i++)
			CHECK(!m_hope(m, i, j));
		m->j[j].waiting = false;
		m->j[j].away =
		    f->home == SCHED_HOME_NO_WORKERS || f->home == SCHED_HOME_ALL_DOWN;
		m->homed++;
		break;
	case SCHED_BACK: {
		bool hope = false;

		for (int i = 0; i < NW; i++)
			hope = hope || (m_usable(m, i) && m_hope(m, i, j));
		CHECK(f->job / NJ == m->j[j].generation && m->j[j].away && hope);
		m->j[j].away = false;
		m->called_back++;
		break;
	}
	case SCHED_COPY: m_copy(m, f); break;
	case SCHED_OVERDUE:
		CHECK(f->job & COPY ? m->copy[f->job & ~COPY].on == w
				    : m->j[j].on == w + 1);
		break;
	}
}

/* Nobody waits beside a free slot that fits, nobody waits in vain. */
static void m_check(const struct model *m)
{
	for (int j = 0; j < NJ; j++) {
		bool hope = false, free_slot = false;

		for (int w = 0; m->j[j].waiting && w < NW; w++) {
			hope = hope || m_hope(m, w, j);
			free_slot =
			    free_slot || (m_fits(m, w, j) && m->w[w].used < m->w[w].slots);
		}
		CHECK(!m->j[j].waiting || (hope && !free_slot));
	}
}

/* Something that could happen now; a tick if what was drawn could not. */
static struct sched_event m_draw_event(struct model *m)
{
	int w = (int)draw(m, NW), j = (int)draw(m, NJ);
	unsigned t = draw(m, NT), kind = draw(m, 100);
	struct sched_event e = {.worker = (uint64_t)w, .toolchain = t};
	bool asks = !m->j[j].waiting && !m->j[j].on;
	bool storm = m->seq / 500 % 3 == 2, calm = m->seq / 500 % 3 == 1;

	if (asks && !m->j[j].away && (draw(m, 8) == 0 || m->j[j].nfailed > 6)) {
		m->j[j].generation++;
		m->j[j].nfailed = 0;
		memset(m->j[j].failed, 0, sizeof m->j[j].failed);
	}
	e.job = (uint64_t)j + NJ * m->j[j].generation;

	m->now += draw(m, calm ? 4 : 8) == 0 ? draw(m, 2000) * MS : draw(m, 3) * MS;
	e.now = m->now;
	e.slots = draw(m, 10) == 0 ? 0 : 1 + draw(m, 4);
	e.unit = 1 + draw(m, 20);
	e.cpu_ns = draw(m, 1000) * MS;
	e.yes = draw(m, 5) != 0;
	if (kind < 2)
		e.type = SCHED_WORKER_ADD;
	else if (kind < 3 && m->w[w].exists)
		e.type = SCHED_WORKER_REMOVE;
	else if (kind < (storm ? 15 : 4) && m->w[w].exists)
		e.type = SCHED_WORKER_DOWN;
	else if (kind < 20 && m->w[w].exists && m->w[w].link != M_NONE)
		e.type = SCHED_WORKER_UP;
	else if (kind < 35 && m->w[w].queried[t] && !m->w[w].answered[t])
		e.type = SCHED_TOOLCHAIN;
	else if (kind < 65 && asks && (!calm || draw(m, 6) == 0))
		e.type = SCHED_ASK;
	else if (kind < 68)
		e.type = SCHED_CANCEL;
	else if (kind < 70 && m->j[j].on)
		e.type = SCHED_FAILED;
	else if (kind < 95)
		e.type = SCHED_DONE;
	else
		e.type = SCHED_TICK;
	if (e.type == SCHED_DONE && !m->j[j].on && draw(m, 4) != 0)
		e.type = SCHED_TICK;
	unsigned long c = m->ncopies ? 1 + draw(m, 3) : 0;

	if (e.type >= SCHED_CANCEL && c && c <= m->ncopies && draw(m, 2) == 0)
		e.job = COPY | (m->ncopies + 1 - c);
	return e;
}

static void random_steps(void)
{
	for (uint64_t seed = 1; seed <= 4; seed++) {
		static struct model room;
		struct model *m = &room;

		*m = (struct model){.rng = seed};
		struct sched *s = sched_new(seed);
		struct sched_out o;

		for (int step = 0; step < 100000 && !test_failed; step++) {
			struct sched_event e = m_draw_event(m);
			bool of_job = e.type == SCHED_ASK || e.type == SCHED_CANCEL ||
				      e.type == SCHED_DONE || e.type == SCHED_FAILED;
			int left = e.type == SCHED_CANCEL ? m_place_of(m, e.job) : -1;

			if (of_job)
				m_event_job(m, &e);
			else
				m_event_worker(m, &e);
			sched_step(s, &e, &o);
			/* Whose copies were faster twice. The model knows no times. */
			if (left >= 0 && sched_rests(s, (uint64_t)left))
				m_rest(m, left);
			for (size_t i = 0; i < o.n; i++)
				m_effect(m, &o.v[i], e.type == SCHED_ASK);
			m_check(m);
			if (test_failed)
				printf("# seed %d, step %d, event %d\n", (int)seed, step,
				       (int)e.type);
		}
		unsigned long waiting = 0;

		for (int j = 0; j < NJ; j++)
			waiting += m->j[j].waiting;
		printf("# seed %d: asked %lu granted %lu home %lu back %lu copies %lu\n",
		       (int)seed, m->asked, m->granted, m->homed, m->called_back,
		       m->ncopies);
		CHECK(m->granted > 1000 && m->homed > 1000);
		CHECK(m->ncopies > 100 && m->called_back > 100);
		CHECK(m->asked == m->granted + m->homed + m->cancelled + waiting);
		sched_free(s);
	}
}

/* 1,000 workers and 10,000 waiting jobs: all are served, each once. */
static void many(void)
{
	enum {
		WORKERS = 1000,
		JOBS = 20000
	};

	static unsigned char served[JOBS];
	static uint64_t running[WORKERS * 10];
	struct sched *s = sched_new(3);
	struct sched_out o;
	size_t n = 0, total = 0;

	for (uint64_t w = 0; w < WORKERS; w++)
		sched_step(s, &(struct sched_event){.type = SCHED_WORKER_ADD, .worker = w},
			   &o);
	for (uint64_t j = 0; j < JOBS; j++)
		sched_step(s, &(struct sched_event){.type = SCHED_ASK, .job = j}, &o);
	for (uint64_t w = 0; w < WORKERS; w++) {
		struct sched_event up = {.type = SCHED_WORKER_UP, .worker = w, .slots = 10};
		struct sched_event yes = {
		    .type = SCHED_TOOLCHAIN, .worker = w, .yes = true};

		sched_step(s, &up, &o);
		CHECK(o.n == 1 && o.v[0].type == SCHED_QUERY);
		sched_step(s, &yes, &o);
		CHECK(o.n == 10);
		for (size_t i = 0; i < o.n; i++)
			running[n++] = o.v[i].job;
	}
	while (n > 0 && !test_failed) {
		uint64_t j = running[--n];
		struct sched_event done = {.type = SCHED_DONE, .job = j, .cpu_ns = MS};

		CHECK(served[j]++ == 0);
		total++;
		sched_step(s, &done, &o);
		for (size_t i = 0; i < o.n; i++)
			running[n++] = o.v[i].job;
	}
	CHECK(total == JOBS);
	sched_free(s);
}

/* Toolchains and remembered failures beyond the limits. */
static void limits(void)
{
	struct sched *s = sched_new(5);
	struct sched_out o;
	struct sched_event ask = {.type = SCHED_ASK};
	struct sched_event yes = {.type = SCHED_TOOLCHAIN, .worker = 1, .yes = true};

	story_run(s, ONE_UP("1"));
	for (uint64_t t = 1; t <= 1000; t++) {
		ask.job = ask.toolchain = yes.toolchain = t;
		sched_step(s, &ask, &o);
		sched_step(s, &yes, &o);
	}
	for (uint64_t j = 1; j <= 1000; j++) {
		sched_step(s, &(struct sched_event){.type = SCHED_DONE, .job = j}, &o);
		CHECK(j == 1000 ? o.n == 0 : o.n == 1 && o.v[0].job == j + 1);
	}
	nsec now = 0;

	for (uint64_t j = 1; j <= 10000; j++) {
		now += 2 * SCHED_BACKOFF_MAX_MS * MS;
		ask.now = now;
		ask.job = j;
		ask.toolchain = 1000;
		sched_step(s, &ask, &o);
		CHECK(o.n == 1 && o.v[0].type == SCHED_GRANT);
		sched_step(s, &(struct sched_event){now, .type = SCHED_FAILED, .job = j},
			   &o);
	}
	sched_free(s);
}

TESTS({"nobody is there", no_workers}, {"workers are dialled on demand", dialled_on_demand},
      {"a dial that fails", dial_fails},
      {"backoff doubles, success resets it", backoff_doubles},
      {"backoff has a maximum", backoff_has_a_maximum},
      {"first come, first served", first_come},
      {"spread among equals; cancel", spread_and_cancel},
      {"the fastest first, once learned", fastest_after_learning},
      {"a worker goes down with jobs", down_with_jobs},
      {"the rest ends while a job waits", rest_ends_while_waiting},
      {"never back to a worker that failed it", never_back_to_who_failed_it},
      {"a job some have failed waits for others", scarred_job_waits},
      {"a connected worker rests", rest_of_connected}, {"toolchains", toolchains},
      {"order across toolchains", order_across_toolchains},
      {"workers removed and added", removed_and_added}, {"slots change", slots_change},
      {"late and double events", late_and_double},
      {"costly jobs first, within bounds", costly_first}, {"a second copy wins", copy_wins},
      {"a second copy loses", copy_loses}, {"a second copy goes on alone", copy_goes_on},
      {"no copies while somebody waits", no_copy_while_somebody_waits},
      {"copies are few", copies_are_few}, {"overdue", overdue},
      {"out of memory", out_of_memory}, {"where it was", where_it_was},
      {"far away", far_away}, {"called back after a rest", called_back},
      {"the rules at random", random_steps}, {"a thousand workers", many},
      {"limits", limits})
