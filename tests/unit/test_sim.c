/* The simulator's worlds: a farm with its agents, workers, network and faults on a virtual clock. What is
 * checked after each step stands in tests/sim/check.c; "sim --story SEED" tells a world that failed. */
#include "sim/sim.h"
#include "test.h"

static void worlds(uint64_t from, uint64_t n)
{
	for (uint64_t seed = from; seed < from + n; seed++) {
		struct sim_config c = sim_of_seed(seed);
		struct sim_result r;

		sim_run(&c, &r);
		if (!CHECK(r.ok))
			printf("# %s\n", r.why);
	}
}

static void test_worlds(void)
{
	worlds(1, 600);
}

/* Seeds that once broke something. */
static void test_worlds_that_failed(void)
{
	static const uint64_t seed[] = {17,  21,   39,   96,   97,   162,  178, 200,
					307, 1002, 1124, 1192, 1240, 2174, 2863};

	for (size_t i = 0; i < sizeof seed / sizeof *seed; i++)
		worlds(seed[i], 1);
}

static struct sim_config full_farm(void)
{
	return (struct sim_config){.seed = 7,
				   .workers = 25,
				   .slots = 8,
				   .agents = 2,
				   .users = 2,
				   .jobs = 3000,
				   .parallel = 400,
				   .spread = 4,
				   .mean_s = 5,
				   .delay = 20 * MS,
				   .horizon = 10000 * SEC,
				   .check = true};
}

static void test_second_user(void)
{
	struct sim_config c = full_farm();
	struct sim_result r;
	double speed = 0;

	c.equal = true;
	c.late_user = 20 * SEC;
	for (unsigned i = 0; i < c.workers; i++)
		speed += sim_speed(&c, i) / c.workers;
	sim_run(&c, &r);
	CHECK(r.ok);
	CHECK(r.late_share > 0);
	CHECK((double)r.late_share / 1e9 < c.mean_s / speed); /* one mean job */
}

static void test_weights(void)
{
	struct sim_config c = full_farm();
	struct sim_result r;

	c.agents = 6; /* of 5 users, with weights 1, 2, 3, 1, 2 */
	c.users = 5;
	c.jobs = 8000;
	c.mean_s = 2;
	c.spread = 2;
	sim_run(&c, &r);
	if (!CHECK(r.ok))
		printf("# %s\n", r.why);
	CHECK(r.minutes > 0);
	CHECK(r.worst_share < 0.1);
}

static void test_same_seed_same_world(void)
{
	struct sim_config c = sim_of_seed(42);
	struct sim_result a, b;

	sim_run(&c, &a);
	sim_run(&c, &b);
	CHECK(a.end == b.end && a.steps == b.steps && a.effects == b.effects &&
	      a.messages == b.messages);
}

static void test_better_than_replayed_icecc(void)
{
	struct sim_config c = full_farm();
	struct sim_result ours, theirs;

	c.agents = c.users = 10;
	c.jobs = 200;
	c.spread = 8;
	c.equal = true;
	c.delay = 2 * MS;
	sim_run(&c, &ours);
	icecc_run(&c, &theirs);
	CHECK(ours.ok && ours.jobs == 2000 && theirs.jobs == 2000);
	CHECK(ours.end < theirs.end);
	CHECK(ours.end >= ours.bound && theirs.end >= theirs.bound);
}

TESTS({"worlds with faults keep the invariants", test_worlds},
      {"worlds that failed once", test_worlds_that_failed},
      {"a second user gets its share within a mean job", test_second_user},
      {"shares follow weights over minutes of contention", test_weights},
      {"a seed determines its world", test_same_seed_same_world},
      {"shorter than icecc-scheduler's algorithm on the same farm",
       test_better_than_replayed_icecc})
