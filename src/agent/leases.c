/* Happy path: leases_use ─► dial ─► ENROLL ─► WELCOME; tasks come: WANT ─► LEASE* ─► hosts. What is wanted rises at once with
 * the tasks and falls when there were fewer for a while, so that a pause between two folders of a build does not give
 * everything back.
 *
 * Invariants:
 *   - RIGHT is what we may use of a host: it is core/sched's number of slots there. USED beyond it are jobs that began
 *     before a recall; HELD tells when each ends;
 *   - the sum of the rights that the present scheduler has confirmed is at most its budget, or each of them is used.
 *     Others are of a scheduler that is gone; they end when this one has had time to speak of them;
 *   - while `hope` is true, and only then, core/sched knows the worker LEASES_WORKER. */
#include "agent/leases.h"

#include "agent/agent.h"
#include "agent/leases_link.h"
#include "agent/lists.h"
#include "agent/plan.h"
#include "agent/remote.h"
#include "agent/task.h"
#include "agent/told.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/hostlist.h"
#include "net/schedulers.h"
#include "sys/loop.h"
#include "sys/machine.h"
#include "wire/message.h"
#include "wire/talk.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
	BUILD = 1 /* all compiles of an agent are one build to the farm */
};

static const nsec soon = LOOP_MS(5), /* several tasks move the sum in one turn */
    step = LOOP_MS(1000),            /* of the memory of what was wanted … */
    held_every = LOOP_MS(5000),      /* HELD while jobs run beyond a right */
    patience = LOOP_MS(2000),        /* without any lease: then jobs go home */
    unfit_after = LOOP_MS(1500),     /* an answer in another way may still come */
    shunned_for = LOOP_MS(60000),    /* a host that we cannot use */
    unconfirmed_max =
	LOOP_MS(10000), /* a lease of which the present scheduler does not speak */
    unasked_max = LOOP_MS(30000);

enum {
	STEPS = 4 /* … and its length */
};

struct lease {
	struct lease *prev, *next;
	char *address, *name;
	uint32_t speaks;
	uint64_t remote; /* the id of what the agent made of it; 0: not yet known */
	uint64_t
	    serial; /* of the last LEASE of the present scheduler; 0: it has not spoken of it */
	unsigned right;
	unsigned told_right, told_used;
	nsec told_at;
	bool has_compiler;
	nsec lacks_since; /* an answer was no, and none yes; 0: none was no */
};

/* A host that is of no use to us, whatever the scheduler thinks of it. */
struct shunned {
	struct shunned *next;
	char *name;
	nsec until;
};

struct leases {
	struct agent *agent;
	struct borrower *link;   /* NULL: no scheduler is in use */
	char *its_farm;          /* the scheduler's, while one has us; for people */
	char *schedulers, *farm; /* what LINK was made from */
	bool found;              /* they have announced themselves */
	char *partition, *platform;
	unsigned priority;
	nsec unasked_since;   /* when compiles stopped asking for it; 0: they do */
	struct lease *leases; /* utlist */
	struct shunned *shunned;
	struct hostlist hosts;  /* made from the leases */
	unsigned recent[STEPS]; /* the most that was needed in each of the last steps */
	unsigned wanted;        /* as told */
	unsigned budget;
	unsigned bound;     /* as core/sched was told of it */
	nsec waiting_since; /* something is wanted and nothing leased; 0: no */
	bool hopeless;      /* the scheduler, or patience, says that nothing comes */
	bool hope;          /* core/sched knows of us */
	bool changed;       /* leases are others than HOSTS tells */
	char why[300];
	struct loop_timer *move, *tick;
	bool moving, ticking; /* they are set */
	nsec stepped;
	nsec welcomed; /* by the present scheduler */
};

/* ---- what is needed ------------------------------------------------------------------------ */

static bool asks_for_us(const struct leases *l, const struct task *t)
{
	const char *schedulers =
	    t->plan ? lists_schedulers(l->agent->lists, t->plan->list) : NULL;
	return schedulers && l->schedulers &&
	       strcmp(schedulers, l->found ? "" : l->schedulers) == 0;
}

/* Tasks that wait for a slot or use one of ours. */
static unsigned needed(const struct leases *l)
{
	unsigned n = 0;

	for (const struct task *t = l->agent->tasks; t; t = t->hh.next)
		n += (t->life.state == JOB_WAIT || t->life.state == JOB_REMOTE) &&
		     asks_for_us(l, t);
	return n ? n + sched_wishes(l->agent->sched) : 0;
}

