#pragma once
#include <stdint.h>
/* How fast each worker is, learned from the CPU time that the same units took on different workers;
 * nobody configures it. A unit's "work" is its CPU time on a worker of speed 1. */
struct estimate;

/* A worker's learned speed, embedded by its owner; start with {0}. */
struct estimate_speed {
	double value; /* in the estimate's own unit; only ratios mean something */
	unsigned samples;
	int seen; /* it has done something, so it counts for the average */
};

struct estimate *estimate_new(uint64_t seed);
void estimate_free(struct estimate *);
/* The worker took CPU_NS (> 0) for UNIT (0: has no name, teaches nothing). */
void estimate_learn(struct estimate *, struct estimate_speed *, uint64_t unit,
		    int64_t cpu_ns);
/* Its peak memory. */
void estimate_learn_memory(struct estimate *, uint64_t unit, uint32_t kb);
/* Where it was done last: PLACE is the caller's, and not 0. */
void estimate_place(struct estimate *, uint64_t unit, uint64_t place);
uint64_t estimate_placed(const struct estimate *, uint64_t unit); /* 0: unknown */
/* What is known of it from an earlier life, relative to the average; before it has done anything. */
void estimate_expect(struct estimate *, struct estimate_speed *, double speed);
/* The worker goes away: it no longer counts for the average. */
void estimate_forget(struct estimate *, struct estimate_speed *);
/* Relative to the average of all that have done something; 1.0 when it has not. */
double estimate_speed(const struct estimate *, const struct estimate_speed *);
/* For comparing: bigger is faster; speeds less than about a tenth apart mostly get the same grade. */
unsigned estimate_grade(const struct estimate *, const struct estimate_speed *);
/* In the estimate's own unit; the average when it has not. Work through speed is CPU time. */
double estimate_value(const struct estimate *, const struct estimate_speed *);
/* A positive number for comparing: eight steps an octave. */
unsigned estimate_step(double);

/* A unit's work in nanoseconds at speed 1, and its peak memory; 0: unknown. */
double estimate_work(const struct estimate *, uint64_t unit, uint32_t *memory_kb);
double
estimate_mean(const struct estimate *); /* work of the units that were done; 0: none was */

/* From and for another life, in the estimate's own unit. */
void estimate_restore(struct estimate *, struct estimate_speed *, double value);
void estimate_remember(struct estimate *, uint64_t unit, double work, uint32_t memory_kb);
void estimate_tell(const struct estimate *, void *ctx,
		   void (*each)(void *ctx, uint64_t unit, double work, uint32_t memory_kb));
