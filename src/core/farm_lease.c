/* A lease's RIGHT is what its agent may use from now on; COUNTED is what it may still be using. Granting
 * raises both at once; recalling lowers RIGHT at once, and COUNTED when the agent confirms. So a slot is
 * never given to another while somebody may run a job on it.
 *
 * Every telling has a serial. An answer that names an older one was sent before the telling arrived and
 * says nothing about it: it is ignored, and the telling is repeated until it is answered. An agent that
 * says nothing for FARM_PATIENCE_MS although it owes an answer loses all leases of that build; one that
 * answers but holds more than its budget for FARM_STUBBORN_MS loses the rest. In both cases the workers are
 * told, and what still runs there counts as orphans. */
#include "base/mem.h"
#include "core/farm_parts.h"

#include <assert.h>
#include <stdlib.h>

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static unsigned most(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

struct farm_lease *farm_lease_find(const struct farm_build *b, const struct farm_worker *w)
{
	for (const struct farm_link *l = w->leases.head; l; l = l->next) {
		struct farm_lease *lease = l->of;

		if (lease->build == b)
			return lease;
	}
	return NULL;
}

static void lease_set(struct farm *f, struct farm_lease *l, unsigned right,
		      unsigned counted)
{
	struct farm_build *b = l->build;
	struct farm_worker *w = l->worker;

	assert(right <= counted);
	w->rights += right - l->right;
	w->held += counted - l->counted;
	w->reserved_mib -= (uint64_t)l->counted * l->memory_mib;
	b->held += counted - l->counted;
	l->right = right;
	l->counted = counted;
	w->reserved_mib += (uint64_t)l->counted * l->memory_mib;
	farm_worker_worth(w);
	if (b->held && b->share.budget)
		share_served(&w->pool->shares, &b->share);
	farm_needy(f, b);
	farm_list_add(&f->touched, &b->touched, b);
	if (b->more || f->settling)
		farm_build_limit(f, b);
}

static struct farm_lease *lease_new(struct farm_build *b, struct farm_worker *w)
{
	struct farm_lease *l = xcalloc(1, sizeof *l);

	l->build = b;
	l->worker = w;
	l->memory_mib = b->memory_mib;
	farm_list_add(&b->leases, &l->of_build, l);
	farm_list_add(&w->leases, &l->of_worker, l);
	return l;
}

static void lease_free(struct farm *f, struct farm_lease *l)
{
	lease_set(f, l, 0, 0);
	farm_list_remove(&l->of_build);
	farm_list_remove(&l->of_worker);
	farm_list_remove(&l->changed);
	farm_list_remove(&l->due);
	free(l);
}

static void orphan_jobs(const struct farm *f, struct farm_worker *w, unsigned n)
{
	w->orphans = least(w->orphans + n, w->slots);
	w->orphaned_at = f->now;
}

static struct farm_effect *emit(struct farm *f, enum farm_effect_type type,
				enum farm_reason why, const struct farm_build *b,
				uint64_t worker)
{
	struct farm_effect *e = farm_emit(f, type, why);

	e->build = b->node.id;
	e->agent = b->agent->node.id;
	e->worker = worker;
	e->budget = b->share.budget;
	return e;
}

void farm_lease_grant(struct farm *f, struct farm_build *b, struct farm_worker *w,
		      unsigned n)
{
	struct farm_lease *l = farm_lease_find(b, w);

	if (!l)
		l = lease_new(b, w);
	if (b->memory_mib > l->memory_mib) {
		w->reserved_mib += (uint64_t)l->counted * (b->memory_mib - l->memory_mib);
		l->memory_mib = b->memory_mib;
	}
	lease_set(f, l, l->right + n, most(l->right + n, l->counted));
	l->why = FARM_OK;
	farm_list_add(&f->changed, &l->changed, l);
	farm_worker_room(f, w);
}

void farm_lease_recall(struct farm *f, struct farm_lease *l, unsigned right,
		       enum farm_reason why)
{
	lease_set(f, l, right, l->counted);
	l->why = why;
	farm_list_add(&f->changed, &l->changed, l);
}

void farm_lease_end(struct farm *f, struct farm_lease *l, bool orphan,
		    enum farm_reason tell)
{
	struct farm_worker *w = l->worker;

	if (tell != FARM_OK) {
		struct farm_effect *e = emit(f, FARM_RECALL, tell, l->build, w->node.id);

		e->which = w->node.id;
		e->serial = ++f->serial;
	}
	if (orphan)
		orphan_jobs(f, w, l->counted);
	lease_free(f, l);
	farm_worker_room(f, w);
}

/* Recalls slots on W until its leases have no more than RIGHTS, from the best served first. */
void farm_lease_trim(struct farm *f, struct farm_worker *w, unsigned rights,
		     enum farm_reason why)
{
	while (w->rights > rights) {
		struct farm_lease *victim = NULL;

		for (const struct farm_link *l = w->leases.head; l; l = l->next) {
			struct farm_lease *lease = l->of;

			if (lease->right > 0 &&
			    (!victim || share_compare(&lease->build->share,
						      &victim->build->share) > 0))
				victim = lease;
		}
		unsigned down = rights == 0 ? victim->right : 1;

		farm_lease_recall(f, victim, victim->right - down, why);
	}
}

/* ---- what agents say ---- */

/* The agent holds slots there of which the farm knows nothing. */
static void adopt(struct farm *f, struct farm_build *b, struct farm_worker *w,
		  const struct farm_held *h)
{
	unsigned slots = least(h->slots, w->slots);
	unsigned used = least(h->used, w->slots);

	w->orphans -= least(w->orphans, used);
	unsigned right = least(slots, farm_worker_free(w));
	struct farm_lease *l = lease_new(b, w);

	lease_set(f, l, right, most(right, used));
	l->told = h->slots;
	l->why = right < h->slots ? FARM_OVERBOOKED : FARM_OK;
	l->must_tell = true;
	farm_list_add(&f->changed, &l->changed, l);
	farm_worker_room(f, w);
}

static void refuse(struct farm *f, const struct farm_build *b, uint64_t worker,
		   const struct farm_held *h, enum farm_reason why)
{
	if (h->slots == 0)
		return;
	struct farm_effect *e = emit(f, FARM_RECALL, why, b, worker);

	e->which = worker;
	e->serial = ++f->serial;
}

void farm_lease_held(struct farm *f, struct farm_build *b, uint64_t worker,
		     const struct farm_held *h)
{
	struct farm_worker *w = idmap_find(&f->workers, worker);
	struct farm_lease *l = w ? farm_lease_find(b, w) : NULL;

	b->heard = f->now;
	if (b->evicted) { /* it lives after all */
		b->more = b->evicted = false;
		farm_build_limit(f, b);
	}
	if (!l) {
		if (w && b->more && (h->slots || h->used))
			adopt(f, b, w, h);
		else
			refuse(f, b, worker, h, w ? FARM_OVERBOOKED : FARM_WORKER_LOST);
		return;
	}
	if (h->serial < l->serial)
		return;
	unsigned right = least(l->right, h->slots);
	unsigned counted = most(right, least(h->used, l->counted));

	l->told = right;
	lease_set(f, l, right, counted);
	farm_list_remove(&l->due);
	if (counted == 0) {
		lease_free(f, l);
	} else if (counted > right) {
		l->told_at = f->now;
		farm_list_add(&f->due_leases, &l->due, l);
	}
	farm_worker_room(f, w);
}

/* ---- telling ---- */

static void lease_emit(struct farm *f, struct farm_lease *l, enum farm_effect_type type)
{
	struct farm_effect *e = emit(f, type, l->why, l->build, l->worker->node.id);

	e->slots = l->right;
	e->serial = l->serial;
	e->which = l->why == FARM_OK ? 0 : l->worker->node.id;
	l->build->told = l->build->share.budget;
	l->told_at = f->now;
	farm_list_remove(&l->due);
	farm_list_add(&f->due_leases, &l->due, l);
	farm_wake(f, f->now + FARM_RESEND_MS * FARM_MS);
}

static void lease_tell(struct farm *f, struct farm_lease *l)
{
	if (l->right == l->told && !l->must_tell)
		return;
	enum farm_effect_type type = l->right >= l->told ? FARM_GRANT : FARM_RECALL;

	l->told = l->right;
	l->must_tell = false;
	l->serial = ++f->serial;
	lease_emit(f, l, type);
}

static void budget_emit(struct farm *f, struct farm_build *b)
{
	bool own = b->share.budget == b->share.limit;

	emit(f, FARM_BUDGET, own ? FARM_NOT_WANTED : FARM_SHARE, b, 0);
	b->told = b->share.budget;
	b->told_at = f->now;
}

static void budget_tell(struct farm *f, struct farm_build *b)
{
	unsigned budget = b->share.budget;
	bool over = b->held > budget;

	if (over ? b->told != budget : b->told < b->held)
		budget_emit(f, b);
	if (!over) {
		b->over_since = INT64_MAX;
		farm_list_remove(&b->due);
	} else if (b->over_since == INT64_MAX) {
		b->over_since = f->now;
		farm_list_add(&f->due_builds, &b->due, b);
		farm_wake(f, f->now + FARM_RESEND_MS * FARM_MS);
	}
}

void farm_leases_tell(struct farm *f)
{
	for (struct farm_lease *l; (l = farm_list_take(&f->changed));)
		lease_tell(f, l);
	for (struct farm_build *b; (b = farm_list_take(&f->touched));) {
		budget_tell(f, b);
		farm_wait_tell(f, b);
	}
}

/* ---- agents that do not answer, or do not obey ---- */

/* The worker hears what B's agent may still run there. */
static void evict_there(struct farm *f, const struct farm_build *b, struct farm_worker *w,
			enum farm_reason why)
{
	unsigned slots = 0;

	for (const struct farm_link *l = w->leases.head; l; l = l->next) {
		const struct farm_lease *lease = l->of;

		if (lease->build->agent == b->agent)
			slots += lease->right;
	}
	emit(f, FARM_EVICT, why, b, w->node.id)->slots = slots;
}

static void evict_all(struct farm *f, struct farm_build *b)
{
	b->more = b->evicted = true;
	while (b->leases.head) {
		struct farm_lease *l = b->leases.head->of;
		struct farm_worker *w = l->worker;

		farm_lease_end(f, l, true, FARM_DECLARING);
		evict_there(f, b, w, FARM_DECLARING);
	}
	farm_build_limit(f, b);
}

static void evict_excess(struct farm *f, struct farm_build *b)
{
	for (struct farm_link *next, *i = b->leases.head; i && b->held > b->share.budget;
	     i = next) {
		struct farm_lease *l = i->of;
		struct farm_worker *w = l->worker;
		unsigned cut = least(l->counted, b->held - b->share.budget);
		unsigned counted = l->counted - cut;

		next = i->next;
		orphan_jobs(f, w, cut);
		lease_set(f, l, least(l->right, counted), counted);
		l->why = FARM_SHARE;
		l->must_tell = true;
		farm_list_add(&f->changed, &l->changed, l);
		evict_there(f, b, w, FARM_SHARE);
		farm_worker_room(f, w);
	}
}

static bool silent(const struct farm *f, const struct farm_build *b)
{
	return f->now - b->heard >= FARM_PATIENCE_MS * FARM_MS;
}

static void leases_tick(struct farm *f)
{
	/* One pass: what is told again goes to the end of the list. */
	for (size_t n = f->due_leases.n; n > 0 && f->due_leases.head; n--) {
		struct farm_lease *l = f->due_leases.head->of;
		nsec at = l->told_at + FARM_RESEND_MS * FARM_MS;

		if (at > f->now) {
			farm_wake(f, at);
			return;
		}
		if (silent(f, l->build))
			evict_all(f, l->build);
		else
			lease_emit(f, l, l->why == FARM_OK ? FARM_GRANT : FARM_RECALL);
	}
}

static void builds_tick(struct farm *f)
{
	for (struct farm_link *next, *i = f->due_builds.head; i; i = next) {
		struct farm_build *b = i->of;

		next = i->next;
		if (silent(f, b))
			evict_all(f, b);
		else if (f->now - b->over_since >= FARM_STUBBORN_MS * FARM_MS)
			evict_excess(f, b);
		else if (f->now - b->told_at >= FARM_PATIENCE_MS * FARM_MS / 3)
			budget_emit(f, b);
	}
	if (f->due_builds.head)
		farm_wake(f, f->now + FARM_RESEND_MS * FARM_MS);
}

void farm_leases_tick(struct farm *f)
{
	leases_tick(f);
	builds_tick(f);
}
