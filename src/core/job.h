#pragma once

/* The life of one compile in the agent: a table of state x event, every cell answered.
 *
 *             PREPARED            GRANT            RESULT          FRESH           WRITTEN
 *   PREPARE ───────────► WAIT ───────────► REMOTE ────────► CHECK ───────► WRITE ─────────► END
 *      │ MUST_LOCAL        │ HOME            │ FAILED/LOST    │ STALE       │ UNWRITABLE
 *      │                   │                 │ (again: WAIT)  │ (PREPARE)   │
 *      ▼                   ▼                 ▼ UNFIT          ▼             ▼
 *      └────────────────► LOCAL ◄────────────┴────────────────┴─────────────┘   LOCAL ──SLOT──► END
 *                                                                               LOCAL ──ANEW──► WAIT
 *
 * Pure. Rounds are bounded: after JOB_MAX_TRIES machinery failures or JOB_MAX_STALE changed inputs the
 * job is compiled here. GONE (the shim hung up) ends it from every state. */

enum job_state {
	JOB_PREPARE,
	JOB_WAIT,
	JOB_REMOTE,
	JOB_CHECK,
	JOB_WRITE,
	JOB_LOCAL,
	JOB_END,
	JOB_NSTATES
};

enum job_event {
	JOB_PREPARED,   /* the inputs are known, it may travel */
	JOB_MUST_LOCAL, /* it may not */
	JOB_GRANT,      /* a slot on a worker */
	JOB_HOME,       /* the scheduler has none for it */
	JOB_RESULT, /* the compiler ended on the worker, with whatever status; all has arrived */
	JOB_FAILED, /* the worker could not do it (machinery) */
	JOB_LOST,   /* the connection broke */
	JOB_UNFIT, /* this worker's way is none for it: its text, or its answer, will not do */
	JOB_FRESH,      /* the inputs are still what was shipped */
	JOB_STALE,      /* one has changed meanwhile */
	JOB_WRITTEN,    /* the outputs stand */
	JOB_UNWRITABLE, /* they could not be written */
	JOB_SLOT,       /* a local slot is free for it */
	JOB_ANEW, /* a worker has come since the scheduler sent it home, and it still waits */
	JOB_GONE, /* the shim hung up */
	JOB_NEVENTS
};

enum job_effect { /* bits: an event may have several; what gives back comes before what asks anew */
	JOB_DO_UNQUEUE_LOCAL = 1 << 0, /* leave the queue for a local slot */
	JOB_DO_DISCARD = 1 << 1,       /* drop received outputs */
	JOB_DO_CANCEL_REMOTE = 1 << 2, /* tell the worker to kill it */
	JOB_DO_CANCEL_ASK =
	    1 << 3, /* tell the scheduler that nothing is wanted or held any more */
	JOB_DO_RELEASE_OK = 1 << 4,   /* tell the scheduler: done well */
	JOB_DO_RELEASE_BAD = 1 << 5,  /* tell the scheduler: failed there */
	JOB_DO_PREPARE = 1 << 6,      /* parse, scan */
	JOB_DO_ASK = 1 << 7,          /* ask the scheduler for a slot */
	JOB_DO_SEND = 1 << 8,         /* send it to the worker */
	JOB_DO_CHECK = 1 << 9,        /* look at the inputs again */
	JOB_DO_WRITE = 1 << 10,       /* write the outputs */
	JOB_DO_QUEUE_LOCAL = 1 << 11, /* wait for a local slot */
	JOB_DO_LOCAL = 1 << 12,       /* tell the shim to run the compiler */
	JOB_DO_REPLY = 1 << 13,       /* give status, stdout, stderr to the shim */
	JOB_DO_FREE = 1 << 14,        /* the job is over; always the last */
	JOB_BUG = 1 << 15, /* this event cannot happen in this state: the caller asserts */
};

enum {
	JOB_MAX_TRIES = 2,
	JOB_MAX_STALE = 3
};

struct job_life {
	enum job_state state;
	unsigned tries, stale; /* rounds so far */
};

/* Moves LIFE on and returns the effects to carry out, in the order of their bits. LOST and FAILED say
 * the same to the job; LOST does not release: the scheduler hears WORKER_DOWN, and hears it first, so
 * that the new ASK cannot be granted the lost worker. */
unsigned job_step(struct job_life *, enum job_event);
const char *job_state_name(enum job_state);
