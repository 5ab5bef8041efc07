#pragma once
#include "core/estimate.h"
#include "core/idmap.h"
#include "core/sched.h"

/* What the parts of the scheduler share. Each part keeps its own rules:
 *
 *   sched.c         events, step by step; who goes home, and who is called back
 *   sched_line.c    jobs: their lists, and the order in which they wait
 *   sched_worker.c  workers: what they know, when they rest, how long a job would take there
 *   sched_race.c    running jobs: second copies of late ones, and deadlines */

enum {
	SCHED_MAX_FAILED =
	    8, /* workers that failed one job; after so many it only goes home */
	SCHED_BUCKETS = 64, /* costs, four an octave (sched_line.c) */
};

struct sched_list {
	struct sched_job *head, *tail;
	size_t n;
};

struct sched_job {
	struct idmap_node node;
	struct sched_list *in; /* the one list it is on: a bucket, a worker's, … */
	struct sched_job *prev, *next;
	uint64_t unit, toolchain, seq; /* seq: order of arrival */
	uint64_t bytes;
	uint64_t home;    /* id + 1 of the worker that did this unit last; 0: unknown */
	nsec work;        /* CPU time at speed 1, as predicted when it asked; 0: unknown */
	double line_work; /* while it waits: what it counts for there */
	nsec asked;
	uint32_t memory_kb; /* as predicted, or more than it was killed with; 0: unknown */
	uint8_t bucket;     /* while it waits */
	bool waiting;
	bool away;     /* sent home, and may be called back */
	bool raced;    /* has, had or is a second copy: no other is made */
	bool late;     /* it was, when its copy won: its worker is to blame */
	bool overdue;  /* was said */
	nsec granted;  /* while it has a worker … */
	nsec expected; /* … and so long it should take there; 0: nobody knows */
	nsec deadline; /* … and then it is given up; INT64_MAX: never */
	struct sched_worker *worker; /* holds a slot there; else NULL */
	struct sched_job *twin;      /* the other copy of it, while both run */
	unsigned nfailed;
	uint64_t failed[SCHED_MAX_FAILED]; /* ids of workers that failed it */
};

/* A toolchain, with those who wait for it: PLAIN jobs by their costs, each bucket in order of arrival, which any worker
 * that has it may take, and SCARRED ones, which are not for all. */
struct sched_tool {
	uint64_t id, used; /* used: the last seq */
	size_t index;
	uint64_t filled; /* bits: buckets that are not empty */
	size_t nplain;
	struct sched_list plain[SCHED_BUCKETS], scarred;
};

enum sched_link {
	LINK_NONE,
	LINK_DIALING,
	LINK_UP
};

enum sched_know {
	KNOW_NOTHING,
	KNOW_ASKED,
	KNOW_YES,
	KNOW_NO
};

struct sched_worker {
	struct idmap_node node;
	size_t index; /* in sched.worker */
	enum sched_link link;
	bool resting; /* backing off: left alone until retry_at */
	nsec
	    backoff; /* how long it rested last; 0: nothing failed since its last success */
	nsec retry_at;
	unsigned slots, used;
	bool lent;       /* its slots count for the budget */
	unsigned beaten; /* races that it lost by being late, since its last success */
	uint64_t salt; /* decides between equals, so that not all agents prefer the same */
	struct estimate_speed speed;
	double stretch;       /* how much longer than their CPU time jobs take here */
	nsec rtt;             /* 0: unknown */
	uint64_t bytes_per_s; /* 0: no limit was seen */
	uint64_t sent;        /* bytes, over this connection */
	uint32_t memory_kb;   /* a job was killed that needed more; 0: none was */
	struct sched_list granted;
	uint8_t *know; /* enum sched_know by tool.index, while connected */
};

struct sched {
	uint64_t seed, seq;
	nsec now;
	nsec next_retry; /* no resting worker's retry_at is earlier */
	bool hope_lost;  /* in this step: some job's last hope may be gone */
	size_t waiting;
	double waiting_work; /* of all who wait */
	unsigned lent_used,
	    lent_most; /* slots of lent workers; all may use them: UINT_MAX */
	struct idmap workers, jobs;
	struct sched_worker **worker;
	size_t nworkers, cap_workers;
	struct sched_tool **tool;
	size_t ntools, cap_tools; /* cap_tools: the size of each worker's know */
	struct sched_list parked; /* neither wait nor run; who failed them is remembered */
	struct sched_list
	    away; /* went home for want of workers, and have not begun there */
	struct estimate *estimate;
	uint32_t
	    least_memory_kb; /* a job that needs no more suits all workers that have not failed it */
	uint64_t most_sent; /* to any worker, of those that are connected */

