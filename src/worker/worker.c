#include "worker/worker.h"

#include "worker/job.h"

static void start_next(struct worker *w)
{
	while (w->running < w->slots && w->ready_first) {
		struct job *j = w->ready_first;

		worker_unready(w, j);
		job_start(j);
	}
}

void worker_ready(struct worker *w, struct job *j)
{
	j->stage = JOB_READY;
	j->ready_next = NULL;
	if (w->ready_last)
		w->ready_last->ready_next = j;
	else
		w->ready_first = j;
	w->ready_last = j;
	start_next(w);
}

void worker_unready(struct worker *w, struct job *j)
{
	struct job *before = NULL;

	for (struct job *i = w->ready_first; i && i != j; i = i->ready_next)
		before = i;
	if (before)
		before->ready_next = j->ready_next;
	else
		w->ready_first = j->ready_next;
	if (w->ready_last == j)
		w->ready_last = before;
}

void worker_slot_free(struct worker *w)
{
	w->running--;
	start_next(w);
}
