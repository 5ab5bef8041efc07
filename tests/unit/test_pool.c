/* The pool on a virtual clock: what it asks for, when, and whom it gives back. */
#include "core/pool.h"
#include "test.h"

#include <stdio.h>
#include <string.h>

#define S(seconds) ((nsec)(seconds)*1000000000)

static struct pool new_pool(unsigned most)
{
	struct pool p;

	pool_init(&p, &(struct pool_config){
			  .most = most, .per_worker = 4, .dial = S(60), .idle = S(25)});
	return p;
}

/* The next effect must be this one. */
static int wants(struct pool *p, nsec now, unsigned slots)
{
	struct pool_effect f;
	nsec wake;

	return pool_step(p, now, &f, &wake) && f.type == POOL_WANT && f.slots == slots;
}

static int retires(struct pool *p, nsec now, const char *handle)
{
	struct pool_effect f;
	nsec wake;

	return pool_step(p, now, &f, &wake) && f.type == POOL_RETIRE &&
	       strcmp(f.handle, handle) == 0;
}

static int gives_up(struct pool *p, nsec now)
{
	struct pool_effect f;
	nsec wake;

	return pool_step(p, now, &f, &wake) && f.type == POOL_BAD;
}

/* Nothing to do, and to be asked again at WAKE. */
static int rests(struct pool *p, nsec now, nsec until)
{
	struct pool_effect f;
	nsec wake;

	return !pool_step(p, now, &f, &wake) && wake == until;
}

static void workers_up(struct pool *p, nsec now, int n)
{
	char handle[8];

	for (int i = 1; i <= n; i++) {
		snprintf(handle, sizeof handle, "w%d", i);
		pool_started(p, now, handle, 4);
		pool_up(p, now, handle, 4, 1);
	}
}

static void grows_at_once(void)
{
	struct pool p = new_pool(16);

	CHECK(wants(&p, S(1), 0));
	CHECK(rests(&p, S(1), INT64_MAX));
	pool_demand(&p, S(1), 8);
	CHECK(wants(&p, S(1), 8));
	pool_demand(&p, S(1), 1000);
	CHECK(wants(&p, S(1), 16)); /* never more than allowed */
	CHECK(rests(&p, S(1), INT64_MAX));
	pool_free(&p);
}

static void counts_what_is_on_its_way(void)
{
	struct pool p = new_pool(16);

	pool_demand(&p, S(1), 16);
	CHECK(wants(&p, S(1), 16));
	pool_pending(&p, S(1), "w1", 4);
	pool_pending(&p, S(1), "w1", 4);
	pool_started(&p, S(2), "w1", 4);
	CHECK(pool_slots(&p, POOL_STARTED) == 4 && pool_slots(&p, POOL_PENDING) == 0);
	pool_pending(&p, S(2), "w1", 4); /* late news: it does not go back */
	CHECK(pool_slots(&p, POOL_STARTED) == 4);
	pool_up(&p, S(3), "w1", 6, 0); /* has more than was thought */
	CHECK(pool_slots(&p, POOL_UP) == 6);
	pool_up(&p, S(3), "stranger", 6, 0);
	CHECK(pool_count(&p, POOL_UP) == 1);
	CHECK(p.first_up == S(3) && p.peak_slots == 6);
	pool_free(&p);
}

static void a_worker_may_have_more_than_was_thought(void)
{
	struct pool p = new_pool(32);

	pool_demand(&p, S(1), 32);
	CHECK(wants(&p, S(1), 32));
	for (int i = 0; i < 8; i++) {
		char handle[8];

		snprintf(handle, sizeof handle, "w%d", i);
		pool_started(&p, S(1), handle, 4);
	}
	pool_up(&p, S(2), "w0", 64, 0);
	CHECK(pool_slots(&p, POOL_UP) == 64);
	CHECK(rests(&p, S(2), S(27))); /* no more is asked for: the engine counts 4 each */
	pool_gone(&p, S(3), "w0", "");
	CHECK(wants(&p, S(3), 32));
	pool_free(&p);
}

