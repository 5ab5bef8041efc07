/* Invariants: twins are in JOB_REMOTE, on different workers; plan, arena, request and shim are the first one's, and the copy only
 * looks at them; each has a job of its own in the scheduler and on its worker, and what it receives is its own.
 *
 * Fails where the worker would want preprocessed text: then the copy is given back. The scheduler asks for one copy a job. */
#include "agent/twin.h"

#include "agent/agent.h"
#include "agent/plan.h"
#include "agent/remote.h"
#include "agent/shims.h"
#include "agent/task.h"
#include "base/log.h"
#include "base/mem.h"
#include "sys/loop.h"

#include <assert.h>
#include <stdio.h>

void twin_start(struct task *of, struct remote *r, uint64_t id)
{
	struct agent *a = of->agent;

	if (of->life.state != JOB_REMOTE || of->twin || !of->remote || !r->up || r->plain ||
	    of->remote->plain) {
		agent_sched(a, (struct sched_event){.type = SCHED_CANCEL, .job = id});
		return;
	}
	struct task *t = xcalloc(1, sizeof *t);

	t->id = id;
	t->agent = a;
	t->shim = of->shim;
	t->request = of->request;
	t->arena = of->arena;
	t->plan = of->plan;
	t->since = of->since;
	t->life = of->life;
	t->remote = r;
	t->granted = loop_now();
	snprintf(t->where, sizeof t->where, "%s", r->host.word);
	t->twin = of;
	of->twin = t;
	t->is_copy = true;
	HASH_ADD(hh, a->tasks, id, sizeof t->id, t);
	a->ncopies++;
	log_line(LOG_INFO, "worker=%s is late with %s: a second copy goes to %s", of->where,
		 task_file(of), t->where);
	remote_send(r, t);
}

/* LOSER is no more. What it held of the request goes to its twin, if it was the one that held it. */
static void end(struct task *loser, enum job_event event)
{
	struct task *other = loser->twin;

	if (!loser->is_copy) {
		other->is_copy = false;
		shim_follow(loser->shim, other);
	}
	loser->arena = NULL;
	loser->twin = other->twin = NULL;
	task_leave(loser, event);
}

struct task *twin_part(struct task *t, enum job_event event)
{
	struct task *other = t->twin;

	assert(other && other->twin == t);
	switch (event) {
	case JOB_RESULT:
		if (t->is_copy)
			t->agent->ncopies_won++;
		end(other, JOB_GONE);
		return t;
	case JOB_FAILED:
	case JOB_LOST: end(t, event); return NULL;
	default: break;
	}
	/* It could not be done there, or nobody waits for it any more: what holds for the first holds for both. */
	if (t->is_copy) {
		end(t, JOB_GONE);
		return NULL;
	}
	end(other, JOB_GONE);
	return t;
}
