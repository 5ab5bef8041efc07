/* Happy path: dial the first ─► ENROLL ─► WELCOME ─► messages. A dial that leads nowhere is followed by the next at once, the
 * last by a pause. TRIED counts since the last WELCOME: when it reaches the length of the list, hope is over until one
 * answers. */
#include "agent/leases_link.h"

#include "agent/agent.h"
#include "agent/told.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/address.h"
#include "net/peer.h"
#include "net/schedulers.h"
#include "net/tls.h"
#include "net/trust.h"
#include "sys/loop.h"
#include "wire/message.h"
#include "wire/talk.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	PAUSE_MS = 250,
	PAUSE_MAX_MS = 15000,
	DIAL_MS = 2000 /* for one to answer, before the next is tried */
};

static const nsec first_again = LOOP_MS(30000);

struct leases_link {
	struct agent *agent;
	const struct leases_talk *talk;
	void *ctx;
	struct schedulers list;
	size_t at, tried;
	char *farm, *host, *user; /* what we say of ourselves */
	char *its_farm;           /* while up */
	uint64_t affinity;
	struct peer *peer;
	bool only_own;         /* a scheduler of another farm will not do */
	const struct tls *tls; /* what it was, or is next, dialled with */
	bool again;            /* it is dialled again, with TLS */
	bool up;
	nsec up_since;
	unsigned pause_ms;
	struct loop_timer *timer; /* the next dial; or the end of one that takes too long */
	char said[300];
};

static const struct peer_handler handler;

bool leases_link_up(const struct leases_link *l)
{
	return l->up;
}

bool leases_link_hopeful(const struct leases_link *l)
{
	return l->up || l->tried < l->list.n;
}

void leases_link_who(const struct leases_link *l, const char **scheduler, const char **farm)
{
	*scheduler = l->up ? l->list.v[l->at] : NULL;
	*farm = l->up ? l->its_farm : NULL;
}

uint64_t leases_link_affinity(const struct leases_link *l)
{
	return l->affinity;
}

/* ---- dialling ------------------------------------------------------------------------------ */

static void say(struct leases_link *l, const char *text)
{
	if (strcmp(l->said, text) == 0)
		return;
	snprintf(l->said, sizeof l->said, "%s", text);
	log_line(LOG_NOTICE, "scheduler=%s %s", l->list.v[l->at], text);
}

/* The present one is no more, or does not answer: the next, at once or after a pause. */
static void go_on(struct leases_link *l, const char *why)
{
	bool was_up = l->up;

	say(l, why);
	l->peer = NULL;
	l->up = false;
	free(l->its_farm);
	l->its_farm = NULL;
	l->tried = was_up ? 0 : l->tried + 1;
	l->at = was_up ? 0 : (l->at + 1) % l->list.n;
	bool round = !was_up && l->at == 0;

	loop_timer_set(l->timer, round ? LOOP_MS(l->pause_ms) : 0);
	if (round && (l->pause_ms *= 2) > PAUSE_MAX_MS)
		l->pause_ms = PAUSE_MAX_MS;
	if (was_up || l->tried == l->list.n)
		l->talk->lost(l->ctx);
}

static void on_timer(void *ctx)
{
	struct leases_link *l = ctx;
	struct peer_self self = {.name = l->host,
				 .timeout_ms = l->agent->peer_timeout_ms,
				 .compress_always = l->agent->compress_always,
				 .admits = TLS_SCHEDULER};
	struct err e = {0};

	if (l->peer) {
		peer_close(l->peer);
		go_on(l, "does not answer");
		return;
	}
	if (!l->again && trust_dial(l->agent->trust, 0, &l->tls, &e)) {
		go_on(l, e.text);
		return;
	}
	l->again = false;
	self.tls = l->tls;
	l->peer = peer_dial(l->agent->loop, l->list.v[l->at], &self, &handler, l, &e);
	if (l->peer)
		loop_timer_set(l->timer, LOOP_MS(DIAL_MS));
	else
		go_on(l, e.text);
}

void leases_link_prefer_first(struct leases_link *l)
{
	if (!l->up || l->at == 0 || loop_now() - l->up_since < first_again)
		return;
	peer_close(l->peer);
	go_on(l, "is left for one that comes before it");
}

/* ---- the peer ------------------------------------------------------------------------------ */

static int on_up(void *ctx, struct peer *p, const struct message_hello *hello,
		 struct err *e)
{
	const struct leases_link *l = ctx;
	AUTO_BUF struct buf b = {0};

	(void)hello;
	(void)e;
	message_put_enroll(&b, &(struct message_enroll){.dialect = TALK_DIALECT,
							.role = TALK_AGENT,
							.farm = l->farm,
							.name = l->host,
							.user = l->user,
							.instance = l->agent->instance});
	peer_send(p, &b);
	return 0;
}

void leases_link_only_own(struct leases_link *l)
{
	l->only_own = true;
}

