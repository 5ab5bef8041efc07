#pragma once
#include <stddef.h>
/* Workers on demand beside a build: starts the keeper (run/keeper.h), and hears what it says. */
struct buf;
struct engines;
struct err;
struct loop;

enum {
	ENGINES_SLOTS = 32 /* wanted at most where nobody says how many */
};

struct engines_spec {
	const char *url;   /* engine/url.h */
	const char *state; /* the agent's folder; NULL: no agent runs */
	const char *run; /* MUSTER_RUN; the build's list of hosts has +callers= and this */
	int jobs;        /* that the user wants; <= 0: he did not say */
	void (*say)(void *ctx, const char *text);
	void *ctx;
};

/* Returns at once; workers come while the build runs. NULL: the URL makes no sense, there is no agent, no worker's file to bring
 * along, or no process to be had. */
struct engines *engines_start(struct loop *, const struct engines_spec *, struct err *);
unsigned engines_most(const struct engines *); /* slots that may come; of NULL 0 */
/* Runs the loop until N workers are there. -1 with ERR: they are not, after SECONDS, or will never be. */
int engines_require(struct engines *, unsigned n, unsigned seconds, struct err *);
/* Gives all back. Waits for that some seconds at most, it then goes on without us. NULL is fine. */
void engines_end(struct engines *);
/* One sentence of how many there were, and when; nothing when that has been said. */
void engines_story(const struct engines *, struct buf *);

/* The static worker's file: $MUSTER_STATIC_WORKER, or what was installed with us; malloc'ed. NULL with ERR: there is none. */
char *engines_worker_file(struct err *);
