/* The life of one compile as a table: MATRIX answers each state x event with a move, MOVES says what a
 * move does. A round that may be repeated names the counter it spends; when that is spent, the second
 * half of the move holds. JOB_BUG leaves the life as it was.
 *
 * Invariant: from any state, the bounded counters and the lack of other cycles lead to JOB_END. */
#include "core/job.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

enum move_name {
	NO,       /* never: the caller is wrong */
	ASK,      /* it may travel */
	HERE,     /* it is compiled here */
	SEND,     /* to the worker */
	CHECK,    /* it came back */
	AGAIN,    /* the worker could not: ask for another one */
	LOST,     /* the worker is gone: ask for another one */
	REDO,     /* an input has changed: from the beginning */
	WRITE,    /* the outputs */
	REPLY,    /* the good end */
	DROP,     /* the outputs cannot be written: let the compiler say so */
	GIVE_UP,  /* what this worker can do does not help */
	BACK,     /* a worker has come while it waits for a local slot */
	RUN,      /* the shim runs the compiler, the other good end */
	QUIT,     /* the shim is gone, and with it ... nothing */
	QUIT_ASK, /* ... the request */
	QUIT_FAR, /* ... the job on the worker */
	QUIT_OUT, /* ... the received outputs */
	QUIT_LOC, /* ... the place in the local queue */
	NMOVES
};

/* clang-format off */
static const uint8_t matrix[JOB_NSTATES][JOB_NEVENTS] = {
#define ROW(prepared, must_local, grant, home, result, failed, lost, unfit, fresh, stale, written, \
	    unwritable, slot, anew, gone) \
	{[JOB_PREPARED] = (prepared), [JOB_MUST_LOCAL] = (must_local), [JOB_GRANT] = (grant), \
	 [JOB_HOME] = (home), [JOB_RESULT] = (result), [JOB_FAILED] = (failed), [JOB_LOST] = (lost), [JOB_UNFIT] = (unfit), \
	 [JOB_FRESH] = (fresh), [JOB_STALE] = (stale), [JOB_WRITTEN] = (written), \
	 [JOB_UNWRITABLE] = (unwritable), [JOB_SLOT] = (slot), \
	 [JOB_ANEW] = (anew), [JOB_GONE] = (gone)}
	/*                  PREPARED MUST_L GRANT HOME  RESULT FAILED LOST  UNFIT    FRESH  STALE WRITTEN UNWRIT SLOT  ANEW GONE */
	[JOB_PREPARE] = ROW(ASK,     HERE,  NO,   NO,   NO,    NO,    NO,   NO,      NO,    NO,   NO,     NO,    NO,  NO,    QUIT),
	[JOB_WAIT]    = ROW(NO,      NO,    SEND, HERE, NO,    NO,    NO,   NO,      NO,    NO,   NO,     NO,    NO,  NO,    QUIT_ASK),
	[JOB_REMOTE]  = ROW(NO,      NO,    NO,   NO,   CHECK, AGAIN, LOST, GIVE_UP, NO,    NO,   NO,     NO,    NO,  NO,    QUIT_FAR),
	[JOB_CHECK]   = ROW(NO,      NO,    NO,   NO,   NO,    NO,    NO,   NO,      WRITE, REDO, NO,     NO,    NO,  NO,    QUIT_OUT),
	[JOB_WRITE]   = ROW(NO,      NO,    NO,   NO,   NO,    NO,    NO,   NO,      NO,    NO,   REPLY,  DROP,  NO,  NO,    QUIT_OUT),
	[JOB_LOCAL]   = ROW(NO,      NO,    NO,   NO,   NO,    NO,    NO,   NO,      NO,    NO,   NO,     NO,    RUN,  BACK, QUIT_LOC),
	[JOB_END]     = ROW(NO,      NO,    NO,   NO,   NO,    NO,    NO,   NO,      NO,    NO,   NO,     NO,    NO,  NO,    NO),
#undef ROW
};

/* clang-format on */

enum counter {
	NO_COUNTER,
	TRIES,
	STALES
};

struct move {
	enum job_state next;
	unsigned effects;
	enum counter counter;
	unsigned spent_effects; /* the counter is spent: these, and JOB_LOCAL */
};

