#pragma once
#include "run/progress.h"

/* How busy farm and machine were, and what held the build back (the rules stand in progress.h). Pure. */

enum held {
	HELD_UNKNOWN,
	HELD_BY_AGENT,   /* client CPU: the agent's own core */
	HELD_BY_MACHINE, /* client CPU: all cores of this machine */
	HELD_BY_LOCAL,   /* client CPU: what has to run here waits */
	HELD_BY_NETWORK,
	HELD_BY_SLOTS,
	HELD_BY_WIDTH,
	HELD_BY_NOTHING,
	HELD_NKINDS
};

/* Sums over the time that fell under one kind; averages are these by TIME. */
struct load_sum {
	double time; /* ns; the others are ns times a number */
	double slots, idle, used, local_used, waiting, agent_cpu, machine_cpu;
	double limited; /* in flight was all that -j allows */
	double moved;   /* bytes, up and down: a plain sum */
};

struct progress_load {
	struct load_sum kind[HELD_NKINDS];
	struct load_sum all;
	nsec last; /* sample */
	struct progress_now now;
	double peak; /* bytes a second of the best interval */
};

enum held progress_held_now(const struct progress_now *);
void progress_load_sample(struct progress_load *, nsec now, const struct progress_now *);
/* What most of the time fell under. The three of client CPU count together; the greatest of them stands for
 * all. SUM: of that time. */
enum held progress_held(const struct progress_load *, struct load_sum *sum);
const char *progress_held_key(enum held); /* of the report; NULL: unknown */
