/* How many slots of a worker may be leased. What it has is cut down by its owner's presence, the load of
 * others, pressure and quarantine; a cut is made at once and recalls leases, and given back by and by.
 *
 * Orphans are jobs that run there although no lease covers them: of an agent whose connection ended, or
 * of the time before the farm was started. They occupy slots until the worker reports that they are gone.
 * As a report does not say whose jobs run, the leases are taken to be in full use; only the first second
 * after leases have ended is an orphan believed to be there as long as anything runs at all. */
#include "base/mem.h"
#include "core/farm_parts.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
	MEMORY_SOME = 10, /* percent of stall time: half the slots */
	MEMORY_MUCH = 40, /* none */
	IO_MUCH = 70,     /* half */
	CPU_MUCH = 85,    /* three quarters */
	BLAMES = 3, /* failures in a row told by one agent, when no other has a lease */
	REFERENCE_MS = 1000, /* the job for which speed and link are weighed */
	ROUND_TRIPS = 4,     /* that it takes, */
	REFERENCE_KIB = 512, /* and bytes */
};

static const nsec ORPHAN_NS = 1000 * FARM_MS;

uint64_t farm_worker_mib(const struct farm_worker *w)
{
	return w->report.room_mib ? w->report.room_mib : w->memory_mib;
}

unsigned farm_worker_free(const struct farm_worker *w)
{
	unsigned used = w->held + w->orphans;

	return used < w->usable ? w->usable - used : 0;
}

/* Memory that is not reserved; UINT32_MAX - 1 when nothing is known. */
static uint32_t free_mib(const struct farm_worker *w)
{
	uint64_t all = farm_worker_mib(w);

	if (all == 0)
		return UINT32_MAX - 1;
	uint64_t used = w->reserved_mib;

	if (w->slots)
		used += w->orphans * (all / w->slots);
	if (used >= all)
		return 0;
	return all - used < UINT32_MAX - 1 ? (uint32_t)(all - used) : UINT32_MAX - 1;
}

unsigned farm_worker_fits(const struct farm_worker *w, unsigned memory_mib)
{
	unsigned slots = farm_worker_free(w);

	if (memory_mib == 0)
		return slots;
	unsigned jobs = free_mib(w) / memory_mib;

	return jobs < slots ? jobs : slots;
}

/* Unknown memory counts as endless. */
static uint64_t known_mib(const struct farm_worker *w)
{
	uint64_t mib = farm_worker_mib(w);

	return mib ? mib : UINT64_MAX;
}

static void biggest_update(struct farm_worker *w)
{
	struct farm_pool *p = w->pool;

	if (p->biggest && known_mib(w) >= p->biggest_mib) {
		p->biggest = w;
		p->biggest_mib = known_mib(w);
	} else if (p->biggest == w) {
		p->biggest = NULL;
	}
}

bool farm_pool_could(struct farm_pool *p, unsigned memory_mib)
{
	if (!p->biggest) {
		p->biggest_mib = 0;
		for (const struct farm_link *l = p->workers.head; l; l = l->next) {
			struct farm_worker *w = l->of;

			if (known_mib(w) > p->biggest_mib) {
				p->biggest = w;
				p->biggest_mib = known_mib(w);
			}
		}
	}
	return !p->biggest || memory_mib <= p->biggest_mib;
}

/* Builds that nothing fitted are shown a worker which has room again. */
static void show_stuck(struct farm *f, const struct farm_worker *w)
{
	for (struct farm_link *l = w->pool->stuck.head; l; l = l->next) {
		struct farm_build *b = l->of;
		unsigned n = farm_worker_fits(w, b->memory_mib);

		if (n == 0 || b->fitting >= b->held + n || !farm_build_accepts(b, w))
			continue;
		b->fitting = b->held + n;
		farm_build_limit(f, b);
	}
}

void farm_worker_room(struct farm *f, struct farm_worker *w)
{
	struct farm_pool *p = w->pool;
	bool room = farm_worker_free(w) > 0 && p->kept != w;

	ladder_set(&p->ladder, &w->rung, room ? free_mib(w) + 1 : 0);
	if (room && p->stuck.head)
		show_stuck(f, w);
	farm_pool_queue(f, p);
}

/* Why builds wait may be another thing now. */
static void pool_changed(struct farm *f, const struct farm_pool *p)
{
	for (size_t i = 0; i < f->all_builds.n; i++) {
		struct farm_build *b = f->all_builds.v[i]->of;

		if (b->account->pool == p)
			farm_list_add(&f->touched, &b->touched, b);
	}
}

/* ---- how many slots are usable ---- */

static unsigned owner_limit(const struct farm_worker *w, enum farm_reason *why)
{
	if (!w->report.owner || w->owner_slots >= w->slots)
		return w->slots;
	*why = FARM_OWNER;
	return w->owner_slots;
}

