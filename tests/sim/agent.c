/* Agents: each has one build of independent jobs, whose costs it predicts exactly. It fills its fastest free
 * slot first, with the most costly job that would end there in the time which the whole build still needs;
 * when none waits, it runs a second copy of what would end late where that ends much sooner.
 * While it has no connection it goes on with the leases it has, and declares them when it has one again. */
#include "base/mem.h"
#include "sim_parts.h"

#include <stdlib.h>
#include <string.h>

enum {
	TIMER_MS = 5000,
	MAX_COPIES = 3,
	RAMP_FIRST = 16,  /* jobs ready at the beginning; doubles every */
	RAMP_MS = 20,     /* as it takes time to read sources */
	NO_WISH_MS = 100, /* after a slot was no use, another is wished for */
	LEARN_EVERY = 8,  /* of so many jobs one is told to the farm, when there are many */
};

/* A worker of that part of the fastest one's speed may be hoped for. */
#define FAST 0.6

uint64_t agent_id(const struct sim_agent *a)
{
	return conn_id(a->link.epoch, a->index);
}

void agent_end(struct sim_agent *a)
{
	free(a->job);
	free(a->again);
	free(a->cheaper);
	free(a->costlier);
	free(a->lease);
	free(a->attempt);
}

static unsigned waiting(const struct sim_agent *a)
{
	return a->unstarted + a->waiting_again;
}

static double speed(const struct sim *s, uint32_t worker)
{
	return s->worker[worker].speed;
}

static nsec takes(const struct sim *s, const struct sim_agent *a, uint32_t job,
		  uint32_t worker)
{
	return (nsec)((double)a->job[job].cost / speed(s, worker) * 1e9);
}

/* When the job of that attempt may be expected to end, by its best copy; who is late already is thought to
 * need as long again. */
static nsec expected(const struct sim *s, const struct sim_agent *a,
		     const struct attempt *t)
{
	nsec ends = a->job[t->job].ends;

	return ends > s->now ? ends : s->now + takes(s, a, t->job, t->worker);
}

/* ---- talking to the farm ---- */

static void tell_held(struct sim *s, struct sim_agent *a, struct agent_lease *l)
{
	l->tell = false;
	send_to_farm(s, &a->link,
		     (struct happening){.kind = AGENT_HELD,
					.to = a->index,
					.from = l->worker,
					.id = l->id,
					.serial = l->serial,
					.a = l->right,
					.b = l->used});
}

static void tell_build(struct sim *s, struct sim_agent *a, unsigned want, bool more)
{
	a->told_want = want;
	send_to_farm(s, &a->link,
		     (struct happening){
			 .kind = AGENT_BUILD, .to = a->index, .a = want, .flag = more});
}

/* Jobs for which a much faster worker would be worth a second copy. */
static unsigned wishes(const struct sim *s, const struct sim_agent *a)
{
	unsigned n = 0;

	if (waiting(a) > 0 || s->now < a->no_wish_until)
		return 0;
	for (size_t i = 0; i < a->nattempts; i++) {
		const struct attempt *t = &a->attempt[i];

		nsec at_best = (nsec)((double)a->job[t->job].cost / s->c.spread * 1e9);

		n += a->job[t->job].copies < MAX_COPIES &&
		     (expected(s, a, t) - s->now - 2 * s->c.delay) > 2 * at_best;
	}
	return n;
}

static unsigned want(const struct sim *s, const struct sim_agent *a)
{
	unsigned n = waiting(a) + a->used + wishes(s, a);

	n = n < s->c.parallel ? n : s->c.parallel;
	return n < a->ramp ? n : a->ramp;
}

static void tell(struct sim *s, struct sim_agent *a)
{
	unsigned n = want(s, a);
	unsigned off = n > a->told_want ? n - a->told_want : a->told_want - n;

	if (off > a->told_want / 16)
		tell_build(s, a, n, false);
	for (size_t i = 0; i < a->nleases; i++)
		if (a->lease[i].tell)
			tell_held(s, a, &a->lease[i]);
}

