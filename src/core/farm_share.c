/* Every inner node keeps two heaps of its children: HUNGRY (those that want more, least served first) and
 * RICH (those that have something, best served first). Giving a slot descends the hungry tops from the
 * root to a leaf, taking one descends the rich tops; an exchange does both below one node.
 *
 * Invariants: a node is in its parent's HUNGRY heap exactly when it is hungry, in RICH exactly when it
 * has a budget; after share_balance no exchange below any node is an improvement. An exchange is made
 * only when the receiver then still has less than the giver had, so exchanges end.
 *
 * Keys are fractions (slots / weight) compared by cross multiplication: no rounding, no cycles. A first
 * slot counts as nothing on both sides: nobody's only slot is taken except by a turn. */
#include "core/farm_share.h"

#include "base/mem.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
	HUNGRY,
	RICH
};

#define NOT_YET INT64_MAX

/* ---- heaps ---- */

struct fraction {
	uint64_t num, den;
};

static struct fraction key(const struct share *s, int which)
{
	unsigned slots = which == HUNGRY ? (s->budget ? s->budget + 1 : 0)
					 : (s->budget > 1 ? s->budget : 0);

	return (struct fraction){slots, s->weight};
}

static int fraction_compare(struct fraction a, struct fraction b)
{
	uint64_t x = a.num * b.den, y = b.num * a.den;

	return (x > y) - (x < y);
}

/* A stands above B in a heap of that kind. */
static bool above(const struct share *a, const struct share *b, int which)
{
	int c = fraction_compare(key(a, which), key(b, which));

	if (c != 0)
		return which == HUNGRY ? c < 0 : c > 0;
	int64_t x = which == HUNGRY ? a->asked : a->served;
	int64_t y = which == HUNGRY ? b->asked : b->served;

	if (x != y)
		return x < y;
	return a->seq < b->seq;
}

static void heap_put(struct share_heap *h, size_t i, struct share *s, int which)
{
	h->v[i] = s;
	s->at[which] = i + 1;
}

static void heap_sift(struct share_heap *h, size_t i, int which)
{
	struct share *s = h->v[i];

	while (i > 0 && above(s, h->v[(i - 1) / 2], which)) {
		heap_put(h, i, h->v[(i - 1) / 2], which);
		i = (i - 1) / 2;
	}
	for (size_t child; (child = 2 * i + 1) < h->n; i = child) {
		if (child + 1 < h->n && above(h->v[child + 1], h->v[child], which))
			child++;
		if (!above(h->v[child], s, which))
			break;
		heap_put(h, i, h->v[child], which);
	}
	heap_put(h, i, s, which);
}

/* S is, or is not, in that heap of its parent; its key may have changed. */
static void heap_set(struct share *s, int which, bool in)
{
	struct share_heap *h = &s->parent->heap[which];

	if (s->at[which] == 0) {
		if (!in)
			return;
		if (h->n == h->cap) {
			h->cap = h->cap ? 2 * h->cap : 4;
			h->v = xreallocarray(h->v, h->cap, sizeof(struct share *));
		}
		h->v[h->n] = s;
		heap_sift(h, h->n++, which);
	} else if (in) {
		heap_sift(h, s->at[which] - 1, which);
	} else {
		size_t i = s->at[which] - 1;
		struct share *last = h->v[--h->n];

		s->at[which] = 0;
		if (last != s) {
			heap_put(h, i, last, which);
			heap_sift(h, i, which);
		}
	}
}

static struct share *top(const struct share *s, int which)
{
	return s->heap[which].n ? s->heap[which].v[0] : NULL;
}

/* ---- the tree ---- */

static bool hungry(const struct share *s)
{
	return s->budget < s->limit && (s->leaf || s->heap[HUNGRY].n > 0);
}

/* Puts S and its ancestors where they belong after something of S has changed. */
static void settle(struct share_tree *t, struct share *s)
{
	for (; s->parent; s = s->parent) {
		heap_set(s, HUNGRY, hungry(s));
		heap_set(s, RICH, s->budget > 0);
		if (!s->parent->dirty) {
			s->parent->dirty = true;
			s->parent->next_dirty = t->dirty;
			t->dirty = s->parent;
		}
	}
}

static void leaf_move(struct share_tree *t, struct share *leaf, int by)
{
	for (struct share *s = leaf; s; s = s->parent) {
		bool had = s->budget > 0;

		assert(by > 0 || s->budget >= (unsigned)-by);
		s->budget += (unsigned)by;
		if (had && s->budget == 0 && s->served != NOT_YET) {
			s->asked = t->now;
			s->seq = ++t->seq; /* behind all who wait since the same moment */
		}
		if (!had)
			s->served = NOT_YET;
	}
	t->moves += (unsigned)abs(by);
	settle(t, leaf);
	t->changed(t->context, leaf);
}