static unsigned usable_slots(const struct farm_worker *w, enum farm_reason *why)
{
	*why = FARM_OK;
	if (w->drained)
		*why = FARM_DRAINED;
	else if (w->until)
		*why = FARM_QUARANTINED;
	if (*why != FARM_OK)
		return 0;
	unsigned n = owner_limit(w, why);
	unsigned foreign = (w->report.foreign_milli + 500u) / 1000u;
	unsigned left = foreign < w->slots ? w->slots - foreign : 0;

	if (w->cut)
		left = w->cut < left ? left - w->cut : 0;
	if (left < n) {
		n = left;
		*why = FARM_LOADED;
	}
	if (w->probation && n > 1) {
		n = 1;
		*why = FARM_QUARANTINED;
	}
	return n;
}

/* What pressure takes away now. */
static unsigned pressure_cut(const struct farm_worker *w)
{
	const struct farm_report *r = &w->report;

	if (r->memory_percent >= MEMORY_MUCH)
		return w->slots;
	if (r->memory_percent >= MEMORY_SOME || r->io_percent >= IO_MUCH)
		return (w->slots + 1) / 2;
	if (r->cpu_percent >= CPU_MUCH)
		return w->slots / 4;
	return 0;
}

/* Slots which were recalled because the worker shrank count as long as a job runs there: else their
 * builds would seem to have more than their part, and other slots stand idle for it. */
void farm_worker_worth(struct farm_worker *w)
{
	unsigned worth = w->held > w->usable ? w->held : w->usable;

	w->pool->capacity += worth - w->worth;
	w->worth = worth;
}

void farm_worker_update(struct farm *f, struct farm_worker *w)
{
	struct farm_pool *p = w->pool;
	unsigned before = p->usable, own = w->usable;

	biggest_update(w);
	w->usable = usable_slots(w, &w->reason);
	p->usable += w->usable - own;
	farm_worker_worth(w);
	if ((before == 0) != (p->usable == 0))
		pool_changed(f, p);
	if (w->rights > w->usable)
		farm_lease_trim(f, w, w->usable, w->reason);
	farm_worker_room(f, w);
}

static void regrade(struct farm *f, struct farm_worker *w)
{
	double speed = estimate_speed(f->estimate, &w->speed);
	double s = REFERENCE_MS / 1e3 / speed + ROUND_TRIPS * (w->rtt_us / 1e6);
	uint64_t bits;

	if (w->kib_s)
		s += (double)REFERENCE_KIB / w->kib_s;
	/* Exponent and three bits of the mantissa of a positive double: eight steps an octave. */
	double worth = 1 / s;

	_Static_assert(sizeof bits == sizeof worth, "a double has 64 bits");
	memcpy(&bits, &worth, sizeof bits);
	ladder_grade(&w->pool->ladder, &w->rung, (unsigned)(bits >> 49));
}

/* ---- it comes and goes ---- */

static void heard(struct farm *f, struct farm_worker *w)
{
	w->heard = f->now;
	farm_list_remove(&w->heard_link);
	farm_list_add(&f->heard, &w->heard_link, w);
	farm_wake(f, f->now + FARM_SILENCE_MS * FARM_MS);
}

void farm_worker_end(struct farm *f, struct farm_worker *w)
{
	struct farm_pool *p = w->pool;

	if (p->kept == w)
		p->kept = NULL;
	if (p->biggest == w)
		p->biggest = NULL;
	p->usable -= w->usable;
	w->usable = 0;
	farm_worker_worth(w);
	while (w->leases.head)
		farm_lease_end(f, w->leases.head->of, false, FARM_WORKER_LOST);
	if (!p->kept)
		p->kept_for = NULL;
	ladder_remove(&p->ladder, &w->rung);
	farm_list_remove(&w->of_pool);
	farm_list_remove(&w->heard_link);
	farm_list_remove(&w->rests);
	estimate_forget(f->estimate, &w->speed);
	farm_vec_remove(&f->all_workers, &w->index);
	idmap_remove(&f->workers, &w->node);
	farm_pool_queue(f, p);
	farm_pool_put(f, p);
	free(w->name);
	free(w);
}

static struct farm_worker *worker_new(struct farm *f, uint64_t id,
				      const struct farm_worker_desc *d, struct farm_pool *p)
{
	struct farm_worker *w = xcalloc(1, sizeof *w);

	w->node.id = id;
	w->pool = p;
	w->name = farm_name(d->name);
	w->name_hash = farm_hash(w->name);
	w->orphans = d->running < d->slots ? d->running : d->slots;
	w->orphaned_at = f->now;
	/* The ring must look the same after a restart: by name and without the farm's seed. */
	w->rung.mix = idmap_mix(0, w->name_hash);
	idmap_add(&f->workers, &w->node);
	farm_vec_add(&f->all_workers, &w->index, w);
	farm_list_add(&p->workers, &w->of_pool, w);
	ladder_add(&p->ladder, &w->rung);
	estimate_expect(f->estimate, &w->speed, d->speed);
	regrade(f, w);
	return w;
}

