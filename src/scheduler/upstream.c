/* One ASK for each pool of the site (a platform in a partition): it is a build to upstream. What it needs is looked up soon
 * after something has moved, rises at once and falls when there was less for a while.
 *
 * Invariants:
 *   - RIGHT is what upstream lets us use of a host, and the slots of its place here; the farm sees to it that no more are
 *     leased. USED is what this farm counts as leased there, so what may still be running;
 *   - the sum of the rights that the present upstream has confirmed is at most its budget;
 *   - a right that is given back is told once the farm counts no lease on it.
 * Upstream is lost: what it lent stays for FORGET, as with agents, and is told to the next one. */
#include "scheduler/upstream.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/farm.h"
#include "net/borrower.h"
#include "scheduler/place.h"
#include "scheduler/server.h"
#include "sys/loop.h"
#include "wire/message.h"
#include "wire/talk.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
	PEER_TIMEOUT_MS = 15000,
	DIAL_MS = 5000,
	ASKS_MAX = 16, /* pools of a site that borrow */
	STEPS = 4      /* length of the memory of what was needed */
};

static const nsec soon = LOOP_MS(20), step = LOOP_MS(1000), forget = LOOP_MS(60000),
		  unconfirmed_max = LOOP_MS(10000), held_every = LOOP_MS(5000);

/* A host of theirs. */
struct borrowed {
	struct borrowed *prev, *next;
	unsigned ask;
	struct place *place;
	uint64_t
	    serial; /* of the last LEASE of the present upstream; 0: it has not spoken of it */
	unsigned right, used;
	unsigned told_right, told_used;
	nsec told_at;
};

struct ask {
	char *platform, *partition;
	uint64_t wants, own; /* by the site's builds; usable on the site's workers */
	unsigned used;       /* leased on borrowed hosts */
	unsigned recent[STEPS];
	unsigned wanted, budget; /* as told; as heard */
	bool hopeless;
};

struct upstream {
	struct server *server;
	struct borrower *link;
	struct ask asks[ASKS_MAX];
	unsigned nasks;
	struct borrowed *borrowed; /* utlist */
	struct loop_timer *move, *tick;
	bool moving;
	nsec welcomed, lost; /* the present one's; since when there is none, or 0 */
};

bool upstream_is_hopeful(const struct upstream *u)
{
	if (!borrower_up(u->link))
		return false;
	for (unsigned i = 0; i < u->nasks; i++)
		if (u->asks[i].wanted && u->asks[i].hopeless)
			return false;
	return true;
}

/* ---- what the site needs ------------------------------------------------------------------- */

/* NULL: it is one too many. */
static struct ask *ask_for(struct upstream *u, const char *platform, const char *partition)
{
	for (unsigned i = 0; i < u->nasks; i++)
		if (strcmp(u->asks[i].platform, platform) == 0 &&
		    strcmp(u->asks[i].partition, partition) == 0)
			return &u->asks[i];
	if (u->nasks == ASKS_MAX)
		return NULL;
	struct ask *a = &u->asks[u->nasks++];

	*a = (struct ask){.platform = xstrdup(platform), .partition = xstrdup(partition)};
	return a;
}

static void look(struct upstream *u)
{
	const struct farm *f = u->server->farm;
	struct farm_build_view b;
	struct farm_worker_view w;

	for (unsigned i = 0; i < u->nasks; i++)
		u->asks[i].wants = u->asks[i].own = u->asks[i].used = 0;
	for (size_t i = 0; farm_build_at(f, i, &b); i++) {
		struct ask *a = b.want ? ask_for(u, b.platform, b.partition) : NULL;

		if (a)
			a->wants += b.want;
	}
	for (size_t i = 0; farm_worker_at(f, i, &w); i++) {
		const struct place *p = place_by_id(u->server, w.id);
		struct ask *a = p ? ask_for(u, w.platform, w.partition) : NULL;

		if (a && p->borrowed) {
			p->borrowed->used = w.held;
			a->used += w.held;
		} else if (a) {
			a->own += w.usable;
		}
	}
}

static unsigned needed(struct ask *a)
{
	uint64_t n = a->wants > a->own ? a->wants - a->own : 0;
	unsigned most = n < FARM_MAX_WANT ? (unsigned)n : FARM_MAX_WANT;

	if (a->recent[0] < most)
		a->recent[0] = most;
	for (unsigned i = 1; i < STEPS; i++)
		most = a->recent[i] > most ? a->recent[i] : most;
	/* What is still in use is not the end of it. */
	return most == 0 && a->used ? 1 : most;
}

/* ---- what is said -------------------------------------------------------------------------- */

static uint64_t build_of(const struct upstream *u, const struct ask *a)
{
	return (uint64_t)(a - u->asks) + 1;
}

static void tell_want(struct upstream *u, const struct ask *a, bool more)
{
	AUTO_BUF struct buf b = {0};

	message_put_want(&b, &(struct message_want){.build = build_of(u, a),
						    .slots = a->wanted,
						    .flags = more ? TALK_WANT_MORE : 0,
						    .platform = a->platform,
						    .partition = a->partition});
	borrower_send(u->link, &b);
}

