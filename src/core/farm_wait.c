/* Why a build has not all that it wants: a refusal always carries its reason. Asked when a step has
 * changed something about the build; told when the answer is another than before. */
#include "core/farm_parts.h"

#include <string.h>

struct why {
	enum farm_reason reason;
	uint64_t which;
};

static struct why no_workers(const struct farm *f, const struct farm_pool *p)
{
	if (f->workers.n == 0)
		return (struct why){FARM_NO_WORKERS, 0};
	for (const struct farm_pool *o = f->pool; o; o = o->next)
		if (o->workers.n && strcmp(o->partition, p->partition) == 0)
			return (struct why){FARM_NO_PLATFORM, 0};
	return (struct why){FARM_NO_PARTITION, 0};
}

static struct why unusable(const struct farm_worker *w)
{
	return (struct why){w->reason == FARM_OK ? FARM_LOADED : w->reason, w->node.id};
}

/* What a build found that no free slot fits. */
static struct why nothing_fits(const struct farm_build *b)
{
	const struct farm_worker *biggest = NULL, *unused = NULL;

	for (const struct farm_link *l = b->account->pool->workers.head; l; l = l->next) {
		const struct farm_worker *w = l->of;

		if (!farm_build_accepts(b, w))
			continue;
		unused = w;
		if (w->usable == 0)
			continue;
		if (farm_worker_mib(w) == 0 || farm_worker_mib(w) >= b->memory_mib)
			return farm_worker_free(w) > 0
				   ? (struct why){FARM_MEMORY_BUSY, w->node.id}
				   : (struct why){FARM_SHARE, 0};
		if (!biggest || farm_worker_mib(w) > farm_worker_mib(biggest))
			biggest = w;
	}
	if (biggest)
		return (struct why){FARM_MEMORY, biggest->node.id};
	return unused ? unusable(unused) : (struct why){FARM_EXCLUDED, 0};
}

void farm_stuck_reason(struct farm *f, struct farm_build *b)
{
	/* A scan of the pool: not at each of many failures in a row. */
	if (b->stuck_reason != FARM_OK && f->now - b->stuck_looked < 1000 * FARM_MS)
		return;
	struct why why = nothing_fits(b);

	b->stuck_looked = f->now;
	b->stuck_reason = why.reason;
	b->stuck_which = why.which;
}

static struct why best_served(const struct farm_pool *p)
{
	const struct share *s = &p->shares.root;

	while (!s->leaf && s->heap[1].n)
		s = s->heap[1].v[0];
	if (!s->leaf)
		return (struct why){FARM_SHARE, 0};
	return (struct why){FARM_SHARE, farm_build_of(s)->agent->node.id};
}

static struct why find(const struct farm *f, const struct farm_build *b)
{
	const struct farm_account *a = b->account;
	const struct farm_pool *p = a->pool;

	if (b->held >= b->want)
		return (struct why){FARM_OK, 0};
	if (b->more)
		return (struct why){FARM_DECLARING, 0};
	if (p->workers.n == 0)
		return no_workers(f, p);
	if (f->settling)
		return (struct why){FARM_SETTLING, 0};
	if (p->usable == 0)
		return unusable(p->workers.head->of);
	if (b->share.budget > b->held)
		return (struct why){FARM_COMING, 0};
	if (b->cap && b->share.budget >= b->cap)
		return (struct why){FARM_BUILD_CAP, 0};
	if (b->stuck)
		return (struct why){b->stuck_reason, b->stuck_which};
	if (a->share.budget >= a->share.limit)
		return (struct why){FARM_USER_CAP, 0};
	return best_served(p);
}

void farm_wait_tell(struct farm *f, struct farm_build *b)
{
	struct why why = find(f, b);
	struct farm_pool *p = b->account->pool;

	if (b->share.budget == 0 && b->share.limit > 0 && !p->crowded) {
		p->crowded = true;
		farm_wake(f, f->now + FARM_TURN_MS * FARM_MS);
	}
	if (why.reason == b->reason)
		return;
	b->reason = why.reason;
	b->which = why.which;
	struct farm_effect *e = farm_emit(f, FARM_WAIT, why.reason);

	e->build = b->node.id;
	e->agent = b->agent->node.id;
	e->which = why.which;
	e->budget = b->share.budget;
	e->missing = b->want > b->held ? b->want - b->held : 0;
}
