/* The string table: an array of strings and an open-addressed index over it (power of two, at most
 * half full). Bytes live in an arena, so a string's address is stable. Nothing is ever removed: what
 * a scan meets is bounded by the names that occur in the sources of one build. */
#include "scan/intern.h"

#include "base/arena.h"
#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	const char *text;
	size_t len;
	uint64_t hash;
};

struct intern {
	struct arena *arena;
	struct entry *v;
	uint32_t n, cap;
	uint32_t *slots; /* number + 1; 0 is free */
	size_t nslots;
};

uint64_t intern_hash(const void *bytes, size_t n, uint64_t seed)
{
	const unsigned char *p = bytes;
	uint64_t h = seed ^ (n * 0x9e3779b97f4a7c15u);

	for (; n >= 8; n -= 8, p += 8) {
		uint64_t w;

		memcpy(&w, p, 8);
		h = (h ^ w) * 0xff51afd7ed558ccdu;
		h ^= h >> 32;
	}
	uint64_t rest = 0;

	if (n > 0)
		memcpy(&rest, p, n);
	h = (h ^ rest) * 0xc4ceb9fe1a85ec53u;
	return h ^ h >> 29;
}

struct intern *intern_new(void)
{
	struct intern *in = xcalloc(1, sizeof *in);

	in->arena = arena_new();
	in->nslots = 1024;
	in->slots = xcalloc(in->nslots, sizeof *in->slots);
	intern_add(in, "", 0);
	return in;
}

void intern_free(struct intern *in)
{
	if (!in)
		return;
	arena_free(in->arena);
	free(in->v);
	free(in->slots);
	free(in);
}

static void slots_grow(struct intern *in)
{
	free(in->slots);
	in->nslots *= 2;
	in->slots = xcalloc(in->nslots, sizeof *in->slots);
	for (uint32_t id = 0; id < in->n; id++) {
		size_t i = in->v[id].hash & (in->nslots - 1);

		while (in->slots[i])
			i = (i + 1) & (in->nslots - 1);
		in->slots[i] = id + 1;
	}
}

uint32_t intern_add(struct intern *in, const char *s, size_t n)
{
	uint64_t hash = intern_hash(s, n, 0);
	size_t i = hash & (in->nslots - 1);

	for (; in->slots[i]; i = (i + 1) & (in->nslots - 1)) {
		const struct entry *e = &in->v[in->slots[i] - 1];

		if (e->hash == hash && e->len == n && memcmp(e->text, s, n) == 0)
			return in->slots[i] - 1;
	}
	assert(in->n < UINT32_MAX - 1);
	if (in->n == in->cap) {
		in->cap = in->cap ? in->cap * 2 : 512;
		in->v = xreallocarray(in->v, in->cap, sizeof *in->v);
	}
	in->v[in->n] = (struct entry){arena_strndup(in->arena, s, n), n, hash};
	in->slots[i] = ++in->n;
	if ((size_t)in->n * 2 > in->nslots)
		slots_grow(in);
	return in->n - 1;
}

uint32_t intern_str(struct intern *in, const char *s)
{
	return intern_add(in, s, strlen(s));
}

const char *intern_text(const struct intern *in, uint32_t id)
{
	assert(id < in->n);
	return in->v[id].text;
}

size_t intern_len(const struct intern *in, uint32_t id)
{
	assert(id < in->n);
	return in->v[id].len;
}
