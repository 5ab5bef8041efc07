/* One step: the event changes what it is about; whatever that may influence is put on a list (pools to
 * balance and place, leases and builds to tell), and the lists are worked off when the step ends. So an
 * event costs what it changes, not the size of the farm.
 *
 * Time. The farm's clock stands still while nobody calls: when a step comes much later than it was asked
 * for (the process was stopped, the machine slept), what is missing is taken out, so that nobody is
 * dropped for a silence which was the farm's own (so it must be called often: it asks to be). A clock that goes back stands still, too. */
#include "core/farm.h"

#include "base/mem.h"
#include "core/farm_parts.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
	LATE_MS = 1000,  /* a call may be so late and still be taken for one in time */
	PULSE_MS = 1000, /* while there are workers it is called at least so often */
	MAX_RTT_US = 10000000,
	MAX_LOAD_MILLI = 1 << 30,
	MAX_RUNNING =
	    1 << 20, /* of a worker: with what is leased there far from an overflow */
};

/* ---- lists ---- */

void farm_list_add(struct farm_list *list, struct farm_link *l, void *of)
{
	if (l->in)
		return;
	l->in = list;
	l->of = of;
	l->prev = list->tail;
	l->next = NULL;
	if (list->tail)
		list->tail->next = l;
	else
		list->head = l;
	list->tail = l;
	list->n++;
}

void farm_list_remove(struct farm_link *l)
{
	struct farm_list *list = l->in;

	if (!list)
		return;
	if (l->prev)
		l->prev->next = l->next;
	else
		list->head = l->next;
	if (l->next)
		l->next->prev = l->prev;
	else
		list->tail = l->prev;
	list->n--;
	l->in = NULL;
}

void *farm_list_take(struct farm_list *list)
{
	struct farm_link *l = list->head;

	if (!l)
		return NULL;
	farm_list_remove(l);
	return l->of;
}

void farm_vec_add(struct farm_vec *vec, struct farm_index *i, void *of)
{
	if (vec->n == vec->cap) {
		vec->cap = vec->cap ? 2 * vec->cap : 16;
		vec->v = xreallocarray(vec->v, vec->cap, sizeof(struct farm_index *));
	}
	i->at = vec->n;
	i->of = of;
	vec->v[vec->n++] = i;
}

void farm_vec_remove(struct farm_vec *vec, struct farm_index *i)
{
	assert(vec->v[i->at] == i);
	vec->v[i->at] = vec->v[--vec->n];
	vec->v[i->at]->at = i->at;
}

/* ---- what all parts use ---- */

struct farm_effect *farm_emit(struct farm *f, enum farm_effect_type type,
			      enum farm_reason why)
{
	if (f->neffects == f->cap_effects) {
		f->cap_effects = f->cap_effects ? 2 * f->cap_effects : 64;
		f->effect = xreallocarray(f->effect, f->cap_effects, sizeof *f->effect);
	}
	struct farm_effect *e = &f->effect[f->neffects++];

	*e = (struct farm_effect){.type = type, .reason = why};
	return e;
}

/* Names are compared by this hash; it does not change with the farm's seed, as rings depend on it. */
uint64_t farm_hash(const char *name)
{
	uint64_t h = 0;

	for (size_t i = 0; i < FARM_MAX_NAME && name && name[i]; i++)
		h = idmap_mix(h, (unsigned char)name[i]);
	return h;
}

char *farm_name(const char *name)
{
	if (!name)
		name = "";
	return xstrndup(name, strnlen(name, FARM_MAX_NAME));
}

void farm_pool_queue(struct farm *f, struct farm_pool *p)
{
	farm_list_add(&f->queue, &p->queued, p);
}

void farm_wake(struct farm *f, nsec at)
{
	if (at < f->wake)
		f->wake = at;
}

/* ---- life ---- */

struct farm *farm_new(uint64_t seed, nsec settle)
{
	struct farm *f = xcalloc(1, sizeof *f);

	f->settle_for = settle;
	f->wake = INT64_MAX;
	f->workers.seed = f->builds.seed = f->agents.seed = seed;
	f->users.seed = f->pools.seed = seed;
	f->estimate = estimate_new(seed);
	return f;
}

void farm_free(struct farm *f)
{
	if (!f)
		return;
	while (f->all_builds.n)
		farm_build_end(f, f->all_builds.v[0]->of, false);
	while (f->all_workers.n)
		farm_worker_end(f, f->all_workers.v[0]->of);
	while (f->all_users.n) {
		struct farm_user_state *u = f->all_users.v[0]->of;

		farm_user_set(f, u->name, &(struct farm_user){0});
	}
	idmap_free(&f->workers);
	idmap_free(&f->builds);
	idmap_free(&f->agents);
	idmap_free(&f->users);
	idmap_free(&f->pools);
	free(f->all_workers.v);
	free(f->all_builds.v);
	free(f->all_users.v);
	estimate_free(f->estimate);
	free(f->effect);
	free(f);
}

/* ---- events ---- */

