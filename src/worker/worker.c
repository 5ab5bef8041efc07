#include "worker/worker.h"

#include "worker/client.h"
#include "worker/job.h"

#include <utlist.h>

static void start_next(struct worker *w)
{
	while (w->running < w->slots && w->ready) {
		struct job *j = w->ready;

		worker_unready(w, j);
		job_start(j);
	}
}

void worker_ready(struct worker *w, struct job *j)
{
	j->stage = JOB_READY;
	DL_APPEND2(w->ready, j, ready_prev, ready_next);
	start_next(w);
}

void worker_unready(struct worker *w, struct job *j)
{
	j->stage = JOB_WAITING;
	DL_DELETE2(w->ready, j, ready_prev, ready_next);
}

void worker_slot_free(struct worker *w)
{
	w->running--;
	start_next(w);
}

void worker_close(struct worker *w)
{
	w->slots = 0; /* what ends makes no room for another */
	while (w->clients)
		client_close(w->clients);
}