/* What the agent made of it, or NULL. */
static const struct remote *remote_of(const struct leases *l, struct lease *x)
{
	struct remote *r = NULL;

	HASH_FIND(hh, l->agent->remotes, &x->remote, sizeof x->remote, r);
	if (r)
		return r;
	for (r = l->agent->remotes; r; r = r->hh.next)
		if (r->leased && strcmp(r->host.word, x->address) == 0)
			break;
	x->remote = r ? r->id : 0;
	return r;
}

static unsigned used_of(const struct leases *l, struct lease *x)
{
	const struct remote *r = remote_of(l, x);

	return r ? r->running : 0;
}

static unsigned sum_of_rights(const struct leases *l)
{
	unsigned n = 0;

	for (const struct lease *x = l->leases; x; x = x->next)
		n += x->right;
	return n;
}

/* ---- hope ---------------------------------------------------------------------------------- */

static bool may_hope(const struct leases *l)
{
	return l->link && !l->hopeless && sum_of_rights(l) == 0 &&
	       borrower_hopeful(l->link);
}

static void set_hope(struct leases *l)
{
	bool hope = may_hope(l);

	if (hope == l->hope)
		return;
	l->hope = hope;
	agent_hosts_changed(l->agent);
	agent_sched(l->agent, (struct sched_event){.type = hope ? SCHED_WORKER_ADD
								: SCHED_WORKER_REMOVE,
						   .worker = LEASES_WORKER});
}

bool leases_hopeful(const struct leases *l)
{
	return l->hope || l->leases;
}

bool leases_in_use(const struct leases *l)
{
	return l->link != NULL;
}

const char *leases_why(const struct leases *l)
{
	return !l->link || borrower_up(l->link) ? "the scheduler has no slot for this build"
						: "no scheduler can be reached";
}

/* ---- leases -------------------------------------------------------------------------------- */

static struct lease *find(const struct leases *l, const char *address)
{
	for (struct lease *x = l->leases; x; x = x->next)
		if (strcmp(x->address, address) == 0)
			return x;
	return NULL;
}

static void lease_free(struct leases *l, struct lease *x)
{
	DL_DELETE(l->leases, x);
	free(x->address);
	free(x->name);
	free(x);
	l->changed = true;
}

static void drop_all(struct leases *l)
{
	while (l->leases)
		lease_free(l, l->leases);
	l->budget = 0;
}

/* HOSTS anew, and the agent hears of it. Hosts without a right are not among them: their jobs end, and no others begin. */
static void publish(struct leases *l)
{
	if (!l->changed)
		return;
	l->changed = false;
	hostlist_free(&l->hosts);
	for (const struct lease *x = l->leases; x; x = x->next) {
		struct hostlist one;

		if (x->right == 0 || hostlist_parse(&one, x->address, TALK_PORT, NULL))
			continue;
		if (one.n == 1 && one.v[0].kind == HOST_TCP) {
			struct hostlist *all = &l->hosts;

			one.v[0].slots = x->right;
			one.v[0].lzo = !(x->speaks & TALK_MUSTER);
			all->v = xreallocarray(all->v, all->n + 1, sizeof *all->v);
			all->v[all->n++] = one.v[0];
			one.n = 0;
		}
		hostlist_free(&one);
	}
	agent_hosts_changed(l->agent);
}

static void tell_held(struct leases *l, struct lease *x, unsigned used)
{
	if (!borrower_up(l->link))
		return;
	leases_link_held(l->link, &(struct message_held){.build = BUILD,
							 .host = x->address,
							 .serial = x->serial,
							 .slots = x->right,
							 .used = used});
	x->told_right = x->right;
	x->told_used = used;
	x->told_at = loop_now();
}

/* What has to be given back of X, since the budget is smaller than the SUM, or nobody stands for it any more. */
static void give_back(struct leases *l, struct lease *x, unsigned used, unsigned *sum)
{
	bool confirmed = x->serial != 0;

	if (!confirmed && borrower_up(l->link) &&
	    loop_now() - l->welcomed >= unconfirmed_max && x->right) {
		x->right = 0;
		l->changed = true;
	}
	while (confirmed && *sum > l->budget && x->right > used) {
		x->right--;
		--*sum;
		l->changed = true;
	}
}

