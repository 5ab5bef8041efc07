/* Carries messages to the farm and its answers back. Nothing that a guest says can fail here: what makes no sense ends
 * that guest's connection, and the farm ignores what it does not know. */
#include "scheduler/server.h"

#include "base/log.h"
#include "base/mem.h"
#include "net/peer.h"
#include "scheduler/guest.h"
#include "scheduler/history.h"
#include "scheduler/place.h"
#include "scheduler/upstream.h"
#include "sys/loop.h"
#include "wire/message.h"
#include "wire/talk.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const nsec sweep_every = LOOP_MS(4000), save_every = LOOP_MS(60000),
		  complain_every = LOOP_MS(60000);

enum {
	COMPLAINTS_MAX = 100, /* lines a minute */
	PURGE_AGAIN_MS = 1000 /* for a guest to read why it is closed */
};

uint64_t server_build_id(uint64_t guest, uint64_t build)
{
	assert(build < TALK_BUILD);
	return guest * TALK_BUILD + build;
}

void server_complain(struct server *s, const char *fmt, ...)
{
	char text[600];
	uint64_t what = 14695981039346656037U; /* FNV-1a */
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	for (const char *p = text; *p; p++)
		what = (what ^ (unsigned char)*p) * 1099511628211U;
	for (size_t i = 0; i < sizeof s->complaints / sizeof *s->complaints; i++)
		if (s->complaints[i].what == what &&
		    loop_now() - s->complaints[i].at < complain_every)
			return;
	s->complaints[s->ncomplaints++ % (sizeof s->complaints / sizeof *s->complaints)] =
	    (struct complaint){what, loop_now()};
	if (loop_now() - s->complained_since >= complain_every) {
		s->complained_since = loop_now();
		s->complained = 0;
	}
	if (s->complained++ < COMPLAINTS_MAX)
		log_line(LOG_WARNING, "%s", text);
	else if (s->complained == COMPLAINTS_MAX + 1)
		log_line(LOG_WARNING, "more warnings within a minute are left out");
}

/* ---- effects ------------------------------------------------------------------------------- */

/* The reason with the host or the agent that it speaks of. */
static const char *words_of(const struct server *s, const struct farm_effect *f, char *out,
			    size_t size)
{
	const struct place *p = f->which ? place_by_id(s, f->which) : NULL;
	const struct guest *g = f->which ? guest_by_id(s, f->which) : NULL;
	const char *about = p ? p->name : g ? guest_user(g) : NULL;

	snprintf(out, size, "%s%s%s%s", farm_reason_text(f->reason), about ? " (" : "",
		 about ? about : "", about ? ")" : "");
	return out;
}

/* As the farm is now, waiting is in vain; what is left changes as jobs end. */
static bool is_hopeless(enum farm_reason r)
{
	switch (r) {
	case FARM_NO_WORKERS:
	case FARM_NO_PARTITION:
	case FARM_NO_PLATFORM:
	case FARM_EXCLUDED:
	case FARM_DRAINED:
	case FARM_QUARANTINED:
	case FARM_OWNER:
	case FARM_LOADED:
	case FARM_MEMORY:
	case FARM_TOO_MANY: return true;
	default: return false;
	}
}

/* The farm behind this one may have what this one has not. */
static bool may_borrow(const struct server *s)
{
	return s->upstream && upstream_is_hopeful(s->upstream);
}

static void tell_lease(struct server *s, struct guest *g, const struct farm_effect *f,
		       const char *why)
{
	const struct place *p = place_by_id(s, f->worker);
	AUTO_BUF struct buf b = {0};

	if (!p)
		return;
	message_put_lease(&b, &(struct message_lease){.build = f->build % TALK_BUILD,
						      .host = p->address,
						      .name = p->name,
						      .speaks = p->speaks & ~TALK_EVICTS,
						      .slots = f->slots,
						      .budget = f->budget,
						      .serial = f->serial,
						      .why = why});
	guest_send(g, &b);
	if (f->type == FARM_GRANT && guest_was_evicted(g) && p->speaks & TALK_EVICTS)
		guest_evict(g, p->guest, TALK_SLOTS, false, "");
}

