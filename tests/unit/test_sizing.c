/* How wide a build may be: hosts one by one, then whole farms, row by row. */
#include "base/err.h"
#include "run/sizing.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>

#define FOREIGN(s, l, m) \
	{ \
		.answers = true, .slots = s, .load = l, .free_mb = m \
	}
#define MUSTER(s) \
	{ \
		.answers = true, .muster = true, .slots = s, .load = -1, .free_mb = -1 \
	}
#define DEAD \
	{ \
		.answers = false, .load = -1, .free_mb = -1, .why = "connect: gone" \
	}

static const struct row {
	struct capacity host;
	unsigned compiler_mb, slots;
	const char *why;
} rows[] = {
    {FOREIGN(8, 0,					    -1),                1024,8, ""},
    {FOREIGN(8,       -1,						   -1),							     1024,8, ""},
    {FOREIGN(8,     0.99,						-1),    1024,8, ""},
    {FOREIGN(8, 1,-1),      1024,7, ""},
    {FOREIGN(8,         2.9,					     -1),							      1024,6, ""},
    {FOREIGN(8,        7.9,						  -1),								    1024,       1, ""},
    {FOREIGN(8,      8,  -1),1024,1, ""},
    {FOREIGN(8, 12,				   -1), 1024,1, ""},
    {FOREIGN(8,       12.1,						   -1),							     1024,0, "overloaded: its load is 12.1, and it takes 8 jobs"},
    {FOREIGN(8,     1e18,						-1),													   1024,													      0, "overloaded"},
    {FOREIGN(1,       0.5,              -1),			    1024,												  1, ""},
    {FOREIGN(1,         1.5,					     -1),						     1024,1, ""},
    {FOREIGN(1,        1.6, -1),                   1024,0, "overloaded"},
    {FOREIGN(8,      0,8192),1024,8, ""},
    {FOREIGN(8, 0,				    8191),				      1024,7, ""},
    {FOREIGN(8,       0,						   3000),							     1024,2, ""},
    {FOREIGN(8,     0,						1024),            1024,             1, ""},
    {FOREIGN(8,0,					1023),				    1024,0, "1023 MB of free memory, less than the 1024 MB"},
    {FOREIGN(8,         0,					     0),							 1024,0, "0 MB of free memory"},
    {FOREIGN(8,        0,						  0),								    0,																																		8, ""},
    {FOREIGN(8,    0,         3000),500,6, ""},
    {FOREIGN(8, 4,				      3000), 500,4, ""},
    {FOREIGN(8,       0,						   INT64_MAX),							     1,8, ""},
    {FOREIGN(99999,     0,						-1),						     1024,SIZING_SLOTS_MAX, ""},
    {FOREIGN(0,          -1,          -1),1024,SIZING_SLOTS_UNKNOWN, ""}, /* no page of statistics */
    {MUSTER(16),         1024,					     16,						      ""},
    {MUSTER(0),        1024,			       0,						 "offers no slots"},
    {MUSTER(4000000000),       1024, SIZING_SLOTS_MAX,""},
    {DEAD, 1024,					 0,					      "connect: gone"},
    {DEAD,       0,						   0,							     "connect: gone"},
};

static void hosts(void)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err why = {0};
		unsigned slots = sizing_slots(&rows[i].host, rows[i].compiler_mb, &why);

		if (!CHECK(slots == rows[i].slots && strstr(why.text, rows[i].why) &&
			   !*why.text == !*rows[i].why))
			printf("# row %zu: %u, '%s'\n", i, slots, why.text);
	}
}