static void agent_link(struct sim *s, struct sim_agent *a)
{
	if (!a->alive || a->link.up)
		return;
	if (s->now < a->link.cut_until) {
		plan(s, a->link.cut_until - s->now,
		     (struct happening){.kind = AGENT_LINK, .to = a->index});
		return;
	}
	a->link.epoch++;
	a->link.up = true;
	a->fresh = true;
	if (a->nleases) {
		tell_build(s, a, want(s, a), true);
		for (size_t i = 0; i < a->nleases; i++)
			tell_held(s, a, &a->lease[i]);
	}
	tell_build(s, a, want(s, a), false);
}

void agent_unlink(struct sim *s, struct sim_agent *a, bool farm_must_notice)
{
	if (!a->link.up)
		return;
	if (farm_must_notice)
		link_end(s, &a->link, (struct happening){.to = a->index});
	a->link.up = false;
	for (size_t i = 0; i < a->nleases; i++)
		a->lease[i].id = a->lease[i].serial = 0;
	plan(s, (500 + (nsec)chance_below(&s->chance, 500)) * MS,
	     (struct happening){.kind = AGENT_LINK, .to = a->index});
}

void agent_cut(struct sim *s, struct sim_agent *a, nsec how_long)
{
	if (!a->alive || !a->link.up)
		return;
	a->link.cut_until = s->now + how_long;
	s->calm_since = s->now + how_long + 60 * SEC;
	agent_unlink(s, a, true);
}

/* ---- running jobs ---- */

static struct agent_lease *best_free(const struct sim *s, struct sim_agent *a)
{
	struct agent_lease *best = NULL;

	for (size_t i = 0; i < a->nleases; i++) {
		struct agent_lease *l = &a->lease[i];

		if (l->used < l->right &&
		    (!best || speed(s, l->worker) > speed(s, best->worker)))
			best = l;
	}
	return best;
}

static void start(struct sim *s, struct sim_agent *a, uint32_t job, struct agent_lease *l)
{
	if (a->nattempts == a->cap_attempts) {
		a->cap_attempts = a->cap_attempts ? 2 * a->cap_attempts : 16;
		a->attempt = xreallocarray(a->attempt, a->cap_attempts, sizeof *a->attempt);
	}
	a->attempt[a->nattempts++] = (struct attempt){
	    .job = job, .number = ++a->attempts, .worker = l->worker, .begun = s->now};
	nsec ends = s->now + takes(s, a, job, l->worker) + s->c.delay;

	if (a->job[job].copies++ == 0 || ends < a->job[job].ends)
		a->job[job].ends = ends;
	l->used++;
	a->used++;
	plan(s, travel(s),
	     (struct happening){.kind = WORKER_START,
				.to = l->worker,
				.from = a->index,
				.a = job,
				.b = a->attempts,
				.epoch = a->life});
}

/* The nearest job not yet started at or beyond I: towards the cheap ones, or towards the costly ones.
 * Positions are job numbers plus 1; 0 and jobs + 1 mean that there is none. */
static uint32_t nearest(uint32_t *to, uint32_t i)
{
	while (to[i] != i) {
		to[i] = to[to[i]];
		i = to[i];
	}
	return i;
}

/* What no job should take longer than: the most costly one left, on a fast worker. */
static double may_take(const struct sim *s, struct sim_agent *a)
{
	uint32_t costliest = nearest(a->cheaper, 1);

	return (double)a->job[costliest - 1].cost / (FAST * s->c.spread);
}

/* The most costly job that a slot of that speed can do in time; else the cheapest. */
static uint32_t choose(const struct sim *s, struct sim_agent *a, double slot_speed)
{
	double most = may_take(s, a) * slot_speed;
	uint32_t lo = 0, hi = s->c.jobs;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if ((double)a->job[mid].cost <= most)
			hi = mid;
		else
			lo = mid + 1;
	}
	uint32_t i = nearest(a->cheaper, lo + 1);

	return (i <= s->c.jobs ? i : nearest(a->costlier, lo)) - 1;
}

