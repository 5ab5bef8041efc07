/* Invariant: WANTED follows from the workers that count (pending, started, up) and the demand; it is told to the engine whenever
 * it changed, and says nothing of which.
 *
 * A retired worker stays in the list until the engine or the door says that it is gone, so that a late word of it makes no new
 * one. One that is lost is asked for anew by itself: the engine is told the same total again. */
#include "core/pool.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void pool_init(struct pool *p, const struct pool_config *config)
{
	*p = (struct pool){.config = *config};
	if (p->config.per_worker == 0)
		p->config.per_worker = 1;
}

void pool_free(struct pool *p)
{
	free(p->v);
	*p = (struct pool){0};
}

static struct pool_worker *find(struct pool *p, const char *handle)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->v[i].handle, handle) == 0)
			return &p->v[i];
	return NULL;
}

static struct pool_worker *add(struct pool *p, const char *handle)
{
	if (p->n == POOL_WORKERS || strlen(handle) >= POOL_HANDLE)
		return NULL;
	if (p->n == p->cap) {
		p->cap = p->cap ? p->cap * 2 : 16;
		p->v = xreallocarray(p->v, p->cap, sizeof *p->v);
	}
	struct pool_worker *w = &p->v[p->n++];

	*w = (struct pool_worker){0};
	memcpy(w->handle, handle, strlen(handle) + 1);
	return w;
}

unsigned pool_slots(const struct pool *p, enum pool_state state)
{
	unsigned slots = 0;

	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].state == state)
			slots += p->v[i].slots;
	return slots;
}

unsigned pool_count(const struct pool *p, enum pool_state state)
{
	unsigned n = 0;

	for (size_t i = 0; i < p->n; i++)
		n += p->v[i].state == state;
	return n;
}

/* Slots that are there or on their way. */
static unsigned total(const struct pool *p)
{
	return pool_slots(p, POOL_PENDING) + pool_slots(p, POOL_STARTED) +
	       pool_slots(p, POOL_UP);
}

/* The same, as the engine counts them. */
static unsigned asked(const struct pool *p, bool pending_too)
{
	unsigned slots = 0;

	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].state != POOL_RETIRED &&
		    (pending_too || p->v[i].state != POOL_PENDING))
			slots += p->v[i].asked;
	return slots;
}

/* -- what happens ---------------------------------------------------------------------------- */

void pool_demand(struct pool *p, nsec now, unsigned slots)
{
	p->demand = slots < p->config.most ? slots : p->config.most;
	if (p->demand >= total(p))
		p->demand_falls = 0;
	else if (!p->demand_falls)
		p->demand_falls = now;
}

/* W moves on, never back. SLOTS: as the engine says. */
static void enter(struct pool_worker *w, nsec now, enum pool_state state, unsigned slots)
{
	if (w->state == POOL_RETIRED)
		return;
	if (slots)
		w->asked = slots;
	if (w->state != POOL_UP)
		w->slots = w->asked;
	if (w->since && state <= w->state)
		return;
	w->state = state;
	w->since = w->used = now;
}

void pool_pending(struct pool *p, nsec now, const char *handle, unsigned slots)
{
	struct pool_worker *w = find(p, handle);

	if (!w)
		w = add(p, handle);
	if (w)
		enter(w, now, POOL_PENDING, slots);
}

void pool_started(struct pool *p, nsec now, const char *handle, unsigned slots)
{
	struct pool_worker *w = find(p, handle);

	if (!w)
		w = add(p, handle);
	if (w)
		enter(w, now, POOL_STARTED, slots);
}

static void strike(struct pool *p, nsec now, const char *why)
{
	const nsec round = (nsec)POOL_ROUND_MS * 1000000;

	snprintf(p->why, sizeof p->why, "%s", why);
	if (p->struck && now - p->struck < round)
		return;
	p->struck = now;
	p->strikes++;
	if (p->quiet_till < now + round * p->strikes)
		p->quiet_till = now + round * p->strikes;
}

void pool_gone(struct pool *p, nsec now, const char *handle, const char *why)
{
	struct pool_worker *w = find(p, handle);

	if (!w)
		return;
	/* What waits may also have been withdrawn, because less was wanted. */
	if (w->state == POOL_STARTED ||
	    (w->state == POOL_PENDING && asked(p, true) <= p->wanted))
		strike(p, now, *why ? why : "a worker ended before it called");
	if (w->state == POOL_UP)
		p->nlost++;
	p->told = false; /* the same total is short of one now */
	*w = p->v[--p->n];
}

