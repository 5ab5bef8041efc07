#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* The state of one worker process, and its slots. */
struct client;
struct compilers;
struct job;
struct loop;
struct own;
struct store;

struct worker {
	struct loop *loop;
	struct store *store;
	struct own *own;
	struct compilers *compilers;
	char *state_dir;
	bool confined;            /* sandboxes work here */
	char unconfined_why[300]; /* else why not */
	unsigned slots, running;
	uint64_t serial;        /* names folders */
	struct client *clients; /* utlist */
	struct job *ready;      /* utlist: jobs with all they need, waiting for a slot */
};

enum {
	CLIENT_JOBS_MAX = 4096,       /* unfinished jobs of one client */
	CLIENT_MISSING_MAX = 1 << 20, /* files of one client whose bytes are on their way */
	BLOB_MAX_MB = 4096,
};

/* JOB has all it needs: it starts now or when a slot is free. */
void worker_ready(struct worker *, struct job *);
/* It leaves the queue and is WAITING again. */
void worker_unready(struct worker *, struct job *);
void worker_slot_free(struct worker *); /* a running job has ended */
void worker_close(struct worker *);     /* ends all jobs and connections */
