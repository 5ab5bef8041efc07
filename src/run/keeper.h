#pragma once
#include <stdbool.h>
#include <stddef.h>
/* The process that keeps the workers of one engine: it opens the door and the engine, and carries out what core/pool says. It is a
 * process of its own, so that nothing of an engine is in the build's way, and so that whatever ends the build, also a SIGKILL, is
 * noticed by somebody who gives everything back: its control socket is at its end then.
 *
 * One for a team's pool (LASTING) goes on when its control socket ends; it holds the lock pool.lock in the agent's folder, and SIGTERM
 * ends it.
 *
 * On the control socket it says lines:
 *
 *   say TEXT              for people
 *   up WORKERS SLOTS      so many are there now
 *   at ADDRESS            where workers call
 *   bad TEXT              nothing more will come */
struct engine_url;
struct err;

struct keeper_spec {
	const struct engine_url *url;
	const char *state; /* the agent's folder */
	const char
	    *name; /* MUSTER_RUN of the build; of the door, and of all that is started */
	const char *worker; /* the static worker's file */
	const char *ssh;    /* DISTCC_SSH, or NULL */
	const char *call;   /* MUSTER_CALL, or NULL (engine/callpoint.h) */
	unsigned most;      /* slots */
	unsigned idle_s;    /* of a worker, before it ends by itself */
	bool lasting;       /* muster up: everything at once, until told to end */
	int control;        /* the socket; consumed */
};

/* Until the control socket or SIGTERM ends it: the exit status. */
int keeper_run(const struct keeper_spec *);
/* The same in a process of its own, in a session of its own, with nothing inherited: its number, or -1 with errno. *CONTROL is the
 * socket's other end; SPEC->control is not looked at. */
int keeper_fork(const struct keeper_spec *, int *control);

/* The one that lasts, of the agent with the folder STATE: its number; 0: there is none. */
int keeper_lasting(const char *state);
/* Ends it, and waits until all was given back. 0; -1 with ERR: there is none, or it does not end in SECONDS. */
int keeper_end(const char *state, unsigned seconds, struct err *);
