/* icecc-scheduler's published algorithm ("fastest", its default) on the same workers and jobs, written from
 * a description of its rules only. Replayed:
 *   - one question to the scheduler for each job; its answer names the host; the host reports the job's end;
 *   - waiting questions are kept by submitter and served round-robin, one job each;
 *   - a host is eligible while it has fewer jobs than its slots and a preload of 1 + slots / 4; the preloaded
 *     ones wait at the host, in order, until a slot is free;
 *   - a host's speed is the output over the CPU time of its last 200 jobs (here the output is proportional to
 *     the job's cost, so what it learns is exact); after 7 jobs one job moves the estimate by at most 20 %;
 *     then x (1 - 0.5 jobs / slots); with fewer than 7 samples x (4.5 - 0.5 n); a host without samples is
 *     tried first;
 *   - no cost of the job is known, no second copies are made.
 * Not replayed: load of others, environments to be installed, the submitter as a host, niceness. */
#include "base/mem.h"
#include "sim.h"

#include <stdlib.h>

enum {
	ASKED,    /* a question of agent FROM reaches the scheduler */
	ANSWERED, /* and its answer, host TO, the agent */
	ARRIVED,  /* job A of agent FROM reaches host TO */
	ENDED,    /* it has been done there */
	REPORTED, /* the scheduler hears of it */
	CAME,     /* the agent has the result */
	SAMPLES = 7,
	WINDOW = 200,
};

struct host {
	double speed, work, cpu; /* work and cpu of the jobs it is judged by */
	double judged;
	unsigned samples, jobs, running;
	uint32_t *agent, *job; /* preloaded ones, a ring */
	unsigned first, n;
};

struct submitter {
	struct sim_job *job;
	unsigned next, asked, done;
};

struct world {
	struct sim_config c;
	struct sim_result *r;
	struct agenda agenda;
	struct chance chance;
	nsec now;
	struct host *host;
	struct submitter *sub;
	unsigned *queue, *waiting; /* submitters in turn; questions of each */
	unsigned queued, turn;
	unsigned preload;
	unsigned free; /* hosts that are eligible */
};

static void later(struct world *w, nsec in, struct happening h)
{
	h.at = w->now + in;
	agenda_add(&w->agenda, h);
}

static nsec travels(struct world *w)
{
	return w->c.delay / 2 +
	       (nsec)chance_below(&w->chance, (uint64_t)w->c.delay / 2 + 1);
}

static double worth(const struct world *w, const struct host *h)
{
	double v = h->judged * (1 - 0.5 * h->jobs / w->c.slots);

	return h->samples < SAMPLES ? v * (4.5 - 0.5 * h->samples) : v;
}

static bool eligible(const struct world *w, const struct host *h)
{
	return h->jobs < w->c.slots + w->preload;
}

/* The best of all: it looks at every host for every job. */
static struct host *best_host(struct world *w)
{
	struct host *best = NULL;

	for (unsigned i = 0; i < w->c.workers; i++) {
		struct host *h = &w->host[i];

		if (!eligible(w, h))
			continue;
		if (h->samples == 0 && h->jobs == 0)
			return h;
		if (!best || worth(w, h) > worth(w, best))
			best = h;
	}
	return best;
}

static void serve(struct world *w)
{
	struct host *h;

	while (w->queued > 0 && w->free > 0 && (h = best_host(w))) {
		unsigned agent = w->queue[w->turn % w->c.agents];

		w->turn++;
		w->queued--;
		if (--w->waiting[agent] > 0)
			w->queue[(w->turn + w->queued++) % w->c.agents] = agent;
		h->jobs++;
		w->free -= !eligible(w, h);
		w->r->steps++;
		later(w, travels(w),
		      (struct happening){
			  .kind = ANSWERED, .from = agent, .to = (uint32_t)(h - w->host)});
	}
}

static void ask(struct world *w, unsigned agent)
{
	struct submitter *s = &w->sub[agent];

	if (s->asked == w->c.jobs)
		return;
	s->asked++;
	w->r->messages++;
	later(w, travels(w), (struct happening){.kind = ASKED, .from = agent});
}

static void host_run(struct world *w, struct host *h)
{
	unsigned ring = w->c.slots + w->preload;

	while (h->running < w->c.slots && h->n > 0) {
		uint32_t agent = h->agent[h->first % ring], job = h->job[h->first % ring];
		double cost = (double)w->sub[agent].job[job].cost;

		h->first++;
		h->n--;
		h->running++;
		later(w, (nsec)(cost / h->speed * 1e9),
		      (struct happening){.kind = ENDED,
					 .from = agent,
					 .to = (uint32_t)(h - w->host),
					 .a = job});
	}
}

