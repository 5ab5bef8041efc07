/* Chained hash table, doubled when it holds as many things as it has chains, so that a look-up is one
 * or two steps. Ids come from a caller that may count them or draw them from digests: they are
 * scattered first. Nothing here fails. */
#include "core/idmap.h"

#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>

enum {
	FIRST_CAP = 16
};

uint64_t idmap_mix(uint64_t seed, uint64_t id)
{
	uint64_t x = seed ^ (id + UINT64_C(0x9e3779b97f4a7c15));

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static struct idmap_node **chain(const struct idmap *m, uint64_t id)
{
	return &m->v[idmap_mix(m->seed, id) & (m->cap - 1)];
}

void *idmap_find(const struct idmap *m, uint64_t id)
{
	if (m->cap == 0)
		return NULL;
	struct idmap_node *n = *chain(m, id);

	while (n && n->id != id)
		n = n->next;
	return n;
}

static void grow(struct idmap *m)
{
	struct idmap old = *m;

	m->cap = old.cap ? 2 * old.cap : FIRST_CAP;
	m->v = xcalloc(m->cap, sizeof(struct idmap_node *));
	for (size_t i = 0; i < old.cap; i++) {
		struct idmap_node *next;

		for (struct idmap_node *n = old.v[i]; n; n = next) {
			struct idmap_node **at = chain(m, n->id);

			next = n->next;
			n->next = *at;
			*at = n;
		}
	}
	free(old.v);
}

void idmap_add(struct idmap *m, struct idmap_node *n)
{
	if (m->n >= m->cap)
		grow(m);
	struct idmap_node **at = chain(m, n->id);

	n->next = *at;
	*at = n;
	m->n++;
}

void idmap_remove(struct idmap *m, struct idmap_node *n)
{
	assert(m->n > 0);
	struct idmap_node **at = chain(m, n->id);

	while (*at != n) {
		assert(*at);
		at = &(*at)->next;
	}
	*at = n->next;
	m->n--;
}

void *idmap_pop(struct idmap *m)
{
	for (size_t i = 0; m->n > 0 && i < m->cap; i++) {
		struct idmap_node *n = m->v[i];

		if (n) {
			m->v[i] = n->next;
			m->n--;
			return n;
		}
	}
	return NULL;
}

void idmap_free(struct idmap *m)
{
	assert(m->n == 0);
	free(m->v);
	m->v = NULL;
	m->cap = 0;
}
