#pragma once
#include "net/hostlist.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>
/* One worker as the agent and its scheduler know it, whatever it speaks:
 *
 *   link.c      muster's own protocol: one connection, many jobs
 *   foreign.c   distcc's: a connection a job
 *
 * Which of the two a host of a list speaks is found out by asking: the first dial is in muster's protocol, and who closes without
 * a word of it is taken for a distccd; once it has answered as one, for as long as the agent lives. */
struct agent;
struct callers;
struct foreign;
struct link;
struct preprocess_end;
struct ssh;
struct task;
struct tls;

enum {
	REMOTE_LISTS = 64
};

struct remote {
	uint64_t id; /* key; the scheduler's worker id */
	struct agent *agent;
	struct host host;        /* of the list; its own copy */
	char *name;              /* what it calls itself, or NULL */
	struct link *link;       /* while dialling or connected */
	struct foreign *foreign; /* it speaks distcc's protocol */
	struct ssh *ssh;         /* under LINK */
	struct callers *door;    /* of a HOST_CALLER: where it came in */
	bool up, confined;
	bool local;  /* on this machine's loopback, as far as was seen */
	bool leased; /* a scheduler lends it: host.slots, which may be 0, changes */
	bool plain;  /* takes only preprocessed source */
	unsigned slots, running;
	unsigned own_slots;    /* as it told; 0: it does not tell */
	int64_t unnamed_since; /* when the host list last named it; 0: it does now */
	uint64_t njobs, nfailures;
	uint64_t bytes_up, bytes_down; /* of connections that are gone */
	int64_t rtt;                   /* of the connection; 0: not measured */
	uint64_t
	    bytes_per_s; /* up, while more waited than the line took; 0: it never did */
	char why[512];   /* why it is down, or does not get all jobs */
	char cage[300];  /* what cages its jobs, or why nothing does, in its words */
	uint32_t
	    asked[REMOTE_LISTS]; /* lists whose compiles asked for it, a ring; 0: none */
	size_t nasked;
	UT_hash_handle hh;
};

struct remote *remote_new(struct agent *, const struct host *); /* copies it */
void remote_free(struct remote *);                              /* its tasks are told */
bool remote_is_host(const struct remote *, const struct host *);
void remote_lend(struct remote *, unsigned slots); /* so many of its slots are lent now */

/* From the scheduler and the tasks. */
void remote_dial(struct remote *);
/* The same with these credentials (NULL: in the clear). */
void remote_dial_with(struct remote *, const struct tls *);
void remote_query(struct remote *, uint64_t compiler_key);
void remote_send(struct remote *, struct task *);
/* To a plain one that can make the same of the sources this time. False: it has to be text. */
bool remote_send_sources(struct remote *, struct task *);
void remote_send_text(struct remote *, struct task *, const struct preprocess_end *);
void remote_cancel(struct remote *, struct task *);

/* From link.c and foreign.c. */
void remote_up(struct remote *, unsigned slots);
void remote_down(struct remote *, const char *why); /* its tasks are told */
void remote_is_foreign(struct remote *);            /* dials again, in distcc's way */
void remote_answer(struct remote *, uint64_t compiler_key, bool yes);
/* Of the compiler REF, for every list that names this worker: which ways it takes. */
void remote_answer_ways(struct remote *, uint32_t ref, bool exact, bool text, bool sources);
void remote_count(struct remote *, uint64_t bytes_up, uint64_t bytes_down);
