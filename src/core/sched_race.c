/* Running jobs: which of them is late, gets a second copy, or is given up.
 *
 * While somebody waits, slots are for who waits, but for a job that would still take half as long as the whole line: costly, and
 * begun where it is slow. Else an idle slot may run a copy of a job that is late, or that would end much earlier there.
 * Bounds: one copy a job; one job of SCHED_COPY_SHARE; on a fast worker, unless it is late; and only where half of what is left
 * of the job is more than the copy needs.
 *
 * Invariants: a job and its copy are each other's twin while both run, on different workers; race_at and due_at are no later
 * than the first thing to be seen, so that a look costs one pass over the running jobs and is seldom taken in vain. */
#include "base/mem.h"
#include "core/sched_parts.h"

#include <assert.h>

static const nsec MS = 1000000;

enum {
	LOOK_MS = 20,  /* between two looks, for what follows from slots that become idle */
	GAIN_MS = 100, /* less than that is not worth a copy */
	LATE_TIMES = 2, /* of its expected time, and */
	LATE_MS = 250,
	UNKNOWN_TIMES = 4, /* a unit never seen may take so many times the average, */
	UNKNOWN_DEADLINE_MS = 600 * 1000, /* and longer in any case */
};

/* A worker of that part of the fastest one's pace is worth a copy. */
static const double fast = 0.6;

static const uint64_t copy_ids = UINT64_C(1) << 63;

/* Not before then does it count as late. */
static nsec late_at(const struct sched_job *j)
{
	return j->granted + LATE_TIMES * j->expected + LATE_MS * MS;
}

static void set_deadline(struct sched_job *j)
{
	nsec least = (j->work ? SCHED_DEADLINE_MS : UNKNOWN_DEADLINE_MS) * MS;
	nsec most = j->expected * SCHED_DEADLINE_TIMES;

	j->deadline = j->granted + (most > least ? most : least);
}

void sched_race_began(struct sched *s, struct sched_job *j)
{
	j->granted = s->now;
	j->expected = sched_worker_takes(s, j->worker, j);
	if (!j->work)
		j->expected *= UNKNOWN_TIMES;
	j->deadline = INT64_MAX;
	j->overdue = j->late = false;
	s->running++;
	s->ngranted++;
	if (!j->expected)
		return;
	set_deadline(j);
	if (j->deadline < s->due_at)
		s->due_at = j->deadline;
	if (late_at(j) < s->race_at)
		s->race_at = late_at(j);
}

void sched_race_ended(struct sched *s, struct sched_job *j)
{
	s->running--;
	if (j->twin)
		j->twin->twin = NULL;
	j->twin = NULL;
	sched_race_again(s);
}

void sched_race_again(struct sched *s)
{
	bool known = estimate_mean(s->estimate) > 0;

	if (known && s->raced_at + LOOK_MS * MS < s->race_at)
		s->race_at = s->raced_at + LOOK_MS * MS;
}

void sched_race_won(struct sched *s, struct sched_job *j)
{
	if (j->twin)
		j->twin->late = s->now >= late_at(j->twin);
}

/* ---- deadlines ---- */

static void look_for_overdue(struct sched *s)
{
	if (s->now < s->due_at)
		return;
	s->due_at = INT64_MAX;
	for (size_t i = 0; i < s->nworkers; i++) {
		struct sched_worker *w = s->worker[i];

		for (struct sched_job *j = w->granted.head; j; j = j->next) {
			if (j->overdue)
				continue;
			if (j->deadline <= s->now) {
				j->overdue = true;
				sched_emit(s, (struct sched_effect){.type = SCHED_OVERDUE,
								    .job = j->node.id,
								    .worker = w->node.id});
			} else if (j->deadline < s->due_at) {
				s->due_at = j->deadline;
			}
		}
	}
}

/* ---- second copies ---- */

static bool copies_left(const struct sched *s)
{
	return s->ncopies < SCHED_COPIES_FREE + s->ngranted / SCHED_COPY_SHARE;
}

static bool may_copy(const struct sched *s)
{
	return s->waiting == 0 && s->running > 0 && s->nworkers > 1 && copies_left(s);
}

/* The two fastest workers with an idle slot: the second one for those that run on the first. */
struct idle {
	struct sched_worker *best[2];
	double
	    enough; /* so fast has to be who gets the only copy of a job that is not late */
};

static double pace(const struct sched *s, const struct sched_worker *w)
{
	return estimate_value(s->estimate, &w->speed) / w->stretch;
}

static struct idle find_idle(const struct sched *s)
{
	struct idle idle = {0};
	double speed[2] = {0};

	for (size_t i = 0; i < s->nworkers; i++) {
		struct sched_worker *w = s->worker[i];

		double v = pace(s, w);

		if (w->link == LINK_UP && w->speed.seen && v * fast > idle.enough)
			idle.enough = v * fast;
		if (!sched_worker_idle(s, w))
			continue;
		if (v > speed[0]) {
			speed[1] = speed[0];
			idle.best[1] = idle.best[0];
			speed[0] = v;
			idle.best[0] = w;
		} else if (v > speed[1]) {
			speed[1] = v;
			idle.best[1] = w;
		}
	}
	return idle;
}

static struct sched_worker *place_for_copy(const struct sched *s, const struct idle *idle,
					   const struct sched_job *j)
{
	const struct sched_tool *t = sched_tool_find(s, j->toolchain);

	for (size_t i = 0; t && i < 2; i++) {
		struct sched_worker *w = idle->best[i];

		if (w && w != j->worker && w->know[t->index] == KNOW_YES &&
		    sched_worker_suits(w, j) &&
		    (s->now >= late_at(j) || pace(s, w) >= idle->enough))
			return w;
	}
	return NULL;
}

