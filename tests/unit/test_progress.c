/* The story of a build: what the tool tells, the live line, the summary, the diagnosis. */
#include "run/progress.h"
#include "run/progress_load.h"
#include "run/progress_tool.h"
#include "run/progress_words.h"
#include "test.h"

#include <string.h>

static const nsec S = 1000000000;

/* B says WANT; it is emptied. */
static bool says(struct buf *b, const char *want)
{
	bool equal =
	    b->len == strlen(want) && (b->len == 0 || memcmp(b->data, want, b->len) == 0);

	if (!equal)
		printf("# got: %.*s\n", (int)b->len, b->data ? b->data : "");
	b->len = 0;
	return equal;
}

static void words(void)
{
	static const struct {
		double seconds;
		const char *want;
	} times[] = {
	    {-1,     "0.0 s"     },
            {0.04,   "0.0 s"     },
            {0.35,   "0.4 s"     },
            {9.94,   "9.9 s"     },
	    {9.96,   "10 s"      },
            {59.4,   "59 s"      },
            {59.6,   "1 min"     },
            {72,     "1 min 12 s"},
	    {3599.6, "1 h"       },
            {7500,   "2 h 5 min" },
            {86400,  "24 h"      },
	};

	static const struct {
		uint64_t bytes;
		const char *want;
	} sizes[] = {
	    {0,          "0 bytes"      },
            {1,          "1 byte"       },
            {999,        "999 bytes"    },
	    {1000,       "1.0 kB"       },
            {999949,     "999.9 kB"     },
            {999950,     "1.0 MB"       },
	    {12400000,   "12.4 MB"      },
            {38000000,   "38.0 MB"      },
            {UINT64_MAX, "18446744.1 TB"},
	};
	AUTO_BUF struct buf b = {0};

	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		words_time(&b, (nsec)(times[i].seconds * 1e9));
		CHECK(says(&b, times[i].want));
	}
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		words_bytes(&b, sizes[i].bytes);
		CHECK(says(&b, sizes[i].want));
	}
	words_left(&b, 7 * S);
	CHECK(says(&b, "10 s"));
	words_left(&b, 59 * S);
	CHECK(says(&b, "1 min"));
	words_left(&b, 61 * S);
	CHECK(says(&b, "1 min 10 s"));
	words_left(&b, 601 * S);
	CHECK(says(&b, "11 min"));
}

static bool tells(const char *line, uint64_t done, uint64_t total, bool percent)
{
	struct progress_tool t = {0}, piecewise = {0};

	progress_tool_line(&t, 0, line, strlen(line));
	for (const char *p = line; *p; p++)
		progress_tool_output(&piecewise, 0, p, 1);
	return t.done == done && t.total == total && t.percent == percent &&
	       piecewise.done == done && piecewise.total == total;
}

static void tools(void)
{
	CHECK(tells("[12/97] Building CXX object x.o", 12, 97, false));
	CHECK(tells("\r[12/97] CC x.o\033[K", 12, 97, false));
	CHECK(tells("\033[32m[3/7]\033[0m CC", 3, 7, false));
	CHECK(tells("[12 / 97] 3 actions", 12, 97, false));
	CHECK(tells("[1/500 0.2s] F CXX", 1, 500, false));
	CHECK(tells("[ 12%] Building C object", 12, 100, true));
	CHECK(tells("[100%] \033[32mBuilt target x\033[0m", 100, 100, true));
	CHECK(tells("[ 12% 12/97] //x:y", 12, 97, false));
	CHECK(tells("gcc -c x.c [12/97]", 0, 0, false));
	CHECK(tells("[12/97", 0, 0, false));
	CHECK(tells("[120%] no", 0, 0, false));
	CHECK(tells("[98/97] no", 0, 0, false));
	CHECK(tells("[1/0] no", 0, 0, false));
	CHECK(tells("[-1/7] no", 0, 0, false));
	CHECK(tells("[12/97x] no", 0, 0, false));
	CHECK(tells("[99999999999999999999/99999999999999999999] no", 0, 0, false));
	CHECK(tells("[ ] no", 0, 0, false));
	CHECK(tells("", 0, 0, false));
}

static void tell(struct progress_tool *t, nsec now, const char *line)
{
	progress_tool_output(t, now, line, strlen(line));
	progress_tool_output(t, now, "\n", 1);
}

