#pragma once
#include "run/progress.h"

#include <stdbool.h>
#include <stddef.h>
/* One build under way: its command as a child of ours in our process group, so that Ctrl-C reaches it as without us; what the agent
 * tells of it; the live line; the tokens of its jobserver. */
struct jobserver;
struct loop;
struct err;

struct build {
	struct loop *loop;
	char *const *argv; /* argv[0] is looked up on PATH of ENV */
	char **env;
	const char
	    *agent_dir; /* the agent's state folder; NULL: there is no agent, so no story */
	const char *run;             /* MUSTER_RUN of ENV */
	bool live;                   /* a live line, where stderr is a terminal for one */
	struct jobserver *jobserver; /* or NULL: the tool has been told its number */
	unsigned jobs;               /* as told, or to begin with */
	unsigned
	    preparation; /* jobs above the slots of workers, so that these never wait for us */
	struct progress *progress; /* where the story goes */
	bool lost;     /* the agent went away before its end: the story is not whole */
	int killed_by; /* the signal that ended it, or 0 */
	nsec total;    /* how long it took */
};

/* Runs it to its end: the exit status for ours (128 + n when signal n killed it; 126 or 127 when it could not be run,
 * with a sentence in ERR). */
int build_run(struct build *, struct err *);