static void replaces_the_lost(void)
{
	struct pool p = new_pool(8);

	pool_demand(&p, S(1), 8);
	CHECK(wants(&p, S(1), 8));
	workers_up(&p, S(1), 2);
	CHECK(rests(&p, S(1), INT64_MAX));
	pool_gone(&p, S(2), "w1", "");
	CHECK(wants(&p, S(2), 8)); /* the same total, said again */
	CHECK(p.nlost == 1 && p.strikes == 0);
	pool_gone(&p, S(2), "w1", "");
	CHECK(p.nlost == 1);
	pool_free(&p);
}

static void shrinks_lazily(void)
{
	struct pool p = new_pool(12);

	pool_demand(&p, S(1), 12);
	CHECK(wants(&p, S(1), 12));
	workers_up(&p, S(1), 3);
	pool_demand(&p, S(10), 5); /* falls */
	pool_up(&p, S(20), "w1", 4, 0);
	pool_up(&p, S(30), "w2", 4, 1);
	pool_up(&p, S(30), "w3", 4, 0);
	CHECK(rests(&p, S(20), S(35)));
	CHECK(retires(&p, S(35), "w1"));
	/* One more, and the demand of 5 would not be met by 4. */
	CHECK(wants(&p, S(35), 8));
	CHECK(rests(&p, S(36), INT64_MAX));
	pool_free(&p);
}

static void a_dip_is_no_fall(void)
{
	struct pool p = new_pool(8);

	pool_demand(&p, S(1), 8);
	CHECK(wants(&p, S(1), 8));
	workers_up(&p, S(1), 2);
	pool_demand(&p, S(2), 0);
	CHECK(rests(&p, S(20), S(27)));
	pool_demand(&p, S(21), 8);
	CHECK(rests(&p, S(40), INT64_MAX));
	pool_demand(&p, S(41), 0);
	pool_up(&p, S(41), "w1", 4, 0);
	pool_up(&p, S(41), "w2", 4, 0);
	CHECK(rests(&p, S(60), S(66)));
	CHECK(retires(&p, S(66), "w1"));
	pool_free(&p);
}

static void the_busy_stay(void)
{
	struct pool p = new_pool(8);

	pool_demand(&p, S(1), 8);
	CHECK(wants(&p, S(1), 8));
	workers_up(&p, S(1), 2);
	pool_demand(&p, S(2), 1);
	pool_up(&p, S(60), "w1", 4, 2);
	pool_up(&p, S(60), "w2", 4, 0);
	CHECK(retires(&p, S(60), "w2"));
	pool_free(&p);
}

static void what_waits_is_withdrawn(void)
{
	struct pool p = new_pool(8);

	pool_demand(&p, S(1), 8);
	CHECK(wants(&p, S(1), 8));
	pool_pending(&p, S(1), "w1", 4);
	pool_pending(&p, S(1), "w2", 4);
	pool_demand(&p, S(2), 0);
	CHECK(rests(&p, S(10), S(27)));
	CHECK(wants(&p, S(27), 0));
	pool_free(&p);
}

static void the_silent_are_struck(void)
{
	struct pool p = new_pool(4);

	pool_demand(&p, S(1), 4);
	CHECK(wants(&p, S(1), 4));
	for (int i = 0; i < 3; i++) {
		char handle[8];
		nsec now = S(1) + i * S(60);

		snprintf(handle, sizeof handle, "w%d", i);
		pool_started(&p, now, handle, 4);
		CHECK(rests(&p, now + S(59), now + S(60)));
		CHECK(retires(&p, now + S(60), handle));
		if (i < 2)
			CHECK(wants(&p, now + S(60), 0) &&
			      wants(&p, now + S(60) + S(i + 1), 4));
	}
	CHECK(gives_up(&p, S(181)));
	CHECK(wants(&p, S(181), 0)); /* and asks no more */
	CHECK(rests(&p, S(500), INT64_MAX));
	pool_free(&p);
}

