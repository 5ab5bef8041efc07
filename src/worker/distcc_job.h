#pragma once
#include "wire/distcc.h"
#include "worker/stats.h"
/* One job of distcc's protocol, from the first token of the request to the last byte of the reply. What it gathers lies
 * in a folder of its own below the worker's state folder; while the request comes, that is one file with all
 * bodies as they came. They are unpacked when the job has its slot. Who calls decides when. */
struct distcc_compilers;
struct distcc_job;
struct worker;

struct distcc_job *distcc_job_new(struct worker *, const struct distcc_compilers *,
				  bool insecure);
void distcc_job_free(struct distcc_job *); /* kills its compile; NULL is fine */

extern const struct distcc_limits distcc_job_limits;
extern const struct distcc_handler distcc_job_handler; /* takes the request; CTX: the job */

/* The request has ended. 0: it wants a slot. 1: it is answered without one. -1: refused. */
int distcc_job_accept(struct distcc_job *, struct err *);
/* With a slot. 0: DONE will be called once, from the loop. -1: it cannot be run. */
int distcc_job_start(struct distcc_job *, void (*done)(void *ctx), void *ctx, struct err *);
/* Kills the compile, which has lasted for SECONDS and too long: the reply will say so. */
void distcc_job_overtime(struct distcc_job *, unsigned seconds);
/* After DONE, distcc_job_overtime, or an answer: whether there is a reply to send. -1: the machinery failed. */
int distcc_job_answer(struct distcc_job *, struct err *);
/* As distcc_reply_some and distcc_reply_may_end. */
int distcc_job_reply(struct distcc_job *, struct buf *, struct err *);
bool distcc_job_may_end(const struct distcc_job *);

/* What to say of it: how it ended; after a failure, what kind of failure that was. */
enum stats_end distcc_job_end(const struct distcc_job *);
int distcc_job_status(const struct distcc_job *);           /* as waitpid gives it */
const char *distcc_job_compiler(const struct distcc_job *); /* "" when unknown */
const char *distcc_job_source(const struct distcc_job *);   /* "" when unknown */
