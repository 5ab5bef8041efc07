/* Open addressing, a power of two of slots, at most half full; 0 marks a free slot, so the number 0 is
 * kept as 1 (the users keep hashes, or numbers that they count from 2). */
#include "scan/seen.h"

#include "base/mem.h"

#include <stdlib.h>

static size_t slot_of(const struct seen *s, uint64_t h)
{
	size_t i = (h ^ h >> 32) & (s->cap - 1);

	while (s->v[i] && s->v[i] != h)
		i = (i + 1) & (s->cap - 1);
	return i;
}

static void grow(struct seen *s)
{
	struct seen old = *s;

	s->cap = old.cap ? old.cap * 2 : 64;
	s->v = xcalloc(s->cap, sizeof *s->v);
	for (size_t i = 0; i < old.cap; i++)
		if (old.v[i])
			s->v[slot_of(s, old.v[i])] = old.v[i];
	free(old.v);
}

bool seen_add(struct seen *s, uint64_t h)
{
	h += h == 0;
	if ((s->n + 1) * 2 > s->cap)
		grow(s);
	size_t i = slot_of(s, h);

	if (s->v[i])
		return false;
	s->v[i] = h;
	s->n++;
	return true;
}

bool seen_has(const struct seen *s, uint64_t h)
{
	h += h == 0;
	return s->cap > 0 && s->v[slot_of(s, h)] != 0;
}

void seen_free(struct seen *s)
{
	free(s->v);
	*s = (struct seen){0};
}
