/* The farm for people, and the check of its books. Neither changes anything. */
#include "core/farm_parts.h"

#include <assert.h>

bool farm_worker_at(const struct farm *f, size_t i, struct farm_worker_view *v)
{
	if (i >= f->all_workers.n)
		return false;
	const struct farm_worker *w = f->all_workers.v[i]->of;

	*v = (struct farm_worker_view){.id = w->node.id,
				       .name = w->name,
				       .platform = w->pool->platform,
				       .partition = w->pool->partition,
				       .slots = w->slots,
				       .usable = w->usable,
				       .held = w->held,
				       .orphans = w->orphans,
				       .speed = estimate_speed(f->estimate, &w->speed),
				       .reason = w->reason,
				       .until = w->until ? w->until + f->skew : 0,
				       .kept = w->pool->kept == w};
	return true;
}

bool farm_build_at(const struct farm *f, size_t i, struct farm_build_view *v)
{
	if (i >= f->all_builds.n)
		return false;
	const struct farm_build *b = f->all_builds.v[i]->of;

	*v = (struct farm_build_view){.id = b->node.id,
				      .agent = b->agent->node.id,
				      .user = b->account->user->name,
				      .platform = b->account->pool->platform,
				      .partition = b->account->pool->partition,
				      .want = b->want,
				      .budget = b->share.budget,
				      .held = b->held,
				      .reason = b->reason,
				      .which = b->which};
	return true;
}

bool farm_user_at(const struct farm *f, size_t i, struct farm_user_view *v)
{
	if (i >= f->all_users.n)
		return false;
	const struct farm_user_state *u = f->all_users.v[i]->of;

	*v = (struct farm_user_view){.name = u->name, .weight = u->weight, .cap = u->cap};
	for (size_t k = 0; k < f->all_builds.n; k++) {
		const struct farm_build *b = f->all_builds.v[k]->of;

		if (b->account->user != u)
			continue;
		v->want += b->want;
		v->budget += b->share.budget;
		v->held += b->held;
		v->builds++;
	}
	return true;
}

unsigned farm_lease(const struct farm *f, uint64_t build, uint64_t worker)
{
	const struct farm_build *b = idmap_find(&f->builds, build);
	const struct farm_worker *w = idmap_find(&f->workers, worker);
	const struct farm_lease *l = b && w ? farm_lease_find(b, w) : NULL;

	return l ? l->counted : 0;
}

const char *farm_reason_text(enum farm_reason r)
{
	static const char *const text[] = {
	    [FARM_OK] = "it has all that it wants",
	    [FARM_NO_WORKERS] = "the farm has no workers",
	    [FARM_NO_PARTITION] = "no worker is in its partition",
	    [FARM_NO_PLATFORM] = "no worker of its partition has its platform",
	    [FARM_EXCLUDED] = "it excludes all workers that could take it",
	    [FARM_DRAINED] = "all workers that could take it are drained",
	    [FARM_QUARANTINED] = "all workers that could take it have failed lately",
	    [FARM_OWNER] = "all workers that could take it are used by their owners",
	    [FARM_LOADED] = "all workers that could take it are loaded by others",
	    [FARM_MEMORY] = "its jobs need more memory than any worker has",
	    [FARM_MEMORY_BUSY] = "the memory its jobs need is in use",
	    [FARM_USER_CAP] = "its user has as many slots as it may have",
	    [FARM_BUILD_CAP] = "it has as many slots as it wants at most",
	    [FARM_SHARE] = "all slots are in use and it has its fair share",
	    [FARM_COMING] = "slots are on their way to it, as jobs of others end",
	    [FARM_SETTLING] = "the farm has just started and hears what is in use",
	    [FARM_DECLARING] = "it has yet to declare what it holds",
	    [FARM_WORKER_LOST] = "the worker is gone",
	    [FARM_OVERBOOKED] = "the worker has fewer slots than that",
	    [FARM_NOT_WANTED] = "it wants no more",
	    [FARM_TOO_MANY] = "its agent has too many builds at a time",
	};

	return (size_t)r < sizeof text / sizeof *text ? text[r] : "for an unknown reason";
}

static void check_worker(const struct farm_worker *w)
{
	unsigned held = 0, rights = 0;
	uint64_t reserved = 0;

	for (const struct farm_link *i = w->leases.head; i; i = i->next) {
		const struct farm_lease *l = i->of;

		assert(l->worker == w && l->right <= l->counted);
		assert(l->counted > 0 || l->due.in); /* else it has ended */
		assert(l->build->account->pool == w->pool);
		held += l->counted;
		rights += l->right;
		reserved += (uint64_t)l->counted * l->memory_mib;
	}
	assert(held == w->held && rights == w->rights && reserved == w->reserved_mib);
	assert(rights <= w->usable && w->usable <= w->slots);
	assert(w->worth == (held > w->usable ? held : w->usable));
	assert(!w->drained || rights == 0);
}

static void check_build(const struct farm *f, const struct farm_build *b)
{
	unsigned held = 0;

	for (const struct farm_link *i = b->leases.head; i; i = i->next)
		held += ((const struct farm_lease *)i->of)->counted;
	assert(held == b->held);
	assert(b->share.budget <= b->share.limit && b->share.limit <= b->want);
	assert((b->needy.in != NULL) == (b->held < b->share.budget));
	assert((b->sticks.in != NULL) == b->stuck);
	assert(!b->touched.in && !f->touched.n && !f->changed.n && !f->queue.n);
}

void farm_check(const struct farm *f)
{
	for (size_t i = 0; i < f->all_workers.n; i++)
		check_worker(f->all_workers.v[i]->of);
	for (size_t i = 0; i < f->all_builds.n; i++)
		check_build(f, f->all_builds.v[i]->of);
	for (const struct farm_pool *p = f->pool; p; p = p->next) {
		unsigned usable = 0, capacity = 0, budget = 0;

		for (const struct farm_link *i = p->workers.head; i; i = i->next) {
			const struct farm_worker *w = i->of;

			usable += w->usable;
			capacity += w->worth;
		}
		for (size_t i = 0; i < f->all_builds.n; i++) {
			const struct farm_build *b = f->all_builds.v[i]->of;

			if (b->account->pool == p)
				budget += b->share.budget;
		}
		assert(usable == p->usable && capacity == p->capacity &&
		       budget == p->shares.root.budget);
		assert(f->settling || budget <= capacity);
	}
}
