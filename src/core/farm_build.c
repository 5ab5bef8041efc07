/* Who wants what: pools, users, agents and their builds. A user has an account in each pool where it has
 * builds; the accounts and builds are the inner nodes and leaves of the pool's tree of shares.
 *
 * A build's limit in the tree is what it wants, cut by its own cap; while it is stuck, what fits; while it
 * still declares, what it holds. A user's cap over all pools becomes a limit of each of its accounts:
 * the cap minus what its other accounts have. */
#include "base/mem.h"
#include "core/farm_parts.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
	MAX_MIB = 1 << 30 /* of a job: what a worker of unknown memory holds is more */
};

/* ---- pools ---- */

struct farm_pool *farm_pool_get(struct farm *f, const char *partition, const char *platform)
{
	uint64_t id = idmap_mix(farm_hash(partition), farm_hash(platform));
	struct farm_pool *p = idmap_find(&f->pools, id);

	if (p)
		return p;
	if (f->pools.n >= FARM_MAX_POOLS)
		return NULL;
	p = xcalloc(1, sizeof *p);
	p->node.id = id;
	p->partition = farm_name(partition);
	p->platform = farm_name(platform);
	share_tree_init(&p->shares);
	p->shares.now = f->now;
	p->shares.changed = farm_budget_changed;
	p->shares.context = f;
	p->next = f->pool;
	f->pool = p;
	idmap_add(&f->pools, &p->node);
	return p;
}

void farm_pool_put(struct farm *f, struct farm_pool *p)
{
	if (p->workers.n || p->builds)
		return;
	struct farm_pool **at = &f->pool;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	farm_list_remove(&p->queued);
	idmap_remove(&f->pools, &p->node);
	ladder_free(&p->ladder);
	free(p->shares.root.heap[0].v);
	free(p->shares.root.heap[1].v);
	free(p->partition);
	free(p->platform);
	free(p);
}

/* ---- users and accounts ---- */

static struct farm_user_state *user_get(struct farm *f, const char *name)
{
	uint64_t id = farm_hash(name);
	struct farm_user_state *u = idmap_find(&f->users, id);

	if (!u) {
		u = xcalloc(1, sizeof *u);
		u->node.id = id;
		u->name = farm_name(name);
		u->weight = 1;
		idmap_add(&f->users, &u->node);
		farm_vec_add(&f->all_users, &u->index, u);
	}
	return u;
}

static void user_put(struct farm *f, struct farm_user_state *u)
{
	if (u->accounts.n || u->configured)
		return;
	farm_list_remove(&u->capped);
	farm_vec_remove(&f->all_users, &u->index);
	idmap_remove(&f->users, &u->node);
	free(u->name);
	free(u);
}

/* Divides a user's cap between its accounts anew. */
void farm_user_limits(struct farm *f, struct farm_user_state *u)
{
	unsigned total = 0;

	for (struct farm_link *l = u->accounts.head; l; l = l->next)
		total += ((struct farm_account *)l->of)->share.budget;
	for (struct farm_link *l = u->accounts.head; l; l = l->next) {
		struct farm_account *a = l->of;
		unsigned limit = UINT_MAX;

		if (u->cap) {
			unsigned others = total - a->share.budget;

			limit = others < u->cap ? u->cap - others : 0;
		}
		if (limit == a->share.limit)
			continue;
		unsigned before = a->share.budget;

		share_set_limit(&a->pool->shares, &a->share, limit);
		total -= before - a->share.budget;
		farm_pool_queue(f, a->pool);
	}
}

void farm_user_set(struct farm *f, const char *name, const struct farm_user *set)
{
	struct farm_user_state *u = user_get(f, name);

	u->configured = set->weight > 1 || set->cap > 0;
	u->weight = set->weight ? set->weight : 1;
	if (u->weight > FARM_MAX_WEIGHT)
		u->weight = FARM_MAX_WEIGHT;
	u->cap = set->cap;
	for (struct farm_link *l = u->accounts.head; l; l = l->next) {
		struct farm_account *a = l->of;

		share_set_weight(&a->pool->shares, &a->share, u->weight);
		farm_pool_queue(f, a->pool);
	}
	farm_user_limits(f, u);
	user_put(f, u);
}

static struct farm_account *account_get(struct farm *f, struct farm_user_state *u,
					struct farm_pool *p)
{
	for (struct farm_link *l = u->accounts.head; l; l = l->next) {
		struct farm_account *a = l->of;

		if (a->pool == p)
			return a;
	}
	struct farm_account *a = xcalloc(1, sizeof *a);

