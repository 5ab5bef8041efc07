/* The world: farm, network, agents and workers.
 *
 *   farm <-> agent, farm <-> worker   connections: messages keep their order inside one, may be lost or
 *                                     repeated, and die with their connection (its epoch)
 *   agent <-> worker                  a job's start, end, loss and cancelling; only delayed
 *
 * The farm's side of the connections stands here, too: what muster-scheduler does around the farm. A
 * worker's id is its number and its connection's epoch, and so is a build's; names outlive connections. */
#include "sim.h"

#include "base/mem.h"
#include "core/farm.h"
#include "sim_parts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	KEEPALIVE_MS = 12000, /* either end of a cut connection notices after that */
};

/* ---- the world's facts ---- */

double sim_speed(const struct sim_config *c, unsigned worker)
{
	struct chance r = {c->seed * 31 + worker};

	chance_next(&r);
	return 1 + (c->spread - 1) * chance_unit(&r);
}

nsec sim_begin(const struct sim_config *c, unsigned agent)
{
	struct chance r = {c->seed * 37 + agent};

	if (c->late_user && agent == c->agents - 1)
		return c->late_user;
	chance_next(&r);
	return c->arrival ? (nsec)chance_below(&r, (uint64_t)c->arrival) : 0;
}

static int costly_first(const void *a, const void *b)
{
	float x = ((const struct sim_job *)a)->cost, y = ((const struct sim_job *)b)->cost;

	return (x < y) - (x > y);
}

struct sim_job *sim_jobs(const struct sim_config *c, unsigned agent)
{
	struct chance r = {c->seed * 41 + agent};
	struct sim_job *v = xcalloc(c->jobs + 1, sizeof *v);

	for (unsigned i = 0; i < c->jobs; i++) {
		unsigned q;

		v[i].cost = (float)(cost_draw(&r, &q) * c->mean_s);
		v[i].quantile = (uint8_t)q;
	}
	qsort(v, c->jobs, sizeof *v, costly_first);
	return v;
}

nsec sim_bound(const struct sim_config *c)
{
	double speed = 0, fastest = 0, work = 0, longest = 0;

	for (unsigned i = 0; i < c->workers; i++) {
		double s = sim_speed(c, i);

		speed += s * c->slots;
		fastest = s > fastest ? s : fastest;
	}
	for (unsigned a = 0; a < c->agents; a++) {
		struct sim_job *v = sim_jobs(c, a);

		for (unsigned i = 0; i < c->jobs; i++) {
			work += (double)v[i].cost;
			if ((double)v[i].cost > longest)
				longest = (double)v[i].cost;
		}
		free(v);
	}
	double s = work / speed > longest / fastest ? work / speed : longest / fastest;

	return (nsec)(s * 1e9);
}

/* ---- plumbing ---- */

void plan(struct sim *s, nsec in, struct happening h)
{
	h.at = s->now + in;
	agenda_add(&s->agenda, h);
}

nsec travel(struct sim *s)
{
	return s->c.delay / 2 +
	       (nsec)chance_below(&s->chance, (uint64_t)(s->c.delay / 2 + 1));
}

void fail(struct sim *s, const char *what, uint64_t which)
{
	if (!s->r->ok)
		return;
	s->r->ok = false;
	snprintf(s->r->why, sizeof s->r->why, "seed %llu, at %.3f s: %s (%llu)",
		 (unsigned long long)s->c.seed, (double)s->now / 1e9, what,
		 (unsigned long long)which);
}

/* Over a connection of the farm: in order, perhaps lost, perhaps twice. */
static void send(struct sim *s, struct link *l, nsec *last, struct happening h)
{
	s->r->messages++;
	h.epoch = l->epoch;
	if (!l->up || s->now < l->cut_until || chance_hit(&s->chance, s->c.loss))
		return;
	int times = 1 + chance_hit(&s->chance, s->c.repeat);

	for (; times > 0; times--) {
		nsec at = s->now + travel(s);

		at = at > *last ? at : *last;
		*last = at;
		h.at = at;
		agenda_add(&s->agenda, h);
	}
}

void send_to_farm(struct sim *s, struct link *l, struct happening h)
{
	send(s, l, &l->last_up, h);
}

void send_from_farm(struct sim *s, struct link *l, struct happening h)
{
	send(s, l, &l->last_down, h);
}

/* Ends a connection: both ends get to know of it in their time. */
void link_end(struct sim *s, struct link *l, struct happening farms_end)
{
	if (!l->up)
		return;
	l->up = false;
	farms_end.kind = FARMS_END_GONE;
	farms_end.epoch = l->epoch;
	nsec in = s->now < l->cut_until ? KEEPALIVE_MS * MS : travel(s);

	/* Not before what was sent before. */
	plan(s, s->now + in > l->last_up ? in : l->last_up - s->now, farms_end);
}

/* ---- the farm ---- */

static nsec farm_now(const struct sim *s)
{
	return s->now + s->jump;
}

