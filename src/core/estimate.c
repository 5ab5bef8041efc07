/* Two averages learn from each other: a unit's work (CPU time x speed of the worker that did it) and
 * a worker's speed (known work / measured CPU time). Both move by a share of the surprise, and one
 * sample never moves a speed by more than a factor of MAX_SURPRISE, so that a single swapping machine
 * or an edited source spoils little.
 *
 * Invariant: memory is fixed. Units live in a table of SETS sets of WAYS; a full set loses the unit
 * that was used longest ago. What is forgotten costs only a little knowledge. */
#include "core/estimate.h"

#include "base/mem.h"
#include "core/idmap.h"

#include <stdlib.h>
#include <string.h>

enum {
	WAYS = 8,
	SETS = 65536 / WAYS,
	MAX_SURPRISE = 4,
	MAX_SPEED = 64,
	MAX_WEIGHT = 16
};

struct unit {
	uint64_t id;
	float work;    /* 0: empty */
	uint32_t used; /* reading of the table's use counter */
};

struct estimate {
	uint64_t seed;
	uint32_t uses;
	double sum; /* of the speeds that count */
	unsigned n;
	struct unit unit[SETS][WAYS];
};

struct estimate *estimate_new(uint64_t seed)
{
	struct estimate *est = xcalloc(1, sizeof *est);

	est->seed = seed;
	return est;
}

void estimate_free(struct estimate *est)
{
	free(est);
}

static double average(const struct estimate *est)
{
	return est->n ? est->sum / est->n : 1.0;
}

static double clamp(double v, double low, double high)
{
	return v < low ? low : v > high ? high : v;
}

/* The unit's place; an empty or the least recently used one of its set when it is new. */
static struct unit *unit_place(struct estimate *est, uint64_t id)
{
	struct unit *set = est->unit[idmap_mix(est->seed, id) % SETS];
	struct unit *oldest = &set[0];

	est->uses++;
	for (int i = 0; i < WAYS; i++) {
		if (set[i].work > 0 && set[i].id == id)
			return &set[i];
		if (set[i].work <= 0)
			return &set[i];
		/* Ages rather than readings: the counter may wrap. */
		if (est->uses - set[i].used > est->uses - oldest->used)
			oldest = &set[i];
	}
	oldest->work = 0;
	return oldest;
}

static void speed_move(struct estimate *est, struct estimate_speed *sp, double measured)
{
	unsigned weight = sp->samples + 2 < MAX_WEIGHT ? sp->samples + 2 : MAX_WEIGHT;
	double old = sp->value;
	double now = clamp(measured, old / MAX_SURPRISE, old * MAX_SURPRISE);

	sp->value = clamp(old + (now - old) / weight, 1.0 / MAX_SPEED, MAX_SPEED);
	sp->samples++;
	est->sum += sp->value - old;
}

void estimate_learn(struct estimate *est, struct estimate_speed *sp, uint64_t unit,
		    int64_t cpu_ns)
{
	if (cpu_ns <= 0)
		return;
	if (!sp->seen) {
		sp->seen = 1;
		sp->value = average(est);
		est->sum += sp->value;
		est->n++;
	}
	if (unit == 0)
		return;
	struct unit *u = unit_place(est, unit);
	double cpu = (double)cpu_ns;

	if (u->work > 0) {
		speed_move(est, sp, (double)u->work / cpu);
		u->work += (float)((cpu * sp->value - (double)u->work) / 4);
	} else {
		u->id = unit;
		u->work = (float)(cpu * sp->value);
	}
	u->used = est->uses;
}

void estimate_expect(struct estimate *est, struct estimate_speed *sp, double speed)
{
	if (sp->seen || !(speed > 0))
		return;
	sp->seen = 1;
	sp->value = clamp(speed * average(est), 1.0 / MAX_SPEED, MAX_SPEED);
	est->sum += sp->value;
	est->n++;
}

void estimate_forget(struct estimate *est, struct estimate_speed *sp)
{
	if (sp->seen) {
		est->sum -= sp->value;
		est->n--;
	}
	*sp = (struct estimate_speed){0};
}

double estimate_speed(const struct estimate *est, const struct estimate_speed *sp)
{
	return sp->seen ? sp->value / average(est) : 1.0;
}

unsigned estimate_grade(const struct estimate *est, const struct estimate_speed *sp)
{
	double v = sp->seen ? sp->value : average(est);
	uint64_t bits;

	/* Exponent and three bits of the mantissa of a positive double: eight steps an octave. */
	_Static_assert(sizeof bits == sizeof v, "a double has 64 bits");
	memcpy(&bits, &v, sizeof bits);
	return (unsigned)(bits >> 49);
}
