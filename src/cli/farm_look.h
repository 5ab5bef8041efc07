#pragma once
#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* What schedulers say of their farms: asked of several at once, all within a time limit. */
struct err;

struct farm_look {
	const char *address; /* HOST:PORT that was asked */
	/* the answer; texts live in the arena */
	bool answers;
	long ms;                 /* that it took */
	const char *software;    /* "muster 0.1.0" */
	const char *name, *farm; /* of the scheduler, of its farm */
	bool has_clock;          /* it tells its time … */
	int64_t ahead_ms;        /* … which is so much ahead of ours */
	unsigned hosts, agents;  /* of the farm */
	unsigned slots, used;    /* of its hosts of this machine's platform … */
	unsigned usable;         /* … that are not closed, drained, taken by others */
	const char *why;         /* when it does not answer */
};

/* Which schedulers a build here asks: MUSTER_SCHEDULER, else LISTED, what the list of hosts names; NULL: none. */
const char *farm_schedulers(const char *listed);
/* What the first of those that answers lends to this platform; 0: there are none. -1: a sentence why there is nothing. */
int farm_slots(const char *listed, int ms, struct arena *, struct err *);
/* Asks the schedulers of LIST ("HOST[:PORT][,…]"): their number and *V, or -1: the list makes no sense. */
int farm_look(struct farm_look **v, const char *list, int ms, struct arena *, struct err *);