/* Each lease tells what the scheduler waits for, and goes when nothing of it is left. */
static void settle(struct leases *l)
{
	struct lease *x, *next;
	unsigned sum = 0;

	for (x = l->leases; x; x = x->next)
		sum += x->serial ? x->right : 0;
	DL_FOREACH_SAFE(l->leases, x, next)
	{
		unsigned used = used_of(l, x);

		give_back(l, x, used, &sum);
		bool beyond = used > x->right;
		bool was_beyond = x->told_used > x->told_right;

		if (x->right < x->told_right ||
		    ((beyond || was_beyond) && used != x->told_used) ||
		    (beyond && loop_now() - x->told_at >= held_every))
			tell_held(l, x, used);
		if (x->right == 0 && used == 0 &&
		    (x->told_right == 0 || !borrower_up(l->link)))
			lease_free(l, x);
	}
}

/* ---- what is wanted ------------------------------------------------------------------------ */

static void tell_want(struct leases *l, bool more)
{
	char *shun[TALK_NAMES + 1];
	size_t n = 0;

	for (const struct shunned *s = l->shunned; s && n < TALK_NAMES; s = s->next)
		shun[n++] = s->name;
	shun[n] = NULL;
	leases_link_want(l->link, &(struct message_want){.build = BUILD,
							 .slots = l->wanted,
							 .flags = more ? TALK_WANT_MORE : 0,
							 .priority = l->priority,
							 .affinity = leases_link_affinity(),
							 .platform = l->platform,
							 .partition = l->partition,
							 .exclude = shun});
}

static void want(struct leases *l, unsigned n)
{
	if (n == l->wanted)
		return;
	l->wanted = n;
	if (borrower_up(l->link))
		tell_want(l, false);
	if (n == 0) {
		/* With the build the scheduler ends its leases; nothing runs on them. */
		drop_all(l);
		l->why[0] = 0;
		l->hopeless = false;
	}
}

static unsigned most_recent(const struct leases *l)
{
	unsigned most = 0;

	for (size_t i = 0; i < STEPS; i++)
		most = l->recent[i] > most ? l->recent[i] : most;
	return most;
}

static void wait_or_not(struct leases *l)
{
	if (l->wanted == 0 || sum_of_rights(l)) {
		l->waiting_since = 0;
		return;
	}
	if (!l->waiting_since)
		l->waiting_since = loop_now();
	if (loop_now() - l->waiting_since >= patience)
		l->hopeless = true;
}

static void tick_soon(struct leases *l)
{
	if (!l->ticking)
		loop_timer_set(l->tick, step / 2);
	l->ticking = true;
}

/* core/sched lets no more jobs begin on leased slots than the budget allows: else each slot that becomes idle would be filled
 * at once, and none could be given back. Rights of which the present scheduler has not spoken are not in its budget. */
static void tell_budget(struct leases *l)
{
	unsigned most = 0;
	bool bound = l->link && borrower_up(l->link) && l->leases;

	for (const struct lease *x = l->leases; x; x = x->next)
		bound = bound && x->serial != 0;
	most = bound ? l->budget : UINT_MAX;
	if (most == l->bound)
		return;
	l->bound = most;
	agent_sched(l->agent, (struct sched_event){.type = SCHED_BUDGET, .slots = most});
}

/* Everything that follows from what the tasks need and what was leased. */
static void move(void *ctx)
{
	struct leases *l = ctx;

	l->moving = false;
	if (!l->link)
		return;
	unsigned need = needed(l);

	if (need > l->recent[0])
		l->recent[0] = need;
	want(l, most_recent(l));
	tell_budget(l);
	settle(l);
	wait_or_not(l);
	/* Hope comes before the last lease goes, and goes after the first has come: else waiting jobs went home. */
	if (may_hope(l))
		set_hope(l);
	publish(l);
	set_hope(l);
	if (l->wanted || l->leases || l->shunned || l->unasked_since)
		tick_soon(l);
}

void leases_moved(struct leases *l)
{
	if (!l->link || l->moving)
		return;
	l->moving = true;
	loop_timer_set(l->move, soon);
}

/* ---- hosts that are of no use -------------------------------------------------------------- */

static void shun(struct leases *l, struct lease *x, const char *why)
{
	struct shunned *s = xcalloc(1, sizeof *s);

	log_line(LOG_NOTICE, "worker=%s lease given back: %s", x->address, why);
	s->name = xstrdup(x->name);
	s->until = loop_now() + shunned_for;
	LL_PREPEND(l->shunned, s);
	x->right = 0;
	l->changed = true;
}