static void start_waiting(struct sim *s, struct sim_agent *a)
{
	struct agent_lease *l;

	while (waiting(a) > 0 && (l = best_free(s, a))) {
		if (a->waiting_again) {
			start(s, a, a->again[--a->waiting_again], l);
			continue;
		}
		uint32_t job = choose(s, a, speed(s, l->worker));

		a->cheaper[job + 1] = job + 2;
		a->costlier[job + 1] = job;
		a->unstarted--;
		start(s, a, job, l);
	}
}

static void hedge(struct sim *s, struct sim_agent *a)
{
	struct agent_lease *l;

	if (waiting(a) > 0)
		return;
	while ((l = best_free(s, a))) {
		const struct attempt *worst = NULL;
		nsec best = 0;

		for (size_t i = 0; i < a->nattempts; i++) {
			const struct attempt *t = &a->attempt[i];
			nsec need = takes(s, a, t->job, l->worker);
			nsec gain = expected(s, a, t) - s->now - 2 * need - 2 * s->c.delay;

			if (a->job[t->job].copies < MAX_COPIES && gain > best) {
				best = gain;
				worst = t;
			}
		}
		if (!worst)
			return;
		s->r->hedges++;
		start(s, a, worst->job, l);
	}
}

/* Slots that are its own: idle ones, and those on which something runs. */
static unsigned held(const struct sim_agent *a)
{
	unsigned n = 0;

	for (size_t i = 0; i < a->nleases; i++)
		n += a->lease[i].right > a->lease[i].used ? a->lease[i].right
							  : a->lease[i].used;
	return n;
}

/* Gives back idle slots until it holds no more than MOST, or none is idle. */
static void give_back(struct sim_agent *a, unsigned most)
{
	unsigned n = held(a);

	for (size_t i = 0; i < a->nleases && n > most; i++) {
		struct agent_lease *l = &a->lease[i];

		for (; l->right > l->used && n > most; n--) {
			l->right--;
			l->tell = true;
		}
	}
}

static void finish(struct sim *s, struct sim_agent *a)
{
	for (unsigned i = 0; i < s->c.jobs; i++)
		if (a->job[i].state != 1)
			fail(s, "a job has not ended exactly once; agent", a->index);
	send_to_farm(s, &a->link, (struct happening){.kind = AGENT_GONE, .to = a->index});
	link_end(s, &a->link, (struct happening){.to = a->index});
	a->alive = false;
	a->nleases = 0;
	s->r->end = s->now;
	s->live--;
}

static void pump(struct sim *s, struct sim_agent *a)
{
	if (!a->fresh)
		give_back(a, a->budget);
	start_waiting(s, a);
	hedge(s, a);
	if (waiting(a) == 0 && held(a) > a->used) {
		/* What it gives back it must not want for a while: it would get the same. */
		a->no_wish_until = s->now + NO_WISH_MS * MS;
		plan(s, NO_WISH_MS * MS,
		     (struct happening){.kind = AGENT_WISH, .to = a->index});
		give_back(a, a->used);
	}
	tell(s, a);
}

void agent_die(struct sim *s, struct sim_agent *a)
{
	if (!a->alive)
		return;
	for (size_t i = 0; i < a->nattempts; i++) {
		const struct attempt *t = &a->attempt[i];

		plan(s, s->c.delay + travel(s),
		     (struct happening){.kind = WORKER_CANCEL,
					.to = t->worker,
					.from = a->index,
					.a = t->job,
					.b = t->number,
					.epoch = a->life});
		s->worker[t->worker].excused_until = s->now + 60 * SEC;
	}
	link_end(s, &a->link, (struct happening){.to = a->index});
	a->alive = false;
	a->life++;
	a->nleases = 0;
	s->live--;
}

/* ---- what happens to it ---- */

static struct agent_lease *lease_of(struct sim_agent *a, uint32_t worker)
{
	for (size_t i = 0; i < a->nleases; i++)
		if (a->lease[i].worker == worker)
			return &a->lease[i];
	return NULL;
}

