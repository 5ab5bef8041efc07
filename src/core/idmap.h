#pragma once
#include <stddef.h>
#include <stdint.h>

/* A map from 64-bit ids to things that embed a node as their first member. The map owns only its
 * table; the things are the caller's. Start with {.seed = anything}. */
struct idmap_node {
	uint64_t id;
	struct idmap_node *next;
};

struct idmap {
	struct idmap_node **v;
	size_t cap, n; /* cap is 0 or a power of two */
	uint64_t seed;
};

void *idmap_find(const struct idmap *, uint64_t id);    /* NULL: not there */
void idmap_add(struct idmap *, struct idmap_node *);    /* its id must not be there */
void idmap_remove(struct idmap *, struct idmap_node *); /* it must be there */
void *idmap_pop(struct idmap *);                        /* takes any one out; NULL: empty */
void idmap_free(struct idmap *);                        /* the table; it must be empty */
uint64_t idmap_mix(uint64_t seed, uint64_t id);         /* well scattered bits */