static void on_report(struct farm *f, const struct farm_event *ev)
{
	struct farm_worker *w = idmap_find(&f->workers, ev->worker);
	struct farm_report r = ev->report;

	if (!w)
		return;
	if (r.foreign_milli > MAX_LOAD_MILLI)
		r.foreign_milli = MAX_LOAD_MILLI;
	if (r.running > MAX_RUNNING)
		r.running = MAX_RUNNING;
	farm_worker_report(f, w, &r);
}

static void on_drain(struct farm *f, const struct farm_event *ev)
{
	struct farm_worker *w = idmap_find(&f->workers, ev->worker);

	if (!w || w->drained == ev->yes)
		return;
	w->drained = ev->yes;
	farm_worker_update(f, w);
}

/* Only who has a lease there may say anything about a worker. */
static void on_result(struct farm *f, const struct farm_event *ev)
{
	struct farm_worker *w = idmap_find(&f->workers, ev->worker);
	const struct farm_build *b = idmap_find(&f->builds, ev->build);
	struct farm_result r = ev->result;

	if (!w || !b || !farm_lease_find(b, w))
		return;
	if (r.rtt_us > MAX_RTT_US)
		r.rtt_us = MAX_RTT_US;
	farm_worker_result(f, w, b->agent->node.id, &r);
}

static void on_gone(struct farm *f, const struct farm_event *ev)
{
	struct farm_worker *w = idmap_find(&f->workers, ev->worker);
	struct farm_build *b = idmap_find(&f->builds, ev->build);
	struct farm_agent *a = idmap_find(&f->agents, ev->agent);

	if (ev->type == FARM_WORKER_GONE && w)
		farm_worker_end(f, w);
	else if (ev->type == FARM_BUILD_GONE && b)
		farm_build_end(f, b, false);
	else if (ev->type == FARM_AGENT_GONE && a)
		farm_agent_end(f, a);
}

static void dispatch(struct farm *f, const struct farm_event *ev)
{
	struct farm_build *b;

	switch (ev->type) {
	case FARM_TICK: break;
	case FARM_WORKER: farm_worker_describe(f, ev->worker, &ev->desc); break;
	case FARM_REPORT: on_report(f, ev); break;
	case FARM_DRAIN: on_drain(f, ev); break;
	case FARM_USER: farm_user_set(f, ev->name, &ev->user); break;
	case FARM_BUILD: farm_build_declare(f, ev->build, &ev->want); break;
	case FARM_HELD:
		b = idmap_find(&f->builds, ev->build);
		if (b)
			farm_lease_held(f, b, ev->worker, &ev->held);
		break;
	case FARM_RESULT: on_result(f, ev); break;
	case FARM_WORKER_GONE:
	case FARM_BUILD_GONE:
	case FARM_AGENT_GONE: on_gone(f, ev); break;
	}
}

/* ---- time ---- */

static void settled(struct farm *f)
{
	f->settling = false;
	for (size_t i = 0; i < f->all_builds.n; i++)
		farm_build_limit(f, f->all_builds.v[i]->of);
}

static void clock_set(struct farm *f, nsec now)
{
	if (!f->started) {
		f->started = true;
		f->now = now;
		f->settle = now + f->settle_for;
		f->settling = f->settle_for > 0;
		if (f->settling)
			farm_wake(f, f->settle);
		return;
	}
	nsec t = now - f->skew;
	nsec due = f->wake > f->now ? f->wake : f->now;
	nsec latest =
	    due < INT64_MAX - LATE_MS * FARM_MS ? due + LATE_MS * FARM_MS : INT64_MAX;

	if (t < f->now)
		t = f->now;
	if (t > latest)
		t = latest;
	f->skew = now - t;
	f->now = t;
}

static void housekeeping(struct farm *f)
{
	struct farm_pool *next;

	f->wake = INT64_MAX;
	if (f->settling && f->now >= f->settle)
		settled(f);
	else if (f->settling)
		farm_wake(f, f->settle);
	farm_workers_tick(f);
	farm_leases_tick(f);
	for (struct farm_pool *p = f->pool; p; p = next) {
		next = p->next;
		farm_place_tick(f, p);
	}
}

static void work_off(struct farm *f)
{
	while (f->queue.n || f->capped.n) {
		for (struct farm_user_state *u; (u = farm_list_take(&f->capped));)
			farm_user_limits(f, u);
		struct farm_pool *p = farm_list_take(&f->queue);

		if (p)
			farm_place(f, p);
	}
	farm_leases_tell(f);
}

void farm_step(struct farm *f, const struct farm_event *ev, struct farm_out *out)
{
	clock_set(f, ev->now);
	f->neffects = 0;
	if (f->now >= f->wake)
		housekeeping(f);
	dispatch(f, ev);
	work_off(f);
	/* Not sooner than a moment from now: time must pass between two wakings. */
	if (f->workers.n)
		farm_wake(f, f->now + PULSE_MS * FARM_MS);
	nsec wake = f->wake > f->now ? f->wake : f->now + FARM_MS;

	out->v = f->effect;
	out->n = f->neffects;
	out->wake = f->wake == INT64_MAX ? INT64_MAX : wake + f->skew;
}