	/* sched_race.c */
	size_t running;
	uint64_t ngranted, ncopies;
	nsec race_at; /* nothing is to be looked at before; INT64_MAX: nothing at all */
	nsec raced_at, urged_at;
	nsec due_at; /* no running job's deadline is earlier */

	struct sched_effect *effect;
	size_t neffects, cap_effects;
};

void sched_emit(struct sched *, struct sched_effect);

/* sched_line.c */
void sched_list_add(struct sched_list *, struct sched_job *);
void sched_list_remove(struct sched_job *);
bool sched_tool_waited_for(const struct sched_tool *);
struct sched_tool *sched_tool_find(const struct sched *, uint64_t id);
struct sched_tool *sched_tool_get(struct sched *, uint64_t id);
bool sched_job_failed_on(const struct sched_job *, const struct sched_worker *);
void sched_job_scar(struct sched_job *, const struct sched_worker *);
void sched_job_free(struct sched *, struct sched_job *);
/* Takes it off its list or its slot, and from its twin. */
void sched_job_detach(struct sched *, struct sched_job *);
/* Its round is over. It may ask again: who failed it stays remembered, for a while. */
void sched_job_park(struct sched *, struct sched_job *);
void sched_job_wait(struct sched *, struct sched_job *, struct sched_tool *);
/* A worker was found to give no more than that: who needs more does not suit all any longer. */
void sched_line_sort_out(struct sched *, uint32_t memory_kb);
/* The job that W should take next among those that wait; NULL: none is for it. */
struct sched_job *sched_line_next(const struct sched *, const struct sched_worker *w);

/* sched_worker.c */
struct sched_worker *sched_worker_add(struct sched *, uint64_t id);
void sched_worker_remove(struct sched *, struct sched_worker *);
bool sched_worker_usable(const struct sched_worker *);
/* Usable, with a free slot that the budget allows. */
bool sched_worker_idle(const struct sched *, const struct sched_worker *);
/* Not one of those that have failed it, nor known to have too little memory. */
bool sched_worker_suits(const struct sched_worker *, const struct sched_job *);
/* May a job of that toolchain, if it suits, wait for it? */
bool sched_worker_gives_hope(const struct sched_worker *, const struct sched_tool *);
void sched_worker_dial(struct sched *, struct sched_worker *);
void sched_worker_query(struct sched *, struct sched_worker *, const struct sched_tool *);
void sched_worker_grant(struct sched *, struct sched_worker *, struct sched_job *);
void sched_worker_fill(struct sched *, struct sched_worker *);
/* It can be used from now on (or can not, then nothing happens). */
void sched_worker_welcome(struct sched *, struct sched_worker *);
void sched_worker_rest(struct sched *, struct sched_worker *);
void sched_worker_succeeded(struct sched *, struct sched_worker *);
void sched_worker_beaten(struct sched *, struct sched_worker *); /* by a copy, being late */
/* The connection is no more, and what was granted there is forgotten. */
void sched_worker_unlink(struct sched *, struct sched_worker *);
void sched_worker_wake_rested(struct sched *);
/* How long the job should take there, with what has to be sent for it; as long as an average one when it is unknown;
 * 0: nobody knows. */
nsec sched_worker_takes(const struct sched *, const struct sched_worker *,
			const struct sched_job *);
bool sched_worker_better(const struct sched *, const struct sched_job *,
			 const struct sched_worker *a, const struct sched_worker *b);
/* What W measured of J, which ran there. */
void sched_worker_learn(struct sched *, struct sched_worker *, const struct sched_job *j,
			const struct sched_event *);

/* sched_race.c */
void sched_race_began(struct sched *, struct sched_job *); /* it was granted a slot */
void sched_race_ended(struct sched *, struct sched_job *); /* it is about to lose it */
void sched_race_won(struct sched *, struct sched_job *);   /* it ended well */
void sched_race_again(struct sched *);                     /* a slot may have become idle */
/* Second copies and deadlines; the last thing of a step. */
void sched_race_step(struct sched *);
/* W has an idle slot, and jobs wait; true: a second copy got it, of what would hold up the build longer than they. */
bool sched_race_urgent(struct sched *, struct sched_worker *w);
nsec sched_race_wake(const struct sched *);