static const struct move moves[NMOVES] = {
    [ASK] = {JOB_WAIT,    JOB_DO_ASK,						 NO_COUNTER, 0},
    [HERE] = {JOB_LOCAL,   JOB_DO_QUEUE_LOCAL,                                         NO_COUNTER, 0},
    [SEND] = {JOB_REMOTE,  JOB_DO_SEND,						NO_COUNTER, 0},
    [CHECK] = {JOB_CHECK,   JOB_DO_RELEASE_OK | JOB_DO_CHECK,                           NO_COUNTER, 0},
    [AGAIN] = {JOB_WAIT,    JOB_DO_DISCARD | JOB_DO_RELEASE_BAD | JOB_DO_ASK,           TRIES,
             JOB_DO_DISCARD | JOB_DO_RELEASE_BAD | JOB_DO_QUEUE_LOCAL                              },
    [LOST] = {JOB_WAIT,    JOB_DO_DISCARD | JOB_DO_ASK,                                TRIES,
             JOB_DO_DISCARD | JOB_DO_QUEUE_LOCAL						   },
    [REDO] = {JOB_PREPARE, JOB_DO_DISCARD | JOB_DO_PREPARE,                            STALES,
             JOB_DO_DISCARD | JOB_DO_QUEUE_LOCAL						   },
    [WRITE] = {JOB_WRITE,   JOB_DO_WRITE,					       NO_COUNTER, 0},
    [REPLY] = {JOB_END,     JOB_DO_REPLY | JOB_DO_FREE,                                 NO_COUNTER, 0},
    [DROP] = {JOB_LOCAL,   JOB_DO_DISCARD | JOB_DO_QUEUE_LOCAL,                        NO_COUNTER, 0},
    [GIVE_UP] = {JOB_LOCAL,
             JOB_DO_DISCARD | JOB_DO_CANCEL_REMOTE | JOB_DO_CANCEL_ASK |
		     JOB_DO_QUEUE_LOCAL,					      NO_COUNTER, 0},
    [BACK] = {JOB_WAIT,    JOB_DO_UNQUEUE_LOCAL | JOB_DO_ASK,                          NO_COUNTER, 0},
    [RUN] = {JOB_END,     JOB_DO_LOCAL | JOB_DO_FREE,                                 NO_COUNTER, 0},
    [QUIT] = {JOB_END,     JOB_DO_FREE,						NO_COUNTER, 0},
    [QUIT_ASK] = {JOB_END,     JOB_DO_CANCEL_ASK | JOB_DO_FREE,                            NO_COUNTER, 0},
    [QUIT_FAR] = {JOB_END,
             JOB_DO_DISCARD | JOB_DO_CANCEL_REMOTE | JOB_DO_CANCEL_ASK | JOB_DO_FREE,
             NO_COUNTER,									  0},
    [QUIT_OUT] = {JOB_END,     JOB_DO_DISCARD | JOB_DO_FREE,                               NO_COUNTER, 0},
    [QUIT_LOC] = {JOB_END,     JOB_DO_UNQUEUE_LOCAL | JOB_DO_FREE,                         NO_COUNTER, 0},
};

static bool spend(struct job_life *life, enum counter c)
{
	switch (c) {
	case NO_COUNTER: return false;
	case TRIES: return ++life->tries >= JOB_MAX_TRIES;
	case STALES: return ++life->stale >= JOB_MAX_STALE;
	}
	return false;
}

unsigned job_step(struct job_life *life, enum job_event event)
{
	assert((unsigned)life->state < JOB_NSTATES);
	assert((unsigned)event < JOB_NEVENTS);
	enum move_name name = matrix[life->state][event];

	if (name == NO)
		return JOB_BUG;
	const struct move *m = &moves[name];

	if (spend(life, m->counter)) {
		life->state = JOB_LOCAL;
		return m->spent_effects;
	}
	life->state = m->next;
	return m->effects;
}

const char *job_state_name(enum job_state state)
{
	static const char *const names[JOB_NSTATES] = {
	    [JOB_PREPARE] = "prepare", [JOB_WAIT] = "wait",   [JOB_REMOTE] = "remote",
	    [JOB_CHECK] = "check",     [JOB_WRITE] = "write", [JOB_LOCAL] = "local",
	    [JOB_END] = "end",
	};

	return (unsigned)state < JOB_NSTATES ? names[state] : "unknown";
}