static struct agent_lease *lease_add(struct sim_agent *a, uint32_t worker)
{
	if (a->nleases == a->cap_leases) {
		a->cap_leases = a->cap_leases ? 2 * a->cap_leases : 16;
		a->lease = xreallocarray(a->lease, a->cap_leases, sizeof *a->lease);
	}
	a->lease[a->nleases] = (struct agent_lease){.worker = worker};
	return &a->lease[a->nleases++];
}

static void on_lease(struct sim *s, struct sim_agent *a, const struct happening *h)
{
	struct agent_lease *l = lease_of(a, h->from);

	if (!l)
		l = lease_add(a, h->from);
	if (l->id && l->id != h->id && h->a == 0)
		return; /* of a former connection of that worker */
	if (l->id == h->id && h->serial < l->serial)
		return;
	if (l->id != h->id || h->serial > l->serial)
		l->right = h->a;
	l->id = h->id;
	l->serial = h->serial;
	l->tell = true;
	a->budget = h->b;
	a->fresh = false;
	pump(s, a);
}

static void on_budget(struct sim *s, struct sim_agent *a, const struct happening *h)
{
	bool again = !a->fresh && a->budget == h->b;

	a->budget = h->b;
	a->fresh = false;
	for (size_t i = 0; again && i < a->nleases; i++)
		a->lease[i].tell = true;
	pump(s, a);
}

static void cancel_others(struct sim *s, struct sim_agent *a, uint32_t job)
{
	for (size_t i = 0; i < a->nattempts; i++) {
		struct attempt *t = &a->attempt[i];

		if (t->job != job || t->cancelled)
			continue;
		t->cancelled = true;
		plan(s, s->c.delay + travel(s), /* not before it has been started there */
		     (struct happening){.kind = WORKER_CANCEL,
					.to = t->worker,
					.from = a->index,
					.a = job,
					.b = t->number,
					.epoch = a->life});
	}
}

static void tell_result(struct sim *s, struct sim_agent *a, const struct attempt *t,
			bool failed)
{
	const struct agent_lease *l = lease_of(a, t->worker);
	const struct sim_job *j = &a->job[t->job];

	if (!l || !l->id || (!failed && s->c.jobs > 100 && t->number % LEARN_EVERY))
		return;
	send_to_farm(
	    s, &a->link,
	    (struct happening){.kind = AGENT_RESULT,
			       .to = a->index,
			       .id = l->id,
			       .a = j->quantile + 1u,
			       .c = (uint32_t)((double)j->cost / speed(s, t->worker) * 1e6),
			       .flag = failed});
}

static void on_done(struct sim *s, struct sim_agent *a, const struct happening *h)
{
	size_t i = 0;

	while (i < a->nattempts && a->attempt[i].number != h->b)
		i++;
	if (h->epoch != a->life || i == a->nattempts)
		return;
	struct attempt t = a->attempt[i];
	struct agent_lease *l = lease_of(a, t.worker);
	struct sim_job *j = &a->job[t.job];

	a->attempt[i] = a->attempt[--a->nattempts];
	a->used--;
	l->used--;
	l->tell |= l->used >= l->right;
	j->copies--;
	if (!h->flag && j->state == 0) {
		j->state = 1;
		a->done++;
		s->r->jobs++;
		cancel_others(s, a, t.job);
	} else if (h->flag && j->state == 0 && j->copies == 0) {
		a->again[a->waiting_again++] = t.job;
	}
	if (!h->flag || !t.cancelled)
		tell_result(s, a, &t, h->flag);
	if (a->done == s->c.jobs)
		finish(s, a);
	else
		pump(s, a);
}

static void on_timer(struct sim *s, struct sim_agent *a)
{
	if (!a->alive)
		return;
	for (size_t i = 0; i < a->nleases; i++)
		a->lease[i].tell |= s->c.loss > 0 || a->lease[i].used > a->lease[i].right;
	if (a->link.up && s->c.loss > 0)
		tell_build(s, a, want(s, a), false);
	pump(s, a);
	plan(s, TIMER_MS * MS, (struct happening){.kind = AGENT_TIMER, .to = a->index});
}