static int on_welcome(struct leases_link *l, const struct message_welcome *m)
{
	if (l->up || (l->only_own && strcmp(m->farm, l->farm ? l->farm : "") != 0))
		return -1;
	l->up = true;
	l->up_since = loop_now();
	l->tried = 0;
	l->pause_ms = PAUSE_MS;
	l->its_farm = told_dup(m->farm);
	loop_timer_off(l->timer);
	say(l, "took us in");
	l->talk->welcome(l->ctx);
	return 0;
}

/* 0, or -1: malformed or out of place. */
static int take(struct leases_link *l, struct arena *a, unsigned type, const char *p,
		size_t n)
{
	struct message_welcome welcome;
	struct message_lease lease;
	struct message_budget budget;
	struct message_waiting waiting;

	if (type == MESSAGE_WELCOME)
		return message_get_welcome(&welcome, a, p, n) ? -1
							      : on_welcome(l, &welcome);
	if (!l->up)
		return -1;
	switch (type) {
	case MESSAGE_LEASE:
		if (message_get_lease(&lease, a, p, n) ||
		    strlen(lease.host) > TALK_ADDRESS || !address_is_harmless(lease.host))
			return -1;
		l->talk->lease(l->ctx, &lease);
		return 0;
	case MESSAGE_BUDGET:
		if (message_get_budget(&budget, a, p, n))
			return -1;
		l->talk->budget(l->ctx, &budget);
		return 0;
	case MESSAGE_WAITING:
		if (message_get_waiting(&waiting, a, p, n))
			return -1;
		l->talk->waiting(l->ctx, &waiting);
		return 0;
	default: return -1;
	}
}

static int on_message(void *ctx, struct peer *peer, unsigned type, const char *p, size_t n,
		      struct err *e)
{
	struct leases_link *l = ctx;
	struct arena *a = arena_new();
	struct message_refused refused;
	int r;

	(void)peer;
	if (type == MESSAGE_REFUSED && message_get_refused(&refused, a, p, n) == 0)
		r = err_set(e, 0, "does not want us: %.300s", refused.why);
	else if ((r = take(l, a, type, p, n)))
		err_set(e, EPROTO, "said %s (%u), which makes no sense", message_name(type),
			type);
	arena_free(a);
	return r;
}

static void on_down(void *ctx, struct peer *p, const struct err *why)
{
	struct leases_link *l = ctx;
	struct err told = *why;

	if (!l->up && trust_retry(l->agent->trust, p, l->tls, &l->tls, &told)) {
		l->peer = NULL;
		l->again = true;
		loop_timer_set(l->timer, 0);
		return;
	}
	go_on(l, told.text);
}

static const struct peer_handler handler = {
    .up = on_up, .message = on_message, .down = on_down};

void leases_link_want(struct leases_link *l, const struct message_want *m)
{
	AUTO_BUF struct buf b = {0};

	message_put_want(&b, m);
	peer_send(l->peer, &b);
}

void leases_link_held(struct leases_link *l, const struct message_held *m)
{
	AUTO_BUF struct buf b = {0};

	message_put_held(&b, m);
	peer_send(l->peer, &b);
}

void leases_link_measured(struct leases_link *l, const struct message_measured *m)
{
	AUTO_BUF struct buf b = {0};

	message_put_measured(&b, m);
	peer_send(l->peer, &b);
}

/* ---- life ---------------------------------------------------------------------------------- */

static char *own_user(void)
{
	const struct passwd *who = getpwuid(getuid());

	return who && strlen(who->pw_name) <= TALK_NAME ? xstrdup(who->pw_name)
							: xasprintf("%u", getuid());
}

static uint64_t mix(uint64_t h, const char *text)
{
	for (; *text; text++) /* FNV-1a */
		h = (h ^ (unsigned char)*text) * 1099511628211U;
	return h;
}

struct leases_link *leases_link_new(struct agent *a, const char *schedulers,
				    const char *farm, const struct leases_talk *talk,
				    void *ctx, struct err *e)
{
	struct leases_link *l = xcalloc(1, sizeof *l);
	char host[TALK_NAME + 1] = "agent";

	if (schedulers_parse(&l->list, schedulers, e)) {
		free(l);
		return NULL;
	}
	gethostname(host, sizeof host - 1);
	l->agent = a;
	l->talk = talk;
	l->ctx = ctx;
	l->farm = farm ? xstrdup(farm) : NULL;
	l->host = xstrdup(host);
	l->user = own_user();
	l->affinity = mix(mix(mix(14695981039346656037U, l->host), "/"), l->user);
	l->pause_ms = PAUSE_MS;
	l->timer = loop_timer_new(a->loop, on_timer, l);
	loop_timer_set(l->timer, 0);
	return l;
}

void leases_link_free(struct leases_link *l)
{
	if (!l)
		return;
	if (l->peer)
		peer_close(l->peer);
	loop_timer_free(l->timer);
	schedulers_free(&l->list);
	free(l->farm);
	free(l->host);
	free(l->user);
	free(l->its_farm);
	free(l);
}
