#pragma once
#include "worker/run.h"
#include "worker/worker.h"

#include <stdint.h>
/* One job of a client, from the JOB message to its RESULT.
 *
 *   waiting (for blobs) ─► ready (for a slot) ─► running ─► sending ─► gone
 *
 * CANCEL or the client's going away ends it from every state, without a RESULT. */
struct arena;
struct client;
struct compiler;
struct message_job;
struct err;

enum job_stage {
	JOB_WAITING,
	JOB_READY,
	JOB_RUNNING,
	JOB_SENDING
};

struct job {
	struct client *client;
	struct job *prev, *next; /* utlist, of the client */
	struct slot_wait wait;   /* while ready */
	uint64_t id;             /* the client's */
	enum job_stage stage;
	uint64_t barrier;          /* every blob asked for up to this one must have come */
	struct compiler *compiler; /* held */
	struct arena *arena;       /* holds the message's strings */
	const struct message_job *ask;
	struct run *run;
	char *dir;                 /* of a bare run, or NULL */
	const struct run_end *end; /* when sending */
	unsigned outcome;          /* enum wire_outcome */
	char why[512];
	unsigned index; /* sending: this output … */
	int fd;         /* … open, or -1 */
	uint64_t offset, size;
};

void job_ready(struct job *);   /* it has all it needs: runs as soon as a slot is free */
void job_unready(struct job *); /* it waits for blobs again */
void job_free(struct job *);    /* kills it if need be */
void job_evict(struct job *,
	       const char *why); /* ready or running: it fails, and is killed */
/* Sends the next bit of its result: 1 when all is sent (then free it), 0 when there is more. */
int job_send_some(struct job *, struct buf *);
void job_fail(struct job *, unsigned outcome, const char *why); /* straight to sending */