static void farm_wakes(struct sim *s, nsec wake)
{
	if (wake == INT64_MAX)
		return;
	nsec at = wake - s->jump;

	if (at < s->now)
		at = s->now;
	if (s->wake_planned > s->now && s->wake_planned <= at)
		return;
	s->wake_planned = at;
	plan(s, at - s->now, (struct happening){.kind = FARM_TIMER});
}

static void deliver(struct sim *s, const struct farm_effect *e)
{
	struct happening h = {.id = e->worker,
			      .serial = e->serial,
			      .a = e->slots,
			      .b = e->budget,
			      .to = agent_of(e->agent),
			      .from = node_of(e->worker)};

	switch (e->type) {
	case FARM_GRANT:
		check_grant(s, e);
		h.kind = AGENT_LEASE;
		break;
	case FARM_RECALL: h.kind = AGENT_LEASE; break;
	case FARM_BUDGET: h.kind = AGENT_BUDGET; break;
	case FARM_WAIT: return;
	case FARM_EVICT: /* what its agent still runs there is nobody's slot any more */
		worker_excuse(s, &s->worker[node_of(e->worker)], 0);
		return;
	case FARM_DROP: link_drop(s, &s->worker[node_of(e->worker)]); return;
	}
	struct sim_agent *a = &s->agent[h.to];

	if (agent_id(a) == e->agent)
		send_from_farm(s, &a->link, h);
}

void farm_event(struct sim *s, struct farm_event ev)
{
	struct farm_out out;
	struct timespec t0, t1;

	ev.now = farm_now(s);
	if (s->c.timed)
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t0);
	farm_step(s->farm, &ev, &out);
	if (s->c.timed) {
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t1);
		s->r->farm_s += (double)(t1.tv_sec - t0.tv_sec) +
				(double)(t1.tv_nsec - t0.tv_nsec) / 1e9;
	}
	if (s->c.story)
		story_print(s->c.story, &ev, &out);
	s->r->steps++;
	s->r->effects += out.n;
	for (size_t i = 0; i < out.n; i++)
		deliver(s, &out.v[i]);
	farm_wakes(s, out.wake);
	if (s->c.check)
		check_farm(s);
}

void farm_start(struct sim *s)
{
	static const unsigned weights[] = {1, 2, 3};

	farm_free(s->farm);
	s->farm = farm_new(s->c.seed, s->restarted ? SEC : 0);
	s->jump = s->restarted ? (nsec)chance_below(&s->chance, 1000) * SEC : 0;
	s->wake_planned = 0;
	for (unsigned u = 0; u < s->c.users && !s->c.equal; u++) {
		char name[16];

		snprintf(name, sizeof name, "user%u", u);
		farm_event(s, (struct farm_event){.type = FARM_USER,
						  .name = name,
						  .user = {.weight = weights[u % 3]}});
	}
}

/* The scheduler is killed and started again: all its connections end. */
static void farm_restart(struct sim *s)
{
	s->restarted = true;
	s->settled_at = s->now + SEC;
	farm_start(s);
	s->calm_since = s->now + 60 * SEC;
	for (unsigned i = 0; i < s->c.workers; i++)
		link_drop(s, &s->worker[i]);
	for (unsigned i = 0; i < s->c.agents; i++)
		agent_unlink(s, &s->agent[i], false);
}

/* ---- faults ---- */

static void fault(struct sim *s)
{
	const struct sim_config *c = &s->c;
	struct sim_worker *w = &s->worker[chance_below(&s->chance, c->workers)];
	struct sim_agent *a = &s->agent[chance_below(&s->chance, c->agents)];
	nsec some = (nsec)chance_below(&s->chance, 30) * SEC;

	if (c->crash && chance_hit(&s->chance, 0.2))
		worker_crash(s, w, some);
	if (c->flap && chance_hit(&s->chance, 0.3))
		worker_crash(s, &s->worker[0], 100 * MS);
	if (c->slow && chance_hit(&s->chance, 0.2))
		w->slowness = chance_hit(&s->chance, 0.5) ? 1 : 5;
	if (c->owners && chance_hit(&s->chance, 0.3))
		w->owner = !w->owner;
	if (c->cut && chance_hit(&s->chance, 0.2)) {
		w->cut_since = s->now;
		w->link.cut_until = s->now + some;
		s->calm_since = s->now + some + 60 * SEC;
		w->excused_until = s->calm_since;
	}
	if (c->cut && chance_hit(&s->chance, 0.2))
		agent_cut(s, a, some);
	if (c->agents_die && chance_hit(&s->chance, 0.1))
		agent_die(s, a);
	if (c->clock && chance_hit(&s->chance, 0.05))
		s->jump += ((nsec)chance_below(&s->chance, 7200) - 3600) * SEC;
	if (c->restart && chance_hit(&s->chance, 0.05))
		farm_restart(s);
}

/* ---- running ---- */

