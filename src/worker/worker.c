#include "worker/worker.h"

#include "worker/client.h"

#include <utlist.h>

static struct tenant *tenant_of(struct worker *w, const struct slot_wait *wait)
{
	return wait->tenant ? wait->tenant : &w->distcc;
}

/* Who waits and has the fewest slots, so that one client's flood leaves the others their share; among equals, who was
 * served longest ago. */
static struct tenant *next_tenant(const struct worker *w)
{
	struct tenant *least = w->line;

	for (struct tenant *t = w->line; t; t = t->next)
		if (t->running < least->running)
			least = t;
	return least;
}

/* A start that fails gives its slot back at once: not deeper, but in the next round. */
static void start_next(struct worker *w)
{
	if (w->granting)
		return;
	w->granting = true;
	while (w->running < w->slots && w->line) {
		struct tenant *t = next_tenant(w);
		struct slot_wait *next = t->line;

		worker_leave_line(w, next);
		if (t->line) { /* behind the others */
			DL_DELETE(w->line, t);
			DL_APPEND(w->line, t);
		}
		w->running++;
		t->running++;
		next->start(next);
	}
	w->granting = false;
	if (w->moved)
		w->moved(w->moved_ctx);
}

void worker_want_slot(struct worker *w, struct slot_wait *wait)
{
	struct tenant *t = tenant_of(w, wait);

	if (!t->line)
		DL_APPEND(w->line, t);
	DL_APPEND(t->line, wait);
	start_next(w);
}

void worker_leave_line(struct worker *w, struct slot_wait *wait)
{
	struct tenant *t = tenant_of(w, wait);

	DL_DELETE(t->line, wait);
	if (!t->line)
		DL_DELETE(w->line, t);
}

void worker_slot_free(struct worker *w, struct tenant *t)
{
	w->running--;
	(t ? t : &w->distcc)->running--;
	start_next(w);
}

void worker_close(struct worker *w)
{
	w->slots = 0; /* what ends makes no room for another */
	while (w->clients)
		client_close(w->clients);
}
