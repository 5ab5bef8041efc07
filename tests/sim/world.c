/* A binary heap by time and order of planning; splitmix64; a table of recorded costs. */
#include "world.h"

#include "base/mem.h"

#include <stdlib.h>

uint64_t chance_next(struct chance *c)
{
	uint64_t x = c->state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

uint64_t chance_below(struct chance *c, uint64_t n)
{
	return chance_next(c) % n;
}

double chance_unit(struct chance *c)
{
	return (double)(chance_next(c) >> 11) / 9007199254740992.0;
}

bool chance_hit(struct chance *c, double probability)
{
	return probability > 0 && chance_unit(c) < probability;
}

double cost_draw(struct chance *c, unsigned *quantile)
{
	static const float table[] = {
#include "costs.inc"
	};
	unsigned i = (unsigned)chance_below(c, sizeof table / sizeof *table);

	if (quantile)
		*quantile = i;
	return (double)table[i];
}

static bool before(const struct happening *a, const struct happening *b)
{
	return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

void agenda_add(struct agenda *g, struct happening h)
{
	if (g->n == g->cap) {
		g->cap = g->cap ? 2 * g->cap : 1024;
		g->v = xreallocarray(g->v, g->cap, sizeof *g->v);
	}
	size_t i = g->n++;

	h.seq = ++g->seq;
	for (; i > 0 && before(&h, &g->v[(i - 1) / 2]); i = (i - 1) / 2)
		g->v[i] = g->v[(i - 1) / 2];
	g->v[i] = h;
}

bool agenda_take(struct agenda *g, struct happening *out)
{
	if (g->n == 0)
		return false;
	*out = g->v[0];
	struct happening last = g->v[--g->n];
	size_t i = 0;

	for (size_t child; (child = 2 * i + 1) < g->n; i = child) {
		if (child + 1 < g->n && before(&g->v[child + 1], &g->v[child]))
			child++;
		if (!before(&g->v[child], &last))
			break;
		g->v[i] = g->v[child];
	}
	g->v[i] = last;
	return true;
}

void agenda_free(struct agenda *g)
{
	free(g->v);
	*g = (struct agenda){0};
}
