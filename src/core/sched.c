/* Workers come and go, jobs ask for slots. One event changes one thing; what follows from it (grants,
 * dials, queries, jobs sent home) is collected as effects.
 *
 * Invariants, after every step:
 *   - a worker is "usable" when it is connected, has slots and does not rest; only usable ones get jobs,
 *     and never more than they have slots;
 *   - no usable worker with a free slot knows the toolchain of a waiting job that it has not failed:
 *     so a new job looks at the workers once, a freed slot looks at the heads of the queues only;
 *   - a waiting job has hope: some worker may still take it. Where the last hope goes, it goes home.
 *
 * Any request, new or waiting, dials every worker that is neither connected nor resting. Jobs wait for
 * that outcome, except that of a worker whose last attempt failed: it is dialled for those who come
 * later, because a silent host must not hold up a build again and again.
 *
 * Costs: an ASK is one pass over the workers; DONE, CANCEL and a TOOLCHAIN yes look at one queue head for
 * each toolchain; what takes hope away is one pass over the workers for each toolchain with waiting jobs.
 * Memory: by worker, by job that waits or runs, and the limits below. */
#include "core/sched.h"

#include "base/mem.h"
#include "core/estimate.h"
#include "core/idmap.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	MAX_FAILED = 8, /* workers that failed one job; after so many it only goes home */
	MAX_PARKED =
	    4096,       /* jobs neither waiting nor running whose failures are remembered */
	MAX_TOOLS = 64, /* toolchains remembered without jobs waiting for them */
	MAX_SLOTS = 1 << 16,
};

static const nsec MS = 1000000;

struct list {
	struct job *head, *tail;
	size_t n;
};

struct job {
	struct idmap_node node;
	struct list
	    *in; /* the one list it is on: a queue, a worker's, or the parked ones */
	struct job *prev, *next;
	uint64_t unit, seq;    /* seq: order of arrival */
	struct worker *worker; /* holds a slot there; else NULL */
	bool waiting;
	unsigned nfailed;
	uint64_t failed[MAX_FAILED]; /* ids of workers that failed it */
};

/* A toolchain, with those who wait for it in order of arrival: PLAIN jobs, which any worker that has
 * it may take, and SCARRED ones, which some workers have failed. */
struct tool {
	uint64_t id, used; /* used: the last seq */
	size_t index;
	struct list plain, scarred;
};

enum link {
	LINK_NONE,
	LINK_DIALING,
	LINK_UP
};

enum know {
	KNOW_NOTHING,
	KNOW_ASKED,
	KNOW_YES,
	KNOW_NO
};

struct worker {
	struct idmap_node node;
	size_t index; /* in sched.worker */
	enum link link;
	bool resting; /* backing off: left alone until retry_at */
	nsec
	    backoff; /* how long it rested last; 0: nothing failed since its last success */
	nsec retry_at;
	unsigned slots, used;
	uint64_t salt; /* decides between equals, so that not all agents prefer the same */
	struct estimate_speed speed;
	struct list granted;
	uint8_t *know; /* enum know by tool.index, while connected */
};

struct sched {
	uint64_t seed, seq;
	nsec now;
	nsec next_retry; /* no resting worker's retry_at is earlier */
	bool hope_lost;  /* in this step: some job's last hope may be gone */
	size_t waiting;
	struct idmap workers, jobs;
	struct worker **worker;
	size_t nworkers, cap_workers;
	struct tool **tool;
	size_t ntools, cap_tools; /* cap_tools: the size of each worker's know */
	struct list parked;
	struct estimate *estimate;
	struct sched_effect *effect;
	size_t neffects, cap_effects;
};

struct sched *sched_new(uint64_t seed)
{
	struct sched *s = xcalloc(1, sizeof *s);

	s->seed = seed;
	s->now = INT64_MIN;
	s->next_retry = INT64_MAX;
	s->workers.seed = s->jobs.seed = seed;
	s->estimate = estimate_new(seed);
	s->cap_tools = MAX_TOOLS;
	s->tool = xcalloc(s->cap_tools, sizeof(struct tool *));
	return s;
}

static void worker_free(struct worker *w)
{
	free(w->know);
	free(w);
}

