#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Weighted fair division of a number of slots over a tree: a pool's slots over its users, each user's
 * part over its builds. A node's BUDGET is what it has been given; an inner one's is the sum of its
 * children's. Max-min fair by weight: nobody could get more without somebody with less (for its weight)
 * getting less; everybody who wants something gets one before anybody gets two. */
struct share_heap {
	struct share **v;
	size_t n, cap;
};

/* Embedded by its owner as the first member. */
struct share {
	struct share *parent; /* NULL: the root */
	struct share_heap
	    heap[2];     /* children that want more; children that have something */
	size_t at[2];    /* where it is in its parent's heaps, plus 1; 0: not there */
	uint64_t seq;    /* decides between equals: smaller is older */
	uint64_t weight; /* > 0 */
	int64_t
	    asked; /* waits since then, while it has nothing; it has not been served since */
	int64_t served;         /* when it really got its first slot; INT64_MAX: not yet */
	unsigned budget, limit; /* limit: it wants, or may have, no more */
	bool leaf, dirty;       /* dirty: its children may be out of balance */
	struct share *next_dirty;
};

struct share_tree {
	struct share root;
	struct share *dirty;
	uint64_t seq;
	int64_t now; /* stamped into SINCE */
	/* Told of each leaf whose budget changed, perhaps several times. */
	void (*changed)(void *context, struct share *leaf);
	void *context;
	uint64_t moves; /* slots given or taken since the beginning */
};

void share_tree_init(struct share_tree *);
/* Adds S to PARENT (the root or an inner node) with limit 0 when it is a leaf, else without limit. */
void share_add(struct share_tree *, struct share *parent, struct share *s, bool leaf,
	       uint64_t weight);
/* Takes S out: its budget goes back first. An inner one must have no children left. */
void share_remove(struct share_tree *, struct share *s);
void share_set_limit(struct share_tree *, struct share *, unsigned limit);
void share_set_weight(struct share_tree *, struct share *, uint64_t weight);
/* Divides CAPACITY slots. Cheap when little has changed since the last time. */
void share_balance(struct share_tree *, unsigned capacity);
/* Where there are more claimants than slots: who waited longest with nothing, for TURN at least, gets
 * the slot of who has had its only one longest, for TURN at least. True: somebody waits for a turn. */
bool share_turns(struct share_tree *, struct share *inner, int64_t turn);
/* The leaf really has a slot now: its turn begins. */
void share_served(struct share_tree *, struct share *leaf);
/* LEAF has nothing and gets its first slot now, if its limit allows, at the cost of its kin, or
 * when they have none of who has most. */
void share_claim(struct share_tree *, struct share *leaf, unsigned capacity);
/* Would giving one slot to leaf S be fair if it wanted one? */
bool share_deserves(const struct share_tree *, const struct share *s);
/* Compares how much A and B have for their weights, along their whole paths: > 0 when A has more. */
int share_compare(const struct share *a, const struct share *b);