static void counts(void)
{
	struct progress_tool t = {0};

	tell(&t, 0, "[0/1] Re-running CMake...");
	CHECK(progress_tool_left(&t, 20 * S) == -1);
	tell(&t, 20 * S,
	     "[1/201] CC"); /* a new count: the generator's time does not slow it */
	CHECK(t.begin == 20 * S && t.begin_done == 1);
	tell(&t, 24 * S, "[11/201] CC");
	CHECK(progress_tool_left(&t, 24 * S) == -1); /* too early to judge */
	tell(&t, 30 * S, "[101/201] CC");
	CHECK(progress_tool_left(&t, 30 * S) == 10 * S);
	tell(&t, 31 * S, "[100/201] late");
	CHECK(t.done == 101 && t.begin == 20 * S);
	tell(&t, 32 * S, "[201/201] LINK");
	CHECK(progress_tool_left(&t, 40 * S) == -1); /* nothing left to count */
	tell(&t, 50 * S, "[1/150] the next build");
	CHECK(t.begin == 50 * S && t.done == 1 && t.total == 150);
	tell(&t, 60 * S, "[3/150] CC");
	CHECK(progress_tool_left(&t, 60 * S) == -1); /* two are no pace */
}

static void add_jobs(struct progress *p, unsigned n, const char *host, const char *why,
		     nsec length, nsec cpu)
{
	char file[32];

	for (unsigned i = 0; i < n; i++) {
		snprintf(file, sizeof file, "src/%u.cc", i);
		progress_job(p, &(struct progress_job){.file = file,
						       .host = host,
						       .why = why,
						       .start = i * S / 10,
						       .end = i * S / 10 + length,
						       .cpu = cpu});
	}
}

static void samples(struct progress *p, unsigned n, const struct progress_now *now)
{
	for (unsigned i = 1; i <= n; i++)
		progress_sample(p, i * S, now);
}

static void live(void)
{
	AUTO_BUF struct buf b = {0};
	struct progress *p = progress_new();
	struct progress_now now = {
	    .remote = 9, .local = 2, .waiting = 5, .slots = 48, .local_slots = 4};

	progress_live(&b, p, 0, 80, NULL, 0);
	CHECK(says(&b, "muster 0 compiled, now 0 here"));
	samples(p, 10, &now);
	progress_output(p, "[1/97] CC\n[2/97] CC\n", 20);
	add_jobs(p, 20, "w1:3690", NULL, 6 * S, 5 * S);
	progress_sample(p, 20 * S, &now);
	progress_line(p, "[49/97] CC", 10);
	progress_live(&b, p, 20 * S, 80, NULL, 0);
	CHECK(
	    says(&b, "muster 49/97: 9 remote, 2 here, 15 s left, speed-up 5.0, 5 waiting"));
	progress_live(&b, p, 20 * S, 120, "src/big.cc", 2 * S);
	CHECK(says(&b,
		   "muster 49/97: 9 remote, 2 here, 15 s left, speed-up 5.0, 5 waiting; "
		   "src/big.cc 18 s"));
	progress_live(&b, p, 20 * S, 90, "very/long/name/of/a\nb/sources.cc", 2 * S);
	CHECK(says(&b,
		   "muster 49/97: 9 remote, 2 here, 15 s left, speed-up 5.0, 5 waiting; "
		   "...a?b/sources.cc 18 s"));
	progress_live(&b, p, 20 * S, 84, "very/long/name/of/a\nb/sources.cc", 2 * S);
	CHECK(
	    says(&b, "muster 49/97: 9 remote, 2 here, 15 s left, speed-up 5.0, 5 waiting"));
	progress_live(&b, p, 20 * S, 45, "x.cc", 2 * S);
	CHECK(says(&b, "muster 49/97: 9 remote, 2 here, 15 s left"));
	progress_live(&b, p, 20 * S, 10, "x.cc", 2 * S);
	CHECK(says(&b, ""));
	progress_line(p, "[ 60%] Building", 15);
	progress_live(&b, p, 20 * S, 30, NULL, 0);
	CHECK(says(&b, "muster 60%: 9 remote, 2 here"));
	progress_free(p);
}

