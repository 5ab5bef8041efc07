/* Workers come and go, jobs ask for slots. One event changes one thing; what follows from it (grants, dials,
 * queries, copies, jobs sent home) is collected as effects.
 *
 * Invariants, after every step:
 *   - only usable workers get jobs, and never more than they have slots;
 *   - no usable worker with a free slot knows the toolchain of a waiting job that it suits:
 *     so a new job looks at the workers once, a freed slot looks at the heads of the line only;
 *   - a waiting job has hope: some worker may still take it. Where the last hope goes, it goes home.
 *
 * Any request, new or waiting, dials every worker that is neither connected nor resting. Jobs wait for
 * that outcome, except that of a worker whose last attempt failed: it is dialled for those who come
 * later, because a silent host must not hold up a build again and again. Who went home because nobody could be
 * reached is remembered while it waits there, and called back by the first worker that can be used: so local slots
 * work while a worker rests, and the rest of the line has lost nothing.
 *
 * Costs: an ASK is one pass over the workers; DONE, CANCEL and a TOOLCHAIN yes look at the heads of the line, and while
 * nobody waits at what runs, every LOOK_MS at most; what takes hope away is one pass over the workers for each toolchain
 * with waiting jobs. Memory: by worker, by job that waits or runs, and the limits of the parts. */
#include "core/sched.h"

#include "base/mem.h"
#include "core/sched_parts.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>

enum {
	MAX_SLOTS = 1 << 16,
	MAX_AWAY = 1 << 16, /* who is sent home beyond that is forgotten */
};

struct sched *sched_new(uint64_t seed)
{
	struct sched *s = xcalloc(1, sizeof *s);

	s->seed = seed;
	s->now = INT64_MIN;
	s->least_memory_kb = UINT32_MAX;
	s->lent_most = UINT_MAX;
	s->next_retry = s->race_at = s->due_at = INT64_MAX;
	s->workers.seed = s->jobs.seed = seed;
	s->estimate = estimate_new(seed);
	return s;
}