/* Looks for leases on hosts that cannot be reached or have none of the compilers. */
static bool shun_useless(struct leases *l)
{
	bool some = false;

	for (struct lease *x = l->leases; x; x = x->next) {
		const struct remote *r = remote_of(l, x);

		if (x->right == 0 || !r || r->running)
			continue;
		if (!r->up && !r->link && r->why[0])
			shun(l, x, r->why);
		else if (!x->has_compiler && x->lacks_since &&
			 loop_now() - x->lacks_since >= unfit_after)
			shun(l, x, "it has none of the compilers in use");
		else
			continue;
		some = true;
	}
	return some;
}

static bool forgive(struct leases *l)
{
	struct shunned *s, *next;
	bool some = false;

	LL_FOREACH_SAFE(l->shunned, s, next)
	{
		if (loop_now() < s->until)
			continue;
		LL_DELETE(l->shunned, s);
		free(s->name);
		free(s);
		some = true;
	}
	return some;
}

void leases_answer(struct leases *l, const struct remote *r, bool yes)
{
	struct lease *x = r->leased ? find(l, r->host.word) : NULL;

	if (!x)
		return;
	x->has_compiler |= yes;
	if (!yes && !x->lacks_since)
		x->lacks_since = loop_now();
}

static void leases_end(struct leases *l);

static void on_tick(void *ctx)
{
	struct leases *l = ctx;

	l->ticking = false;
	if (!l->link)
		return;
	if (l->unasked_since && loop_now() - l->unasked_since >= unasked_max &&
	    !needed(l)) {
		leases_end(l);
		return;
	}
	if (loop_now() - l->stepped >= step) {
		l->stepped = loop_now();
		memmove(&l->recent[1], &l->recent[0], sizeof l->recent - sizeof *l->recent);
		l->recent[0] = 0;
	}
	bool shunned = shun_useless(l), forgiven = forgive(l);

	if ((shunned || forgiven) && l->wanted && borrower_up(l->link))
		tell_want(l, false);
	move(l);
	if (l->wanted == 0)
		borrower_prefer_first(l->link);
}

/* ---- what the scheduler says --------------------------------------------------------------- */

static void on_welcome(void *ctx, const char *farm)
{
	struct leases *l = ctx;

	free(l->its_farm);
	l->its_farm = told_dup(farm);
	l->hopeless = false;
	l->waiting_since = 0;
	l->welcomed = loop_now();
	for (struct lease *x = l->leases; x; x = x->next)
		x->serial = 0;
	if (l->wanted) {
		tell_want(l, true);
		for (struct lease *x = l->leases; x; x = x->next)
			tell_held(l, x, used_of(l, x));
		tell_want(l, false);
	}
	move(l);
}

static void on_lease(void *ctx, const struct message_lease *m)
{
	struct leases *l = ctx;
	struct lease *x = find(l, m->host);

	if (m->build != BUILD || l->wanted == 0)
		return;
	if (!x) {
		x = xcalloc(1, sizeof *x);
		x->address = xstrdup(m->host);
		x->name = xstrdup(m->name);
		DL_APPEND(l->leases, x);
	}
	bool fewer = m->slots < x->right;

	if (fewer)
		log_line(LOG_INFO, "worker=%s lease of %u slots instead of %u: %s",
			 x->address, m->slots, x->right, m->why);
	x->speaks = m->speaks;
	x->serial = m->serial;
	x->right = m->slots;
	l->budget = m->budget;
	l->changed = true;
	if (x->right) {
		l->hopeless = false;
		l->why[0] = 0;
	}
	tell_held(l, x, used_of(l, x));
	if (fewer)
		move(l);
	else
		leases_moved(l);
}

static void on_budget(void *ctx, const struct message_budget *m)
{
	struct leases *l = ctx;

	if (m->build != BUILD)
		return;
	l->budget = m->budget;
	move(l);
}

static void on_waiting(void *ctx, const struct message_waiting *m)
{
	struct leases *l = ctx;

	if (m->build != BUILD)
		return;
	told_copy(l->why, sizeof l->why, m->missing ? m->why : "");
	l->hopeless = m->hopeless;
	move(l);
}

static void on_lost(void *ctx)
{
	move(ctx);
}

static const struct borrower_talk talk = {.welcome = on_welcome,
					  .lease = on_lease,
					  .budget = on_budget,
					  .waiting = on_waiting,
					  .lost = on_lost};

static uint32_t kib_of(uint64_t bytes)
{
	return bytes / 1024 < UINT32_MAX ? (uint32_t)(bytes / 1024) : UINT32_MAX;
}

