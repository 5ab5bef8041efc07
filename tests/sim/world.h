#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* What a simulated world is made of: chance from a seed, and a virtual clock with things to come. */
typedef int64_t nsec;

#define MS  ((nsec)1000000)
#define SEC ((nsec)1000000000)

struct chance {
	uint64_t state;
};

uint64_t chance_next(struct chance *);
uint64_t chance_below(struct chance *, uint64_t n); /* 0 to N - 1; N > 0 */
double chance_unit(struct chance *);                /* [0, 1) */
bool chance_hit(struct chance *, double probability);

/* CPU seconds of a compile at speed 1 with mean 1: a quantile of recorded ones. */
double cost_draw(struct chance *, unsigned *quantile);

/* Something that happens at a time; what the fields mean is the owner's. */
struct happening {
	nsec at;
	uint64_t seq; /* decides between equals: first planned, first happens */
	uint64_t id, serial;
	uint32_t kind, from, to, epoch;
	uint32_t a, b, c;
	bool flag;
};

struct agenda {
	struct happening *v;
	size_t n, cap;
	uint64_t seq;
};

void agenda_add(struct agenda *, struct happening);
bool agenda_take(struct agenda *, struct happening *); /* the earliest; false: none */
void agenda_free(struct agenda *);
