/* Load: a host whose load is more than half above its slots is left to those who use it;
 * below that it keeps one slot at least, since its load is that of the last minute and
 * may be over.
 *
 * A muster worker is believed: what it offers is measured by itself, and again while the
 * build goes on. */
#include "run/sizing.h"

#include "base/err.h"
#include "base/mem.h"

/* Load above slots times this: the host has no room for us. */
static const double overload = 1.5;

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* How many of MB fit into FREE_MB, at most LIMIT. */
static unsigned fitting(int64_t free_mb, unsigned mb, unsigned limit)
{
	if (free_mb < 0 || mb == 0 || free_mb / mb >= limit)
		return limit;
	return (unsigned)(free_mb / mb);
}

unsigned sizing_slots(const struct capacity *h, unsigned compiler_mb, struct err *why)
{
	unsigned slots = least(h->slots, SIZING_SLOTS_MAX);

	if (!h->answers) {
		err_set(why, 0, "%s", h->why);
		return 0;
	}
	if (h->muster) {
		if (!slots)
			err_set(why, 0, "it offers no slots");
		return slots;
	}
	if (!slots)
		return SIZING_SLOTS_UNKNOWN;
	if (h->load > slots * overload) {
		err_set(why, 0, "it is overloaded: its load is %.1f, and it takes %u jobs",
			h->load, slots);
		return 0;
	}
	if (h->load >= 1)
		slots = h->load < slots ? slots - (unsigned)h->load : 1;
	slots = fitting(h->free_mb, compiler_mb, slots);
	if (!slots)
		err_set(why, 0,
			"it has %lld MB of free memory, less than the %u MB of one compile",
			(long long)h->free_mb, compiler_mb);
	return slots;
}

/* Nobody answers: this machine alone. */
static int decide_alone(struct sizing *s, const struct sizing_ask *a, struct err *e)
{
	s->local_slots =
	    fitting(a->free_mb, a->compiler_mb, least(a->fallback_local, SIZING_JOBS_MAX));
	if (!a->fallback_local) {
		err_set(e, 0,
			"there is no worker to use, and compiling here alone is "
			"forbidden (DISTCC_AUTO_FALLBACK_LOCAL_JOBS=0)");
		return SIZING_EXIT_MEMORY;
	}
	if (!s->local_slots) {
		err_set(e, 0,
			"there is no worker to use, and this machine has %lld MB of free "
			"memory, less than the %u MB of one compile "
			"(DISTCC_AUTO_COMPILER_MEMORY)",
			(long long)a->free_mb, a->compiler_mb);
		return SIZING_EXIT_MEMORY;
	}
	s->jobs = s->local_slots;
	return 0;
}

/* The local part of a build with workers. */
static void decide_beside(struct sizing *s, const struct sizing_ask *a)
{
	unsigned cores = a->cores ? a->cores : 1;
	unsigned preparing_mb = a->compiler_mb / SIZING_PREPARED;
	unsigned early = least(a->early_local, SIZING_JOBS_MAX);
	unsigned preparation = least(a->preparation, SIZING_JOBS_MAX);

	s->early_local = fitting(a->free_mb, a->compiler_mb, early);
	/* Links and what falls back run here whatever is free: one at a time, if need
	 * be. */
	s->local_slots = fitting(a->free_mb, a->compiler_mb, cores);
	if (s->local_slots < s->early_local)
		s->local_slots = s->early_local;
	if (!s->local_slots)
		s->local_slots = 1;
	preparation = fitting(a->free_mb, preparing_mb, preparation);
	s->jobs = s->remote_slots + preparation + s->early_local;
	if (a->compiler_mb)
		s->jobs = fitting(a->free_mb, SIZING_JOB_MB, s->jobs);
	s->jobs = least(s->jobs, SIZING_JOBS_MAX);
	if (!s->jobs)
		s->jobs = 1;
}

int sizing_decide(struct sizing *s, const struct sizing_ask *a, struct err *e)
{
	int status = 0;

	*s = (struct sizing){.slots = xcalloc(a->nhosts + 1, sizeof *s->slots)};
	for (size_t i = 0; i < a->nhosts; i++) {
		s->slots[i] = sizing_slots(&a->hosts[i], a->compiler_mb, NULL);
		s->remote_slots = least(s->remote_slots + s->slots[i], SIZING_JOBS_MAX);
	}
	if (s->remote_slots)
		decide_beside(s, a);
	else
		status = decide_alone(s, a, e);
	if (status == 0 && a->wanted > 0)
		s->jobs = (unsigned)a->wanted;
	return status;
}