static void agent_begin(struct sim *s, unsigned index)
{
	struct sim_agent *a = &s->agent[index];

	a->index = index;
	a->user = index % s->c.users;
	a->alive = true;
	a->begun = s->now;
	a->job = sim_jobs(&s->c, index);
	a->unstarted = s->c.jobs;
	a->ramp = RAMP_FIRST;
	plan(s, RAMP_MS * MS, (struct happening){.kind = AGENT_RAMP, .to = index});
	a->cheaper = xcalloc(s->c.jobs + 2, sizeof *a->cheaper);
	a->costlier = xcalloc(s->c.jobs + 2, sizeof *a->costlier);
	for (uint32_t i = 0; i < s->c.jobs + 2; i++)
		a->cheaper[i] = a->costlier[i] = i;
	a->again = xcalloc(s->c.jobs, sizeof *a->again);
	a->memory_mib = s->c.memory ? (unsigned)chance_below(&s->chance, 1000) : 0;
	if (s->c.memory && s->c.slots > 1 && chance_hit(&s->chance, 0.3))
		a->memory_mib *= 2;
	agent_link(s, a);
	plan(s, TIMER_MS * MS, (struct happening){.kind = AGENT_TIMER, .to = index});
}

/* ---- at the farm's end of its connection ---- */

static void farm_hears(struct sim *s, struct sim_agent *a, const struct happening *h)
{
	uint64_t build = conn_id(h->epoch, a->index);
	const struct sim_worker *w = &s->worker[h->from];
	struct farm_event ev = {.build = build};
	char user[16];

	switch ((enum kind)h->kind) {
	case AGENT_BUILD:
		snprintf(user, sizeof user, "user%u", a->user);
		ev.type = FARM_BUILD;
		ev.want = (struct farm_want){.agent = build,
					     .user = user,
					     .platform = "x86_64-linux",
					     .partition = "",
					     .slots = h->a,
					     .memory_mib = a->memory_mib,
					     .cpu = (nsec)(s->c.mean_s * 1e9),
					     .more = h->flag};
		break;
	case AGENT_HELD:
		ev.type = FARM_HELD;
		ev.worker = h->id ? h->id : conn_id(w->known, w->index);
		ev.held = (struct farm_held){h->serial, h->a, h->b};
		break;
	case AGENT_RESULT:
		ev.type = FARM_RESULT;
		ev.worker = h->id;
		ev.result = (struct farm_result){.unit = h->flag ? 0 : h->a,
						 .cpu = (nsec)h->c * 1000,
						 .failed = h->flag};
		break;
	case AGENT_GONE: ev.type = FARM_BUILD_GONE; break;
	default: return;
	}
	farm_event(s, ev);
}

void agent_happen(struct sim *s, const struct happening *h)
{
	struct sim_agent *a = &s->agent[h->to];
	bool current = h->epoch == a->link.epoch && a->link.up;

	switch ((enum kind)h->kind) {
	case AGENT_BEGIN: agent_begin(s, h->to); break;
	case AGENT_LINK: agent_link(s, a); break;
	case AGENT_TIMER: on_timer(s, a); break;
	case AGENT_RAMP:
		a->ramp *= 2;
		if (a->alive)
			pump(s, a);
		if (a->ramp < s->c.parallel)
			plan(s, RAMP_MS * MS,
			     (struct happening){.kind = AGENT_RAMP, .to = a->index});
		break;
	case AGENT_WISH:
		if (a->alive && s->now >= a->no_wish_until)
			pump(s, a);
		break;
	case AGENT_DONE:
		if (a->alive)
			on_done(s, a, h);
		break;
	case AGENT_LEASE:
		if (current && a->alive)
			on_lease(s, a, h);
		break;
	case AGENT_BUDGET:
		if (current && a->alive)
			on_budget(s, a, h);
		break;
	case AGENT_GONE: farm_hears(s, a, h); break;
	default:
		if (current)
			farm_hears(s, a, h);
		break;
	}
}