static void learn(struct host *h, double cost)
{
	double before = h->judged;

	if (h->samples >= WINDOW) {
		h->work *= 1 - 1.0 / WINDOW;
		h->cpu *= 1 - 1.0 / WINDOW;
	}
	h->work += cost;
	h->cpu += cost / h->speed;
	h->judged = h->work / h->cpu;
	if (h->samples++ >= SAMPLES) {
		if (h->judged > 1.2 * before)
			h->judged = 1.2 * before;
		if (h->judged < 0.8 * before)
			h->judged = 0.8 * before;
	}
}

static void came(struct world *w, const struct happening *e)
{
	struct submitter *s = &w->sub[e->from];

	s->done++;
	w->r->jobs++;
	w->r->end = w->now;
	ask(w, e->from);
}

static void happens(struct world *w, const struct happening *e)
{
	struct host *h = &w->host[e->to];
	unsigned ring = w->c.slots + w->preload;

	switch (e->kind) {
	case ASKED:
		if (w->waiting[e->from]++ == 0)
			w->queue[(w->turn + w->queued++) % w->c.agents] = e->from;
		serve(w);
		break;
	case ANSWERED:
		later(w, travels(w),
		      (struct happening){.kind = ARRIVED,
					 .from = e->from,
					 .to = e->to,
					 .a = w->sub[e->from].next++});
		break;
	case ARRIVED:
		h->agent[(h->first + h->n) % ring] = e->from;
		h->job[(h->first + h->n++) % ring] = e->a;
		host_run(w, h);
		break;
	case ENDED:
		h->running--;
		host_run(w, h);
		w->r->messages += 2;
		later(w, travels(w),
		      (struct happening){
			  .kind = REPORTED, .from = e->from, .to = e->to, .a = e->a});
		later(w, travels(w), (struct happening){.kind = CAME, .from = e->from});
		break;
	case REPORTED:
		learn(h, (double)w->sub[e->from].job[e->a].cost);
		w->free += !eligible(w, h);
		h->jobs--;
		serve(w);
		break;
	default: came(w, e);
	}
}

/* A build's own order is not by cost. */
static void shuffle(struct world *w, struct sim_job *v)
{
	for (unsigned i = w->c.jobs; i > 1; i--) {
		unsigned k = (unsigned)chance_below(&w->chance, i);
		struct sim_job t = v[k];

		v[k] = v[i - 1];
		v[i - 1] = t;
	}
}

static void begin(struct world *w)
{
	const struct sim_config *c = &w->c;

	w->preload = 1 + c->slots / 4;
	w->free = c->workers;
	w->host = xcalloc(c->workers, sizeof *w->host);
	w->sub = xcalloc(c->agents, sizeof *w->sub);
	w->queue = xcalloc(c->agents, sizeof *w->queue);
	w->waiting = xcalloc(c->agents, sizeof *w->waiting);
	for (unsigned i = 0; i < c->workers; i++) {
		w->host[i].speed = sim_speed(c, i);
		w->host[i].agent = xcalloc(c->slots + w->preload, sizeof(uint32_t));
		w->host[i].job = xcalloc(c->slots + w->preload, sizeof(uint32_t));
	}
	for (unsigned a = 0; a < c->agents; a++) {
		w->sub[a].job = sim_jobs(c, a);
		shuffle(w, w->sub[a].job);
		for (unsigned i = 0; i < c->parallel; i++)
			ask(w, a);
	}
}

void icecc_run(const struct sim_config *c, struct sim_result *r)
{
	struct world w = {.c = *c, .r = r, .chance = {c->seed}};
	struct happening e;

	*r = (struct sim_result){.ok = true, .bound = sim_bound(c)};
	begin(&w);
	while (agenda_take(&w.agenda, &e)) {
		w.now = e.at;
		happens(&w, &e);
	}
	for (unsigned i = 0; i < c->workers; i++) {
		free(w.host[i].agent);
		free(w.host[i].job);
	}
	for (unsigned a = 0; a < c->agents; a++)
		free(w.sub[a].job);
	free(w.host);
	free(w.sub);
	free(w.queue);
	free(w.waiting);
	agenda_free(&w.agenda);
}