/* A worker that does not take EVICT goes on with what it has: the farm counts that as used until it ends. */
static void tell_evict(struct server *s, const struct farm_effect *f)
{
	const struct place *p = place_by_id(s, f->worker);
	struct guest *g = guest_by_id(s, f->agent);
	bool silent = f->reason == FARM_DECLARING;
	const char *why = silent ? "it does not answer" : "it holds more than its share";

	server_complain(s, "host=%s user=%s evicted: %s", p ? p->name : "?",
			g ? guest_user(g) : "?", why);
	if (p && g && p->guest && p->speaks & TALK_EVICTS)
		guest_evict(g, p->guest, f->slots, silent, why);
}

static void tell_build(struct server *s, const struct farm_effect *f)
{
	struct guest *g = guest_by_id(s, f->build / TALK_BUILD);
	AUTO_BUF struct buf b = {0};
	char why[400];

	if (!g)
		return;
	words_of(s, f, why, sizeof why);
	if (f->reason == FARM_EXCLUDED && guest_asks_in_vain(g))
		snprintf(
		    why, sizeof why, "%s",
		    "no host of this farm speaks distcc's protocol: add a distccd "
		    "('muster hosts add NAME distcc://HOST'), or start a muster-worker "
		    "with --allow NETWORK");
	switch (f->type) {
	case FARM_GRANT:
	case FARM_RECALL: tell_lease(s, g, f, why); return;
	case FARM_BUDGET:
		message_put_budget(&b,
				   &(struct message_budget){.build = f->build % TALK_BUILD,
							    .budget = f->budget,
							    .why = why});
		break;
	case FARM_WAIT:
		message_put_waiting(
		    &b, &(struct message_waiting){.build = f->build % TALK_BUILD,
						  .missing = f->missing,
						  .hopeless = is_hopeless(f->reason) &&
							      !may_borrow(s),
						  .why = why});
		break;
	case FARM_EVICT:
	case FARM_DROP: return;
	}
	guest_send(g, &b);
}

static void carry_out(struct server *s, const struct farm_effect *f)
{
	struct place *p;

	switch (f->type) {
	case FARM_GRANT:
	case FARM_RECALL:
	case FARM_BUDGET:
	case FARM_WAIT: tell_build(s, f); break;
	case FARM_EVICT: tell_evict(s, f); break;
	case FARM_DROP:
		p = place_by_id(s, f->worker);
		if (p)
			server_complain(s, "host=%s dropped: it is silent", p->name);
		if (p && p->guest)
			guest_doom(p->guest);
		break;
	}
}

static void set_wake(struct server *s, nsec wake)
{
	if (wake == INT64_MAX)
		loop_timer_off(s->wake);
	else
		loop_timer_set(s->wake, wake > loop_now() ? wake - loop_now() : 0);
}

void server_step(struct server *s, struct farm_event *e)
{
	struct farm_out out;

	assert(!s->stepping);
	s->stepping = true;
	e->now = loop_now();
	farm_step(s->farm, e, &out);
	for (size_t i = 0; i < out.n; i++)
		carry_out(s, &out.v[i]);
	s->stepping = false;
	set_wake(s, out.wake);
	if (s->upstream)
		upstream_moved(s->upstream);
}

/* ---- time ---------------------------------------------------------------------------------- */

static void on_wake(void *ctx)
{
	server_step(ctx, &(struct farm_event){.type = FARM_TICK});
}

void server_purge_soon(struct server *s)
{
	loop_timer_set(s->purge, 0);
}

static void on_purge(void *ctx)
{
	struct server *s = ctx;

	if (guests_purge(s))
		loop_timer_set(s->purge, LOOP_MS(PURGE_AGAIN_MS));
}

static void on_sweep(void *ctx)
{
	struct server *s = ctx;

	guests_expire(s);
	places_sweep(s);
	if (s->history && loop_now() - s->saved >= save_every) {
		places_save(s);
		history_save(s->history);
		s->saved = loop_now();
	}
	loop_timer_set(s->sweep, sweep_every);
}

void server_begin(struct server *s)
{
	s->wake = loop_timer_new(s->loop, on_wake, s);
	s->sweep = loop_timer_new(s->loop, on_sweep, s);
	s->purge = loop_timer_new(s->loop, on_purge, s);
	s->saved = loop_now();
	loop_timer_set(s->sweep, sweep_every);
	if (s->history)
		places_load(s);
}

void server_end(struct server *s)
{
	if (s->history) {
		places_save(s);
		history_save(s->history);
	}
	upstream_free(s->upstream);
	s->upstream = NULL;
	guests_close(s);
	places_free(s);
	loop_timer_free(s->wake);
	loop_timer_free(s->sweep);
	loop_timer_free(s->purge);
}