/* Hosts of a farm, the machine, the wishes; what comes of it. */
static const struct farm {
	const char *hosts; /* a digit: a muster worker with so many slots; x: dead */
	unsigned cores;
	int64_t free_mb;
	unsigned compiler_mb, early, fallback, preparation;
	int wanted;
	int status;
	unsigned jobs, early_local, local, remote;
} farms[] = {
  /* without limits of memory: slots + preparation + early */
    {"88",  4,  -1,   1024, 0, 4,  4,  0,    0,                  20,   0, 4, 16},
    {"88",  4,  -1,   1024, 2, 4,  4,  0,    0,                  22,   2, 4, 16},
    {"88",  4,  -1,   1024, 6, 4,  4,  0,    0,                  26,   6, 6, 16},
    {"88",  4,  -1,   1024, 0, 4,  0,  0,    0,                  16,   0, 4, 16},
    {"8x8", 4,  -1,   1024, 0, 4,  4,  0,    0,                  20,   0, 4, 16},
    {"1",   1,  -1,   1024, 0, 1,  1,  0,    0,                  2,    0, 1, 1 },
    {"88",  0,  -1,   1024, 0, 0,  0,  0,    0,                  16,   0, 1, 16},
 /* this machine's memory: whole compiles for early and local, an eighth for preparation */
    {"88",  4,  8192, 1024, 4, 4,  4,  0,    0,                  24,   4, 4, 16},
    {"88",  4,  2048, 1024, 4, 4,  4,  0,    0,                  22,   2, 2, 16},
    {"88",  4,  1023, 1024, 4, 4,  4,  0,    0,                  20,   0, 1, 16},
    {"88",  4,  256,  1024, 4, 4,  4,  0,    0,                  18,   0, 1, 16},
    {"88",  4,  127,  1024, 4, 4,  4,  0,    0,                  16,   0, 1, 16},
    {"88",  4,  0,    1024, 4, 4,  4,  0,    0,                  1,    0, 1, 16},
    {"88",  4,  20,   1024, 0, 4,  4,  0,    0,                  10,   0, 1, 16},
    {"88",  4,  0,    0,    4, 4,  4,  0,    0,                  24,   4, 4, 16}, /* not minded */
    {"88",  4,  2048, 100,  4, 4,  4,  0,    0,                  24,   4, 4, 16},
    {"88",  64, 4096, 1024, 0, 64, 64, 0,    0,                  48,   0, 4, 16},
 /* what the user wants counts, and local slots stay what they may be */
    {"88",  4,  8192, 1024, 0, 4,  4,  3,    0,                  3,    0, 4, 16},
    {"88",  4,  2048, 1024, 0, 4,  4,  2000, 0,                  2000, 0, 2, 16},
    {"88",  4,  8192, 1024, 0, 4,  4,  -1,   0,                  20,   0, 4, 16},
    {"",    4,  2048, 1024, 0, 4,  4,  2000, 0,                  2000, 0, 2, 0 },
    {"",    4,  8192, 1024, 0, 4,  4,  1,    0,                  1,    0, 4, 0 },
 /* alone: early local jobs and preparation do not count */
    {"",    4,  -1,   1024, 3, 4,  4,  0,    0,                  4,    0, 4, 0 },
    {"xx",  4,  -1,   1024, 0, 4,  4,  0,    0,                  4,    0, 4, 0 },
    {"0",   4,  -1,   1024, 0, 4,  4,  0,    0,                  4,    0, 4, 0 },
    {"x",   4,  3000, 1024, 0, 4,  4,  0,    0,                  2,    0, 2, 0 },
    {"x",   4,  1024, 1024, 0, 4,  4,  0,    0,                  1,    0, 1, 0 },
    {"x",   4,  0,    0,    0, 4,  4,  0,    0,                  4,    0, 4, 0 },
    {"x",   4,  -1,   1024, 0, 9,  4,  0,    0,                  9,    0, 9, 0 },
 /* not even that */
    {"x",   4,  1023, 1024, 0, 4,  4,  0,    SIZING_EXIT_MEMORY, 0,    0, 0, 0 },
    {"",    4,  0,    1024, 0, 4,  4,  2000, SIZING_EXIT_MEMORY, 0,    0, 0, 0 },
    {"x",   4,  -1,   1024, 0, 0,  4,  0,    SIZING_EXIT_MEMORY, 0,    0, 0, 0 },
    {"x",   4,  -1,   0,    0, 0,  4,  5,    SIZING_EXIT_MEMORY, 0,    0, 0, 0 },
    {"8",   4,  0,    1024, 0, 0,  0,  0,    0,                  1,    0, 1, 8 }, /* a worker is enough */
};