	a->user = u;
	a->pool = p;
	share_add(&p->shares, &p->shares.root, &a->share, false, u->weight);
	farm_list_add(&u->accounts, &a->of_user, a);
	farm_user_limits(f, u);
	return a;
}

static void account_put(struct farm *f, struct farm_account *a)
{
	if (a->builds)
		return;
	struct farm_user_state *u = a->user;

	share_remove(&a->pool->shares, &a->share);
	farm_list_remove(&a->of_user);
	free(a);
	user_put(f, u);
}

/* ---- builds ---- */

static int hash_compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void names_set(struct farm_names *names, const char **v, size_t n)
{
	free(names->v);
	names->n = n < FARM_MAX_NAMES ? n : FARM_MAX_NAMES;
	names->v = NULL;
	if (names->n == 0)
		return;
	names->v = xreallocarray(NULL, names->n, sizeof *names->v);
	for (size_t i = 0; i < names->n; i++)
		names->v[i] = farm_hash(v[i]);
	qsort(names->v, names->n, sizeof *names->v, hash_compare);
}

static bool names_have(const struct farm_names *names, uint64_t hash)
{
	return names->n && bsearch(&hash, names->v, names->n, sizeof hash, hash_compare);
}

bool farm_build_accepts(const struct farm_build *b, const struct farm_worker *w)
{
	if (b->only.n && !names_have(&b->only, w->name_hash))
		return false;
	return !names_have(&b->exclude, w->name_hash);
}

static struct farm_agent *agent_get(struct farm *f, uint64_t id)
{
	struct farm_agent *a = idmap_find(&f->agents, id);

	if (!a) {
		a = xcalloc(1, sizeof *a);
		a->node.id = id;
		idmap_add(&f->agents, &a->node);
	}
	return a;
}

static void agent_put(struct farm *f, struct farm_agent *a)
{
	if (a->builds.n)
		return;
	idmap_remove(&f->agents, &a->node);
	free(a);
}

static uint64_t build_weight(const struct farm_want *w)
{
	static const uint64_t times[] = {
	    [FARM_NORMAL] = 8, [FARM_LOW] = 1, [FARM_HIGH] = 64};
	uint64_t weight = w->weight ? w->weight : 1;

	if (weight > FARM_MAX_WEIGHT)
		weight = FARM_MAX_WEIGHT;
	return weight * times[w->priority <= FARM_HIGH ? w->priority : FARM_NORMAL];
}

static struct farm_build *build_new(struct farm *f, uint64_t id, const struct farm_want *w,
				    struct farm_pool *p)
{
	struct farm_build *b = xcalloc(1, sizeof *b);

	b->node.id = id;
	b->agent = agent_get(f, w->agent);
	b->account = account_get(f, user_get(f, w->user), p);
	b->account->builds++;
	p->builds++;
	b->stuck_since = INT64_MAX;
	b->over_since = INT64_MAX;
	b->heard = f->now;
	share_add(&p->shares, &b->account->share, &b->share, true, build_weight(w));
	farm_list_add(&b->agent->builds, &b->of_agent, b);
	farm_vec_add(&f->all_builds, &b->index, b);
	idmap_add(&f->builds, &b->node);
	return b;
}

void farm_build_limit(struct farm *f, struct farm_build *b)
{
	unsigned limit = b->cap && b->cap < b->want ? b->cap : b->want;

	if (b->stuck && b->fitting < limit)
		limit = b->fitting;
	if ((b->more || f->settling) && b->held < limit)
		limit = b->held;
	share_set_limit(&b->account->pool->shares, &b->share, limit);
	farm_list_add(&f->touched, &b->touched, b);
	farm_pool_queue(f, b->account->pool);
}

/* The pool that W asks for; NULL: one more for this agent or this user is one too many. */
static struct farm_pool *pool_for(struct farm *f, const struct farm_want *w)
{
	const struct farm_agent *a = idmap_find(&f->agents, w->agent);
	const struct farm_user_state *u = idmap_find(&f->users, farm_hash(w->user));
	uint64_t id = idmap_mix(farm_hash(w->partition), farm_hash(w->platform));

