#include "agent/disk_names.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

uint64_t names_hash(const char *name, size_t n)
{
	uint64_t h = 0xcbf29ce484222325u ^ n;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)name[i]) * 0x100000001b3u;
	h ^= h >> 32;
	h *= 0x9e3779b97f4a7c15u;
	h ^= h >> 29;
	return h ? h : 1;
}

static void put(struct names *s, uint64_t hash)
{
	size_t i = hash & (s->size - 1);

	while (s->slots[i] && s->slots[i] != hash)
		i = (i + 1) & (s->size - 1);
	s->n += !s->slots[i];
	s->slots[i] = hash;
}

void names_add(struct names *s, uint64_t hash)
{
	if ((s->n + 1) * 2 > s->size) {
		struct names bigger = {.size = s->size ? s->size * 2 : 32};

		bigger.slots = xcalloc(bigger.size, sizeof *bigger.slots);
		for (size_t i = 0; i < s->size; i++)
			if (s->slots[i])
				put(&bigger, s->slots[i]);
		free(s->slots);
		*s = bigger;
	}
	put(s, hash);
}

/* Those behind it that would not be found any more move up. */
void names_remove(struct names *s, uint64_t hash)
{
	if (!names_has(s, hash))
		return;
	size_t mask = s->size - 1, hole = hash & mask;

	while (s->slots[hole] != hash)
		hole = (hole + 1) & mask;
	for (size_t i = (hole + 1) & mask; s->slots[i]; i = (i + 1) & mask) {
		size_t home = s->slots[i] & mask;

		if (((i - home) & mask) < ((i - hole) & mask))
			continue; /* its way from home does not pass the hole */
		s->slots[hole] = s->slots[i];
		hole = i;
	}
	s->slots[hole] = 0;
	s->n--;
}

bool names_has(const struct names *s, uint64_t hash)
{
	if (!s->size)
		return false;
	for (size_t i = hash & (s->size - 1); s->slots[i]; i = (i + 1) & (s->size - 1))
		if (s->slots[i] == hash)
			return true;
	return false;
}

void names_clear(struct names *s)
{
	free(s->slots);
	*s = (struct names){0};
}
