#pragma once
#include "base/digest.h"
#include "core/sched.h"
#include "net/hostlist.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* The state of one agent, and its wiring. Each part has a file of its own; what passes between them goes
 * through here:
 *
 *   shims ──request──► task ──prepare──► plan ──ask──► sched ──grant──► remote ──outputs──► task ──► shims */
struct compilers;
struct discover;
struct leases;
struct learned;
struct disk;
struct lists;
struct trust;
struct local;
struct turn;
struct loop;
struct loop_timer;
struct member;
struct preprocess;
struct probes;
struct remote;
struct sample;
struct scan;
struct shims;
struct task;
struct tally;
struct watch;

struct agent {
	struct loop *loop;
	char *state_dir;
	struct disk *disk;
	struct scan *scan;
	struct probes *probes;
	struct compilers *compilers;
	struct sample *samples; /* utlist: what each compiler makes of the sample text */
	struct shims *shims;
	struct member *member; /* keeps what TRUST reads */
	struct trust *trust;   /* what we prove ourselves with to workers */
	struct lists *lists;
	uint32_t list; /* of the latest compile */
	struct local *local;
	struct turn *turn; /* tasks that are to look at the disk */
	unsigned local_slots;

	struct preprocess *preprocess_line; /* utlist: waiting to be run */
	unsigned npreprocessing;
	struct loop_timer *preprocess_turn;

	struct sched *sched;
	struct learned *learned; /* what it knows, kept */
	struct loop_timer *wake;
	struct sched_event *events; /* waiting while a step's effects are carried out */
	size_t nevents, events_cap;
	bool stepping;

	struct remote *remotes; /* by id (uthash) */
	uint64_t next_remote;
	char *hosts;           /* the text they were made from … */
	unsigned hosts_port;   /* … and its default port */
	struct hostlist named; /* what it says */
	/* Who announces himself, by mDNS; NULL while no list asks for that (+zeroconf). */
	struct discover *discover;
	int64_t discover_unasked;       /* since when none does, or 0 */
	struct discover *discover_farm; /* schedulers likewise */
	struct leases *leases;          /* what a scheduler lends */
	char *scheduler,
	    *farm; /* MUSTER_SCHEDULER and MUSTER_FARM of the last compile, or NULL */
	size_t
	    nhosts; /* how many remote ones are named, found and lent; one more for hope */
	int64_t hosts_looked;    /* when their files were, or 0 */
	char *ssh_words;         /* DISTCC_SSH of the last compile, or NULL */
	char hosts_wrong[512];   /* what is wrong with it, or "" */
	struct loop_timer *reap; /* fires agent_reap */

	struct watch *watches; /* utlist */
	struct task *tasks;    /* by id (uthash) */
	uint64_t next_task;

	uint64_t instance; /* names this process, to schedulers and workers … */
	char name[32];     /* … and as a word of HELLO */
	int peer_timeout_ms;
	bool compress_always;

	/* counters for `muster status` */
	uint64_t njobs, nremote, nlocal, nother, nretries, nstale, nrefused;
	uint64_t ncopies, ncopies_won; /* second copies of late jobs (agent/twin.h) */
	uint64_t bytes_up, bytes_down; /* of connections that are gone */
	struct tally *why_local, *why_other;
};

/* Gives the scheduler an event (its `now` is filled in) and carries out what follows. */
void agent_sched(struct agent *, struct sched_event);
void agent_reap(void *ctx); /* lets workers go that are named no more */
/* The workers to use (net/hostlist.h); no work when the text is the one already in use. */
void agent_set_hosts(struct agent *, const char *text, unsigned default_port);
/* Those found or lent are others than before. */
void agent_hosts_changed(struct agent *);
void agent_callers_changed(struct agent *); /* one came or went (callers.h) */
/* When there is none: in words for people. */
const char *agent_why_no_hosts(const struct agent *);
void agent_discover_end(struct agent *); /* looks for no announced workers any more */