static void whole_farms(void)
{
	for (size_t i = 0; i < sizeof farms / sizeof *farms; i++) {
		const struct farm *f = &farms[i];
		struct capacity v[8] = {0};
		struct sizing_ask ask = {.hosts = v,
					 .cores = f->cores,
					 .free_mb = f->free_mb,
					 .compiler_mb = f->compiler_mb,
					 .early_local = f->early,
					 .fallback_local = f->fallback,
					 .preparation = f->preparation,
					 .wanted = f->wanted};
		struct sizing s;
		struct err e = {0};

		for (const char *p = f->hosts; *p; p++) {
			struct capacity *c = &v[ask.nhosts++];

			c->answers = c->muster = *p != 'x';
			c->slots = *p == 'x' ? 0 : (unsigned)(*p - '0');
		}
		int status = sizing_decide(&s, &ask, &e);

		if (!CHECK(status == f->status && !*e.text == !status &&
			   s.remote_slots == f->remote && s.jobs == f->jobs &&
			   s.early_local == f->early_local && s.local_slots == f->local))
			printf(
			    "# row %zu: status %d jobs %u early %u local %u remote %u %s\n",
			    i, status, s.jobs, s.early_local, s.local_slots, s.remote_slots,
			    e.text);
		for (size_t k = 0; k < ask.nhosts; k++)
			CHECK(s.slots[k] == v[k].slots);
		free(s.slots);
	}
}

static void sentences(void)
{
	struct sizing_ask ask = {.cores = 4, .free_mb = 100, .compiler_mb = 1024};
	struct sizing s;
	struct err e = {0};

	CHECK(sizing_decide(&s, &ask, &e) == 97);
	CHECK(strstr(e.text, "DISTCC_AUTO_FALLBACK_LOCAL_JOBS=0"));
	free(s.slots);
	ask.fallback_local = 4;
	CHECK(sizing_decide(&s, &ask, &e) == 97);
	CHECK(strstr(e.text, "100 MB") && strstr(e.text, "1024 MB") &&
	      strstr(e.text, "DISTCC_AUTO_COMPILER_MEMORY"));
	free(s.slots);
}

/* Sums of what many tell stay within bounds. */
static void enormous(void)
{
	enum {
		N = 1000
	};

	struct capacity *v = calloc(N, sizeof *v);
	struct sizing_ask ask = {.hosts = v,
				 .nhosts = N,
				 .cores = UINT32_MAX,
				 .free_mb = INT64_MAX,
				 .compiler_mb = 1,
				 .early_local = UINT32_MAX,
				 .fallback_local = UINT32_MAX,
				 .preparation = UINT32_MAX};
	struct sizing s;

	for (size_t i = 0; i < N; i++)
		v[i] = (struct capacity)MUSTER(UINT32_MAX);
	CHECK(sizing_decide(&s, &ask, NULL) == 0);
	CHECK(s.jobs == SIZING_JOBS_MAX && s.remote_slots == SIZING_JOBS_MAX);
	CHECK(s.early_local == SIZING_JOBS_MAX);
	free(s.slots);
	ask.nhosts = 0;
	CHECK(sizing_decide(&s, &ask, NULL) == 0);
	CHECK(s.jobs == SIZING_JOBS_MAX && s.local_slots == SIZING_JOBS_MAX);
	free(s.slots);
	free(v);
}

TESTS({"hosts one by one", hosts}, {"whole farms", whole_farms},
      {"what is said when it cannot be", sentences}, {"enormous numbers", enormous})