/* How much earlier its copy on W should end, less what that costs. Who is late is thought to need as long again. */
static nsec gain(const struct sched *s, const struct sched_job *j,
		 const struct sched_worker *w)
{
	nsec ran = s->now - j->granted;
	nsec left = s->now >= late_at(j) ? ran : j->expected - ran;

	return left - 2 * sched_worker_takes(s, w, j);
}

struct copy {
	struct sched_job *of;
	struct sched_worker *on;
	nsec gain;
};

static void look_at(struct sched *s, nsec at)
{
	if (at > s->now && at < s->race_at)
		s->race_at = at;
}

/* The copy that gains most, if any is worth it. When another will be goes to race_at. */
static struct copy best_copy(struct sched *s, const struct idle *idle)
{
	struct copy best = {.gain = GAIN_MS * MS};

	s->race_at = INT64_MAX;
	for (size_t i = 0; i < s->nworkers; i++) {
		for (struct sched_job *j = s->worker[i]->granted.head; j; j = j->next) {
			if (j->raced || !j->expected)
				continue;
			look_at(s, late_at(j));
			struct sched_worker *w = place_for_copy(s, idle, j);
			nsec g = w ? gain(s, j, w) : 0;

			if (g > best.gain)
				best = (struct copy){j, w, g};
			else if (w && s->now >= late_at(j)) /* more with every moment */
				look_at(s, s->now + GAIN_MS * MS - g + 1);
		}
	}
	return best;
}

static void make_copy(struct sched *s, const struct copy *c)
{
	struct sched_job *j = xcalloc(1, sizeof *j);

	j->node.id = copy_ids | ++s->ncopies;
	j->unit = c->of->unit;
	j->toolchain = c->of->toolchain;
	j->bytes = c->of->bytes;
	j->work = c->of->work;
	j->memory_kb = c->of->memory_kb;
	j->seq = c->of->seq;
	j->asked = c->of->asked;
	j->nfailed = c->of->nfailed;
	for (unsigned i = 0; i < j->nfailed; i++)
		j->failed[i] = c->of->failed[i];
	idmap_add(&s->jobs, &j->node);
	sched_worker_grant(s, c->on, j);
	j->twin = c->of;
	c->of->twin = j;
	j->raced = c->of->raced = true;
	sched_emit(s, (struct sched_effect){.type = SCHED_COPY,
					    .job = c->of->node.id,
					    .copy = j->node.id,
					    .worker = c->on->node.id});
}

void sched_race_step(struct sched *s)
{
	look_for_overdue(s);
	if (s->now < s->race_at || !may_copy(s))
		return;
	s->raced_at = s->now;
	while (may_copy(s)) {
		struct idle idle = find_idle(s);

		if (!idle.best[0]) {
			s->race_at = INT64_MAX; /* until a slot becomes idle */
			return;
		}
		struct copy c = best_copy(s, &idle);

		if (!c.of)
			return;
		make_copy(s, &c);
	}
}

/* How long the line lasts at least: half of what it would with these slots, since it gets more when others end. */
static nsec line_lasts(const struct sched *s)
{
	double all = 0;

	for (size_t i = 0; i < s->nworkers; i++)
		if (sched_worker_usable(s->worker[i]))
			all += pace(s, s->worker[i]) * s->worker[i]->slots;
	return all > 0 ? (nsec)(s->waiting_work / all / 2) : INT64_MAX / 4;
}

bool sched_race_urgent(struct sched *s, struct sched_worker *w)
{
	struct copy best = {.gain = GAIN_MS * MS};

	if (!copies_left(s) || s->nworkers < 2 || s->now < s->urged_at + LOOK_MS * MS)
		return false;
	s->urged_at = s->now;
	struct idle only = {.best = {w}, .enough = find_idle(s).enough};
	nsec line = line_lasts(s);

	for (size_t i = 0; i < s->nworkers; i++) {
		for (struct sched_job *j = s->worker[i]->granted.head; j; j = j->next) {
			if (j->raced || !j->expected || j->expected < line ||
			    place_for_copy(s, &only, j) != w)
				continue;
			nsec g = gain(s, j, w) - line;

			if (g > best.gain)
				best = (struct copy){j, w, g};
		}
	}
	if (best.of)
		make_copy(s, &best);
	return best.of != NULL;
}

nsec sched_race_wake(const struct sched *s)
{
	nsec race = may_copy(s) ? s->race_at : INT64_MAX;

	if (s->running == 0)
		return INT64_MAX;
	return race < s->due_at ? race : s->due_at;
}

/* Jobs that an idle slot of the fastest worker that is known would end much earlier. */
unsigned sched_wishes(const struct sched *s)
{
	const struct sched_worker *best = NULL;
	uint64_t most = SCHED_COPIES_FREE + s->ngranted / SCHED_COPY_SHARE;
	uint64_t n = 0;

	if (!may_copy(s))
		return 0;
	for (size_t i = 0; i < s->nworkers; i++) {
		const struct sched_worker *w = s->worker[i];

		if (w->speed.seen && (!best || w->speed.value > best->speed.value))
			best = w;
	}
	for (size_t i = 0; best && i < s->nworkers; i++)
		for (struct sched_job *j = s->worker[i]->granted.head; j; j = j->next)
			n += !j->raced && j->expected && gain(s, j, best) > GAIN_MS * MS;
	return (unsigned)(n < most - s->ncopies ? n : most - s->ncopies);
}
