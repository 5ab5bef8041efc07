#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* What a farm's scheduler lends this agent: so many slots of so many hosts, for as long as it has work. The agent's own
 * scheduler (core/sched) places the jobs on them, as on hosts of a list.
 *
 *   tasks wait ─► WANT ─► LEASE ─► hosts of the agent ─► jobs
 *
 * With the connection to one scheduler nothing of a job is lost: leases stay while their hosts answer, the next scheduler of
 * the list is told of them. When none answers, or has nothing, compiles go where they would without one. */
struct agent;
struct hostlist;
struct leases;
struct remote;
struct task;

/* To core/sched the farm is one more worker, never connected: while it is being dialled, jobs wait for what will come. */
#define LEASES_WORKER UINT64_MAX

struct leases *leases_new(struct agent *);
void leases_free(struct leases *);
/* What compiles ask for from now on: "HOST[:PORT],…", or NULL; and the farm's name, or NULL for any. */
void leases_use(struct leases *, const char *schedulers, const char *farm);
/* The same for schedulers that have announced themselves by mDNS: only those of this very farm are used. "": none has. */
void leases_use_found(struct leases *, const char *schedulers, const char *farm);
/* How: the partition, and the priority ("low", "normal", "high"); NULL: the usual ones. */
void leases_prefer(struct leases *, const char *partition, const char *priority);
/* Who lends slots, as HOST_TCP, with the number of slots. Valid until the next call of the agent's agent_hosts_changed. */
const struct hostlist *leases_hosts(const struct leases *);
/* Something may yet come of it, or has. */
bool leases_hopeful(const struct leases *);
bool leases_in_use(const struct leases *);
const char *leases_why(const struct leases *); /* why nothing does, for people */

/* Jobs were added, placed or ended. */
void leases_moved(struct leases *);
/* R has this compiler in some way, or has it not in this one. */
void leases_answer(struct leases *, const struct remote *r, bool yes);
/* T ended on R: well, or the machinery failed there. */
void leases_measured(struct leases *, const struct remote *r, const struct task *t,
		     bool failed);

struct leases_state {                 /* for `muster status` */
	const char *scheduler, *farm; /* NULL: not connected */
	unsigned wanted, budget, leased;
	const char *why; /* why there is not all that is wanted, or "" */
};

void leases_state(const struct leases *, struct leases_state *);
