#pragma once
#include <stddef.h>
#include <stdint.h>

/* The workers of a pool in the order of preference: by grade (bigger is faster), inside a grade round a ring
 * of scattered ids. Answers in O(log n) which is the next one that has at least so much room. */
struct rung {
	size_t at;      /* its position */
	unsigned grade; /* by which it is sorted the next time */
	uint64_t mix;   /* its place on the ring of its grade */
};

struct ladder_entry {
	struct rung *rung; /* NULL: it has been removed */
	unsigned grade;    /* by which it was sorted */
};

struct ladder {
	struct ladder_entry *v;
	uint32_t *tree; /* the most room below each node of a binary tree, root at 1 */
	size_t n, cap;  /* entries; leaves of the tree, 0 or a power of two */
	size_t sorted;  /* those before are in order; the others are newer */
	size_t stale;   /* entries added, removed or with another grade since */
};

#define LADDER_NONE ((size_t)-1)

void ladder_add(struct ladder *, struct rung *);                      /* with no room */
void ladder_remove(struct ladder *, struct rung *);                   /* it must be there */
void ladder_set(struct ladder *, const struct rung *, uint32_t room); /* 0: none */
void ladder_grade(struct ladder *, struct rung *, unsigned grade);
/* The first position in [FROM, TO) with at least NEED room (> 0). */
size_t ladder_find(const struct ladder *, size_t from, size_t to, uint32_t need);
/* [LO, HI): those of the same grade as the one at AT; returns where RING is between them. */
size_t ladder_ring(const struct ladder *, size_t at, uint64_t ring, size_t *lo, size_t *hi);
void ladder_sort(struct ladder *); /* positions change */
void ladder_free(struct ladder *);