static void one_that_comes_up_clears_the_strikes(void)
{
	struct pool p = new_pool(8);

	pool_demand(&p, S(1), 8);
	pool_started(&p, S(1), "w1", 4);
	pool_gone(&p, S(2), "w1", "");
	pool_started(&p, S(2), "w2", 4);
	pool_gone(&p, S(3), "w2", "");
	CHECK(p.strikes == 2);
	pool_started(&p, S(3), "w3", 4);
	pool_up(&p, S(4), "w3", 4, 0);
	CHECK(p.strikes == 0 && !p.bad);
	pool_free(&p);
}

static void a_no_for_now_is_obeyed(void)
{
	struct pool p = new_pool(8);

	pool_demand(&p, S(1), 8);
	CHECK(wants(&p, S(1), 8));
	pool_denied(&p, S(2), S(30), "the cluster is full");
	CHECK(wants(&p, S(2), 0)); /* nothing is there */
	CHECK(rests(&p, S(3), S(32)));
	CHECK(wants(&p, S(32), 8));
	pool_denied(&p, S(33), 0, "no such partition");
	CHECK(gives_up(&p, S(33)));
	CHECK(strcmp(p.why, "no such partition") == 0);
	pool_free(&p);
}

static void a_lasting_pool_stays(void)
{
	struct pool p;

	pool_init(
	    &p,
	    &(struct pool_config){
		.most = 8, .per_worker = 4, .dial = S(60), .idle = S(25), .lasting = true});
	pool_demand(&p, S(1), 8);
	CHECK(wants(&p, S(1), 8));
	workers_up(&p, S(1), 2);
	pool_demand(&p, S(2), 0);
	pool_up(&p, S(2), "w1", 4, 0);
	CHECK(rests(&p, S(5000), INT64_MAX));
	pool_free(&p);
}

static int nothing(struct pool *p, nsec now)
{
	struct pool_effect f;
	nsec wake;

	return !pool_step(p, now, &f, &wake);
}

/* The demand falls for a moment while the engine is about to answer: what it was asked for stays asked for. */
static void what_is_under_way_is_not_taken_back(void)
{
	struct pool p = new_pool(16);

	pool_demand(&p, S(1), 8);
	CHECK(wants(&p, S(1), 8));
	pool_demand(&p, S(2), 0);
	CHECK(nothing(&p, S(2)));
	pool_pending(&p, S(3), "w1", 4);
	pool_pending(&p, S(3), "w2", 4);
	CHECK(nothing(&p, S(3)));
	pool_free(&p);
}

/* Workers are larger than what is asked for: their whole size is not asked for, else one that the engine has withdrawn, and whose end
 * it has not told yet, would be asked for anew, and so on. */
static void what_is_more_than_asked_for_is_not_asked_for(void)
{
	struct pool p = new_pool(16);

	pool_demand(&p, S(1), 1);
	CHECK(wants(&p, S(1), 1));
	pool_pending(&p, S(1), "w1", 500);
	CHECK(nothing(&p, S(1)));
	pool_demand(&p, S(2), 0);
	CHECK(nothing(&p, S(2)));
	pool_pending(&p, S(3), "w2", 500);
	CHECK(nothing(&p, S(3)));
	pool_gone(&p, S(4), "w1", "");
	CHECK(wants(&p, S(4), 1));
	pool_free(&p);
}

TESTS({"grows at once, up to its most", grows_at_once},
      {"counts what is on its way", counts_what_is_on_its_way},
      {"a worker may have more than was thought", a_worker_may_have_more_than_was_thought},
      {"asks anew for what was lost", replaces_the_lost},
      {"shrinks lazily", shrinks_lazily}, {"a dip is no fall", a_dip_is_no_fall},
      {"the busy stay", the_busy_stay},
      {"what waits is withdrawn", what_waits_is_withdrawn},
      {"the silent are struck, three end it", the_silent_are_struck},
      {"one that comes up clears the strikes", one_that_comes_up_clears_the_strikes},
      {"a no for now is obeyed", a_no_for_now_is_obeyed},
      {"a lasting pool stays", a_lasting_pool_stays},
      {"what is under way is not taken back", what_is_under_way_is_not_taken_back},
      {"what is more than asked for is not asked for",
       what_is_more_than_asked_for_is_not_asked_for})
