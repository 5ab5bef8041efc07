/* Workers: which of them can be used, what they know, how long a job would take there.
 *
 * A worker is usable when it is connected, has slots and does not rest; only usable ones get jobs, and never more than they
 * have slots. */
#include "base/mem.h"
#include "core/sched_parts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const nsec MS = 1000000;

enum {
	STRETCH_MAX = 16,
	STRETCH_LEAST_MS =
	    100, /* in a shorter job what is beside the compiler counts too much */
	BEATEN_MAX = 2,
	FETCH_MS = 10,
};

struct sched_worker *sched_worker_add(struct sched *s, uint64_t id)
{
	struct sched_worker *w = xcalloc(1, sizeof *w);

	w->node.id = id;
	w->salt = idmap_mix(s->seed, id);
	w->know = xcalloc(s->cap_tools, 1);
	w->stretch = 1;
	idmap_add(&s->workers, &w->node);
	if (s->nworkers == s->cap_workers) {
		s->cap_workers = s->cap_workers ? 2 * s->cap_workers : 16;
		s->worker =
		    xreallocarray(s->worker, s->cap_workers, sizeof(struct sched_worker *));
	}
	w->index = s->nworkers++;
	s->worker[w->index] = w;
	return w;
}

void sched_worker_remove(struct sched *s, struct sched_worker *w)
{
	sched_worker_unlink(s, w);
	estimate_forget(s->estimate, &w->speed);
	s->worker[w->index] = s->worker[--s->nworkers];
	s->worker[w->index]->index = w->index;
	idmap_remove(&s->workers, &w->node);
	free(w->know);
	free(w);
}

bool sched_worker_usable(const struct sched_worker *w)
{
	return w->link == LINK_UP && !w->resting && w->slots > 0;
}

bool sched_worker_idle(const struct sched *s, const struct sched_worker *w)
{
	return sched_worker_usable(w) && w->used < w->slots &&
	       (!w->lent || s->lent_used < s->lent_most);
}

bool sched_worker_suits(const struct sched_worker *w, const struct sched_job *j)
{
	return j->nfailed < SCHED_MAX_FAILED && !sched_job_failed_on(j, w) &&
	       (!j->memory_kb || !w->memory_kb || j->memory_kb <= w->memory_kb);
}

bool sched_worker_gives_hope(const struct sched_worker *w, const struct sched_tool *t)
{
	return sched_worker_usable(w) ? w->know[t->index] != KNOW_NO
				      : w->link == LINK_DIALING && w->backoff == 0;
}

void sched_worker_dial(struct sched *s, struct sched_worker *w)
{
	if (w->link != LINK_NONE || w->resting)
		return;
	w->link = LINK_DIALING;
	sched_emit(s, (struct sched_effect){.type = SCHED_DIAL, .worker = w->node.id});
}

void sched_worker_query(struct sched *s, struct sched_worker *w, const struct sched_tool *t)
{
	if (!sched_worker_usable(w) || w->know[t->index] != KNOW_NOTHING)
		return;
	w->know[t->index] = KNOW_ASKED;
	sched_emit(s, (struct sched_effect){
			  .type = SCHED_QUERY, .worker = w->node.id, .toolchain = t->id});
}

void sched_worker_grant(struct sched *s, struct sched_worker *w, struct sched_job *j)
{
	sched_job_detach(s, j);
	assert(w->used < w->slots);
	w->used++;
	s->lent_used += w->lent;
	j->worker = w;
	sched_list_add(&w->granted, j);
	sched_race_began(s, j);
}

void sched_worker_fill(struct sched *s, struct sched_worker *w)
{
	while (s->waiting > 0 && sched_worker_idle(s, w)) {
		if (sched_race_urgent(s, w))
			continue;
		struct sched_job *j = sched_line_next(s, w);

		if (!j)
			return;
		sched_worker_grant(s, w, j);
		sched_emit(s, (struct sched_effect){.type = SCHED_GRANT,
						    .job = j->node.id,
						    .worker = w->node.id});
	}
}

/* Those who went home for want of workers, and whom W gives hope again. */
static void call_back(struct sched *s, const struct sched_worker *w)
{
	for (struct sched_job *next, *j = s->away.head; j; j = next) {
		struct sched_tool *t = sched_tool_find(s, j->toolchain);

		next = j->next;
		if (!sched_worker_suits(w, j) || (t && !sched_worker_gives_hope(w, t)))
			continue;
		sched_emit(s, (struct sched_effect){.type = SCHED_BACK, .job = j->node.id});
		sched_job_park(s, j);
	}
}

void sched_worker_welcome(struct sched *s, struct sched_worker *w)
{
	for (size_t i = 0; i < s->ntools; i++)
		if (sched_tool_waited_for(s->tool[i]))
			sched_worker_query(s, w, s->tool[i]);
	sched_worker_fill(s, w);
	sched_race_again(s);
	if (sched_worker_usable(w))
		call_back(s, w);
}

/* Something failed there. What fails while it rests is the same trouble and does not count again. */
void sched_worker_rest(struct sched *s, struct sched_worker *w)
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

