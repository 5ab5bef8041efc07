/* Two averages learn from each other: a unit's work (CPU time x speed of the worker that did it) and
 * a worker's speed (known work / measured CPU time). Both move by a share of the surprise, and one
 * sample never moves a speed by more than a factor of MAX_SURPRISE, so that a single swapping machine
 * or an edited source spoils little.
 *
 * Invariant: memory is bounded. Units live in a table of sets of WAYS, which doubles while it is small and half full, or one set is;
 * then a full set loses the unit that was used longest ago. What is forgotten costs only a little knowledge. */
#include "core/estimate.h"

#include "base/mem.h"
#include "core/idmap.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	WAYS = 8,
	SETS_FIRST = 256 / WAYS,
	SETS_MAX = 65536 / WAYS,
	MAX_SURPRISE = 4,
	MAX_SPEED = 64,
	MAX_WEIGHT = 16,
	MEAN_WEIGHT = 64
};

struct unit {
	uint64_t id;
	float work;         /* 0: empty */
	uint32_t used;      /* reading of the table's use counter */
	uint32_t memory_kb; /* 0: unknown */
	uint64_t place;     /* of the caller; 0: unknown */
};

struct estimate {
	uint64_t seed;
	uint32_t uses;
	double sum; /* of the speeds that count */
	unsigned n;
	double mean; /* of the work that was done lately */
	unsigned nmean;
	size_t sets, nunits;
	struct unit *unit; /* SETS x WAYS */
};

struct estimate *estimate_new(uint64_t seed)
{
	struct estimate *est = xcalloc(1, sizeof *est);

	est->seed = seed;
	est->sets = SETS_FIRST;
	est->unit = xcalloc(est->sets * WAYS, sizeof *est->unit);
	return est;
}

void estimate_free(struct estimate *est)
{
	if (!est)
		return;
	free(est->unit);
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

static struct unit *set_of(const struct estimate *est, uint64_t id)
{
	return est->unit + idmap_mix(est->seed, id) % est->sets * WAYS;
}

static struct unit *unit_find(const struct estimate *est, uint64_t id)
{
	struct unit *set = set_of(est, id);

	for (int i = 0; i < WAYS; i++)
		if (set[i].work > 0 && set[i].id == id)
			return &set[i];
	return NULL;
}

/* An empty place in its set, or that of the least recently used one, which goes. */
static struct unit *unit_room(struct estimate *est, uint64_t id)
{
	struct unit *set = set_of(est, id);
	struct unit *oldest = &set[0];

	for (int i = 0; i < WAYS; i++) {
		if (set[i].work <= 0) {
			est->nunits++;
			return &set[i];
		}
		/* Ages rather than readings: the counter may wrap. */
		if (est->uses - set[i].used > est->uses - oldest->used)
			oldest = &set[i];
	}
	return oldest;
}

static void grow(struct estimate *est)
{
	struct unit *old = est->unit;
	size_t n = est->sets * WAYS;

	est->sets *= 2;
	est->nunits = 0;
	est->unit = xcalloc(est->sets * WAYS, sizeof *est->unit);
	for (size_t i = 0; i < n; i++)
		if (old[i].work > 0)
			*unit_room(est, old[i].id) = old[i];
	free(old);
}

static bool set_is_full(const struct estimate *est, uint64_t id)
{
	const struct unit *set = set_of(est, id);

	for (int i = 0; i < WAYS; i++)
		if (set[i].work <= 0)
			return false;
	return true;
}

/* The unit's place; it has no work yet when it is new. */
static struct unit *unit_place(struct estimate *est, uint64_t id)
{
	struct unit *u = unit_find(est, id);

	while (!u && est->sets < SETS_MAX &&
	       (est->nunits >= est->sets * WAYS / 2 || set_is_full(est, id)))
		grow(est);
	if (!u) {
		u = unit_room(est, id);
		*u = (struct unit){.id = id};
	}
	u->used = ++est->uses;
	return u;
}

static void mean_move(struct estimate *est, double work)
{
	unsigned weight = ++est->nmean < MEAN_WEIGHT ? est->nmean : MEAN_WEIGHT;

	est->mean += (work - est->mean) / weight;
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
	double cpu = (double)cpu_ns;

	mean_move(est, cpu * sp->value);
	if (unit == 0)
		return;
	struct unit *u = unit_place(est, unit);

	if (u->work > 0) {
		speed_move(est, sp, (double)u->work / cpu);
		u->work += (float)((cpu * sp->value - (double)u->work) / 4);
	} else {
		u->work = (float)(cpu * sp->value);
	}
}

void estimate_place(struct estimate *est, uint64_t unit, uint64_t place)
{
	struct unit *u = unit_find(est, unit);

	if (u)
		u->place = place;
}

uint64_t estimate_placed(const struct estimate *est, uint64_t unit)
{
	const struct unit *u = unit_find(est, unit);

	return u ? u->place : 0;
}

void estimate_learn_memory(struct estimate *est, uint64_t unit, uint32_t kb)
{
	struct unit *u = unit ? unit_find(est, unit) : NULL;

	if (u && kb)
		u->memory_kb = kb;
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

double estimate_value(const struct estimate *est, const struct estimate_speed *sp)
{
	return sp->seen ? sp->value : average(est);
}

unsigned estimate_step(double v)
{
	uint64_t bits;

	/* Exponent and three bits of the mantissa of a positive double: eight steps an octave. */
	_Static_assert(sizeof bits == sizeof v, "a double has 64 bits");
	memcpy(&bits, &v, sizeof bits);
	return (unsigned)(bits >> 49);
}

unsigned estimate_grade(const struct estimate *est, const struct estimate_speed *sp)
{
	return estimate_step(estimate_value(est, sp));
}

double estimate_work(const struct estimate *est, uint64_t unit, uint32_t *memory_kb)
{
	const struct unit *u = unit ? unit_find(est, unit) : NULL;

	*memory_kb = u ? u->memory_kb : 0;
	return u ? (double)u->work : 0;
}

double estimate_mean(const struct estimate *est)
{
	return est->mean;
}

void estimate_restore(struct estimate *est, struct estimate_speed *sp, double value)
{
	if (sp->seen || !(value > 0))
		return;
	sp->seen = 1;
	sp->value = clamp(value, 1.0 / MAX_SPEED, MAX_SPEED);
	est->sum += sp->value;
	est->n++;
}

void estimate_remember(struct estimate *est, uint64_t unit, double work, uint32_t memory_kb)
{
	if (unit == 0 || !(work > 0))
		return;
	struct unit *u = unit_place(est, unit);

	mean_move(est, work);
	u->work = (float)work;
	u->memory_kb = memory_kb;
}

void estimate_tell(const struct estimate *est, void *ctx,
		   void (*each)(void *ctx, uint64_t unit, double work, uint32_t memory_kb))
{
	for (size_t i = 0; i < est->sets * WAYS; i++)
		if (est->unit[i].work > 0)
			each(ctx, est->unit[i].id, (double)est->unit[i].work,
			     est->unit[i].memory_kb);
}
