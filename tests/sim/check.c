/* The invariants. Those of the farm's books and of work conservation hold after each of its steps, whatever
 * happens outside. Those that compare what agents believe with what is there are excused for a worker for
 * some time after a fault that nobody could know of at once: a crash of the worker, or a lost connection. */
#include "base/mem.h"
#include "sim_parts.h"

#include <stdlib.h>
#include <string.h>

enum {
	MINUTE = 60,
	SETTLED_S = 20, /* after the contenders changed, before shares are measured */
	STARVED_S = 60, /* beyond the longest job and everybody's turn */
};

struct check {
	double held[64];          /* sums since the window began */
	unsigned long contenders; /* one bit a user */
	unsigned seconds;
};

void check_grant(struct sim *s, const struct farm_effect *e)
{
	const struct sim_worker *w = &s->worker[node_of(e->worker)];
	nsec silence = FARM_SILENCE_MS * MS + 2 * s->c.delay;

	if (s->c.clock)
		silence += 60 * SEC;
	if (!w->alive && w->dead_since && s->now - w->dead_since > silence)
		fail(s, "a lease was granted on a dead worker", w->index);
	if (s->now < w->link.cut_until && w->cut_since && s->now - w->cut_since > silence)
		fail(s, "a lease was granted on a worker that is cut off", w->index);
}

/* Nobody's slot is another's, too. */
static void check_slots(struct sim *s)
{
	for (unsigned i = 0; i < s->c.workers; i++)
		s->worker[i].claimed = 0;
	for (unsigned i = 0; i < s->c.agents; i++) {
		const struct sim_agent *a = &s->agent[i];

		for (size_t k = 0; k < a->nleases; k++) {
			const struct agent_lease *l = &a->lease[k];

			s->worker[l->worker].claimed +=
			    l->right > l->used ? l->right : l->used;
		}
	}
	for (unsigned i = 0; i < s->c.workers; i++) {
		const struct sim_worker *w = &s->worker[i];

		if (w->claimed > s->c.slots && s->now >= w->excused_until &&
		    s->now >= s->calm_since)
			fail(s, "slots are leased twice; worker", i);
	}
}

static bool idle_slot(const struct sim *s)
{
	struct farm_worker_view v;

	for (size_t i = 0; farm_worker_at(s->farm, i, &v); i++)
		if (v.usable > v.held + v.orphans && !v.kept)
			return true;
	return false;
}

/* An idle slot, and a build that could have it. */
static void check_conserving(struct sim *s)
{
	struct farm_build_view v;

	if (s->now < s->settled_at || !idle_slot(s))
		return;
	for (size_t i = 0; farm_build_at(s->farm, i, &v); i++)
		if (v.held < v.want && v.reason != FARM_DECLARING &&
		    s->agent[agent_of(v.agent)].memory_mib == 0)
			fail(s, "a slot is idle while a build waits", v.id);
}

void check_farm(struct sim *s)
{
	farm_check(s->farm);
	check_slots(s);
	check_conserving(s);
}

/* ---- once a second ---- */

static nsec longest_job(const struct sim *s)
{
	return (nsec)(8.2 * s->c.mean_s * (s->c.slow ? 5 : 1) * 1e9);
}

/* There may be more builds than slots, or nearly. */
static bool crowded(const struct sim_config *c)
{
	return c->agents > c->workers * c->slots / 2;
}

/* Where builds take turns, everybody else may have one and run the longest job in it. */
static nsec starvation_bound(const struct sim *s)
{
	nsec longest = longest_job(s);
	nsec turn = longest + (FARM_TURN_MS + FARM_STARVE_MS) * MS;
	bool turns = s->c.memory || crowded(&s->c);

	nsec bound = STARVED_S * SEC + 2 * longest + (turns ? s->c.agents * turn : 0);
	/* Where workers come and go, the same must be waited for more than once. */
	bool broken = s->c.crash || s->c.flap || s->c.cut || s->c.owners;

	return broken ? 3 * bound + 300 * SEC : bound;
}

static void check_starved(struct sim *s)
{
	for (unsigned i = 0; i < s->c.agents; i++) {
		struct sim_agent *a = &s->agent[i];
		bool hungry = a->alive && a->link.up && a->used == 0;

		if (!hungry || s->now < s->calm_since)
			a->hungry_since = 0;
		else if (a->hungry_since == 0)
			a->hungry_since = s->now;
		nsec since = a->hungry_since ? s->now - a->hungry_since : 0;

		if (since > s->r->starved)
			s->r->starved = since;
		if (since > starvation_bound(s))
			fail(s, "a build starves; agent", i);
	}
}

static bool quiet(const struct sim_config *c)
{
	return !(c->crash || c->cut || c->flap || c->restart || c->agents_die ||
		 c->owners || c->memory || c->loss > 0);
}

static void shares_end_window(struct sim *s, struct check *k, double weights)
{
	struct farm_user_view v;
	double slots = (double)s->c.workers * s->c.slots;

	s->r->minutes++;
	for (size_t i = 0; farm_user_at(s->farm, i, &v); i++) {
		unsigned user = (unsigned)atoi(v.name + 4);
		double fair = slots * v.weight / weights;
		double held = k->held[user] / MINUTE;
		double off = held > fair ? held - fair : fair - held;

		if (!(k->contenders >> user & 1))
			continue;
		if (off > 1 && off / fair > s->r->worst_share)
			s->r->worst_share = off / fair;
		if (off > 1 && off > 0.1 * fair)
			fail(s, "a user's share is off its weight by more than a tenth",
			     user);
	}
}

/* Minutes in which the same users wanted more than they had all the time. */
static void check_shares(struct sim *s)
{
	struct check *k = s->check;
	struct farm_user_view v;
	unsigned long contenders = 0;
	/* Until the jobs have ended that began before the contenders were these. */
	unsigned settled = SETTLED_S + (unsigned)(longest_job(s) / SEC);
	bool all = true;
	double weights = 0;

	for (size_t i = 0; farm_user_at(s->farm, i, &v); i++) {
		if (v.builds == 0)
			continue;
		contenders |= 1ul << atoi(v.name + 4);
		weights += v.weight;
		all = all && v.want > v.held;
	}
	if (!all || contenders != k->contenders || (contenders & (contenders - 1)) == 0) {
		*k = (struct check){.contenders = contenders};
		return;
	}
	if (k->seconds++ < settled)
		return;
	for (size_t i = 0; farm_user_at(s->farm, i, &v); i++)
		k->held[atoi(v.name + 4)] += v.held;
	if (k->seconds < settled + MINUTE)
		return;
	shares_end_window(s, k, weights);
	memset(k->held, 0, sizeof k->held);
	k->seconds = settled;
}

static void check_late(struct sim *s)
{
	const struct sim_agent *a = &s->agent[s->c.agents - 1];
	unsigned slots = 0, fair = s->c.workers * s->c.slots / s->c.users;

	if (!a->alive || s->r->late_share)
		return;
	for (size_t i = 0; i < a->nleases; i++)
		slots += a->lease[i].right;
	if (slots * 10 >= fair * 9)
		s->r->late_share = s->now - a->begun;
}

void check_second(struct sim *s)
{
	if (!s->check)
		s->check = xcalloc(1, sizeof *s->check);
	check_starved(s);
	if (s->c.late_user)
		check_late(s);
	if (quiet(&s->c) && s->c.users < 64)
		check_shares(s);
}

void check_end(struct sim *s)
{
	free(s->check);
}