static void farms_end_gone(struct sim *s, const struct happening *h)
{
	if (h->flag) {
		farm_event(s, (struct farm_event){.type = FARM_WORKER_GONE,
						  .worker = conn_id(h->epoch, h->to)});
		return;
	}
	farm_event(s, (struct farm_event){.type = FARM_AGENT_GONE,
					  .agent = conn_id(h->epoch, h->to)});
}

static void happen(struct sim *s, const struct happening *h)
{
	switch ((enum kind)h->kind) {
	case FARM_TIMER:
		if (h->at == s->wake_planned) {
			s->wake_planned = 0;
			farm_event(s, (struct farm_event){.type = FARM_TICK});
		}
		break;
	case FARMS_END_GONE: farms_end_gone(s, h); break;
	case FAULT:
		fault(s);
		if (s->now < s->c.horizon / 2)
			plan(s, SEC, (struct happening){.kind = FAULT});
		break;
	case SAMPLE:
		check_second(s);
		if (s->live > 0)
			plan(s, s->c.late_user ? 100 * MS : SEC,
			     (struct happening){.kind = SAMPLE});
		break;
	default:
		if (h->kind < WORKER_KINDS)
			worker_happen(s, h);
		else
			agent_happen(s, h);
	}
}

static void sim_start(struct sim *s)
{
	const struct sim_config *c = &s->c;

	s->worker = xcalloc(c->workers, sizeof *s->worker);
	s->agent = xcalloc(c->agents, sizeof *s->agent);
	s->live = c->agents;
	s->chance.state = c->seed;
	s->r->bound = sim_bound(c);
	farm_start(s);
	for (unsigned i = 0; i < c->workers; i++)
		worker_start(s, i);
	for (unsigned i = 0; i < c->agents; i++)
		plan(s, sim_begin(c, i), (struct happening){.kind = AGENT_BEGIN, .to = i});
	if (c->crash || c->cut || c->slow || c->flap || c->clock || c->restart ||
	    c->agents_die || c->owners)
		plan(s, SEC, (struct happening){.kind = FAULT});
	if (c->check || c->late_user)
		plan(s, SEC, (struct happening){.kind = SAMPLE});
}

static void sim_end(struct sim *s)
{
	for (unsigned i = 0; i < s->c.workers; i++)
		worker_end(&s->worker[i]);
	for (unsigned i = 0; i < s->c.agents; i++)
		agent_end(&s->agent[i]);
	free(s->worker);
	free(s->agent);
	check_end(s);
	agenda_free(&s->agenda);
	farm_free(s->farm);
}

void sim_run(const struct sim_config *c, struct sim_result *r)
{
	struct sim s = {.c = *c, .r = r};
	struct happening h;

	*r = (struct sim_result){.ok = true};
	sim_start(&s);
	while (s.live > 0 && r->ok && agenda_take(&s.agenda, &h)) {
		s.now = h.at;
		if (s.now > c->horizon)
			fail(&s, "a build has not ended; agents that live", s.live);
		else
			happen(&s, &h);
	}
	if (r->ok && s.live > 0)
		fail(&s, "nothing more happens, but agents live", s.live);
	sim_end(&s);
}

struct sim_config sim_of_seed(uint64_t seed)
{
	struct chance r = {seed ^ UINT64_C(0x5eed)};
	struct sim_config c = {.seed = seed, .check = true};

	c.workers = 1 + (unsigned)chance_below(&r, 12);
	c.slots = 1 + (unsigned)chance_below(&r, 8);
	c.agents = 1 + (unsigned)chance_below(&r, 10);
	c.users = 1 + (unsigned)chance_below(&r, c.agents);
	c.jobs = 1 + (unsigned)chance_below(&r, 120);
	c.parallel = 1 + (unsigned)chance_below(&r, 60);
	c.spread = 1 + 7 * chance_unit(&r);
	c.mean_s = 0.5 + 4 * chance_unit(&r);
	c.delay = (nsec)chance_below(&r, 200) * MS + MS;
	c.arrival = (nsec)chance_below(&r, 30) * SEC;
	c.loss = chance_hit(&r, 0.3) ? 0.05 * chance_unit(&r) : 0;
	c.repeat = chance_hit(&r, 0.3) ? 0.1 * chance_unit(&r) : 0;
	c.crash = chance_hit(&r, 0.3);
	c.cut = chance_hit(&r, 0.2);
	c.slow = chance_hit(&r, 0.3);
	c.flap = chance_hit(&r, 0.2);
	c.clock = chance_hit(&r, 0.2);
	c.restart = chance_hit(&r, 0.2);
	c.agents_die = chance_hit(&r, 0.2);
	c.owners = chance_hit(&r, 0.3);
	c.memory = chance_hit(&r, 0.3);
	/* Owners may take half the farm half the time, slow workers take five times as long, … */
	c.horizon = 2000 * SEC + 40 * sim_bound(&c);
	return c;
}
