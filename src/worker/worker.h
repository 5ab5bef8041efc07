#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* The state of one worker process, and its slots. */
struct client;
struct compilers;
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
	struct slot_wait *line; /* utlist: who waits for a slot, in order */
	bool granting;
	void (*left)(void *ctx); /* the last client has gone; NULL: nobody asks */
	void *left_ctx;
};

enum {
	CLIENT_JOBS_MAX = 4096,       /* unfinished jobs of one client */
	CLIENT_MISSING_MAX = 1 << 20, /* files of one client whose bytes are on their way */
	BLOB_MAX_MB = 4096,
};

/* START has been given a slot, which is its own until worker_slot_free, when it is called: at once or later. */
struct slot_wait {
	struct slot_wait *prev, *next;
	void (*start)(struct slot_wait *);
};

void worker_want_slot(struct worker *, struct slot_wait *);
void worker_leave_line(struct worker *, struct slot_wait *); /* before it was started */
void worker_slot_free(struct worker *);
void worker_close(struct worker *); /* ends all jobs and connections */