static void tell_held(struct upstream *u, struct borrowed *x)
{
	AUTO_BUF struct buf b = {0};

	if (!borrower_up(u->link))
		return;
	message_put_held(&b, &(struct message_held){.build = build_of(u, &u->asks[x->ask]),
						    .host = x->place->address,
						    .serial = x->serial,
						    .slots = x->right,
						    .used = x->used});
	borrower_send(u->link, &b);
	x->told_right = x->right;
	x->told_used = x->used;
	x->told_at = loop_now();
}

/* We do not know what to do with it. */
static void decline(struct upstream *u, const struct message_lease *m)
{
	AUTO_BUF struct buf b = {0};

	message_put_held(&b, &(struct message_held){
				 .build = m->build, .host = m->host, .serial = m->serial});
	borrower_send(u->link, &b);
}

/* ---- what is borrowed ---------------------------------------------------------------------- */

static void set_right(struct upstream *u, struct borrowed *x, unsigned right)
{
	if (right == x->right)
		return;
	x->right = right;
	place_resize(u->server, x->place, right);
}

static void give_up(struct upstream *u, struct borrowed *x)
{
	DL_DELETE(u->borrowed, x);
	x->place->borrowed = NULL;
	place_leave(u->server, x->place);
	free(x);
}

static void give_up_all(struct upstream *u, const struct ask *of)
{
	struct borrowed *x, *next;

	DL_FOREACH_SAFE(u->borrowed, x, next)
	{
		if (!of || &u->asks[x->ask] == of)
			give_up(u, x);
	}
}

/* What is beyond the budget goes back: idle slots first. */
static void fit_budget(struct upstream *u, unsigned ask)
{
	unsigned budget = u->asks[ask].budget;
	uint64_t sum = 0;
	struct borrowed *x;

	DL_FOREACH(u->borrowed, x)
	sum += x->ask == ask && x->serial ? x->right : 0;
	for (int idle = 1; idle >= 0 && sum > budget; idle--)
		DL_FOREACH(u->borrowed, x)
		{
			unsigned floor = idle ? x->used : 0;

			if (x->ask != ask || !x->serial || x->right <= floor ||
			    sum <= budget)
				continue;
			uint64_t cut = sum - budget;
			unsigned down =
			    cut < x->right - floor ? (unsigned)cut : x->right - floor;

			sum -= down;
			set_right(u, x, x->right - down);
		}
}

static void settle(struct upstream *u)
{
	bool up = borrower_up(u->link);
	struct borrowed *x, *next;

	for (unsigned i = 0; i < u->nasks; i++)
		fit_budget(u, i);
	DL_FOREACH_SAFE(u->borrowed, x, next)
	{
		bool beyond = x->used > x->right, was = x->told_used > x->told_right;

		if (up && !x->serial && loop_now() - u->welcomed >= unconfirmed_max)
			set_right(u, x, 0);
		if (x->right < x->told_right ||
		    ((beyond || was) && x->used != x->told_used) ||
		    (beyond && loop_now() - x->told_at >= held_every))
			tell_held(u, x);
		if (x->right == 0 && x->used == 0 && (x->told_right == 0 || !up))
			give_up(u, x);
	}
}

static void want(struct upstream *u, struct ask *a)
{
	unsigned n = needed(a);

	if (n == a->wanted)
		return;
	a->wanted = n;
	a->hopeless = a->hopeless && n;
	if (borrower_up(u->link))
		tell_want(u, a, false);
	if (n == 0) {
		a->budget = 0;
		give_up_all(u, a); /* with the build its leases end; nothing uses them */
	}
}

static void on_move(void *ctx)
{
	struct upstream *u = ctx;

	look(u);
	for (unsigned i = 0; i < u->nasks; i++)
		want(u, &u->asks[i]);
	settle(u);
	u->moving = false; /* what this moved was its own doing */
}

void upstream_moved(struct upstream *u)
{
	if (u->moving)
		return;
	u->moving = true;
	loop_timer_set(u->move, soon);
}

static void on_tick(void *ctx)
{
	struct upstream *u = ctx;

	for (unsigned i = 0; i < u->nasks; i++) {
		unsigned *recent = u->asks[i].recent;

		memmove(&recent[1], &recent[0], (STEPS - 1) * sizeof *recent);
		recent[0] = 0;
	}
	if (u->lost && loop_now() - u->lost >= forget)
		give_up_all(u, NULL);
	upstream_moved(u);
	loop_timer_set(u->tick, step);
}

/* ---- what upstream says -------------------------------------------------------------------- */