static struct share *descend(struct share *s, int which)
{
	while (!s->leaf)
		s = top(s, which);
	return s;
}

void share_tree_init(struct share_tree *t)
{
	t->root.weight = 1;
	t->root.limit = UINT_MAX;
}

void share_add(struct share_tree *t, struct share *parent, struct share *s, bool leaf,
	       uint64_t weight)
{
	s->parent = parent;
	s->seq = ++t->seq;
	s->asked = t->now;
	s->served = NOT_YET;
	s->leaf = leaf;
	s->weight = weight;
	s->limit = leaf ? 0 : UINT_MAX;
}

void share_remove(struct share_tree *t, struct share *s)
{
	if (s->leaf)
		share_set_limit(t, s, 0);
	assert(s->budget == 0 && s->heap[HUNGRY].n == 0 && s->heap[RICH].n == 0);
	heap_set(s, HUNGRY, false);
	for (struct share **p = &t->dirty; *p; p = &(*p)->next_dirty) {
		if (*p == s) {
			*p = s->next_dirty;
			break;
		}
	}
	free(s->heap[HUNGRY].v);
	free(s->heap[RICH].v);
}

void share_set_limit(struct share_tree *t, struct share *s, unsigned limit)
{
	if (s->limit == limit)
		return;
	if (s->budget == 0 && s->limit == 0)
		s->asked = t->now;
	s->limit = limit;
	if (s->leaf && s->budget > limit)
		leaf_move(t, s, -(int)(s->budget - limit));
	while (s->budget > limit)
		leaf_move(t, descend(s, RICH), -1);
	settle(t, s);
}

void share_set_weight(struct share_tree *t, struct share *s, uint64_t weight)
{
	if (s->weight == weight)
		return;
	s->weight = weight;
	settle(t, s);
}

/* Moves slots between the children of S until that improves nothing. */
static void exchange(struct share_tree *t, struct share *s)
{
	for (;;) {
		struct share *h = top(s, HUNGRY), *v = top(s, RICH);

		if (!h || !v || fraction_compare(key(h, HUNGRY), key(v, RICH)) >= 0)
			return;
		leaf_move(t, descend(v, RICH), -1);
		leaf_move(t, descend(h, HUNGRY), 1);
	}
}

void share_balance(struct share_tree *t, unsigned capacity)
{
	while (t->root.budget > capacity)
		leaf_move(t, descend(&t->root, RICH), -1);
	while (t->root.budget < capacity && hungry(&t->root))
		leaf_move(t, descend(&t->root, HUNGRY), 1);
	for (struct share *s; (s = t->dirty);) {
		t->dirty = s->next_dirty;
		s->dirty = false;
		exchange(t, s);
	}
}

bool share_turns(struct share_tree *t, struct share *s, int64_t turn)
{
	for (;;) {
		struct share *h = top(s, HUNGRY), *v = top(s, RICH);

		if (!h || h->budget > 0)
			return false;
		if (!v || v->budget > 1 || t->now - h->asked < turn ||
		    v->served == NOT_YET || t->now - v->served < turn)
			return true;
		leaf_move(t, descend(v, RICH), -1);
		leaf_move(t, descend(h, HUNGRY), 1);
	}
}

void share_served(struct share_tree *t, struct share *leaf)
{
	for (struct share *s = leaf; s->parent; s = s->parent) {
		if (s->served == NOT_YET) {
			s->served = t->now;
			heap_set(s, RICH, s->budget > 0);
		}
	}
}

void share_claim(struct share_tree *t, struct share *leaf, unsigned capacity)
{
	struct share *from = leaf->parent;

	if (leaf->budget > 0 || leaf->limit == 0)
		return;
	/* From its own kin, if they have any: what they have among them must not change, or the next
	 * balance would undo this. */
	while (from->budget == 0 && from->parent)
		from = from->parent;
	if (t->root.budget >= capacity && from->budget > 0)
		leaf_move(t, descend(from, RICH), -1);
	leaf_move(t, leaf, 1);
}

bool share_deserves(const struct share_tree *t, const struct share *s)
{
	if (s->budget == 0)
		return true;
	for (; s != &t->root; s = s->parent) {
		const struct share *v = top(s->parent, RICH);

		if (!v || v == s)
			continue;
		if (fraction_compare(key(s, HUNGRY), key(v, RICH)) < 0)
			return true;
	}
	return false;
}

int share_compare(const struct share *a, const struct share *b)
{
	int c = 0;

	for (; a && b && a != b; a = a->parent, b = b->parent) {
		int upper = fraction_compare((struct fraction){a->budget, a->weight},
					     (struct fraction){b->budget, b->weight});
		if (upper != 0)
			c = upper;
	}
	return c;
}
