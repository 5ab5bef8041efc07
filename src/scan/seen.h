#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A set of 64-bit numbers, mostly hashes of things too large to keep. Start with {0}. */
struct seen {
	uint64_t *v;
	size_t n, cap;
};

bool seen_add(struct seen *, uint64_t); /* false when it was in */
bool seen_has(const struct seen *, uint64_t);
void seen_free(struct seen *);
