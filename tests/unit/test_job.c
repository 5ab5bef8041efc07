/* The life of a compile: each path through the table, its bounds, and every cell that cannot happen. */
#include "core/job.h"
#include "test.h"

#include <stdint.h>
#include <string.h>

/* Checks one step: the state reached and the effects. */
#define STEP(life, event, want_state, want_effects) \
	(CHECK(job_step(&(life), event) == (unsigned)(want_effects)), \
	 CHECK((life).state == (want_state)))

static void to_check(struct job_life *life)
{
	STEP(*life, JOB_PREPARED, JOB_WAIT, JOB_DO_ASK);
	STEP(*life, JOB_GRANT, JOB_REMOTE, JOB_DO_SEND);
	STEP(*life, JOB_RESULT, JOB_CHECK, JOB_DO_RELEASE_OK | JOB_DO_CHECK);
}

static void good_remote(void)
{
	struct job_life life = {0};

	to_check(&life);
	STEP(life, JOB_FRESH, JOB_WRITE, JOB_DO_WRITE);
	STEP(life, JOB_WRITTEN, JOB_END, JOB_DO_REPLY | JOB_DO_FREE);
	CHECK(life.tries == 0 && life.stale == 0);
}

static void local_roads(void)
{
	struct job_life life = {0};

	STEP(life, JOB_MUST_LOCAL, JOB_LOCAL, JOB_DO_QUEUE_LOCAL);
	STEP(life, JOB_SLOT, JOB_END, JOB_DO_LOCAL | JOB_DO_FREE);

	life = (struct job_life){0};
	STEP(life, JOB_PREPARED, JOB_WAIT, JOB_DO_ASK);
	STEP(life, JOB_HOME, JOB_LOCAL, JOB_DO_QUEUE_LOCAL);

	life = (struct job_life){0};
	to_check(&life);
	STEP(life, JOB_FRESH, JOB_WRITE, JOB_DO_WRITE);
	STEP(life, JOB_UNWRITABLE, JOB_LOCAL, JOB_DO_DISCARD | JOB_DO_QUEUE_LOCAL);
}

/* What a worker can do does not help: its slot is given back unused. */
static void unfit_for_a_worker(void)
{
	struct job_life life = {0};

	STEP(life, JOB_PREPARED, JOB_WAIT, JOB_DO_ASK);
	STEP(life, JOB_GRANT, JOB_REMOTE, JOB_DO_SEND);
	STEP(life, JOB_UNFIT, JOB_LOCAL,
	     JOB_DO_DISCARD | JOB_DO_CANCEL_REMOTE | JOB_DO_CANCEL_ASK |
		 JOB_DO_QUEUE_LOCAL);
	STEP(life, JOB_SLOT, JOB_END, JOB_DO_LOCAL | JOB_DO_FREE);
}

/* Failed and lost rounds share one bound; only a failed one gives its slot back. */
static void bounded_tries(void)
{
	const enum job_event trouble[] = {JOB_FAILED, JOB_LOST};

	for (int kind = 0; kind < 2; kind++) {
		unsigned release = kind == 0 ? JOB_DO_RELEASE_BAD : 0;
		struct job_life life = {0};

		STEP(life, JOB_PREPARED, JOB_WAIT, JOB_DO_ASK);
		for (int i = 1; i < JOB_MAX_TRIES; i++) {
			STEP(life, JOB_GRANT, JOB_REMOTE, JOB_DO_SEND);
			STEP(life, trouble[kind], JOB_WAIT,
			     JOB_DO_DISCARD | release | JOB_DO_ASK);
		}
		STEP(life, JOB_GRANT, JOB_REMOTE, JOB_DO_SEND);
		STEP(life, trouble[kind], JOB_LOCAL,
		     JOB_DO_DISCARD | release | JOB_DO_QUEUE_LOCAL);
		CHECK(life.tries == JOB_MAX_TRIES);
	}
	struct job_life mixed = {.state = JOB_REMOTE, .tries = JOB_MAX_TRIES - 1};

	CHECK(job_step(&mixed, JOB_LOST) == (JOB_DO_DISCARD | JOB_DO_QUEUE_LOCAL));
}

