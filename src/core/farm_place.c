/* Budgets become leases. A build whose budget is more than it holds is NEEDY; the needy are served in
 * turn, those with costly jobs first, each from the fastest worker with room that accepts it; among workers
 * of the same grade from that where its files' hash falls on the ring of their names, so that a project
 * meets the same workers again and few of them are new to it.
 *
 * A build that no free slot fits (memory, exclusions) is STUCK: its limit falls to what it holds, so
 * that its part is lent, and rises when a worker with room for it is seen. When one that deserves more has
 * been stuck for FARM_STARVE_MS, a worker is KEPT for it: nobody else gets slots there, and slots are
 * recalled until it fits. One worker a pool is kept at a time.
 *
 * Whatever happens here that may let others have more queues the pool again; the step ends when nothing does.
 * Invariant then: no worker has room for a needy build, unless it is kept for another. */
#include "core/farm_parts.h"

#include <assert.h>

enum {
	KEEP_MS = 60 * 1000,
	LOOK_AT_STUCK = 16,    /* builds considered at a time for keeping a worker */
	SORT_AT_ONCE = 64,     /* a ladder of so few is sorted whenever it is stale; */
	SORT_US_A_WORKER = 200 /* a bigger one so seldom */
};

void farm_needy(struct farm *f, struct farm_build *b)
{
	struct farm_pool *p = b->account->pool;

	if (b->held >= b->share.budget) {
		if (b->share.budget)
			share_served(&p->shares, &b->share);
		farm_list_remove(&b->needy);
		return;
	}
	bool costly = (double)b->cpu > 2 * p->mean_cpu;

	farm_list_add(&p->needy[costly ? 0 : 1], &b->needy, b);
	farm_pool_queue(f, p);
}

/* ---- the search ---- */

static struct farm_worker *at(const struct ladder *l, size_t i)
{
	return (struct farm_worker *)((char *)l->v[i].rung -
				      offsetof(struct farm_worker, rung));
}

static struct farm_worker *find_between(const struct farm_pool *p,
					const struct farm_build *b, size_t from, size_t to)
{
	const struct ladder *l = &p->ladder;
	uint32_t need = b->memory_mib < UINT32_MAX - 1 ? b->memory_mib + 1 : UINT32_MAX;

	for (size_t i = from; (i = ladder_find(l, i, to, need)) != LADDER_NONE; i++)
		if (farm_build_accepts(b, at(l, i)))
			return at(l, i);
	return NULL;
}

static struct farm_worker *find(const struct farm_pool *p, const struct farm_build *b)
{
	const struct ladder *l = &p->ladder;
	size_t lo, hi;

	if (p->kept && p->kept_for == b && farm_worker_fits(p->kept, b->memory_mib))
		return p->kept;
	for (size_t i = 0; (i = ladder_find(l, i, l->n, 1)) != LADDER_NONE; i = hi) {
		size_t start = ladder_ring(l, i, b->affinity, &lo, &hi);
		struct farm_worker *w = find_between(p, b, start, hi);

		if (!w)
			w = find_between(p, b, lo, start);
		if (w)
			return w;
	}
	return NULL;
}

/* ---- stuck builds ---- */

static void unkeep(struct farm *f, struct farm_pool *p)
{
	struct farm_worker *w = p->kept;

	p->kept = NULL;
	p->kept_for = NULL;
	if (w)
		farm_worker_room(f, w);
}

void farm_build_unstick(struct farm *f, struct farm_build *b)
{
	struct farm_pool *p = b->account->pool;

	if (!b->stuck)
		return;
	b->stuck = false;
	farm_list_remove(&b->sticks);
	if (p->kept_for == b && b->want <= b->held)
		unkeep(f, p);
}

void farm_build_stick(struct farm *f, struct farm_build *b)
{
	struct farm_pool *p = b->account->pool;

	b->stuck = true;
	b->fitting = b->held;
	if (b->stuck_since == INT64_MAX)
		b->stuck_since = f->now;
	farm_list_add(&p->stuck, &b->sticks, b);
	farm_stuck_reason(f, b);
	farm_build_limit(f, b);
	farm_wake(f, b->stuck_since + FARM_STARVE_MS * FARM_MS);
}

static void place_one(struct farm *f, struct farm_pool *p, struct farm_build *b)
{
	struct farm_worker *w = find(p, b);

	if (!w) {
		farm_build_stick(f, b);
		return;
	}
	unsigned n = farm_worker_fits(w, b->memory_mib);
	unsigned need = b->share.budget - b->held;

	assert(n > 0);
	farm_lease_grant(f, b, w, n < need ? n : need);
	if (p->kept == w)
		unkeep(f, p);
	b->stuck_since = INT64_MAX;
	if (b->stuck) { /* where one was found there may be more */
		farm_build_unstick(f, b);
		farm_build_limit(f, b);
	}
}

static bool kept_is_ready(const struct farm_pool *p)
{
	return p->kept && p->kept_for->needy.in &&
	       farm_worker_fits(p->kept, p->kept_for->memory_mib) > 0;
}