/* Make tells no total: only how long those that wait will take is known. */
static void live_without_total(void)
{
	AUTO_BUF struct buf b = {0};
	struct progress *p = progress_new();
	struct progress_now now = {.remote = 8, .waiting = 40, .slots = 8};

	add_jobs(p, 15, "w1:3690", NULL, 4 * S, 4 * S);
	progress_sample(p, 10 * S, &now);
	progress_live(&b, p, 10 * S, 60, NULL, 0);
	CHECK(says(&b, "muster 15 compiled, now 8 remote, 0 here, speed-up 6.0"));
	add_jobs(p, 1, "w1:3690", NULL, 100 * S, 0);
	progress_live(&b, p, 10 * S, 60, NULL, 0);
	CHECK(says(&b, "muster 16 compiled, now 8 remote, 0 here, at least 25 s left"));
	now.waiting = 7;
	progress_sample(p, 11 * S, &now);
	progress_live(&b, p, 11 * S, 50, NULL, 0);
	CHECK(says(&b, "muster 16 compiled, now 8 remote, 0 here"));
	progress_free(p);
}

static void summary(void)
{
	AUTO_BUF struct buf b = {0};
	struct progress *p = progress_new();
	struct progress_now now = {.remote = 9,
				   .slots = 48,
				   .local_slots = 4,
				   .bytes_up = 12400000,
				   .bytes_down = 38000000};

	add_jobs(p, 200, "w3:3690", NULL, 3 * S, 2 * S);
	add_jobs(p, 171, "w1:3690", NULL, 3 * S, 2 * S);
	add_jobs(p, 4, NULL, "a configure probe", S, 0);
	add_jobs(p, 5, NULL, "links", S, 0);
	progress_job(p, &(struct progress_job){.file = "src/big\n.cc",
					       .host = "w3:3690",
					       .end = 21 * S,
					       .cpu = 20 * S});
	progress_job(p, &(struct progress_job){.file = "y.c",
					       .why = "links",
					       .end = 17 * S,
					       .cpu = 16 * S,
					       .status = 256});
	samples(p, 72, &now);
	progress_summary(&b, p, 72 * S);
	CHECK(says(
	    &b,
	    "muster: 1 min 12 s; 382 compiles: 372 on 2 workers, 10 here (6: links; 4: a "
	    "configure probe)\n"
	    "muster: 12 min 42 s of CPU time elsewhere; speed-up 10.9 over one core, of which "
	    "this machine has 4; 12.4 MB up, 38.0 MB down\n"
	    "muster: slowest: src/big?.cc 21 s on w3:3690, y.c 17 s here, src/0.cc 3.0 s on "
	    "w3:3690\n"
	    "muster: held back by the build's own width: on average 9 of 48 slots were in "
	    "use\n"));
	progress_free(p);
}

static void small_summaries(void)
{
	AUTO_BUF struct buf b = {0};
	struct progress *p = progress_new();

	progress_summary(&b, p, 0);
	CHECK(says(&b, "muster: 0.0 s; no compiles\n"
		       "muster: no CPU time elsewhere\n"
		       "muster: slowest: none\n"
		       "muster: too short a build to say what held it back\n"));
	add_jobs(p, 1, NULL, NULL, S, 0);
	progress_summary(&b, p, 2 * S);
	CHECK(says(&b, "muster: 2.0 s; 1 compile here (1: other reasons)\n"
		       "muster: no CPU time elsewhere; speed-up about 0.5 over one core\n"
		       "muster: slowest: src/0.cc 1.0 s here\n"
		       "muster: too short a build to say what held it back\n"));
	progress_free(p);
	p = progress_new();
	add_jobs(p, 1, "w:1", NULL, S, S / 2);
	progress_summary(&b, p, S);
	CHECK(says(&b, "muster: 1.0 s; 1 compile on 1 worker\n"
		       "muster: 0.5 s of CPU time elsewhere; speed-up 0.5 over one core\n"
		       "muster: slowest: src/0.cc 1.0 s on w:1\n"
		       "muster: too short a build to say what held it back\n"));
	progress_free(p);
}

/* Reasons beyond four are summed up, and beyond a limit no longer told apart. */
static void many_reasons(void)
{
	AUTO_BUF struct buf b = {0};
	struct progress *p = progress_new();
	char why[32];

	for (unsigned i = 0; i < 1000; i++) {
		snprintf(why, sizeof why, "reason %03u", i);
		add_jobs(p, i < 5 ? 10 - i : 1, NULL, why, 1, 1);
	}
	add_jobs(p, 5, NULL, "reason 004", 1, 1); /* known ones are still counted */
	progress_summary(&b, p, 0);
	buf_u8(&b, 0);
	CHECK(strstr(b.data,
		     "1040 compiles, all here (744: other reasons; 11: reason 004; 10: "
		     "reason 000; 9: reason 001; 266: for other reasons)\n"));
	progress_free(p);
}