static void on_welcome(void *ctx, const char *farm)
{
	struct upstream *u = ctx;
	struct borrowed *x;

	(void)farm;
	u->welcomed = loop_now();
	u->lost = 0;
	DL_FOREACH(u->borrowed, x)
	x->serial = 0;
	for (unsigned i = 0; i < u->nasks; i++) {
		struct ask *a = &u->asks[i];

		a->hopeless = false;
		if (!a->wanted)
			continue;
		tell_want(u, a, true);
		DL_FOREACH(u->borrowed, x)
		if (x->ask == i)
			tell_held(u, x);
		tell_want(u, a, false);
	}
	upstream_moved(u);
}

static struct borrowed *borrow(struct upstream *u, struct ask *a,
			       const struct message_lease *m)
{
	struct place_loan loan = {.name = m->name,
				  .address = m->host,
				  .platform = a->platform,
				  .partition = a->partition,
				  .speaks = m->speaks};
	struct borrowed *x = xcalloc(1, sizeof *x);
	struct err e = {0};

	x->place = place_borrow(u->server, &loan, x, &e);
	if (!x->place) {
		server_complain(u->server, "upstream lends %s in vain: %s", m->host,
				e.text);
		free(x);
		return NULL;
	}
	x->ask = (unsigned)(a - u->asks);
	DL_APPEND(u->borrowed, x);
	return x;
}

static void on_lease(void *ctx, const struct message_lease *m)
{
	struct upstream *u = ctx;
	struct ask *a =
	    m->build > 0 && m->build <= u->nasks ? &u->asks[m->build - 1] : NULL;
	const struct place *p = place_by_address(u->server, m->host);
	struct borrowed *x = p ? p->borrowed : NULL;

	if (a && !x && a->wanted && m->slots && !p)
		x = borrow(u, a, m);
	if (!a || !x || &u->asks[x->ask] != a) {
		decline(u, m);
		return;
	}
	if (m->slots < x->right)
		look(u); /* what is used there counts upstream until it is not */
	a->budget = m->budget;
	a->hopeless = a->hopeless && m->slots == 0;
	x->serial = m->serial;
	set_right(u, x, m->slots < TALK_SLOTS ? m->slots : TALK_SLOTS);
	tell_held(u, x);
	upstream_moved(u);
}

static void on_budget(void *ctx, const struct message_budget *m)
{
	struct upstream *u = ctx;

	if (m->build == 0 || m->build > u->nasks)
		return;
	u->asks[m->build - 1].budget = m->budget;
	upstream_moved(u);
}

static void on_waiting(void *ctx, const struct message_waiting *m)
{
	struct upstream *u = ctx;

	if (m->build == 0 || m->build > u->nasks)
		return;
	u->asks[m->build - 1].hopeless = m->hopeless && m->missing;
	log_line(LOG_INFO, "upstream missing=%u: %.200s", m->missing, m->why);
}

static void on_lost(void *ctx)
{
	struct upstream *u = ctx;

	if (!u->lost)
		u->lost = loop_now();
	upstream_moved(u);
}

void upstream_measured(struct upstream *u, const struct place *p,
		       const struct message_measured *m)
{
	struct message_measured theirs = *m;
	AUTO_BUF struct buf b = {0};

	if (!borrower_up(u->link))
		return;
	theirs.build = build_of(u, &u->asks[p->borrowed->ask]);
	message_put_measured(&b, &theirs);
	borrower_send(u->link, &b);
}

/* ---- life ---------------------------------------------------------------------------------- */

struct upstream *upstream_start(struct server *s, const char *list, struct err *e)
{
	static const struct borrower_talk talk = {.welcome = on_welcome,
						  .lease = on_lease,
						  .budget = on_budget,
						  .waiting = on_waiting,
						  .lost = on_lost};
	struct upstream *u = xcalloc(1, sizeof *u);

	u->server = s;
	AUTO_FREE char *name = xasprintf(UPSTREAM_SITE "%.100s", s->name);

	u->link = borrower_new(
	    &(struct borrower_spec){
		.loop = s->loop,
		.trust = s->trust,
		.list = list,
		.word = "upstream",
		.self = {.name = s->name, .timeout_ms = PEER_TIMEOUT_MS},
		.enroll = { .farm = s->farm_name,   .name = name,               .user = s->name},
		.dial_ms = DIAL_MS,
		.talk = &talk,
		.ctx = u
        },
	    e);
	if (!u->link) {
		free(u);
		return NULL;
	}
	u->move = loop_timer_new(s->loop, on_move, u);
	u->tick = loop_timer_new(s->loop, on_tick, u);
	loop_timer_set(u->tick, step);
	return u;
}

void upstream_free(struct upstream *u)
{
	struct borrowed *x, *next;

	if (!u)
		return;
	borrower_free(u->link);
	DL_FOREACH_SAFE(u->borrowed, x, next)
	{
		x->place->borrowed = NULL;
		free(x);
	}
	for (unsigned i = 0; i < u->nasks; i++) {
		free(u->asks[i].platform);
		free(u->asks[i].partition);
	}
	loop_timer_free(u->move);
	loop_timer_free(u->tick);
	free(u);
}