	if (a && a->builds.n >= FARM_MAX_BUILDS)
		return NULL;
	if (u && u->accounts.n >= FARM_MAX_USER_POOLS) {
		for (const struct farm_link *l = u->accounts.head; l; l = l->next) {
			struct farm_pool *p = ((struct farm_account *)l->of)->pool;

			if (p->node.id == id)
				return p;
		}
		return NULL;
	}
	return farm_pool_get(f, w->partition, w->platform);
}

static void refuse(struct farm *f, uint64_t id, const struct farm_want *w)
{
	struct farm_effect *e = farm_emit(f, FARM_WAIT, FARM_TOO_MANY);

	e->build = id;
	e->agent = w->agent;
	e->missing = w->slots;
}

/* The build at ID when it is the same one as W describes; else room has been made for a new one. */
static struct farm_build *build_same(struct farm *f, uint64_t id, const struct farm_want *w)
{
	struct farm_build *b = idmap_find(&f->builds, id);

	if (!b || (b->account->user->node.id == farm_hash(w->user) &&
		   b->account->pool->node.id ==
		       idmap_mix(farm_hash(w->partition), farm_hash(w->platform))))
		return b;
	farm_build_end(f, b, true);
	return NULL;
}

void farm_build_declare(struct farm *f, uint64_t id, const struct farm_want *w)
{
	struct farm_build *b = idmap_find(&f->builds, id);

	if (b && b->agent->node.id != w->agent)
		return;
	b = build_same(f, id, w);
	if (!b) {
		struct farm_pool *p = pool_for(f, w);

		if (!p) {
			refuse(f, id, w);
			return;
		}
		b = build_new(f, id, w, p);
	}
	struct farm_pool *p = b->account->pool;

	b->want = w->slots < FARM_MAX_WANT ? w->slots : FARM_MAX_WANT;
	b->cap = w->cap;
	b->memory_mib = w->memory_mib < MAX_MIB ? w->memory_mib : MAX_MIB;
	b->cpu = w->cpu > 0 ? w->cpu : 0;
	if (b->cpu)
		p->mean_cpu += ((double)b->cpu - p->mean_cpu) / (p->mean_cpu > 0 ? 16 : 1);
	b->affinity = w->affinity ? w->affinity : idmap_mix(1, w->agent);
	names_set(&b->exclude, w->exclude, w->nexclude);
	names_set(&b->only, w->only, w->nonly);
	b->more = w->more;
	b->evicted = false;
	b->heard = f->now;
	share_set_weight(&p->shares, &b->share, build_weight(w));
	farm_build_unstick(f, b);
	if (farm_pool_could(p, b->memory_mib))
		farm_build_limit(f, b);
	else
		farm_build_stick(f, b); /* others need not give up anything for it */
}

/* ORPHAN: its jobs may still run on the slots it held. */
void farm_build_end(struct farm *f, struct farm_build *b, bool orphan)
{
	struct farm_pool *p = b->account->pool;

	if (p->kept_for == b) {
		struct farm_worker *w = p->kept;

		p->kept_for = NULL;
		p->kept = NULL;
		if (w)
			farm_worker_room(f, w);
	}
	while (b->leases.head)
		farm_lease_end(f, b->leases.head->of, orphan, FARM_OK);
	share_remove(&p->shares, &b->share);
	farm_list_remove(&b->needy);
	farm_list_remove(&b->sticks);
	farm_list_remove(&b->touched);
	farm_list_remove(&b->due);
	farm_list_remove(&b->of_agent);
	farm_vec_remove(&f->all_builds, &b->index);
	idmap_remove(&f->builds, &b->node);
	b->account->builds--;
	p->builds--;
	account_put(f, b->account);
	agent_put(f, b->agent);
	farm_pool_queue(f, p);
	farm_pool_put(f, p);
	free(b->exclude.v);
	free(b->only.v);
	free(b);
}

void farm_agent_end(struct farm *f, struct farm_agent *a)
{
	for (size_t n = a->builds.n; n > 0; n--)
		farm_build_end(f, a->builds.head->of, true);
}

/* Called by the tree of shares. */
void farm_budget_changed(void *context, struct share *leaf)
{
	struct farm *f = context;
	struct farm_build *b = farm_build_of(leaf);
	struct farm_user_state *u = b->account->user;

	farm_needy(f, b);
	farm_list_add(&f->touched, &b->touched, b);
	farm_pool_queue(f, b->account->pool);
	if (u->cap && u->accounts.n > 1)
		farm_list_add(&f->capped, &u->capped, u);
}
