/* Agents: each has one build of independent jobs, and core/sched decides as in muster-agent which of them runs on which of
 * the slots that the farm lends. What a job costs is known from earlier builds, with an error; so are the speeds of workers,
 * unless the world is a cold one.
 * While it has no connection it goes on with the leases it has, and declares them when it has one again. */
#include "base/mem.h"
#include "core/sched.h"
#include "sim_parts.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
	TIMER_MS = 5000,
	RAMP_FIRST = 16, /* jobs ready at the beginning; doubles every */
	RAMP_MS = 20,    /* as it takes time to read sources */
	IDLE_MS =
	    100, /* idle slots are kept for so long when nothing waits: for second copies */
	LEARN_EVERY = 8, /* of so many jobs one is told to the farm, when there are many */
	TOOLCHAIN = 1,
};

/* Costs are remembered with an error of at most that part, either way. */
#define ERROR 0.2

/* To core/sched the farm is one more worker, never connected: jobs wait for what it will lend. */
static const uint64_t FARM = UINT64_MAX;

static void think(struct sim *, struct sim_agent *, struct sched_event);

uint64_t agent_id(const struct sim_agent *a)
{
	return conn_id(a->link.epoch, a->index);
}

void agent_end(struct sim_agent *a)
{
	sched_free(a->sched);
	free(a->job);
	free(a->order);
	free(a->lease);
	free(a->attempt);
}

static double speed(const struct sim *s, uint32_t worker)
{
	return s->worker[worker].speed;
}

