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
struct cage;
struct cgroups;
struct eviction;
struct rights;
struct slot_wait;

/* Whoever shares the slots with others: a client; all of distcc's clients are one. */
struct tenant {
	struct tenant *prev,
	    *next; /* utlist: those who wait for a slot; the longest ago served first */
	struct slot_wait *line; /* utlist: its jobs that wait, in order */
	unsigned running;
};

/* What one job may have. */
struct job_limits {
	uint64_t memory_bytes, scratch_bytes;
	unsigned cpu_s;
	struct cgroups
	    *groups; /* enforce memory and processes; NULL: setrlimit has to do */
};

struct worker {
	struct loop *loop;
	struct store *store;
	struct own *own;
	struct compilers *compilers;
	char *state_dir;
	struct rights *rights;    /* what this process gives up */
	bool confined;            /* sandboxes work here */
	char unconfined_why[300]; /* else why not */
	char cage_level[300];     /* what stands between a job and this machine */
	bool own_user_only;       /* as nothing does: only jobs of our own user */
	struct job_limits limits;
	uint64_t view_bytes;      /* of one client's files here, at most */
	struct cage *distcc_cage; /* of all distcc's clients; NULL until the first */
	unsigned slots, running;
	uint64_t serial;        /* names folders */
	struct client *clients; /* utlist */
	size_t nidle, idle_max; /* those without a view */
	struct tenant *line;    /* utlist: who waits for a slot */
	struct tenant distcc;   /* all of distcc's clients */
	bool granting;
	void (*moved)(void *ctx); /* RUNNING has changed; NULL: nobody asks */
	void *moved_ctx;
	struct eviction
	    *evictions; /* utlist: agents that schedulers have taken slots from */
	unsigned nevictions;
	void (*left)(void *ctx); /* the last client has gone; NULL: nobody asks */
	void *left_ctx;
};

enum {
	CLIENT_JOBS_MAX = 4096,       /* unfinished jobs of one client */
	CLIENT_NAMES_MAX = 8 << 20,   /* names told over a connection's life */
	CLIENT_MISSING_MAX = 1 << 20, /* files of one client whose bytes are on their way */
	BLOB_MAX_MB = 4096,
};

/* START has been given a slot, which is its tenant's until worker_slot_free, when it is called: at once or later. */
struct slot_wait {
	struct slot_wait *prev, *next;
	struct tenant *tenant; /* NULL: one of distcc's clients */
	void (*start)(struct slot_wait *);
};

void worker_want_slot(struct worker *, struct slot_wait *);
void worker_leave_line(struct worker *, struct slot_wait *); /* before it was started */
void worker_slot_free(struct worker *, struct tenant *);
void worker_close(struct worker *); /* ends all jobs and connections */