void farm_worker_describe(struct farm *f, uint64_t id, const struct farm_worker_desc *d)
{
	struct farm_pool *p = farm_pool_get(f, d->partition, d->platform);
	struct farm_worker *w = idmap_find(&f->workers, id);

	if (!p)
		return;
	if (w && (w->pool != p || w->name_hash != farm_hash(d->name))) {
		farm_worker_end(f, w);
		w = NULL;
		p = farm_pool_get(f, d->partition, d->platform);
	}
	if (!w)
		w = worker_new(f, id, d, p);
	if (p->workers.n == 1)
		pool_changed(f, p);
	w->slots = d->slots < FARM_MAX_SLOTS ? d->slots : FARM_MAX_SLOTS;
	w->owner_slots = d->owner_slots;
	w->memory_mib = d->memory_mib;
	heard(f, w);
	farm_worker_update(f, w);
}

static void count_orphans(const struct farm *f, struct farm_worker *w, unsigned running)
{
	unsigned beyond = running > w->held ? running - w->held : 0;
	unsigned most = f->now - w->orphaned_at < ORPHAN_NS ? running : beyond;

	if (w->orphans > most)
		w->orphans = most;
	/* A report may have been on its way while a lease ended: only what is seen twice is true. */
	unsigned excess = beyond > w->orphans ? beyond - w->orphans : 0;

	if (excess && w->excess)
		w->orphans += excess < w->excess ? excess : w->excess;
	w->excess = excess;
}

void farm_worker_report(struct farm *f, struct farm_worker *w, const struct farm_report *r)
{
	unsigned step = w->slots / 4 ? w->slots / 4 : 1;

	w->report = *r;
	unsigned cut = pressure_cut(w);

	if (cut < w->cut)
		cut = w->cut - cut < step ? cut : w->cut - step;
	w->cut = cut;
	count_orphans(f, w, r->running);
	heard(f, w);
	farm_worker_update(f, w);
}

/* ---- good and bad ones ---- */

static void quarantine(struct farm *f, struct farm_worker *w)
{
	nsec next = 2 * w->quarantine;

	if (next < FARM_QUARANTINE_MS * FARM_MS)
		next = FARM_QUARANTINE_MS * FARM_MS;
	if (next > FARM_QUARANTINE_MAX_MS * FARM_MS)
		next = FARM_QUARANTINE_MAX_MS * FARM_MS;
	w->quarantine = next;
	w->until = f->now + next;
	w->probation = true;
	w->blames = 0;
	w->blamed_by_two = false;
	farm_list_add(&f->resting, &w->rests, w);
	farm_wake(f, w->until);
	farm_worker_update(f, w);
}

/* One agent's word is not enough against a worker which others use, too. */
static bool others_use(const struct farm_worker *w, uint64_t agent)
{
	for (const struct farm_link *l = w->leases.head; l; l = l->next) {
		const struct farm_lease *lease = l->of;

		if (lease->build->agent->node.id != agent)
			return true;
	}
	return false;
}

static void blame(struct farm *f, struct farm_worker *w, uint64_t agent)
{
	if (w->until)
		return;
	if (w->blames == 0)
		w->blamed_by = agent;
	if (w->blamed_by != agent)
		w->blamed_by_two = true;
	else if (w->blames < BLAMES)
		w->blames++;
	if (w->blamed_by_two || w->probation ||
	    (w->blames == BLAMES && !others_use(w, agent)))
		quarantine(f, w);
}

void farm_worker_result(struct farm *f, struct farm_worker *w, uint64_t agent,
			const struct farm_result *r)
{
	if (r->rtt_us)
		w->rtt_us = w->rtt_us ? (w->rtt_us * 7 + r->rtt_us) / 8 : r->rtt_us;
	if (r->kib_s)
		w->kib_s = w->kib_s ? (unsigned)((w->kib_s * UINT64_C(7) + r->kib_s) / 8)
				    : r->kib_s;
	if (r->failed) {
		blame(f, w, agent);
		return;
	}
	w->blames = 0;
	w->blamed_by_two = false;
	if (!w->until) {
		w->quarantine = 0;
		if (w->probation) {
			w->probation = false;
			farm_worker_update(f, w);
		}
	}
	estimate_learn(f->estimate, &w->speed, r->unit, r->cpu);
	regrade(f, w);
}

static void drop_silent(struct farm *f)
{
	while (f->heard.head) {
		struct farm_worker *w = f->heard.head->of;
		nsec end = w->heard + FARM_SILENCE_MS * FARM_MS;

		if (end > f->now) {
			farm_wake(f, end);
			return;
		}
		farm_emit(f, FARM_DROP, FARM_WORKER_LOST)->worker = w->node.id;
		farm_worker_end(f, w);
	}
}

void farm_workers_tick(struct farm *f)
{
	drop_silent(f);
	for (struct farm_link *l = f->resting.head, *next; l; l = next) {
		struct farm_worker *w = l->of;

		next = l->next;
		if (w->until > f->now) {
			farm_wake(f, w->until);
			continue;
		}
		w->until = 0;
		farm_list_remove(l);
		farm_worker_update(f, w);
	}
}