/* A job's unit in the memory of its agent. */
static uint64_t unit_of(const struct sim_agent *a, uint32_t job)
{
	return (uint64_t)a->index << 32 | (job + 1);
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

static unsigned want(const struct sim *s, const struct sim_agent *a)
{
	unsigned n = a->waiting + a->used + sched_wishes(a->sched);

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

static struct agent_lease *lease_of(struct sim_agent *a, uint32_t worker)
{
	for (size_t i = 0; i < a->nleases; i++)
		if (a->lease[i].worker == worker)
			return &a->lease[i];
	return NULL;
}

static void start(struct sim *s, struct sim_agent *a, uint32_t job, uint64_t id,
		  uint32_t worker)
{
	struct agent_lease *l = lease_of(a, worker);

	if (a->nattempts == a->cap_attempts) {
		a->cap_attempts = a->cap_attempts ? 2 * a->cap_attempts : 16;
		a->attempt = xreallocarray(a->attempt, a->cap_attempts, sizeof *a->attempt);
	}
	a->attempt[a->nattempts++] = (struct attempt){
	    .job = job, .number = ++a->attempts, .id = id, .worker = worker};
	a->job[job].copies++;
	l->used++;
	a->used++;
	plan(s, travel(s),
	     (struct happening){.kind = WORKER_START,
				.to = worker,
				.from = a->index,
				.a = job,
				.b = a->attempts,
				.epoch = a->life});
}

static void ask(struct sim *s, struct sim_agent *a, uint32_t job)
{
	a->waiting++;
	think(s, a,
	      (struct sched_event){.type = SCHED_ASK,
				   .job = job + 1,
				   .toolchain = TOOLCHAIN,
				   .unit = unit_of(a, job)});
}

/* Its core has been given the lease as it is now. */
static void lend(struct sim *s, struct sim_agent *a, const struct agent_lease *l)
{
	think(s, a,
	      (struct sched_event){.type = SCHED_WORKER_UP,
				   .worker = l->worker,
				   .slots = l->right,
				   .yes = true});
}

static void dialled(struct sim *s, struct sim_agent *a, uint64_t worker)
{
	if (worker == FARM)
		return;
	if (s->worker[worker].alive)
		lend(s, a, lease_of(a, (uint32_t)worker));
	else
		think(s, a,
		      (struct sched_event){.type = SCHED_WORKER_DOWN, .worker = worker});
}

static void carry_out(struct sim *s, struct sim_agent *a, const struct sched_effect *e)
{
	uint32_t job = (uint32_t)e->job - 1;

	switch (e->type) {
	case SCHED_DIAL: dialled(s, a, e->worker); break;
	case SCHED_QUERY:
		think(s, a,
		      (struct sched_event){.type = SCHED_TOOLCHAIN,
					   .worker = e->worker,
					   .toolchain = e->toolchain,
					   .yes = true});
		break;
	case SCHED_GRANT:
		a->waiting--;
		start(s, a, job, e->job, (uint32_t)e->worker);
		break;
	case SCHED_COPY:
		if (a->job[job].copies != 1)
			fail(s, "a second copy of what does not run once; agent", a->index);
		s->r->hedges++;
		start(s, a, job, e->copy, (uint32_t)e->worker);
		break;
	case SCHED_HOME: fail(s, "sent home; agent", a->index); break;
	case SCHED_OVERDUE: s->r->overdue++; break;
	case SCHED_BACK: break;
	}
}

/* Effects lead to further events, which are thought about at once: none of them can undo what is still to be carried out. */
static void think(struct sim *s, struct sim_agent *a, struct sched_event e)
{
	struct sched_out out;

	e.now = s->now;
	sched_step(a->sched, &e, &out);
	size_t n = out.n;
	nsec wake = out.wake;
	struct sched_effect *v = xreallocarray(NULL, n + 1, sizeof *v);

	if (n)
		memcpy(v, out.v, n * sizeof *v);
	for (size_t i = 0; i < n; i++)
		carry_out(s, a, &v[i]);
	free(v);
	if (wake == INT64_MAX || (a->wake > s->now && a->wake <= wake))
		return;
	a->wake = wake > s->now ? wake : s->now + 1;
	plan(s, a->wake - s->now,
	     (struct happening){.kind = AGENT_THINK, .to = a->index, .c = a->life});
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
static void give_back(struct sim *s, struct sim_agent *a, unsigned most)
{
	unsigned n = held(a);

	for (size_t i = 0; i < a->nleases && n > most; i++) {
		struct agent_lease *l = &a->lease[i];
		unsigned before = l->right;

		for (; l->right > l->used && n > most; n--)
			l->right--;
		if (l->right == before)
			continue;
		l->tell = true;
		lend(s, a, l);
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
	think(s, a,
	      (struct sched_event){.type = SCHED_BUDGET,
				   .slots = a->fresh ? UINT_MAX : a->budget});
	if (!a->fresh)
		give_back(s, a, a->budget);
	if (a->waiting || held(a) <= a->used) {
		a->idle_since = 0;
	} else if (!a->idle_since) {
		a->idle_since = s->now;
		plan(s, IDLE_MS * MS,
		     (struct happening){.kind = AGENT_IDLE, .to = a->index, .c = a->life});
	} else if (s->now - a->idle_since >= IDLE_MS * MS) {
		a->idle_since = 0;
		give_back(s, a, a->used);
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

	if (!l) {
		l = lease_add(a, h->from);
		think(s, a,
		      (struct sched_event){.type = SCHED_WORKER_ADD,
					   .worker = h->from,
					   .speed = s->c.cold ? 0 : speed(s, h->from)});
	}
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
	lend(s, a, l);
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

/* What core/sched is told of attempt T, which has ended. */
static void tell_sched(struct sim *s, struct sim_agent *a, const struct attempt *t,
		       bool lost)
{
	struct sched_event e = {.type = SCHED_DONE, .job = t->id, .worker = t->worker};

	if (t->cancelled) /* the slot is free only when the worker says so */
		e.type = SCHED_CANCEL;
	else if (lost)
		e.type = SCHED_WORKER_DOWN;
	else
		e.cpu_ns = (nsec)((double)a->job[t->job].cost / speed(s, t->worker) * 1e9);
	think(s, a, e);
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
		tell_sched(s, a, &t, false);
		cancel_others(s, a, t.job);
	} else {
		tell_sched(s, a, &t, h->flag);
	}
	if (h->flag && j->state == 0 && j->copies == 0)
		ask(s, a, t.job);
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

/* What earlier builds have taught it; and the order in which its jobs come, which is any. */
static void remember(struct sim *s, struct sim_agent *a)
{
	struct chance chance = {s->c.seed * 43 + a->index};

	a->order = xcalloc(s->c.jobs + 1, sizeof *a->order);
	for (uint32_t i = 0; i < s->c.jobs; i++) {
		uint32_t k = (uint32_t)chance_below(&chance, i + 1);
		double error = 1 + ERROR * (2 * chance_unit(&chance) - 1);

		a->order[i] = a->order[k];
		a->order[k] = i;
		if (!s->c.cold)
			sched_remember(a->sched, unit_of(a, i),
				       (nsec)((double)a->job[i].cost * 1e9 * error), 0);
	}
}

/* As many of its jobs have come as it can use slots so far. */
static void ramp_up(struct sim *s, struct sim_agent *a)
{
	while (a->asked < s->c.jobs && a->asked < a->ramp)
		ask(s, a, a->order[a->asked++]);
}

static void agent_begin(struct sim *s, unsigned index)
{
	struct sim_agent *a = &s->agent[index];

	a->index = index;
	a->user = index % s->c.users;
	a->alive = true;
	a->begun = s->now;
	a->job = sim_jobs(&s->c, index);
	a->ramp = RAMP_FIRST;
	plan(s, RAMP_MS * MS, (struct happening){.kind = AGENT_RAMP, .to = index});
	a->sched = sched_new(s->c.seed * 1000 + index);
	think(s, a, (struct sched_event){.type = SCHED_WORKER_ADD, .worker = FARM});
	remember(s, a);
	a->memory_mib = s->c.memory ? (unsigned)chance_below(&s->chance, 1000) : 0;
	if (s->c.memory && s->c.slots > 1 && chance_hit(&s->chance, 0.3))
		a->memory_mib *= 2;
	ramp_up(s, a);
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
		if (a->alive) {
			ramp_up(s, a);
			pump(s, a);
		}
		if (a->ramp < s->c.parallel || a->ramp < s->c.jobs)
			plan(s, RAMP_MS * MS,
			     (struct happening){.kind = AGENT_RAMP, .to = a->index});
		break;
	case AGENT_IDLE:
		if (a->alive && h->c == a->life)
			pump(s, a);
		break;
	case AGENT_THINK:
		if (a->alive && h->c == a->life && s->now >= a->wake) {
			think(s, a, (struct sched_event){.type = SCHED_TICK});
			pump(s, a);
		}
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
