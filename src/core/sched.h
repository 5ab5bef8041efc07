#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* The agent's brain: which compile goes to which worker. Pure: every event carries the time, every
 * consequence is data; nothing here reads a clock or knows a socket. Ids are the caller's, but for those of second
 * copies.
 *
 * Policy (docs/scheduling.md has the reasons):
 *   - a request goes to the free slot where it should end first: by its predicted cost, the worker's learned speed,
 *     the round trip and the bytes still to be sent;
 *   - when all fitting workers are busy it waits; the most costly one that a slot can do in time goes first, but nobody
 *     is passed by who came more than SCHED_PASS_MS later;
 *   - when no worker can take it now (all are down and backing off, lack the toolchain, or have already failed this
 *     job) it is sent home at once, and called back when one can, if it still waits there;
 *   - a worker that fails is left alone for BACKOFF_FIRST, doubling to BACKOFF_MAX; a success resets that;
 *   - while nobody waits, idle slots may run a second copy of who is late: one a job, few in all;
 *   - a job has a deadline by its expected time: a worker may live and never end it.
 * Speeds, costs and memory are learned: what a unit took, against what the same unit took elsewhere. */
typedef int64_t nsec;

enum sched_event_type {
	SCHED_TICK,          /* time passed (out->wake was reached) */
	SCHED_WORKER_ADD,    /* worker, speed: a configured one, not connected */
	SCHED_WORKER_REMOVE, /* worker: its jobs are reported lost by the caller */
	SCHED_WORKER_UP, /* worker, slots, yes (they are lent): connection is made, or has other slots now */
	SCHED_WORKER_DOWN, /* worker: the dial failed or the connection broke */
	SCHED_TOOLCHAIN,   /* worker, toolchain, yes: the worker's answer */
	SCHED_BUDGET,      /* slots: that many of the lent ones may be used in all */
	SCHED_LINK, /* worker, rtt, bytes_per_s, bytes (sent so far): its line was measured */
	SCHED_ASK,    /* job, toolchain, unit, bytes: wants a slot */
	SCHED_CANCEL, /* job: no longer wants, or gives its slot back unused */
	SCHED_DONE, /* job, cpu_ns, memory_kb (0 unknown): the slot is free, the worker did well */
	SCHED_FAILED, /* job: the machinery failed there (not the program): slot free, worker
	                          backs off, and this job never goes to that worker again.
	                          With memory_kb it had so much and needed more: only the job
	                          looks for another place, the worker is not to blame */
};

struct sched_event {
	nsec now;
	enum sched_event_type type;
	uint64_t worker, job;
	uint64_t toolchain; /* small ids made by the caller */
	uint64_t
	    unit; /* names a translation unit, its compiler and options: key of what it took before; 0: has none */
	uint64_t bytes; /* the size of what it reads; or, of SCHED_LINK, what was sent */
	unsigned slots;
	bool yes;
	nsec cpu_ns;
	uint32_t memory_kb;
	nsec rtt;             /* 0: unknown */
	uint64_t bytes_per_s; /* 0: no limit was seen */
	double speed;         /* as sched_learned told in an earlier life; 0: unknown */
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
	SCHED_BACK, /* job: it was sent home for want of workers, and one is there now: if it still waits it may ask again */
	SCHED_COPY, /* job, worker, copy: a slot there for a second copy of a job that runs elsewhere. COPY is the id of a
	                job of its own from now on. Who ends first wins, and the other is to be cancelled */
	SCHED_OVERDUE, /* job, worker: it should long have ended; answer with FAILED, of this or of the other copy, or let it go on */
};

struct sched_effect {
	enum sched_effect_type type;
	uint64_t worker, job, copy, toolchain;
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
 * when there is work for them, not before. Who was sent home for want of workers is remembered until CANCEL, or until it
 * was called back. */
void sched_step(struct sched *, const struct sched_event *, struct sched_out *);
/* Slots that would be of use beyond those that jobs wait for or have: for second copies. */
unsigned sched_wishes(const struct sched *);
/* Learned speed relative to the average (1.0 = average or unknown), for people. */
double sched_speed(const struct sched *, uint64_t worker);
/* It gets no jobs for a while, since something failed there, or was late. */
bool sched_rests(const struct sched *, uint64_t worker);

/* What outlives a process. A unit's work is its CPU time on a worker of speed 1, in a unit of speed that only the tellings
 * of one life share. */
double sched_learned(const struct sched *, uint64_t worker); /* its speed; 0: unknown */
void sched_remember(struct sched *, uint64_t unit, nsec work, uint32_t memory_kb);
void sched_tell(const struct sched *, void *ctx,
		void (*each)(void *ctx, uint64_t unit, nsec work, uint32_t memory_kb));
/* What a unit should take on an average worker, and its peak memory; false: it is not known. */
bool sched_predict(const struct sched *, uint64_t unit, nsec *cpu, uint32_t *memory_kb);

enum {
	SCHED_BACKOFF_FIRST_MS = 1000,
	SCHED_BACKOFF_MAX_MS = 60 * 1000,
	SCHED_PASS_MS = 30 * 1000,
	SCHED_COPY_SHARE = 20,    /* of so many jobs one may have a second copy … */
	SCHED_COPIES_FREE = 2,    /* … and so many in any case */
	SCHED_DEADLINE_TIMES = 8, /* of its expected time, but never less than */
	SCHED_DEADLINE_MS = 60 * 1000,
};
