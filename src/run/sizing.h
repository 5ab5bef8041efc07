#pragma once
#include "run/capacity.h"

#include <stddef.h>
#include <stdint.h>
/* How wide a build may be. Pure.
 *
 *   jobs = slots of those that answer (a distccd: its jobs less its load, and what its memory carries)
 *        + preparation jobs, + early local jobs; without any worker: the fallback jobs
 *
 * bounded by what this machine's memory carries for the local part. */
struct err;

enum {
	SIZING_EXIT_CONFIG = 96, /* a bad or missing configuration or tool */
	SIZING_EXIT_MEMORY = 97  /* no worker, and no memory for the local jobs */
};

enum {
	/* distcc's own guess for a host of which nothing is known */
	SIZING_SLOTS_UNKNOWN = 4,
	/* Most jobs of a host, and of all */
	SIZING_SLOTS_MAX = 10000,
	SIZING_JOBS_MAX = 100000,
	/* A job that waits or is compiled elsewhere costs the build tool's shell and the
	 * shim here. */
	SIZING_JOB_MB = 2,
	/* So many jobs can be prepared (scanned, preprocessed) in the memory of one
	 * compile. */
	SIZING_PREPARED = 8
};

struct sizing_ask {
	const struct capacity *hosts;
	size_t nhosts;
	unsigned cores;  /* of this machine */
	int64_t free_mb; /* of this machine; < 0: unknown */
	/* The DISTCC_AUTO_ variables, with their defaults. */
	unsigned compiler_mb; /* _COMPILER_MEMORY, of one compile, 1024; 0: do not mind */
	unsigned early_local; /* _EARLY_LOCAL_JOBS, 0 */
	unsigned fallback_local; /* _FALLBACK_LOCAL_JOBS, the cores; 0: fail when alone */
	unsigned preparation;    /* _PREPROCESSOR_SATURATION_JOBS, the cores */
	int wanted; /* number of jobs that the user gave; <= 0: none, a fitting one */
};

struct sizing {
	unsigned jobs;        /* to tell the build tool */
	unsigned early_local; /* jobs for this machine before others get any */
	unsigned local_slots; /* compiles and links at once on this machine */
	unsigned remote_slots;
	/* For each host: use so many; 0: leave it out. Malloc'ed. */
	unsigned *slots;
};

/* 0; else an exit status (above) with a sentence in ERR. SLOTS is to be freed in either
 * case. */
int sizing_decide(struct sizing *, const struct sizing_ask *, struct err *);
/* Slots that host H is to be used with. When that is 0, WHY says the reason. */
unsigned sizing_slots(const struct capacity *h, unsigned compiler_mb, struct err *why);