void sched_worker_succeeded(struct sched *s, struct sched_worker *w)
{
	w->backoff = 0;
	w->beaten = 0;
	if (w->resting) {
		w->resting = false;
		sched_worker_welcome(s, w);
	}
}

static void count_sent(struct sched *s)
{
	s->most_sent = 0;
	for (size_t i = 0; i < s->nworkers; i++)
		if (s->worker[i]->sent > s->most_sent)
			s->most_sent = s->worker[i]->sent;
}

void sched_worker_unlink(struct sched *s, struct sched_worker *w)
{
	for (struct sched_job *next, *j = w->granted.head; j; j = next) {
		next = j->next;
		sched_job_park(s, j);
	}
	assert(w->used == 0);
	w->link = LINK_NONE;
	w->sent = 0;
	w->memory_kb = 0; /* it may come back with other limits */
	count_sent(s);
	memset(w->know, KNOW_NOTHING, s->cap_tools);
	s->hope_lost = true;
}

/* Ends the rest of those whose time has come. */
void sched_worker_wake_rested(struct sched *s)
{
	if (s->now < s->next_retry)
		return;
	s->next_retry = INT64_MAX;
	for (size_t i = 0; i < s->nworkers; i++) {
		struct sched_worker *w = s->worker[i];

		if (w->resting && w->retry_at <= s->now) {
			w->resting = false;
			w->beaten = 0;
			sched_worker_welcome(s, w);
			if (s->waiting + s->away.n > 0)
				sched_worker_dial(s, w);
		}
		if (w->resting && w->retry_at < s->next_retry)
			s->next_retry = w->retry_at;
	}
}

/* ---- how long ---- */

/* What of the job's files W has not been sent, at most: as much less than the best supplied worker has. */
static double unsent(const struct sched *s, const struct sched_worker *w,
		     const struct sched_job *j)
{
	uint64_t n = s->most_sent - w->sent;

	if (s->most_sent == 0)
		n = j->bytes;
	return (double)(n < j->bytes ? n : j->bytes);
}

static double line_takes(const struct sched *s, const struct sched_worker *w,
			 const struct sched_job *j)
{
	double send = w->bytes_per_s ? unsent(s, w, j) / (double)w->bytes_per_s * 1e9 : 0;

	return (double)w->rtt + send;
}

static double takes(const struct sched *s, const struct sched_worker *w,
		    const struct sched_job *j, double work)
{
	double speed = estimate_value(s->estimate, &w->speed);

	return work / speed * w->stretch + line_takes(s, w, j);
}

nsec sched_worker_takes(const struct sched *s, const struct sched_worker *w,
			const struct sched_job *j)
{
	double work = j->work ? (double)j->work : estimate_mean(s->estimate);

	return work > 0 ? (nsec)takes(s, w, j, work) + 1 : 0;
}

/* Where it was done last its files are. That is worth a part of its time, more than what speeds differ by chance, and the time
 * for the way of its source. */
static double home_takes(const struct sched *s, const struct sched_worker *w,
			 const struct sched_job *j, double work)
{
	static const double there = 0.8;
	double t = takes(s, w, j, work);

	return j->home == w->node.id + 1 ? t * there : t + FETCH_MS * MS;
}

/* Where it ends earlier, or was done last; among about equals the one with more of its slots free, then by salt. */
bool sched_worker_better(const struct sched *s, const struct sched_job *j,
			 const struct sched_worker *a, const struct sched_worker *b)
{
	static const double some = 1e9; /* for comparing, when nothing at all is known */
	double work = j->work ? (double)j->work : estimate_mean(s->estimate);

	work = work > 0 ? work : some;
	unsigned long_a = estimate_step(home_takes(s, a, j, work));
	unsigned long_b = estimate_step(home_takes(s, b, j, work));

	if (long_a != long_b)
		return long_a < long_b;
	uint64_t load_a = (uint64_t)a->used * b->slots;
	uint64_t load_b = (uint64_t)b->used * a->slots;

	return load_a != load_b ? load_a < load_b : a->salt < b->salt;
}

/* By how much the time there, without the line, was longer than the compiler's own. */
static void learn_stretch(struct sched *s, struct sched_worker *w,
			  const struct sched_job *j, nsec cpu_ns)
{
	double took = (double)(s->now - j->granted) - line_takes(s, w, j);
	double ratio = took / (double)cpu_ns;

	if (cpu_ns < STRETCH_LEAST_MS * MS)
		return;
	ratio = ratio < 1 ? 1 : ratio > STRETCH_MAX ? STRETCH_MAX : ratio;
	w->stretch += (ratio - w->stretch) / 4;
}

/* Its job was given up, since a copy of it was faster. Once may be chance. */
void sched_worker_beaten(struct sched *s, struct sched_worker *w)
{
	if (++w->beaten >= BEATEN_MAX)
		sched_worker_rest(s, w);
}

void sched_worker_learn(struct sched *s, struct sched_worker *w, const struct sched_job *j,
			const struct sched_event *e)
{
	estimate_learn(s->estimate, &w->speed, j->unit, e->cpu_ns);
	estimate_learn_memory(s->estimate, j->unit, e->memory_kb);
	estimate_place(s->estimate, j->unit, w->node.id + 1);
	learn_stretch(s, w, j, e->cpu_ns);
}