void sched_free(struct sched *s)
{
	if (!s)
		return;
	for (struct sched_job *j; (j = idmap_pop(&s->jobs));)
		free(j);
	for (struct sched_worker *w; (w = idmap_pop(&s->workers));) {
		free(w->know);
		free(w);
	}
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

void sched_emit(struct sched *s, struct sched_effect effect)
{
	if (s->neffects == s->cap_effects) {
		s->cap_effects = s->cap_effects ? 2 * s->cap_effects : 16;
		s->effect = xreallocarray(s->effect, s->cap_effects, sizeof *s->effect);
	}
	s->effect[s->neffects++] = effect;
}

/* ---- going home ---- */

static enum sched_home home_reason(const struct sched *s, const struct sched_tool *t,
				   const struct sched_job *j)
{
	if (s->nworkers == 0)
		return SCHED_HOME_NO_WORKERS;
	for (unsigned i = 0; i < j->nfailed; i++)
		if (idmap_find(&s->workers, j->failed[i]))
			return SCHED_HOME_ALL_FAILED;
	for (size_t i = 0; i < s->nworkers; i++)
		if (sched_worker_usable(s->worker[i]) &&
		    s->worker[i]->know[t->index] == KNOW_NO)
			return SCHED_HOME_NO_TOOLCHAIN;
	return SCHED_HOME_ALL_DOWN;
}

static void send_home(struct sched *s, struct sched_job *j, enum sched_home why)
{
	sched_emit(
	    s, (struct sched_effect){.type = SCHED_HOME, .job = j->node.id, .home = why});
	if ((why != SCHED_HOME_NO_WORKERS && why != SCHED_HOME_ALL_DOWN) ||
	    s->away.n == MAX_AWAY) {
		sched_job_park(s, j);
		return;
	}
	sched_job_detach(s, j);
	j->away = true;
	sched_list_add(&s->away, j);
}

/* Sends home the waiting jobs of T that no worker will take. */
static void tool_send_home(struct sched *s, struct sched_tool *t)
{
	size_t hope = 0;

	for (size_t i = 0; i < s->nworkers; i++)
		hope += sched_worker_gives_hope(s->worker[i], t);
	for (size_t b = 0; hope == 0 && t->filled && b < SCHED_BUCKETS; b++)
		while (t->plain[b].head)
			send_home(s, t->plain[b].head, home_reason(s, t, t->plain[b].head));
	for (struct sched_job *next, *j = t->scarred.head; j; j = next) {
		bool hopes = false;

		next = j->next;
		for (size_t i = 0; hope && !hopes && i < s->nworkers; i++)
			hopes = sched_worker_gives_hope(s->worker[i], t) &&
				sched_worker_suits(s->worker[i], j);
		if (!hopes)
			send_home(s, j, home_reason(s, t, j));
	}
}

/* ---- workers ---- */

static void on_worker_add(struct sched *s, const struct sched_event *e)
{
	if (idmap_find(&s->workers, e->worker))
		return;
	struct sched_worker *w = sched_worker_add(s, e->worker);

	estimate_restore(s->estimate, &w->speed, e->speed);
	if (s->waiting + s->away.n > 0)
		sched_worker_dial(s, w);
}

static void on_worker_up(struct sched *s, struct sched_worker *w,
			 const struct sched_event *e)
{
	w->link = LINK_UP;
	w->slots = e->slots < MAX_SLOTS ? e->slots : MAX_SLOTS;
	s->lent_used -= w->lent ? w->used : 0;
	w->lent = e->yes;
	s->lent_used += w->lent ? w->used : 0;
	s->hope_lost = true; /* it may have none, or rest */
	sched_worker_welcome(s, w);
}

static void on_worker_down(struct sched *s, struct sched_worker *w)
{
	if (w->link == LINK_NONE)
		return;
	sched_worker_unlink(s, w);
	sched_worker_rest(s, w);
}

static void on_toolchain(struct sched *s, struct sched_worker *w,
			 const struct sched_event *e)
{
	const struct sched_tool *t = sched_tool_find(s, e->toolchain);

	if (!t || w->link != LINK_UP)
		return;
	w->know[t->index] = e->yes ? KNOW_YES : KNOW_NO;
	if (e->yes) {
		sched_worker_fill(s, w);
		sched_race_again(s);
	} else {
		s->hope_lost = true;
	}
}

static void on_budget(struct sched *s, unsigned slots)
{
	bool more = slots > s->lent_most;

	s->lent_most = slots;
	for (size_t i = 0; more && i < s->nworkers; i++)
		sched_worker_fill(s, s->worker[i]);
}

static void on_link(struct sched *s, struct sched_worker *w, const struct sched_event *e)
{
	w->rtt = e->rtt;
	w->bytes_per_s = e->bytes_per_s;
	w->sent = w->link == LINK_UP ? e->bytes : 0;
	if (w->sent > s->most_sent)
		s->most_sent = w->sent;
}

/* ---- jobs ---- */

/* A job asks that waits or holds a slot already: it starts anew, behind the others. */
static struct sched_job *job_for_ask(struct sched *s, const struct sched_event *e)
{
	struct sched_job *j = idmap_find(&s->jobs, e->job);
	uint32_t memory_kb;

	if (!j) {
		j = xcalloc(1, sizeof *j);
		j->node.id = e->job;
		idmap_add(&s->jobs, &j->node);
	}
	struct sched_worker *left = j->worker;

	sched_job_detach(s, j);
	if (left)
		sched_worker_fill(s, left);
	j->unit = e->unit;
	j->toolchain = e->toolchain;
	j->bytes = e->bytes;
	j->seq = ++s->seq;
	j->asked = s->now;
	j->work = (nsec)estimate_work(s->estimate, e->unit, &memory_kb);
	j->home = estimate_placed(s->estimate, e->unit);
	j->memory_kb = memory_kb > j->memory_kb ? memory_kb : j->memory_kb;
	return j;
}

static void on_ask(struct sched *s, const struct sched_event *e)
{
	struct sched_job *j = job_for_ask(s, e);
	struct sched_tool *t = sched_tool_get(s, e->toolchain);
	struct sched_worker *best = NULL;
	bool hope = false;

	t->used = j->seq;
	for (size_t i = 0; i < s->nworkers; i++) {
		struct sched_worker *w = s->worker[i];

		sched_worker_dial(s, w);
		sched_worker_query(s, w, t);
		if (!sched_worker_suits(w, j))
			continue;
		hope = hope || sched_worker_gives_hope(w, t);
		if (sched_worker_idle(s, w) && w->know[t->index] == KNOW_YES &&
		    (!best || sched_worker_better(s, j, w, best)))
			best = w;
	}
	if (best) {
		sched_worker_grant(s, best, j);
		sched_emit(s, (struct sched_effect){.type = SCHED_GRANT,
						    .job = j->node.id,
						    .worker = best->node.id});
	} else if (hope) {
		sched_job_wait(s, j, t);
	} else {
		send_home(s, j, home_reason(s, t, j));
	}
}

static void on_done(struct sched *s, struct sched_job *j, const struct sched_event *e)
{
	struct sched_worker *w = j->worker;

	sched_worker_learn(s, w, j, e);
	sched_race_won(s, j);
	sched_job_park(s, j);
	sched_worker_succeeded(s, w);
	sched_worker_fill(s, w);
}

/* It was killed for want of memory: W is not for this one, nor for others that need as much. */
static void on_memory(struct sched *s, struct sched_job *j, uint32_t memory_kb)
{
	uint32_t more = memory_kb < UINT32_MAX ? memory_kb + 1 : memory_kb;

	j->worker->memory_kb = memory_kb;
	j->memory_kb = more > j->memory_kb ? more : j->memory_kb;
	estimate_learn_memory(s->estimate, j->unit, j->memory_kb);
	sched_line_sort_out(s, memory_kb);
	s->hope_lost = true;
}

static void on_failed(struct sched *s, struct sched_job *j, uint32_t memory_kb)
{
	struct sched_worker *w = j->worker;

	if (memory_kb)
		on_memory(s, j, memory_kb);
	sched_job_scar(j, w);
	if (j->twin) /* it goes on, in J's place */
		sched_job_scar(j->twin, w);
	sched_job_park(s, j);
	if (memory_kb)
		sched_worker_fill(s, w);
	else
		sched_worker_rest(s, w);
}

static void on_cancel(struct sched *s, struct sched_job *j)
{
	struct sched_worker *w = j->worker;

	if (!w && !j->waiting && !j->away)
		return;
	if (w && j->late)
		sched_worker_beaten(s, w);
	sched_job_park(s, j);
	if (w)
		sched_worker_fill(s, w);
}

static void step_worker(struct sched *s, const struct sched_event *e)
{
	struct sched_worker *w = idmap_find(&s->workers, e->worker);

	if (!w)
		return;
	switch (e->type) {
	case SCHED_WORKER_REMOVE: sched_worker_remove(s, w); break;
	case SCHED_WORKER_UP: on_worker_up(s, w, e); break;
	case SCHED_WORKER_DOWN: on_worker_down(s, w); break;
	case SCHED_TOOLCHAIN: on_toolchain(s, w, e); break;
	case SCHED_LINK: on_link(s, w, e); break;
	default: break;
	}
}

static void step_job(struct sched *s, const struct sched_event *e)
{
	struct sched_job *j = idmap_find(&s->jobs, e->job);

	if (!j)
		return;
	if (e->type == SCHED_CANCEL)
		on_cancel(s, j);
	else if (j->worker && e->type == SCHED_DONE)
		on_done(s, j, e);
	else if (j->worker && e->type == SCHED_FAILED)
		on_failed(s, j, e->memory_kb);
}

static void step_event(struct sched *s, const struct sched_event *e)
{
	switch (e->type) {
	case SCHED_TICK: break;
	case SCHED_WORKER_ADD: on_worker_add(s, e); break;
	case SCHED_WORKER_REMOVE:
	case SCHED_WORKER_UP:
	case SCHED_WORKER_DOWN:
	case SCHED_TOOLCHAIN:
	case SCHED_LINK: step_worker(s, e); break;
	case SCHED_BUDGET: on_budget(s, e->slots); break;
	case SCHED_ASK: on_ask(s, e); break;
	case SCHED_CANCEL:
	case SCHED_DONE:
	case SCHED_FAILED: step_job(s, e); break;
	}
}

void sched_step(struct sched *s, const struct sched_event *e, struct sched_out *out)
{
	s->neffects = 0;
	s->hope_lost = false;
	if (e->now > s->now)
		s->now = e->now;
	/* A rest that ends now: first the event, lest a worker be given jobs that it is just losing.
	 * But who asks now comes behind those who waited for that rest to end. */
	if (e->type == SCHED_ASK) {
		struct sched_job *j = idmap_find(&s->jobs, e->job);

		if (j && j->away)
			sched_job_park(s, j); /* it comes back by itself */
		sched_worker_wake_rested(s);
	}
	step_event(s, e);
	sched_worker_wake_rested(s);
	for (size_t i = 0; s->hope_lost && s->waiting > 0 && i < s->ntools; i++)
		if (sched_tool_waited_for(s->tool[i]))
			tool_send_home(s, s->tool[i]);
	sched_race_step(s);
	nsec retry = s->waiting + s->away.n > 0 ? s->next_retry : INT64_MAX;
	nsec race = sched_race_wake(s);

	*out = (struct sched_out){
	    .v = s->effect,
	    .n = s->neffects,
	    .wake = retry < race ? retry : race,
	};
}

/* ---- what is known ---- */

double sched_speed(const struct sched *s, uint64_t worker)
{
	const struct sched_worker *w = idmap_find(&s->workers, worker);

	return w ? estimate_speed(s->estimate, &w->speed) : 1.0;
}

bool sched_rests(const struct sched *s, uint64_t worker)
{
	const struct sched_worker *w = idmap_find(&s->workers, worker);

	return w && w->resting;
}

double sched_learned(const struct sched *s, uint64_t worker)
{
	const struct sched_worker *w = idmap_find(&s->workers, worker);

	return w && w->speed.seen ? w->speed.value : 0;
}

bool sched_predict(const struct sched *s, uint64_t unit, nsec *cpu, uint32_t *memory_kb)
{
	double work = estimate_work(s->estimate, unit, memory_kb);
	struct estimate_speed average = {0};

	*cpu = (nsec)(work / estimate_value(s->estimate, &average));
	return work > 0;
}

void sched_remember(struct sched *s, uint64_t unit, nsec work, uint32_t memory_kb)
{
	estimate_remember(s->estimate, unit, (double)work, memory_kb);
}

struct teller {
	void *ctx;
	void (*each)(void *ctx, uint64_t unit, nsec work, uint32_t memory_kb);
};

static void tell_unit(void *ctx, uint64_t unit, double work, uint32_t memory_kb)
{
	const struct teller *t = ctx;

	t->each(t->ctx, unit, (nsec)work, memory_kb);
}

void sched_tell(const struct sched *s, void *ctx,
		void (*each)(void *ctx, uint64_t unit, nsec work, uint32_t memory_kb))
{
	struct teller t = {ctx, each};

	estimate_tell(s->estimate, &t, tell_unit);
}
