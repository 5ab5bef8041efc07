/* The two index structures of the farm against obvious ones: the tree of shares against a division done slot
 * by slot over all, the ladder against a scan. */
#include "core/farm_ladder.h"
#include "core/farm_share.h"
#include "core/idmap.h"
#include "test.h"

#include <stdbool.h>

enum {
	GROUPS = 5,
	LEAVES = 4, /* of each group */
	RUNGS = 100,
};

static uint64_t chance_state;

static unsigned below(unsigned n)
{
	return (unsigned)(idmap_mix(7, chance_state++) % n);
}

/* ---- shares ---- */

static void ignore(void *context, struct share *leaf)
{
	(void)context;
	(void)leaf;
}

struct tree {
	struct share_tree tree;
	struct share group[GROUPS], leaf[GROUPS][LEAVES];
};

static void tree_new(struct tree *t)
{
	*t = (struct tree){0};
	share_tree_init(&t->tree);
	t->tree.changed = ignore;
	for (int g = 0; g < GROUPS; g++) {
		share_add(&t->tree, &t->tree.root, &t->group[g], false, 1 + below(5));
		for (int i = 0; i < LEAVES; i++)
			share_add(&t->tree, &t->group[g], &t->leaf[g][i], true,
				  1 + below(9));
	}
}

/* Could H (who wants more) take one from V and still have less than V had? */
static bool unfair(const struct share *h, const struct share *v)
{
	if (h->budget == 0)
		return v->budget > 1;
	return v->budget > 1 && (h->budget + 1) * v->weight < v->budget * h->weight;
}

static bool wants(const struct share *s, const struct share *leaves)
{
	if (leaves == NULL)
		return s->budget < s->limit;
	for (int i = 0; i < LEAVES; i++)
		if (leaves[i].budget < leaves[i].limit)
			return s->budget < s->limit;
	return false;
}

static void tree_check(const struct tree *t, unsigned capacity)
{
	unsigned total = 0;
	bool hungry = false;

	for (int g = 0; g < GROUPS; g++) {
		unsigned sum = 0;

		for (int i = 0; i < LEAVES; i++) {
			const struct share *leaf = &t->leaf[g][i];

			sum += leaf->budget;
			CHECK(leaf->budget <= leaf->limit);
			for (int k = 0; k < LEAVES; k++)
				CHECK(!wants(leaf, NULL) || !unfair(leaf, &t->leaf[g][k]));
		}
		CHECK(sum == t->group[g].budget && sum <= t->group[g].limit);
		total += sum;
		hungry |= wants(&t->group[g], t->leaf[g]);
		for (int k = 0; k < GROUPS; k++)
			CHECK(!wants(&t->group[g], t->leaf[g]) ||
			      !unfair(&t->group[g], &t->group[k]));
	}
	CHECK(total == t->tree.root.budget && total <= capacity);
	CHECK(total == capacity || !hungry);
}

static void test_shares(void)
{
	struct tree t;

	for (int round = 0; round < 40; round++) {
		unsigned capacity = below(60);

		tree_new(&t);
		for (int i = 0; i < 200; i++) {
			int g = (int)below(GROUPS), k = (int)below(LEAVES);

			t.tree.now++;
			if (below(10) == 0)
				capacity = below(60);
			else if (below(10) == 0)
				share_set_weight(&t.tree, &t.leaf[g][k], 1 + below(9));
			else if (below(10) == 0)
				share_set_limit(&t.tree, &t.group[g], below(30));
			else
				share_set_limit(&t.tree, &t.leaf[g][k], below(30));
			share_balance(&t.tree, capacity);
			tree_check(&t, capacity);
		}
		for (int g = 0; g < GROUPS; g++) {
			for (int k = 0; k < LEAVES; k++)
				share_remove(&t.tree, &t.leaf[g][k]);
			share_remove(&t.tree, &t.group[g]);
		}
		CHECK(t.tree.root.budget == 0);
	}
}

static void test_turns(void)
{
	struct tree t;
	unsigned served[GROUPS] = {0};

	tree_new(&t);
	for (int g = 0; g < GROUPS; g++)
		share_set_limit(&t.tree, &t.leaf[g][0], 3);
	for (int i = 0; i < 5000; i++) {
		t.tree.now++;
		share_balance(&t.tree, 2);
		share_turns(&t.tree, &t.tree.root, 10);
		for (int g = 0; g < GROUPS; g++) {
			if (t.leaf[g][0].budget)
				share_served(&t.tree, &t.leaf[g][0]);
			served[g] += t.leaf[g][0].budget;
		}
	}
	for (int g = 0; g < GROUPS; g++)
		CHECK(served[g] > 1800 && served[g] < 2200); /* of 10000, a fifth */
}

/* ---- ladder ---- */

struct step {
	struct rung rung;
	uint32_t room;
	bool there;
};

static size_t scan(const struct ladder *l, const struct step *s, size_t from, size_t to,
		   uint32_t need)
{
	for (size_t i = from; i < to && i < l->n; i++)
		for (int k = 0; k < RUNGS; k++)
			if (s[k].there && s[k].rung.at == i && s[k].room >= need)
				return i;
	return LADDER_NONE;
}

static void check_sorted(const struct ladder *l)
{
	size_t lo, hi;

	for (size_t i = 1; i < l->n; i++) {
		const struct rung *a = l->v[i - 1].rung, *b = l->v[i].rung;

		CHECK(a->grade > b->grade || (a->grade == b->grade && a->mix <= b->mix));
	}
	for (size_t i = 0; i < l->n; i++) {
		size_t at = ladder_ring(l, i, l->v[i].rung->mix, &lo, &hi);

		CHECK(lo <= i && i < hi && at == i);
	}
}

static void test_ladder(void)
{
	struct ladder l = {0};
	struct step s[RUNGS] = {0};

	for (int i = 0; i < 4000; i++) {
		struct step *p = &s[below(RUNGS)];
		size_t from = below(RUNGS), to = below(RUNGS);
		uint32_t need = 1 + below(50);

		if (!p->there) {
			p->rung.mix = idmap_mix(1, (uint64_t)i);
			p->rung.grade = below(5);
			p->there = true;
			p->room = 0;
			ladder_add(&l, &p->rung);
		} else if (below(8) == 0) {
			ladder_remove(&l, &p->rung);
			p->there = false;
		} else if (below(8) == 0) {
			ladder_grade(&l, &p->rung, below(5));
		} else {
			p->room = below(50);
			ladder_set(&l, &p->rung, p->room);
		}
		CHECK(ladder_find(&l, from, to, need) == scan(&l, s, from, to, need));
		if (i % 50 == 0) {
			ladder_sort(&l);
			check_sorted(&l);
		}
	}
	ladder_free(&l);
}

TESTS({"shares are max-min fair by weight", test_shares},
      {"turns where there are more claimants than slots", test_turns},
      {"the ladder finds what a scan finds", test_ladder})
