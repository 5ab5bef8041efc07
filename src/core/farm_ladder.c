/* A sorted array under a tree of maxima. Changes of room are exact at once; the order is put right by
 * ladder_sort, which the owner calls now and then: until then newcomers stand at the end, and who became
 * faster or slower stands where it stood. A search is complete in any case. */
#include "core/farm_ladder.h"

#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	FIRST_CAP = 8
};

static void tree_set(struct ladder *l, size_t at, uint32_t room)
{
	size_t i = l->cap + at;

	if (l->tree[i] == room)
		return;
	l->tree[i] = room;
	while (i > 1) {
		i /= 2;
		uint32_t a = l->tree[2 * i], b = l->tree[2 * i + 1];
		uint32_t most = a > b ? a : b;

		if (l->tree[i] == most)
			break;
		l->tree[i] = most;
	}
}

static void tree_build(struct ladder *l, const uint32_t *room)
{
	memset(l->tree, 0, 2 * l->cap * sizeof *l->tree);
	if (l->n)
		memcpy(l->tree + l->cap, room, l->n * sizeof *room);
	for (size_t i = l->cap; i-- > 1;) {
		uint32_t a = l->tree[2 * i], b = l->tree[2 * i + 1];

		l->tree[i] = a > b ? a : b;
	}
}

void ladder_add(struct ladder *l, struct rung *r)
{
	if (l->n == l->cap) {
		uint32_t *old = l->tree;
		size_t cap = l->cap;

		l->cap = cap ? 2 * cap : FIRST_CAP;
		l->v = xreallocarray(l->v, l->cap, sizeof *l->v);
		l->tree = xreallocarray(NULL, 2 * l->cap, sizeof *l->tree);
		tree_build(l, old ? old + cap : NULL);
		free(old);
	}
	r->at = l->n;
	l->v[l->n++] = (struct ladder_entry){r, r->grade};
	tree_set(l, r->at, 0);
	l->stale++;
}

void ladder_remove(struct ladder *l, struct rung *r)
{
	assert(l->v[r->at].rung == r);
	tree_set(l, r->at, 0);
	l->v[r->at].rung = NULL;
	l->stale++;
}

void ladder_set(struct ladder *l, const struct rung *r, uint32_t room)
{
	tree_set(l, r->at, room);
}

void ladder_grade(struct ladder *l, struct rung *r, unsigned grade)
{
	if (r->grade == grade)
		return;
	r->grade = grade;
	l->stale++;
}

size_t ladder_find(const struct ladder *l, size_t from, size_t to, uint32_t need)
{
	if (to > l->n)
		to = l->n;
	if (from >= to || l->tree[1] < need)
		return LADDER_NONE;
	size_t i = l->cap + from;

	/* Up until a subtree to the right has enough, then down its left edge. */
	while (l->tree[i] < need) {
		while (i & 1)
			i /= 2;
		if (i == 0)
			return LADDER_NONE;
		i++;
	}
	while (i < l->cap)
		i = l->tree[2 * i] >= need ? 2 * i : 2 * i + 1;
	i -= l->cap;
	return i < to ? i : LADDER_NONE;
}

/* The first sorted position whose grade is less than (OR_SAME: not more than) GRADE. */
static size_t bound(const struct ladder *l, unsigned grade, int or_same)
{
	size_t lo = 0, hi = l->sorted;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (l->v[mid].grade < grade || (or_same && l->v[mid].grade == grade))
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

size_t ladder_ring(const struct ladder *l, size_t at, uint64_t ring, size_t *lo, size_t *hi)
{
	if (at >= l->sorted) {
		*lo = at;
		*hi = l->n;
		return at;
	}
	*lo = bound(l, l->v[at].grade, 1);
	*hi = bound(l, l->v[at].grade, 0);
	size_t a = *lo, b = *hi;

	/* A removed one's place is unknown: it sends the search to its right, which is right enough. */
	while (a < b) {
		size_t mid = a + (b - a) / 2;

		if (l->v[mid].rung && l->v[mid].rung->mix >= ring)
			b = mid;
		else
			a = mid + 1;
	}
	return a;
}

static int entry_compare(const void *pa, const void *pb)
{
	const struct rung *a = ((const struct ladder_entry *)pa)->rung;
	const struct rung *b = ((const struct ladder_entry *)pb)->rung;

	if (a->grade != b->grade)
		return a->grade < b->grade ? 1 : -1;
	return (a->mix > b->mix) - (a->mix < b->mix);
}

void ladder_sort(struct ladder *l)
{
	if (l->stale == 0)
		return;
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].rung)
			l->v[n++] = l->v[i];
	if (n)
		qsort(l->v, n, sizeof *l->v, entry_compare);
	uint32_t *room = xcalloc(n + 1, sizeof *room);

	for (size_t i = 0; i < n; i++) {
		struct rung *r = l->v[i].rung;

		room[i] = l->tree[l->cap + r->at];
		l->v[i].grade = r->grade;
		r->at = i;
	}
	l->n = l->sorted = n;
	l->stale = 0;
	if (l->cap)
		tree_build(l, room);
	free(room);
}

void ladder_free(struct ladder *l)
{
	free(l->v);
	free(l->tree);
	*l = (struct ladder){0};
}