static void serve(struct farm *f, struct farm_pool *p)
{
	if (kept_is_ready(p))
		place_one(f, p, p->kept_for);
	for (int i = 0; i < 2; i++) {
		while (p->needy[i].head && p->ladder.n && p->ladder.tree[1] > 0) {
			struct farm_build *b = p->needy[i].head->of;

			/* To the end of the line, unless this fills it. */
			farm_list_remove(&b->needy);
			place_one(f, p, b);
			farm_needy(f, b);
		}
	}
}

static void sort(struct farm *f, struct farm_pool *p)
{
	nsec next = p->sorted_at + (nsec)p->ladder.n * SORT_US_A_WORKER * 1000;

	if (p->ladder.stale == 0)
		return;
	if (p->ladder.n > SORT_AT_ONCE && next > f->now) {
		farm_wake(f, next);
		return;
	}
	ladder_sort(&p->ladder);
	p->sorted_at = f->now;
}

void farm_place(struct farm *f, struct farm_pool *p)
{
	sort(f, p);
	if (f->settling)
		return;
	p->shares.now = f->now;
	share_balance(&p->shares, p->capacity);
	serve(f, p);
}

/* ---- making room ---- */

/* As if all that has been recalled there were back: does one job of B fit? */
static bool will_fit(const struct farm_worker *w, const struct farm_build *b)
{
	uint64_t all = farm_worker_mib(w), reserved = 0;

	if (w->rights + w->orphans >= w->usable)
		return false;
	for (const struct farm_link *l = w->leases.head; l; l = l->next) {
		const struct farm_lease *lease = l->of;

		reserved += (uint64_t)lease->right * lease->memory_mib;
	}
	return all == 0 || reserved + b->memory_mib <= all;
}

static struct farm_worker *worth_keeping(const struct farm_pool *p,
					 const struct farm_build *b)
{
	struct farm_worker *best = NULL;

	for (const struct farm_link *l = p->workers.head; l; l = l->next) {
		struct farm_worker *w = l->of;
		uint64_t all = farm_worker_mib(w);

		if (w->usable == 0 || !farm_build_accepts(b, w) ||
		    (all && all < b->memory_mib))
			continue;
		if (!best || w->rights < best->rights)
			best = w;
	}
	return best;
}

/* Whoever a worker is kept for needs a budget, or nobody would ever use it. */
static void claim(struct farm *f, struct farm_pool *p)
{
	struct farm_build *b = p->kept_for;

	if (b->fitting <= b->held) {
		b->fitting = b->held + 1;
		farm_build_limit(f, b);
	}
	if (b->held == 0)
		share_claim(&p->shares, &b->share, p->capacity);
}

static void keep(struct farm *f, struct farm_pool *p, struct farm_build *b)
{
	struct farm_worker *w = worth_keeping(p, b);

	if (!w)
		return;
	p->kept = w;
	p->kept_for = b;
	p->kept_at = f->now;
	while (w->rights > 0 && !will_fit(w, b))
		farm_lease_trim(f, w, w->rights - 1, FARM_SHARE);
	claim(f, p);
	farm_worker_room(f, w);
}

static void keep_for_the_starving(struct farm *f, struct farm_pool *p)
{
	int looks = 0;

	for (struct farm_link *l = p->stuck.head; l && !p->kept && looks < LOOK_AT_STUCK;
	     l = l->next, looks++) {
		struct farm_build *b = l->of;

		if (f->now - b->stuck_since >= FARM_STARVE_MS * FARM_MS &&
		    b->held < b->want && share_deserves(&p->shares, &b->share))
			keep(f, p, b);
	}
	if (p->stuck.head)
		farm_wake(f, f->now + FARM_STARVE_MS * FARM_MS / 2);
}

static void turns(struct farm *f, struct farm_pool *p)
{
	const struct share_heap *rich = &p->shares.root.heap[1];
	nsec turn = FARM_TURN_MS * FARM_MS;

	if (f->now - p->turns_at < turn / 2) {
		farm_wake(f, p->turns_at + turn / 2);
		return;
	}
	p->turns_at = p->shares.now = f->now;
	p->crowded = share_turns(&p->shares, &p->shares.root, turn);
	for (size_t i = 0; i < rich->n; i++)
		if (share_turns(&p->shares, rich->v[i], turn))
			p->crowded = true;
	if (p->crowded)
		farm_wake(f, f->now + turn / 2);
}

/* Is keeping P's worker still of use? */
static bool worth_it(const struct farm *f, const struct farm_pool *p)
{
	const struct farm_build *b = p->kept_for;

	return f->now - p->kept_at < KEEP_MS * FARM_MS && b->held < b->want &&
	       (b->share.budget > b->held || b->held == 0);
}

void farm_place_tick(struct farm *f, struct farm_pool *p)
{
	if (p->kept && worth_it(f, p))
		claim(f, p);
	else if (p->kept)
		unkeep(f, p);
	else if (p->stuck.head && !f->settling)
		keep_for_the_starving(f, p);
	if (p->crowded && !f->settling)
		turns(f, p);
	if (p->ladder.stale)
		farm_pool_queue(f, p);
}
