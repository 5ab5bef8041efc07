#pragma once
#include "world.h"

#include <stdio.h>

/* A farm in a world of its own: agents and workers round core/farm on one virtual clock, with a network in
 * between. A seed determines everything. */
struct sim_config {
	uint64_t seed;
	unsigned workers, slots; /* slots of each */
	unsigned agents, users; /* agents belong to users by turns; weights 1, 2, 3, 1, … */
	unsigned jobs;          /* of each agent's build */
	unsigned parallel;      /* slots a build wants at most */
	double spread;          /* speeds are 1 to this */
	double mean_s;          /* mean cost of a job at speed 1 */
	nsec delay;             /* of a message: half to all of it */
	nsec arrival;           /* builds begin in that time */
	nsec horizon;           /* all must have ended then */
	double loss, repeat;    /* probabilities of a message to or from the farm */
	bool crash, cut, slow, flap, clock, restart, agents_die, owners, memory;
	bool cold;      /* agents know nothing of their jobs and workers */
	bool equal;     /* all users have weight 1 */
	bool check;     /* the invariants, after each step of the farm */
	bool timed;     /* measure the farm's own time */
	FILE *story;    /* the farm's events and effects are written there; or NULL */
	nsec late_user; /* the last agent begins then, > 0 */
};

struct sim_result {
	bool ok;
	char why[256];   /* the first invariant that broke */
	nsec end;        /* when the last job ended */
	nsec bound;      /* total work / total speed, or the longest job on the fastest */
	nsec starved;    /* longest time a build with work had no slot */
	nsec late_share; /* the late user's wait for nine tenths of its share; 0: never */
	double worst_share; /* greatest relative deviation over a minute of contention */
	uint64_t steps, effects, messages, jobs, hedges, moves, minutes, overdue;
	double farm_s; /* of real time in the farm */
};

void sim_run(const struct sim_config *, struct sim_result *);
/* The random configuration of a seed: which faults, how many of what. */
struct sim_config sim_of_seed(uint64_t seed);

/* The published algorithm of icecc-scheduler over the same workers and jobs (see icecc.c). */
void icecc_run(const struct sim_config *, struct sim_result *);

/* What both draw from the seed, so that they are compared on the same farm. */
struct sim_job {
	float cost; /* CPU seconds at speed 1 */
	uint8_t quantile, state, copies;
};

double sim_speed(const struct sim_config *, unsigned worker);
nsec sim_begin(const struct sim_config *, unsigned agent);
struct sim_job *sim_jobs(const struct sim_config *, unsigned agent); /* to be freed */
nsec sim_bound(const struct sim_config *);

/* Stories: events and effects of a farm as text (see story.c). */
struct farm_event;
struct farm_out;
void story_print(FILE *, const struct farm_event *, const struct farm_out *);
/* Runs the events of the story at PATH; false: the effects were others, or it is not a story. With
 * ACCEPT the file is rewritten with what happened. */
bool story_replay(const char *path, bool accept);
