#pragma once
#include "base/buf.h"
#include "core/job.h"
#include "wire/local.h"

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>
/* One request of a shim, from argv to exit status: carries out what core/job decides. */
struct agent;
struct arena;
struct outputs;
struct plan;
struct preprocess;
struct remote;
struct shim;
struct message_output;
struct message_result;
struct err;

struct task {
	int64_t since;   /* loop_now when it came … */
	int64_t granted; /* … and when it got a worker's slot */
	uint64_t id;     /* key; also the job's id on the wire and in the scheduler */
	struct agent *agent;
	struct shim *shim;
	struct local_request *request; /* owned by the shim */
	struct job_life life;
	struct arena *arena; /* of this round */
	struct plan *plan;
	struct remote *remote;         /* while granted */
	struct preprocess *first_step; /* of a compile in two steps */
	bool text_sent;                /* … which has ended well */
	struct task *next_local;       /* in the queue for a local slot */
	struct task *turn_prev, *turn_next;
	struct task *twin; /* the other copy of it (agent/twin.h), or NULL */
	bool is_copy;      /* of the two the one that the shim does not know */
	bool in_turn;      /* waits for its look at the disk (agent/turn) */
	const char *why;   /* for compiling here, if it comes to that */
	bool sent_home;    /* there was no worker for it: one that comes may be asked */
	int undistributed; /* not 0: workers could not do it; the status if it may not be done here */
	char why_room[300];
	char where[300]; /* the host's word, once granted */

	/* what has come back */
	bool started; /* its compiler runs there; foreign ones do not tell */
	bool arrived; /* all has, its RESULT as well */
	struct outputs *outputs;
	const char *target; /* of the file that is arriving */
	struct buf text[2]; /* stdout, stderr */
	unsigned nseen; /* outputs begun; they come in order, each whole before the next */
	uint64_t size, got; /* of the one that is arriving */
	unsigned musts;     /* outputs seen that a successful compile always writes */
	struct buf deps;    /* the dependency file among them */
	bool unwritable;    /* an output could not be kept here */
	bool unexpected;    /* the compiler wrote something we did not foresee */
	bool unforeseen;    /* the compiler read what we did not ship */
	bool stale;         /* the worker was told that a file changed */
	uint32_t status;
	uint64_t cpu_ns, maxrss_kb;
	uint32_t
	    starved_kb; /* not 0: it was killed there, since it needed more memory than that */
	UT_hash_handle hh;
};

#define TASK_FILE_MAX (UINT64_C(8) << 30) /* bytes of one output */

enum {
	TASK_TEXT_MAX = 64 << 20,
	TASK_DEPS_MAX = 16 << 20
};

/* Takes over a request; the shim hears of it by shim_… calls. */
struct task *task_new(struct agent *, struct shim *, struct local_request *);
void task_gone(struct task *);                     /* the shim hung up */
void task_granted(struct task *, struct remote *); /* by the scheduler */
/* By the scheduler; STATUS is distcc's exit code for it (distcc(1), "EXIT CODES"). AGAIN: a worker that comes while it
 * waits for a local slot may be asked. */
void task_home(struct task *, const char *why, int status, bool again);
/* A worker has come: if it still waits for a local slot, where it went because there was none, it asks the scheduler
 * again. */
void task_back(struct task *);
void task_overdue(struct task *); /* its worker lives, but should long have ended it */
void task_slot(struct task *);    /* a local slot */
void task_turn(struct task *);    /* it may look at the disk */
/* From the remote. A malformed or lying message is -1 with ERR: the worker is given up. */
int task_output(struct task *, const struct message_output *, struct err *);
int task_result(struct task *, const struct message_result *, struct err *);
void task_lost(struct task *); /* the connection broke */
/* What it does now, in distccmon-text's words. */
const char *task_file(const struct task *); /* its source as given, or "" */
const char *task_phase(const struct task *);
/* For agent/twin.c: the task ends, its twin goes on. EVENT: it failed there, was lost, or else is not wanted any more. */
void task_leave(struct task *, enum job_event);
struct task *task_find(struct agent *, uint64_t id);
