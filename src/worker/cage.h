#pragma once
#include <stddef.h>
#include <sys/types.h>
/* Where sandboxes come from: small processes that read no network, hold no key and run no foreign code.
 *
 *   worker ──fork, before it knows anything──► keeper ──clone──► cage, one a client ──clone──► pid 1 of a job
 *     └─────────────── socket ────────────────────┘                  │                            (worker/init)
 *     └─────────────── socket ───────────────────────────────────────┘
 *
 * A cage has what is dear to make and the same for all jobs of one client: the user, network, ipc, uts and cgroup
 * namespaces. A job pays for its own pid and mount namespace. Cages and jobs are the worker's own children (CLONE_PARENT):
 * it waits for them, and they die with it. The keeper does not: it sees the worker die and tidies up behind it. */
struct cage;
struct sandbox_spec;
struct rights;
struct err;

/* What the keeper does besides. */
struct cages_spec {
	void (*tidy)(void *ctx); /* NULL: nothing to tidy */
	void *ctx;
	const struct rights
	    *rights; /* whom jobs run as, where that is not who we are; else NULL */
};

/* Starts the keeper, once, as early as may be: what the process holds by then, the keeper holds too. When the worker
 * is gone without cages_end, however it ended, the keeper calls TIDY(CTX) and leaves. */
int cages_begin(const struct cages_spec *, struct err *);
void cages_end(void); /* nothing is tidied then */

/* A cage of its own for a client (starts the keeper if nobody has). NULL: why not. */
struct cage *cage_new(struct err *);
void cage_free(struct cage *); /* its jobs are unharmed; NULL is fine */

/* For worker/sandbox: a process in it that runs init_run with REPORT (borrowed). *PIDFD is the caller's. 0 or -1. */
int cage_run(struct cage *, const struct sandbox_spec *, int report, pid_t *pid, int *pidfd,
	     struct err *);
