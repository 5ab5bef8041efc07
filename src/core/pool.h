#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* How many workers a build asks an engine for, and when it gives which back. Pure: every call has the time, what is to be done
 * comes out of pool_step.
 *
 *      want ─► PENDING ─► STARTED ─► UP ─► (idle) ─► retired
 *                            │        │
 *                     no call in time └─► gone: asked for anew while there is demand
 *                            └─► retired, a strike; three in a row: the engine is bad, nothing more is asked of it
 *
 * Strikes of one moment count once, and after each there is a pause before the next is asked for.
 *
 * Policy: grows at once, up to MOST slots; shrinks by whole workers which have had nothing to do for IDLE, the one that was of
 * use longest ago first, and never below what the demand of the last IDLE was. */
typedef int64_t nsec;

enum {
	POOL_HANDLE = 128, /* room for a handle */
	POOL_WORKERS = 4096,
	POOL_STRIKES = 3,
	POOL_WHY = 256,
	POOL_ROUND_MS = 1000 /* strikes within it count once; the first pause after one */
};

struct pool_config {
	unsigned most;       /* slots in all */
	unsigned per_worker; /* slots that a worker is taken for until it has said */
	nsec dial;           /* from STARTED to UP */
	nsec idle;
	bool lasting; /* nothing is given back for being idle */
};

enum pool_state {
	POOL_PENDING,
	POOL_STARTED,
	POOL_UP,
	POOL_RETIRED, /* told to end; its slots count no more */
};

struct pool_worker {
	char handle[POOL_HANDLE];
	enum pool_state state;
	unsigned slots, running;
	unsigned asked; /* slots that the engine takes it for: what WANT is counted in */
	nsec since;     /* when it got into this state */
	nsec used;      /* when it last had something to do, or came up */
};

struct pool {
	struct pool_config config;
	struct pool_worker *v; /* in no order */
	size_t n, cap;
	unsigned demand;   /* slots that the build could use now */
	nsec demand_falls; /* since when it is below what there is; 0: it is not */
	unsigned strikes;
	nsec struck;     /* the last, or 0 */
	bool bad;        /* nothing more is asked of the engine */
	nsec quiet_till; /* it said no for now */
	unsigned wanted; /* told to the engine last */
	bool told;       /* WANTED was */
	unsigned peak_workers, peak_slots, nup, nlost; /* for the story */
	nsec first_up, last_up;                        /* likewise; 0: none yet */
	char why[POOL_WHY];                            /* why it is bad, or said no last */
};

enum pool_effect_type {
	POOL_WANT,   /* slots: tell the engine this total */
	POOL_RETIRE, /* handle: tell the engine to end it */
	POOL_BAD     /* once: the engine is given up; why */
};

struct pool_effect {
	enum pool_effect_type type;
	unsigned slots;
	char handle[POOL_HANDLE];
};

void pool_init(struct pool *, const struct pool_config *);
void pool_free(struct pool *);

/* The build could use so many slots of workers, now. */
void pool_demand(struct pool *, nsec now, unsigned slots);
/* From the engine. An unknown handle is a new worker, but for GONE. */
void pool_pending(struct pool *, nsec now, const char *handle, unsigned slots);
void pool_started(struct pool *, nsec now, const char *handle, unsigned slots);
/* WHY: part of a sentence, or "". */
void pool_gone(struct pool *, nsec now, const char *handle, const char *why);
/* Nothing more before NOW + RETRY; RETRY 0: never. */
void pool_denied(struct pool *, nsec now, nsec retry, const char *why);
/* From the door: it is there with SLOTS, of which RUNNING are at work. Unknown handles are no workers of ours. */
void pool_up(struct pool *, nsec now, const char *handle, unsigned slots, unsigned running);

/* What is to be done now, one thing a call; false: nothing. *WAKE: when to ask again at the latest (INT64_MAX: never), valid when
 * it was false. */
bool pool_step(struct pool *, nsec now, struct pool_effect *, nsec *wake);

unsigned pool_slots(const struct pool *, enum pool_state); /* of all in that state */
unsigned pool_count(const struct pool *, enum pool_state);
