/* Jobs, and the order in which they wait.
 *
 * Invariants: a job is on one list at most; a plain job is in the bucket of its cost; a bucket is in order of arrival, so
 * that the head of one is the oldest of its cost. */
#include "base/mem.h"
#include "core/sched_parts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	MAX_PARKED = 4096, /* jobs neither waiting nor running that are remembered */
	MAX_TOOLS = 64,    /* toolchains remembered without jobs waiting for them */
	FIRST_OCTAVE = 20, /* about a millisecond; below it all costs are one */
};

/* A worker of that part of the fastest one's speed may be hoped for. */
static const double fast = 0.6;

void sched_list_add(struct sched_list *l, struct sched_job *j)
{
	assert(!j->in);
	j->in = l;
	j->prev = l->tail;
	j->next = NULL;
	if (l->tail)
		l->tail->next = j;
	else
		l->head = j;
	l->tail = j;
	l->n++;
}

void sched_list_remove(struct sched_job *j)
{
	struct sched_list *l = j->in;

	if (j->prev)
		j->prev->next = j->next;
	else
		l->head = j->next;
	if (j->next)
		j->next->prev = j->prev;
	else
		l->tail = j->prev;
	l->n--;
	j->in = NULL;
}

/* ---- toolchains ---- */

bool sched_tool_waited_for(const struct sched_tool *t)
{
	return t->nplain + t->scarred.n > 0;
}

struct sched_tool *sched_tool_find(const struct sched *s, uint64_t id)
{
	for (size_t i = 0; i < s->ntools; i++)
		if (s->tool[i]->id == id)
			return s->tool[i];
	return NULL;
}

static void tools_grow(struct sched *s)
{
	size_t cap = s->cap_tools ? 2 * s->cap_tools : MAX_TOOLS;

	s->tool = xreallocarray(s->tool, cap, sizeof(struct sched_tool *));
	for (size_t i = 0; i < s->nworkers; i++) {
		struct sched_worker *w = s->worker[i];

		w->know = xrealloc(w->know, cap);
		memset(w->know + s->cap_tools, KNOW_NOTHING, cap - s->cap_tools);
	}
	s->cap_tools = cap;
}

/* The toolchain named ID. A new one takes the place of the one unused for longest when there are many:
 * the workers are then asked again about that, should it come back. */
struct sched_tool *sched_tool_get(struct sched *s, uint64_t id)
{
	struct sched_tool *t = sched_tool_find(s, id);

	if (t)
		return t;
	for (size_t i = 0; s->ntools >= MAX_TOOLS && i < s->ntools; i++)
		if (!sched_tool_waited_for(s->tool[i]) &&
		    (!t || s->tool[i]->used < t->used))
			t = s->tool[i];
	if (!t) {
		if (s->ntools == s->cap_tools)
			tools_grow(s);
		t = xcalloc(1, sizeof *t);
		t->index = s->ntools++;
		s->tool[t->index] = t;
	}
	for (size_t i = 0; i < s->nworkers; i++)
		s->worker[i]->know[t->index] = KNOW_NOTHING;
	t->id = id;
	return t;
}

/* ---- jobs ---- */

bool sched_job_failed_on(const struct sched_job *j, const struct sched_worker *w)
{
	for (unsigned i = 0; i < j->nfailed; i++)
		if (j->failed[i] == w->node.id)
			return true;
	return false;
}

void sched_job_scar(struct sched_job *j, const struct sched_worker *w)
{
	if (j->nfailed < SCHED_MAX_FAILED && !sched_job_failed_on(j, w))
		j->failed[j->nfailed++] = w->node.id;
}

void sched_job_free(struct sched *s, struct sched_job *j)
{
	idmap_remove(&s->jobs, &j->node);
	free(j);
}

static void leave_line(struct sched *s, struct sched_job *j)
{
	struct sched_tool *t = sched_tool_find(s, j->toolchain);

	s->waiting--;
	s->waiting_work = s->waiting ? s->waiting_work - j->line_work : 0;
	j->waiting = false;
	assert(t);
	if (j->in == &t->scarred)
		return;
	t->nplain--;
	if (j->in->n == 1)
		t->filled &= ~(UINT64_C(1) << j->bucket);
}

void sched_job_detach(struct sched *s, struct sched_job *j)
{
	if (j->waiting)
		leave_line(s, j);
	if (j->worker) {
		assert(j->worker->used > 0);
		sched_race_ended(s, j);
		j->worker->used--;
		s->lent_used -= j->worker->lent;
		j->worker = NULL;
	}
	if (j->in)
		sched_list_remove(j);
	j->away = false;
}

void sched_job_park(struct sched *s, struct sched_job *j)
{
	sched_job_detach(s, j);
	if (j->nfailed == 0) {
		sched_job_free(s, j);
		return;
	}
	sched_list_add(&s->parked, j);
	if (s->parked.n > MAX_PARKED) {
		struct sched_job *oldest = s->parked.head;

		sched_list_remove(oldest);
		sched_job_free(s, oldest);
	}
}

/* ---- the line ---- */