void leases_measured(struct leases *l, const struct remote *r, const struct task *t,
		     bool failed)
{
	if (!l->link || !r->leased || !borrower_up(l->link) || !find(l, r->host.word))
		return;
	leases_link_measured(l->link,
			     &(struct message_measured){.build = BUILD,
							.host = r->host.word,
							.project = leases_link_affinity(),
							.unit = t->plan->unit,
							.cpu_us = t->cpu_ns / 1000,
							.maxrss_kb = t->maxrss_kb,
							.rtt_us = (uint32_t)(r->rtt / 1000),
							.kib_s = kib_of(r->bytes_per_s),
							.failed = failed});
}

/* ---- life ---------------------------------------------------------------------------------- */

struct leases *leases_new(struct agent *a)
{
	struct leases *l = xcalloc(1, sizeof *l);

	l->agent = a;
	l->bound = UINT_MAX;
	l->platform = machine_platform();
	l->move = loop_timer_new(a->loop, move, l);
	l->tick = loop_timer_new(a->loop, on_tick, l);
	return l;
}

static void leases_end(struct leases *l)
{
	borrower_free(l->link);
	l->link = NULL;
	free(l->schedulers);
	free(l->farm);
	free(l->its_farm);
	l->schedulers = l->farm = l->its_farm = NULL;
	drop_all(l);
	memset(l->recent, 0, sizeof l->recent);
	l->wanted = 0;
	l->unasked_since = l->waiting_since = 0;
	l->hopeless = false;
	tell_budget(l);
	publish(l);
	set_hope(l);
}

void leases_free(struct leases *l)
{
	struct shunned *s, *next;

	borrower_free(l->link);
	while (l->leases)
		lease_free(l, l->leases);
	LL_FOREACH_SAFE(l->shunned, s, next)
	{
		free(s->name);
		free(s);
	}
	hostlist_free(&l->hosts);
	loop_timer_free(l->move);
	loop_timer_free(l->tick);
	free(l->schedulers);
	free(l->farm);
	free(l->its_farm);
	free(l->partition);
	free(l->platform);
	free(l);
}

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void use(struct leases *l, const char *schedulers, const char *farm, bool found)
{
	struct err e = {0};

	if (!schedulers || !*schedulers) {
		/* Whoever alternates between two lists does not want it to begin anew each time. */
		if (l->link && !l->unasked_since) {
			l->unasked_since = loop_now();
			tick_soon(l);
		}
		return;
	}
	l->unasked_since = 0;
	if (l->link && found == l->found && same(schedulers, l->schedulers) &&
	    same(farm, l->farm))
		return;
	if (l->link && needed(l))
		return; /* two builds with different schedulers: the one that is under way goes on */
	if (l->link)
		leases_end(l);
	l->link = leases_link_new(l->agent, schedulers, farm, found, &talk, l, &e);
	if (!l->link) {
		log_line(LOG_WARNING, "the scheduler is not used: %s", e.text);
		return;
	}
	l->schedulers = xstrdup(schedulers);
	l->farm = farm ? xstrdup(farm) : NULL;
	l->found = found;
	set_hope(l);
}

void leases_use(struct leases *l, const char *schedulers, const char *farm)
{
	use(l, schedulers, farm, false);
}

void leases_use_found(struct leases *l, const char *schedulers, const char *farm)
{
	use(l, schedulers, farm, true);
}

void leases_prefer(struct leases *l, const char *partition, const char *priority)
{
	unsigned p = !priority                       ? 0
		     : strcmp(priority, "low") == 0  ? 1
		     : strcmp(priority, "high") == 0 ? 2
						     : 0;

	if (partition && !*partition)
		partition = NULL;
	if (p == l->priority && same(partition, l->partition))
		return;
	free(l->partition);
	l->partition = partition ? xstrdup(partition) : NULL;
	l->priority = p;
	if (l->link && l->wanted && borrower_up(l->link))
		tell_want(l, false);
}

const struct hostlist *leases_hosts(const struct leases *l)
{
	return &l->hosts;
}

void leases_state(const struct leases *l, struct leases_state *s)
{
	*s = (struct leases_state){.wanted = l->wanted,
				   .budget = l->budget,
				   .leased = sum_of_rights(l),
				   .why = l->why};
	if (l->link)
		s->scheduler = borrower_lender(l->link);
	if (s->scheduler)
		s->farm = l->its_farm;
}