static void bounded_stale(void)
{
	struct job_life life = {0};

	for (int i = 1; i < JOB_MAX_STALE; i++) {
		to_check(&life);
		STEP(life, JOB_STALE, JOB_PREPARE, JOB_DO_DISCARD | JOB_DO_PREPARE);
	}
	to_check(&life);
	STEP(life, JOB_STALE, JOB_LOCAL, JOB_DO_DISCARD | JOB_DO_QUEUE_LOCAL);
	CHECK(life.tries == 0);
}

static void worker_comes_late(void)
{
	struct job_life life = {0};

	STEP(life, JOB_PREPARED, JOB_WAIT, JOB_DO_ASK);
	STEP(life, JOB_HOME, JOB_LOCAL, JOB_DO_QUEUE_LOCAL);
	STEP(life, JOB_ANEW, JOB_WAIT, JOB_DO_UNQUEUE_LOCAL | JOB_DO_ASK);
	STEP(life, JOB_GRANT, JOB_REMOTE, JOB_DO_SEND);
}

static void gone_everywhere(void)
{
	static const unsigned want[JOB_END] = {
	    [JOB_PREPARE] = JOB_DO_FREE,
	    [JOB_WAIT] = JOB_DO_CANCEL_ASK | JOB_DO_FREE,
	    [JOB_REMOTE] =
		JOB_DO_DISCARD | JOB_DO_CANCEL_REMOTE | JOB_DO_CANCEL_ASK | JOB_DO_FREE,
	    [JOB_CHECK] = JOB_DO_DISCARD | JOB_DO_FREE,
	    [JOB_WRITE] = JOB_DO_DISCARD | JOB_DO_FREE,
	    [JOB_LOCAL] = JOB_DO_UNQUEUE_LOCAL | JOB_DO_FREE,
	};

	for (enum job_state s = 0; s < JOB_END; s++) {
		struct job_life life = {.state = s};

		STEP(life, JOB_GONE, JOB_END, want[s]);
	}
}

/* Every cell is either one of the roads above or a bug that changes nothing; what gives back a slot
 * comes before what asks for one; FREE comes with END and only then. */
static void whole_table(void)
{
	int possible = 0;

	for (int s = 0; s < JOB_NSTATES; s++)
		for (int e = 0; e < JOB_NEVENTS; e++) {
			struct job_life life = {.state = (enum job_state)s};
			unsigned effects = job_step(&life, (enum job_event)e);

			if (effects == JOB_BUG) {
				CHECK(life.state == (enum job_state)s && !life.tries &&
				      !life.stale);
				continue;
			}
			possible++;
			CHECK(effects != 0 && !(effects & JOB_BUG));
			CHECK(!!(effects & JOB_DO_FREE) == (life.state == JOB_END));
		}
	CHECK(possible == 20);
}

_Static_assert(JOB_DO_RELEASE_BAD < JOB_DO_ASK && JOB_DO_RELEASE_OK < JOB_DO_CHECK,
	       "order");
_Static_assert(JOB_DO_CANCEL_REMOTE < JOB_DO_CANCEL_ASK, "order");
_Static_assert(JOB_DO_REPLY < JOB_DO_FREE && JOB_DO_LOCAL < JOB_DO_FREE, "order");

/* However the world answers, a job ends within a bounded number of steps. */
static void random_lives_end(void)
{
	uint64_t seed = 42;

	for (int round = 0; round < 10000; round++) {
		struct job_life life = {0};
		int steps = 0;

		while (life.state != JOB_END && steps < 100) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			steps +=
			    job_step(&life, (enum job_event)((seed >> 33) % JOB_GONE)) !=
			    JOB_BUG;
		}
		CHECK(life.state == JOB_END);
	}
}

static void names(void)
{
	for (enum job_state s = 0; s < JOB_NSTATES; s++)
		CHECK(job_state_name(s) && strcmp(job_state_name(s), "unknown") != 0);
	CHECK(strcmp(job_state_name(JOB_WAIT), "wait") == 0);
	CHECK(strcmp(job_state_name(JOB_NSTATES), "unknown") == 0);
}

TESTS({"unfit for a worker", unfit_for_a_worker}, {"a good remote compile", good_remote},
      {"the roads to a local compile", local_roads},
      {"a worker comes late", worker_comes_late}, {"failures are bounded", bounded_tries},
      {"changed inputs are bounded", bounded_stale},
      {"the shim may hang up in every state", gone_everywhere},
      {"every cell of the table", whole_table}, {"every life ends", random_lives_end},
      {"names", names})
