#pragma once
#include "base/arena.h"
#include "run/progress.h"
#include "run/progress_load.h"
#include "run/progress_tool.h"

#include <uthash.h>

/* What a progress remembers; for the progress_*.c files alone. */

enum {
	PROGRESS_RECENT = 256, /* compiles that the median is of */
	PROGRESS_REASONS_MAX = 256
};

struct progress_host {
	const char *address; /* NULL: here */
	unsigned order; /* 0: here; workers from 1, in the order of their first result */
	uint64_t njobs;
	nsec wall; /* of all its jobs */
	nsec cpu_known,
	    cpu_wall; /* of the jobs that told their CPU time: it, and their wall time */
	UT_hash_handle hh;
};

struct progress_reason {
	const char *text;
	uint64_t njobs;
	UT_hash_handle hh;
};

struct progress_kept {
	const char *file;
	const struct progress_host *host;
	const char *why; /* NULL: none */
	nsec start, end; /* 0 <= start <= end */
	nsec cpu;
	int status;
};

struct progress {
	struct arena *arena; /* of all names */
	struct progress_host here;
	struct progress_host *workers; /* in the order of their first result */
	struct progress_reason *reasons;
	uint64_t njobs, nfailed;
	struct progress_kept *jobs; /* the first PROGRESS_JOBS_MAX */
	size_t nkept, cap;
	struct progress_kept slowest[PROGRESS_SLOWEST]; /* slowest first */
	unsigned nslowest;
	nsec recent[PROGRESS_RECENT]; /* a ring of durations */
	uint64_t nrecent;             /* ever put there */
	struct progress_tool tool;
	struct progress_load load;
	nsec now; /* the latest moment that was told */
};

struct progress_cpu {
	double remote, local; /* ns */
	double estimated;     /* of both */
	bool
	    untold; /* no job elsewhere tells its own, so REMOTE says nothing (distcc's protocol) */
};

void progress_cpu(const struct progress *, struct progress_cpu *);
/* Of all workers that had a job. */
uint64_t progress_remote_jobs(const struct progress *);
/* Median duration of the latest compiles; -1: too few for one. */
nsec progress_median(const struct progress *);
/* The reasons, most jobs first; *N of them. To be freed. */
const struct progress_reason **progress_reasons(const struct progress *, size_t *n);