/* CPU time that is not told is estimated from those that tell. */
static void estimates(void)
{
	AUTO_BUF struct buf b = {0};
	struct progress *p = progress_new();

	add_jobs(p, 2, "w:1", NULL, 4 * S, 0); /* nothing to go by yet */
	progress_summary(&b, p, 10 * S);
	CHECK(strstr((buf_u8(&b, 0), b.data),
		     "muster: the workers do not tell their CPU time\n"));
	b.len = 0;
	add_jobs(p, 2, "w:1", NULL, 4 * S, 3 * S); /* busy three quarters */
	progress_summary(&b, p, 10 * S);
	CHECK(strstr((buf_u8(&b, 0), b.data), "about 12 s of CPU time elsewhere; speed-up "
					      "about 1.2"));
	progress_free(p);
}

static void rules(void)
{
	static const struct {
		struct progress_now now;
		enum held want;
	} cases[] = {
	    {{.remote = 48, .waiting = 1, .slots = 48},                               HELD_BY_SLOTS  },
	    {{.remote = 44, .waiting = 1, .slots = 48, .machine_cpu = 1},             HELD_BY_SLOTS  },
	    {{.remote = 48, .slots = 48, .jobs = 48},                                 HELD_BY_SLOTS  },
	    {{.remote = 48, .slots = 48, .jobs = 60},                                 HELD_BY_NOTHING},
	    {{.remote = 43, .slots = 48, .agent_cpu = 0.95},                          HELD_BY_AGENT  },
	    {{.remote = 10, .slots = 48, .machine_cpu = 0.95, .waiting = 3},
	     HELD_BY_MACHINE									 },
	    {{.remote = 10, .local = 4, .slots = 48, .local_slots = 4, .waiting = 3},
	     HELD_BY_LOCAL									   },
	    {{.remote = 10, .local = 3, .slots = 48, .local_slots = 4, .waiting = 3},
	     HELD_BY_NETWORK									 },
	    {{.remote = 48, .moving = 24, .slots = 48},                               HELD_BY_NETWORK},
	    {{.remote = 9, .moving = 5, .slots = 48},                                 HELD_BY_NETWORK},
	    {{.remote = 9, .moving = 4, .slots = 48},                                 HELD_BY_WIDTH  },
	    {{.remote = 9, .slots = 48, .machine_cpu = 0.5},                          HELD_BY_WIDTH  },
	    {{.slots = 48},							   HELD_BY_WIDTH  },
	    {{.remote = 1, .waiting = 1, .slots = 1},                                 HELD_BY_SLOTS  },
 /* no workers */
	    {{.local = 4, .waiting = 2, .local_slots = 4},                            HELD_BY_SLOTS  },
	    {{.local = 3, .local_slots = 4, .machine_cpu = 0.95},                     HELD_BY_SLOTS  },
	    {{.local = 4, .local_slots = 4, .machine_cpu = 0.5},                      HELD_BY_NOTHING},
	    {{.local = 1, .local_slots = 4},                                          HELD_BY_WIDTH  },
	    {{.local_slots = 4, .machine_cpu = 1},                                    HELD_BY_MACHINE},
	    {{0},								     HELD_BY_WIDTH  },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (!CHECK(progress_held_now(&cases[i].now) == cases[i].want))
			printf("# case %zu: %d\n", i, progress_held_now(&cases[i].now));
}

static bool verdict(const struct progress *p, const char *want)
{
	AUTO_BUF struct buf b = {0};

	progress_summary(&b, p, 0);
	buf_u8(&b, 0);
	const char *line = strstr(b.data, "held back by ");

	if (line && strlen(line) == strlen(want) + 1 &&
	    strncmp(line, want, strlen(want)) == 0)
		return true;
	printf("# got: %s", b.data);
	return false;
}

static bool verdict_of(struct progress_now now, const char *want)
{
	struct progress *p = progress_new();

	samples(p, 10, &now);
	bool ok = verdict(p, want);

	progress_free(p);
	return ok;
}

static void verdicts(void)
{
	CHECK(verdict_of(
	    (struct progress_now){.remote = 18, .slots = 48, .agent_cpu = 0.97},
	    "held back by muster's agent: 97% of a core while on average 30 of 48 "
	    "slots were idle"));
	CHECK(verdict_of(
	    (struct progress_now){.remote = 1, .slots = 2, .machine_cpu = 1},
	    "held back by this machine's processor: 100% busy while on average 1 of "
	    "2 slots was idle"));
	CHECK(verdict_of(
	    (struct progress_now){
		.remote = 18, .local = 4, .waiting = 9, .slots = 48, .local_slots = 4},
	    "held back by this machine: compiles that run only here waited while on average "
	    "30 of 48 slots were idle"));
	CHECK(verdict_of((struct progress_now){.remote = 48, .waiting = 112, .slots = 48},
			 "held back by too few slots: all 48 were in use 100% of the time "
			 "while on average 112 compiles waited"));
	CHECK(verdict_of((struct progress_now){.remote = 1, .waiting = 1, .slots = 1},
			 "held back by too few slots: the only one was in use 100% of the "
			 "time while on average 1 compile waited"));
	CHECK(verdict_of((struct progress_now){.local = 4, .waiting = 12, .local_slots = 4},
			 "held back by too few slots: this machine's 4 were in use 100% of "
			 "the time while on average 12 compiles waited"));
	CHECK(
	    verdict_of((struct progress_now){.remote = 4, .slots = 48, .jobs = 4},
		       "held back by the build's own width: on average 4 of 48 slots were "
		       "in use, with -j4"));
	CHECK(
	    verdict_of((struct progress_now){.local = 1, .local_slots = 4},
		       "held back by the build's own width: on average 1 of 4 slots was in "
		       "use"));
	CHECK(verdict_of(
	    (struct progress_now){.remote = 48, .slots = 48},
	    "held back by nothing: all slots were in use and no compile waited"));
}

/* The way to the workers: full (its rate is flat, at its best) or slow for another reason. */
static void networks(void)
{
	struct progress *p = progress_new();
	struct progress_now now = {.remote = 48, .moving = 30, .slots = 48};

	for (int i = 1; i <= 10; i++) {
		now.bytes_up += i % 2 ? 11000000 : 10000000;
		progress_sample(p, i * S, &now);
	}
	CHECK(verdict(
	    p, "held back by the network: files came and went at its 10.5 MB a second "
	       "while on average 30 of 48 slots were idle"));
	for (int i = 11; i <= 100; i++) {
		now.bytes_down += 100000;
		progress_sample(p, i * S, &now);
	}
	CHECK(verdict(p,
		      "held back by the way to the workers: though no more than 1.1 MB a "
		      "second moved, on average 30 of 48 slots were idle"));
	progress_free(p);
}

/* What most of the time fell under counts; the kinds of client CPU count together. */
static void most_of_the_time(void)
{
	struct progress *p = progress_new();
	struct progress_now wide = {.remote = 48, .waiting = 10, .slots = 48};
	struct progress_now agent = {.remote = 8, .slots = 48, .agent_cpu = 1};
	struct progress_now machine = {.remote = 8, .slots = 48, .machine_cpu = 1};

	progress_sample(p, 4 * S, &wide);
	CHECK(verdict(p, "held back by too few slots: all 48 were in use 100% of the time "
			 "while on average 10 compiles waited"));
	progress_sample(p, 6 * S, &agent);
	progress_sample(p, 9 * S, &machine);
	CHECK(verdict(p,
		      "held back by this machine's processor: 60% busy while on average 40 "
		      "of 48 slots were idle"));
	progress_sample(p, 9 * S, &wide);    /* no time has gone by */
	progress_sample(p, 1000 * S, &wide); /* the machine slept: counts as ten seconds */
	CHECK(verdict(
	    p, "held back by too few slots: all 48 were in use 74% of the time while "
	       "on average 10 compiles waited"));
	progress_free(p);
}

TESTS({"times and sizes in words", words}, {"what tools tell", tools},
      {"counts and the time left", counts}, {"the live line", live},
      {"the live line without a total", live_without_total}, {"the summary", summary},
      {"summaries of small builds", small_summaries}, {"many reasons", many_reasons},
      {"CPU time that is not told", estimates}, {"rules of the diagnosis", rules},
      {"sentences of the diagnosis", verdicts}, {"sentences about the network", networks},
      {"most of the time decides", most_of_the_time})
