#include "worker/worker.h"

#include "worker/client.h"

#include <utlist.h>

/* A start that fails gives its slot back at once: not deeper, but in the next round. */
static void start_next(struct worker *w)
{
	if (w->granting)
		return;
	w->granting = true;
	while (w->running < w->slots && w->line) {
		struct slot_wait *next = w->line;

		worker_leave_line(w, next);
		w->running++;
		next->start(next);
	}
	w->granting = false;
}

void worker_want_slot(struct worker *w, struct slot_wait *wait)
{
	DL_APPEND(w->line, wait);
	start_next(w);
}

void worker_leave_line(struct worker *w, struct slot_wait *wait)
{
	DL_DELETE(w->line, wait);
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