void pool_denied(struct pool *p, nsec now, nsec retry, const char *why)
{
	snprintf(p->why, sizeof p->why, "%s", why);
	p->told = false;
	if (retry)
		p->quiet_till = now + retry;
	else
		p->strikes = POOL_STRIKES;
}

void pool_up(struct pool *p, nsec now, const char *handle, unsigned slots, unsigned running)
{
	struct pool_worker *w = find(p, handle);

	if (!w || w->state == POOL_RETIRED)
		return;
	if (w->state != POOL_UP) {
		enter(w, now, POOL_UP, 0);
		p->strikes = 0;
		p->nup++;
		p->last_up = now;
		if (!p->first_up)
			p->first_up = now;
	}
	w->slots = slots;
	w->running = running;
	if (running)
		w->used = now;
	if (pool_slots(p, POOL_UP) > p->peak_slots)
		p->peak_slots = pool_slots(p, POOL_UP);
	if (pool_count(p, POOL_UP) > p->peak_workers)
		p->peak_workers = pool_count(p, POOL_UP);
}

/* -- what is to be done ---------------------------------------------------------------------- */

static void wake_at(nsec *wake, nsec at)
{
	if (at < *wake)
		*wake = at;
}

static void retire(struct pool *p, struct pool_worker *w, nsec now, struct pool_effect *f)
{
	*f = (struct pool_effect){.type = POOL_RETIRE};
	memcpy(f->handle, w->handle, sizeof f->handle);
	w->state = POOL_RETIRED;
	w->since = now;
	p->told = false;
}

/* One that should have called by now. */
static bool step_silent(struct pool *p, nsec now, struct pool_effect *f, nsec *wake)
{
	for (size_t i = 0; i < p->n; i++) {
		struct pool_worker *w = &p->v[i];

		if (w->state != POOL_STARTED)
			continue;
		if (now - w->since >= p->config.dial) {
			strike(p, now, "a worker was started, but did not call in time");
			retire(p, w, now, f);
			return true;
		}
		wake_at(wake, w->since + p->config.dial);
	}
	return false;
}

/* One that nobody needs any more. */
static bool step_idle(struct pool *p, nsec now, struct pool_effect *f, nsec *wake)
{
	struct pool_worker *oldest = NULL;
	unsigned all = total(p);

	if (p->config.lasting || !p->demand_falls)
		return false;
	if (now - p->demand_falls < p->config.idle) {
		wake_at(wake, p->demand_falls + p->config.idle);
		return false;
	}
	for (size_t i = 0; i < p->n; i++) {
		struct pool_worker *w = &p->v[i];

		if (w->state != POOL_UP || w->running || all - w->slots < p->demand)
			continue;
		if (now - w->used < p->config.idle)
			wake_at(wake, w->used + p->config.idle);
		else if (!oldest || w->used < oldest->used)
			oldest = w;
	}
	if (!oldest)
		return false;
	retire(p, oldest, now, f);
	return true;
}

/* The total that the engine should aim at: what is there, and what the demand adds to it. */
static unsigned target(const struct pool *p, nsec now)
{
	unsigned there = pool_slots(p, POOL_STARTED) + pool_slots(p, POOL_UP);
	unsigned all = total(p);

	if (p->bad)
		return asked(p, false);
	if (p->demand > all)
		return asked(p, true) + (now < p->quiet_till ? 0 : p->demand - all);
	/* What waits is withdrawn as lazily as what runs. */
	if (p->demand_falls && now - p->demand_falls >= p->config.idle &&
	    !p->config.lasting)
		return asked(p, false) + (p->demand > there ? p->demand - there : 0);
	/* What was asked for and is not answered yet is taken back no sooner. What the engine has beyond that, as it has whole
	 * workers only or has withdrawn some without word of their end, is not asked for. */
	unsigned have = asked(p, true);

	return p->told || p->wanted < have ? p->wanted : have;
}

bool pool_step(struct pool *p, nsec now, struct pool_effect *f, nsec *wake)
{
	*wake = INT64_MAX;
	if (p->demand >= total(p))
		p->demand_falls = 0;
	else if (!p->demand_falls)
		p->demand_falls = now;
	if (step_silent(p, now, f, wake) || step_idle(p, now, f, wake))
		return true;
	if (!p->bad && p->strikes >= POOL_STRIKES) {
		p->bad = true;
		p->told = false;
		*f = (struct pool_effect){.type = POOL_BAD};
		return true;
	}
	unsigned slots = target(p, now);

	if (now < p->quiet_till && p->demand > total(p))
		wake_at(wake, p->quiet_till);
	if (p->told && slots == p->wanted)
		return false;
	p->told = true;
	p->wanted = slots;
	*f = (struct pool_effect){.type = POOL_WANT, .slots = slots};
	return true;
}
