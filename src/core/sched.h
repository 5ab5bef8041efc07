#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* The scheduler's brain: which compile goes to which worker. Pure: every event carries the time, every
 * consequence is data; nothing here reads a clock or knows a socket. Ids are the caller's.
 *
 * Policy: a request goes to the fastest worker that has a free slot and the toolchain; when all fitting
 * workers are busy it waits in order of arrival; when no worker can take it now (all are down and
 * backing off, lack the toolchain, or have already failed this job) it is sent home at once.
 * A worker that fails is left alone for BACKOFF_FIRST, doubling to BACKOFF_MAX; a success resets that.
 * Speeds are learned: measured CPU time against what the same unit took elsewhere. */
typedef int64_t nsec;

enum sched_event_type {
	SCHED_TICK,          /* time passed (out->wake was reached) */
	SCHED_WORKER_ADD,    /* worker: a configured one, not connected */
	SCHED_WORKER_REMOVE, /* worker: its jobs are reported lost by the caller */
	SCHED_WORKER_UP,     /* worker, slots: connection is made, or has other slots now */
	SCHED_WORKER_DOWN,   /* worker: the dial failed or the connection broke */
	SCHED_TOOLCHAIN,     /* worker, toolchain, yes: the worker's answer */
	SCHED_ASK,           /* job, toolchain, unit: wants a slot */
	SCHED_CANCEL,        /* job: no longer wants, or gives its slot back unused */
	SCHED_DONE,   /* job, cpu_ns (0 unknown): the slot is free, the worker did well */
	SCHED_FAILED, /* job: the machinery failed there (not the program): slot free, worker
	                          backs off, and this job never goes to that worker again */
};

struct sched_event {
	nsec now;
	enum sched_event_type type;
	uint64_t worker, job;
	uint64_t toolchain; /* small ids made by the caller */
	uint64_t
	    unit; /* names a translation unit and its options: key of what it took before */
	unsigned slots;
	bool yes;
	nsec cpu_ns;
};

enum sched_home {                /* why a job is sent home */
	SCHED_HOME_NO_WORKERS,   /* none is configured */
	SCHED_HOME_ALL_DOWN,     /* none can be reached now */
	SCHED_HOME_NO_TOOLCHAIN, /* none of those reached has this compiler */
	SCHED_HOME_ALL_FAILED,   /* those that could have all failed this job */
};

enum sched_effect_type {
	SCHED_DIAL,  /* worker: connect to it now; answer with WORKER_UP or WORKER_DOWN */
	SCHED_QUERY, /* worker, toolchain: find out; answer with SCHED_TOOLCHAIN */
	SCHED_GRANT, /* job, worker: a slot is its own until DONE, FAILED or CANCEL */
	SCHED_HOME,  /* job, home: compile it here */
};

struct sched_effect {
	enum sched_effect_type type;
	uint64_t worker, job, toolchain;
	enum sched_home home;
};

struct sched_out {
	struct sched_effect *v; /* valid until the next step */
	size_t n;
	nsec wake; /* call with SCHED_TICK then at the latest; INT64_MAX: never */
};

struct sched;
struct sched *sched_new(uint64_t seed);
void sched_free(struct sched *);
/* An event about an unknown worker or job is ignored (a late message finds nothing). Workers are dialled
 * when there is work for them, not before. */
void sched_step(struct sched *, const struct sched_event *, struct sched_out *);
/* Learned speed relative to the average (1.0 = average or unknown), for people. */
double sched_speed(const struct sched *, uint64_t worker);

enum {
	SCHED_BACKOFF_FIRST_MS = 1000,
	SCHED_BACKOFF_MAX_MS = 60 * 1000
};