void sched_free(struct sched *s)
{
	if (!s)
		return;
	for (struct job *j; (j = idmap_pop(&s->jobs));)
		free(j);
	for (struct worker *w; (w = idmap_pop(&s->workers));)
		worker_free(w);
	for (size_t i = 0; i < s->ntools; i++)
		free(s->tool[i]);
	idmap_free(&s->jobs);
	idmap_free(&s->workers);
	estimate_free(s->estimate);
	free(s->worker);
	free(s->tool);
	free(s->effect);
	free(s);
}

static void emit(struct sched *s, struct sched_effect effect)
{
	if (s->neffects == s->cap_effects) {
		s->cap_effects = s->cap_effects ? 2 * s->cap_effects : 16;
		s->effect = xreallocarray(s->effect, s->cap_effects, sizeof *s->effect);
	}
	s->effect[s->neffects++] = effect;
}

/* ---- lists and toolchains ---- */

static void list_add(struct list *l, struct job *j)
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

static void list_remove(struct job *j)
{
	struct list *l = j->in;

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

static bool tool_waited_for(const struct tool *t)
{
	return t->plain.n + t->scarred.n > 0;
}

static struct tool *tool_find(const struct sched *s, uint64_t id)
{
	for (size_t i = 0; i < s->ntools; i++)
		if (s->tool[i]->id == id)
			return s->tool[i];
	return NULL;
}

static void tools_grow(struct sched *s)
{
	size_t cap = 2 * s->cap_tools;

	s->tool = xreallocarray(s->tool, cap, sizeof(struct tool *));
	for (size_t i = 0; i < s->nworkers; i++) {
		struct worker *w = s->worker[i];

		w->know = xrealloc(w->know, cap);
		memset(w->know + s->cap_tools, KNOW_NOTHING, cap - s->cap_tools);
	}
	s->cap_tools = cap;
}

/* The toolchain named ID. A new one takes the place of the one unused for longest when there are many:
 * the workers are then asked again about that, should it come back. */
static struct tool *tool_get(struct sched *s, uint64_t id)
{
	struct tool *t = tool_find(s, id);

	if (t)
		return t;
	for (size_t i = 0; s->ntools >= MAX_TOOLS && i < s->ntools; i++)
		if (!tool_waited_for(s->tool[i]) && (!t || s->tool[i]->used < t->used))
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

static bool job_failed_on(const struct job *j, const struct worker *w)
{
	for (unsigned i = 0; i < j->nfailed; i++)
		if (j->failed[i] == w->node.id)
			return true;
	return false;
}

static void job_free(struct sched *s, struct job *j)
{
	idmap_remove(&s->jobs, &j->node);
	free(j);
}

/* Takes J off its queue or its slot. */
static void job_detach(struct sched *s, struct job *j)
{
	if (j->in)
		list_remove(j);
	if (j->waiting)
		s->waiting--;
	if (j->worker) {
		assert(j->worker->used > 0);
		j->worker->used--;
	}
	j->waiting = false;
	j->worker = NULL;
}

/* The round of J is over. It may ask again: who failed it stays remembered, for a while. */
static void job_park(struct sched *s, struct job *j)
{
	job_detach(s, j);
	if (j->nfailed == 0) {
		job_free(s, j);
		return;
	}
	list_add(&s->parked, j);
	if (s->parked.n > MAX_PARKED) {
		struct job *oldest = s->parked.head;

		list_remove(oldest);
		job_free(s, oldest);
	}
}

static void job_home(struct sched *s, struct job *j, enum sched_home why)
{
	emit(s, (struct sched_effect){.type = SCHED_HOME, .job = j->node.id, .home = why});
	job_park(s, j);
}

static void job_wait(struct sched *s, struct job *j, struct tool *t)
{
	list_add(j->nfailed ? &t->scarred : &t->plain, j);
	j->waiting = true;
	s->waiting++;
}

static void job_grant(struct sched *s, struct job *j, struct worker *w)
{
	job_detach(s, j);
	assert(w->used < w->slots);
	w->used++;
	j->worker = w;
	list_add(&w->granted, j);
	emit(s, (struct sched_effect){
		    .type = SCHED_GRANT, .job = j->node.id, .worker = w->node.id});
}

/* ---- workers ---- */

static bool worker_usable(const struct worker *w)
{
	return w->link == LINK_UP && !w->resting && w->slots > 0;
}

/* May a job of toolchain T, unless W has failed it, wait for W? */
static bool worker_gives_hope(const struct worker *w, const struct tool *t)
{
	return worker_usable(w) ? w->know[t->index] != KNOW_NO
				: w->link == LINK_DIALING && w->backoff == 0;
}

static void worker_dial(struct sched *s, struct worker *w)
{
	if (w->link != LINK_NONE || w->resting)
		return;
	w->link = LINK_DIALING;
	emit(s, (struct sched_effect){.type = SCHED_DIAL, .worker = w->node.id});
}

static void worker_query(struct sched *s, struct worker *w, const struct tool *t)
{
	if (!worker_usable(w) || w->know[t->index] != KNOW_NOTHING)
		return;
	w->know[t->index] = KNOW_ASKED;
	emit(s, (struct sched_effect){
		    .type = SCHED_QUERY, .worker = w->node.id, .toolchain = t->id});
}

/* The job that has waited longest among those that W may take. */
static struct job *worker_next_job(const struct sched *s, const struct worker *w)
{
	struct job *best = NULL;

	for (size_t i = 0; i < s->ntools; i++) {
		const struct tool *t = s->tool[i];

		if (w->know[i] != KNOW_YES)
			continue;
		struct job *scarred = t->scarred.head;

		while (scarred && job_failed_on(scarred, w))
			scarred = scarred->next;
		if (scarred && (!best || scarred->seq < best->seq))
			best = scarred;
		if (t->plain.head && (!best || t->plain.head->seq < best->seq))
			best = t->plain.head;
	}
	return best;
}

static void worker_fill(struct sched *s, struct worker *w)
{
	while (s->waiting > 0 && worker_usable(w) && w->used < w->slots) {
		struct job *j = worker_next_job(s, w);

		if (!j)
			return;
		job_grant(s, j, w);
	}
}

/* W can be used from now on (or can not, then nothing happens). */
static void worker_welcome(struct sched *s, struct worker *w)
{
	for (size_t i = 0; i < s->ntools; i++)
		if (tool_waited_for(s->tool[i]))
			worker_query(s, w, s->tool[i]);
	worker_fill(s, w);
}

/* Something failed there. What fails while it rests is the same trouble and does not count again. */
static void worker_rest(struct sched *s, struct worker *w)
{
	if (w->resting && s->now < w->retry_at)
		return;
	w->backoff = w->backoff ? 2 * w->backoff : SCHED_BACKOFF_FIRST_MS * MS;
	if (w->backoff > SCHED_BACKOFF_MAX_MS * MS)
		w->backoff = SCHED_BACKOFF_MAX_MS * MS;
	w->retry_at = s->now + w->backoff;
	w->resting = true;
	if (w->retry_at < s->next_retry)
		s->next_retry = w->retry_at;
	s->hope_lost = true;
}

static void worker_succeeded(struct sched *s, struct worker *w)
{
	w->backoff = 0;
	if (w->resting) {
		w->resting = false;
		worker_welcome(s, w);
	}
}

/* The connection is no more, and what was granted there is forgotten. */
static void worker_unlink(struct sched *s, struct worker *w)
{
	for (struct job *next, *j = w->granted.head; j; j = next) {
		next = j->next;
		job_park(s, j);
	}
	assert(w->used == 0);
	w->link = LINK_NONE;
	memset(w->know, KNOW_NOTHING, s->cap_tools);
	s->hope_lost = true;
}

/* Faster first; among about equals the one with more of its slots free, then by salt. */
static bool worker_better(const struct sched *s, const struct worker *a,
			  const struct worker *b)
{
	unsigned grade_a = estimate_grade(s->estimate, &a->speed);
	unsigned grade_b = estimate_grade(s->estimate, &b->speed);

	if (grade_a != grade_b)
		return grade_a > grade_b;
	uint64_t load_a = (uint64_t)a->used * b->slots;
	uint64_t load_b = (uint64_t)b->used * a->slots;

	return load_a != load_b ? load_a < load_b : a->salt < b->salt;
}

/* ---- time and hope ---- */

/* Ends the rest of those whose time has come. */
static void wake_rested(struct sched *s)
{
	if (s->now < s->next_retry)
		return;
	s->next_retry = INT64_MAX;
	for (size_t i = 0; i < s->nworkers; i++) {
		struct worker *w = s->worker[i];

		if (w->resting && w->retry_at <= s->now) {
			w->resting = false;
			worker_welcome(s, w);
			if (s->waiting > 0)
				worker_dial(s, w);
		}
		if (w->resting && w->retry_at < s->next_retry)
			s->next_retry = w->retry_at;
	}
}

static enum sched_home home_reason(const struct sched *s, const struct tool *t,
				   const struct job *j)
{
	if (s->nworkers == 0)
		return SCHED_HOME_NO_WORKERS;
	for (unsigned i = 0; i < j->nfailed; i++)
		if (idmap_find(&s->workers, j->failed[i]))
			return SCHED_HOME_ALL_FAILED;
	for (size_t i = 0; i < s->nworkers; i++)
		if (worker_usable(s->worker[i]) && s->worker[i]->know[t->index] == KNOW_NO)
			return SCHED_HOME_NO_TOOLCHAIN;
	return SCHED_HOME_ALL_DOWN;
}

/* Sends home the waiting jobs of T that no worker will take. */
static void tool_send_home(struct sched *s, struct tool *t)
{
	size_t hope = 0;

	for (size_t i = 0; i < s->nworkers; i++)
		hope += worker_gives_hope(s->worker[i], t);
	if (hope == 0 && t->plain.head) {
		enum sched_home why = home_reason(s, t, t->plain.head);

		for (struct job *next, *j = t->plain.head; j; j = next) {
			next = j->next;
			job_home(s, j, why);
		}
	}
	for (struct job *next, *j = t->scarred.head; j; j = next) {
		size_t lost = 0;

		next = j->next;
		for (unsigned i = 0; i < j->nfailed; i++) {
			const struct worker *w = idmap_find(&s->workers, j->failed[i]);

			lost += w && worker_gives_hope(w, t);
		}
		if (lost == hope)
			job_home(s, j, home_reason(s, t, j));
	}
}

/* ---- events ---- */

static void on_worker_add(struct sched *s, uint64_t id)
{
	if (idmap_find(&s->workers, id))
		return;
	struct worker *w = xcalloc(1, sizeof *w);

	w->node.id = id;
	w->salt = idmap_mix(s->seed, id);
	w->know = xcalloc(s->cap_tools, 1);
	idmap_add(&s->workers, &w->node);
	if (s->nworkers == s->cap_workers) {
		s->cap_workers = s->cap_workers ? 2 * s->cap_workers : 16;
		s->worker =
		    xreallocarray(s->worker, s->cap_workers, sizeof(struct worker *));
	}
	w->index = s->nworkers++;
	s->worker[w->index] = w;
	if (s->waiting > 0)
		worker_dial(s, w);
}

static void on_worker_remove(struct sched *s, struct worker *w)
{
	worker_unlink(s, w);
	estimate_forget(s->estimate, &w->speed);
	s->worker[w->index] = s->worker[--s->nworkers];
	s->worker[w->index]->index = w->index;
	idmap_remove(&s->workers, &w->node);
	worker_free(w);
}

static void on_worker_up(struct sched *s, struct worker *w, unsigned slots)
{
	w->link = LINK_UP;
	w->slots = slots < MAX_SLOTS ? slots : MAX_SLOTS;
	s->hope_lost = true; /* it may have none, or rest */
	worker_welcome(s, w);
}

static void on_worker_down(struct sched *s, struct worker *w)
{
	if (w->link == LINK_NONE)
		return;
	worker_unlink(s, w);
	worker_rest(s, w);
}

static void on_toolchain(struct sched *s, struct worker *w, const struct sched_event *e)
{
	const struct tool *t = tool_find(s, e->toolchain);

	if (!t || w->link != LINK_UP)
		return;
	w->know[t->index] = e->yes ? KNOW_YES : KNOW_NO;
	if (e->yes)
		worker_fill(s, w);
	else
		s->hope_lost = true;
}

/* A job asks that waits or holds a slot already: it starts anew, behind the others. */
static struct job *job_for_ask(struct sched *s, const struct sched_event *e)
{
	struct job *j = idmap_find(&s->jobs, e->job);

	if (!j) {
		j = xcalloc(1, sizeof *j);
		j->node.id = e->job;
		idmap_add(&s->jobs, &j->node);
	}
	struct worker *left = j->worker;

	job_detach(s, j);
	if (left)
		worker_fill(s, left);
	j->unit = e->unit;
	j->seq = ++s->seq;
	return j;
}

static void on_ask(struct sched *s, const struct sched_event *e)
{
	struct job *j = job_for_ask(s, e);
	struct tool *t = tool_get(s, e->toolchain);
	struct worker *best = NULL;
	bool hope = false;

	t->used = j->seq;
	for (size_t i = 0; i < s->nworkers; i++) {
		struct worker *w = s->worker[i];

		worker_dial(s, w);
		worker_query(s, w, t);
		if (j->nfailed == MAX_FAILED || job_failed_on(j, w))
			continue;
		hope = hope || worker_gives_hope(w, t);
		if (worker_usable(w) && w->know[t->index] == KNOW_YES &&
		    w->used < w->slots && (!best || worker_better(s, w, best)))
			best = w;
	}
	if (best)
		job_grant(s, j, best);
	else if (hope)
		job_wait(s, j, t);
	else
		job_home(s, j, home_reason(s, t, j));
}

static void on_done(struct sched *s, struct job *j, nsec cpu_ns)
{
	struct worker *w = j->worker;

	estimate_learn(s->estimate, &w->speed, j->unit, cpu_ns);
	job_park(s, j);
	worker_succeeded(s, w);
	worker_fill(s, w);
}

static void on_failed(struct sched *s, struct job *j)
{
	struct worker *w = j->worker;

	if (j->nfailed < MAX_FAILED && !job_failed_on(j, w))
		j->failed[j->nfailed++] = w->node.id;
	job_park(s, j);
	worker_rest(s, w);
}

static void on_cancel(struct sched *s, struct job *j)
{
	struct worker *w = j->worker;

	if (!w && !j->waiting)
		return;
	job_park(s, j);
	if (w)
		worker_fill(s, w);
}

static void step_worker(struct sched *s, const struct sched_event *e)
{
	struct worker *w = idmap_find(&s->workers, e->worker);

	if (!w)
		return;
	switch (e->type) {
	case SCHED_WORKER_REMOVE: on_worker_remove(s, w); break;
	case SCHED_WORKER_UP: on_worker_up(s, w, e->slots); break;
	case SCHED_WORKER_DOWN: on_worker_down(s, w); break;
	case SCHED_TOOLCHAIN: on_toolchain(s, w, e); break;
	default: break;
	}
}

static void step_job(struct sched *s, const struct sched_event *e)
{
	struct job *j = idmap_find(&s->jobs, e->job);

	if (!j)
		return;
	if (e->type == SCHED_CANCEL)
		on_cancel(s, j);
	else if (j->worker && e->type == SCHED_DONE)
		on_done(s, j, e->cpu_ns);
	else if (j->worker && e->type == SCHED_FAILED)
		on_failed(s, j);
}

void sched_step(struct sched *s, const struct sched_event *e, struct sched_out *out)
{
	s->neffects = 0;
	s->hope_lost = false;
	if (e->now > s->now)
		s->now = e->now;
	/* A rest that ends now: first the event, lest a worker be given jobs that it is just losing.
	 * But who asks now comes behind those who waited for that rest to end. */
	if (e->type == SCHED_ASK)
		wake_rested(s);
	switch (e->type) {
	case SCHED_TICK: break;
	case SCHED_WORKER_ADD: on_worker_add(s, e->worker); break;
	case SCHED_WORKER_REMOVE:
	case SCHED_WORKER_UP:
	case SCHED_WORKER_DOWN:
	case SCHED_TOOLCHAIN: step_worker(s, e); break;
	case SCHED_ASK: on_ask(s, e); break;
	case SCHED_CANCEL:
	case SCHED_DONE:
	case SCHED_FAILED: step_job(s, e); break;
	}
	wake_rested(s);
	for (size_t i = 0; s->hope_lost && s->waiting > 0 && i < s->ntools; i++)
		if (tool_waited_for(s->tool[i]))
			tool_send_home(s, s->tool[i]);
	*out = (struct sched_out){
	    .v = s->effect,
	    .n = s->neffects,
	    .wake = s->waiting > 0 ? s->next_retry : INT64_MAX,
	};
}

double sched_speed(const struct sched *s, uint64_t worker)
{
	const struct worker *w = idmap_find(&s->workers, worker);

	return w ? estimate_speed(s->estimate, &w->speed) : 1.0;
}