static unsigned bucket_of(double work)
{
	uint64_t ns = work < 1 ? 1 : work > 1e18 ? (uint64_t)1e18 : (uint64_t)work;
	unsigned octave = 63 - (unsigned)__builtin_clzll(ns);

	if (octave < FIRST_OCTAVE)
		return 0;
	unsigned quarter = (unsigned)(ns >> (octave - 2)) & 3;
	unsigned b = (octave - FIRST_OCTAVE) * 4 + quarter;

	return b < SCHED_BUCKETS ? b : SCHED_BUCKETS - 1;
}

/* Of its cost; who is unknown is taken for an average one. */
static double work_of(const struct sched *s, const struct sched_job *j)
{
	return j->work ? (double)j->work : estimate_mean(s->estimate);
}

void sched_job_wait(struct sched *s, struct sched_job *j, struct sched_tool *t)
{
	j->waiting = true;
	j->line_work = work_of(s, j);
	s->waiting++;
	s->waiting_work += j->line_work;
	if (j->nfailed || j->memory_kb > s->least_memory_kb) {
		sched_list_add(&t->scarred, j);
		return;
	}
	j->bucket = (uint8_t)bucket_of(work_of(s, j));
	sched_list_add(&t->plain[j->bucket], j);
	t->nplain++;
	t->filled |= UINT64_C(1) << j->bucket;
}

void sched_line_sort_out(struct sched *s, uint32_t memory_kb)
{
	if (memory_kb < s->least_memory_kb)
		s->least_memory_kb = memory_kb;
	for (size_t i = 0; i < s->ntools; i++) {
		struct sched_tool *t = s->tool[i];

		for (size_t b = 0; t->filled && b < SCHED_BUCKETS; b++) {
			for (struct sched_job *next, *j = t->plain[b].head; j; j = next) {
				next = j->next;
				if (j->memory_kb <= s->least_memory_kb)
					continue;
				sched_job_detach(s, j);
				sched_job_wait(s, j, t);
			}
		}
	}
}

/* What the line has for one worker. */
struct offer {
	const struct sched *s;
	double costliest, limit; /* in work; LIMIT is what the worker should take at most */
	struct sched_job *first; /* of all, to have come */
	struct sched_job *fits;  /* the most costly it can do in time … */
	struct sched_job *least; /* … and the cheapest */
};

static void offer_job(struct offer *o, struct sched_job *j)
{
	double work = work_of(o->s, j);

	if (!o->first || j->seq < o->first->seq)
		o->first = j;
	if (work <= o->limit && (!o->fits || work > work_of(o->s, o->fits) ||
				 (work >= work_of(o->s, o->fits) && j->seq < o->fits->seq)))
		o->fits = j;
	if (!o->least || work < work_of(o->s, o->least) ||
	    (work <= work_of(o->s, o->least) && j->seq < o->least->seq))
		o->least = j;
}

/* The heads of the buckets, and those of the scarred that suit W: CALL with each. */
static void offer_each(const struct sched *s, const struct sched_worker *w, struct offer *o,
		       void (*call)(struct offer *, struct sched_job *))
{
	for (size_t i = 0; i < s->ntools; i++) {
		const struct sched_tool *t = s->tool[i];

		if (w->know[i] != KNOW_YES)
			continue;
		for (uint64_t left = t->filled; left; left &= left - 1)
			call(o, t->plain[__builtin_ctzll(left)].head);
		struct sched_job *j = t->scarred.head;

		while (j && !sched_worker_suits(w, j))
			j = j->next;
		if (j)
			call(o, j);
	}
}

static void find_costliest(struct offer *o, struct sched_job *j)
{
	double work = work_of(o->s, j);

	o->costliest = work > o->costliest ? work : o->costliest;
}

/* The longest that a job should take from now on: as long as all that waits will take in any case, or the most costly of it
 * on a fast worker. */
static double may_take(const struct sched *s, double costliest)
{
	double fastest = 0, all = 0;

	for (size_t i = 0; i < s->nworkers; i++) {
		const struct sched_worker *w = s->worker[i];
		double v = estimate_value(s->estimate, &w->speed);

		if (!sched_worker_usable(w))
			continue;
		fastest = v > fastest ? v : fastest;
		all += v * w->slots;
	}
	double line = all > 0 ? s->waiting_work / all / 2 : 0; /* half, as it is a guess */
	double one = fastest > 0 ? costliest / (fastest * fast) : 0;

	return line > one ? line : one;
}

/* The most costly job that W ends while the line would last anyway: so that costly jobs begin early, wherever, and slow workers
 * are busy at the end with what does not hold up the build. Where that leaves none, the cheapest. */
struct sched_job *sched_line_next(const struct sched *s, const struct sched_worker *w)
{
	struct offer o = {.s = s};

	offer_each(s, w, &o, find_costliest);
	o.limit = may_take(s, o.costliest) * estimate_value(s->estimate, &w->speed);
	offer_each(s, w, &o, offer_job);
	struct sched_job *j = o.fits ? o.fits : o.least;

	return j && j->asked - o.first->asked > SCHED_PASS_MS * INT64_C(1000000) ? o.first
										 : j;
}
