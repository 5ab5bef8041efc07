#pragma once
#include <stdbool.h>
/* The conversation with the agent. */
struct call;

struct answer {
	bool ended;    /* the job is done, its output written: end with STATUS; else run the
			  compiler here */
	int status;    /* as waitpid gives it */
	char *program; /* what to run; NULL when the agent did not say. The caller's to free
			*/
};

/* Asks the agent to do CALL, starting it where none listens. Never fails: what cannot be
 * had from the agent is to be run here. When the agent itself said so, the connection stays
 * open, also across exec: it is the lease of a local slot, given back by our end. */
void ask_agent(const struct call *, struct answer *);
