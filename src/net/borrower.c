/* Happy path: dial the first ─► ENROLL ─► WELCOME ─► messages. A dial that leads nowhere is followed by the next at once, the
 * last by a pause. TRIED counts since the last WELCOME: when it reaches the length of the list, hope is over until one
 * answers. What a scheduler says that makes no sense ends the connection, and the log hears of a reason when it is a new one. */
#include "net/borrower.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/address.h"
#include "net/schedulers.h"
#include "net/tls.h"
#include "net/trust.h"
#include "sys/loop.h"
#include "wire/talk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	PAUSE_MS = 250,
	PAUSE_MAX_MS = 15000
};

static const nsec first_again = LOOP_MS(30000);

struct borrower {
	struct borrower_spec spec;
	char *word, *self_name, *farm, *name, *user; /* of the spec */
	struct schedulers list;
	size_t at, tried;
	struct peer *peer;
	const struct tls *tls; /* what it was, or is next, dialled with */
	bool again;            /* it is dialled again, with TLS */
	bool up;
	nsec up_since;
	unsigned pause_ms;
	struct loop_timer *timer; /* the next dial; or the end of one that takes too long */
	char said[300];
};

static const struct peer_handler handler;

bool borrower_up(const struct borrower *b)
{
	return b->up;
}

bool borrower_hopeful(const struct borrower *b)
{
	return b->up || b->tried < b->list.n;
}

const char *borrower_lender(const struct borrower *b)
{
	return b->up ? b->list.v[b->at] : NULL;
}

void borrower_send(struct borrower *b, struct buf *message)
{
	peer_send(b->peer, message);
}

/* ---- dialling ------------------------------------------------------------------------------ */

static void say(struct borrower *b, const char *text)
{
	if (strcmp(b->said, text) == 0)
		return;
	snprintf(b->said, sizeof b->said, "%s", text);
	log_line(LOG_NOTICE, "%s=%s %s", b->word, b->list.v[b->at], text);
}

/* The present one is no more, or does not answer: the next, at once or after a pause. */
static void go_on(struct borrower *b, const char *why)
{
	bool was_up = b->up;

	say(b, why);
	b->peer = NULL;
	b->up = false;
	b->tried = was_up ? 0 : b->tried + 1;
	b->at = was_up ? 0 : (b->at + 1) % b->list.n;
	bool round = !was_up && b->at == 0;

	loop_timer_set(b->timer, round ? LOOP_MS(b->pause_ms) : 0);
	if (round && (b->pause_ms *= 2) > PAUSE_MAX_MS)
		b->pause_ms = PAUSE_MAX_MS;
	if (was_up || b->tried == b->list.n)
		b->spec.talk->lost(b->spec.ctx);
}

static void on_timer(void *ctx)
{
	struct borrower *b = ctx;
	struct peer_self self = b->spec.self;
	struct err e = {0};

	if (b->peer) {
		peer_close(b->peer);
		go_on(b, "does not answer");
		return;
	}
	if (!b->again && trust_dial(b->spec.trust, 0, &b->tls, &e)) {
		go_on(b, e.text);
		return;
	}
	b->again = false;
	self.tls = b->tls;
	b->peer = peer_dial(b->spec.loop, b->list.v[b->at], &self, &handler, b, &e);
	if (b->peer)
		loop_timer_set(b->timer, LOOP_MS(b->spec.dial_ms));
	else
		go_on(b, e.text);
}

void borrower_prefer_first(struct borrower *b)
{
	if (!b->up || b->at == 0 || loop_now() - b->up_since < first_again)
		return;
	peer_close(b->peer);
	go_on(b, "is left for one that comes before it");
}

/* ---- the peer ------------------------------------------------------------------------------ */

static int on_up(void *ctx, struct peer *p, const struct message_hello *hello,
		 struct err *e)
{
	const struct borrower *b = ctx;
	AUTO_BUF struct buf message = {0};

	(void)hello;
	(void)e;
	message_put_enroll(&message, &b->spec.enroll);
	peer_send(p, &message);
	return 0;
}

static int on_welcome(struct borrower *b, const struct message_welcome *m)
{
	if (b->up || (b->spec.only_own && strcmp(m->farm, b->farm ? b->farm : "") != 0))
		return -1;
	b->up = true;
	b->up_since = loop_now();
	b->tried = 0;
	b->pause_ms = PAUSE_MS;
	loop_timer_off(b->timer);
	say(b, "took us in");
	b->spec.talk->welcome(b->spec.ctx, m->farm);
	return 0;
}

static int on_lease(struct borrower *b, const struct message_lease *m)
{
	if (strlen(m->host) > TALK_ADDRESS || strlen(m->name) > TALK_NAME ||
	    !address_is_harmless(m->host))
		return -1;
	b->spec.talk->lease(b->spec.ctx, m);
	return 0;
}

/* 0, or -1: malformed or out of place. */
static int take(struct borrower *b, struct arena *a, unsigned type, const char *p, size_t n)
{
	struct message_welcome welcome;
	struct message_lease lease;
	struct message_budget budget;
	struct message_waiting waiting;

	if (type == MESSAGE_WELCOME)
		return message_get_welcome(&welcome, a, p, n) ? -1
							      : on_welcome(b, &welcome);
	if (!b->up)
		return -1;
	switch (type) {
	case MESSAGE_LEASE:
		return message_get_lease(&lease, a, p, n) ? -1 : on_lease(b, &lease);
	case MESSAGE_BUDGET:
		if (message_get_budget(&budget, a, p, n))
			return -1;
		b->spec.talk->budget(b->spec.ctx, &budget);
		return 0;
	case MESSAGE_WAITING:
		if (message_get_waiting(&waiting, a, p, n))
			return -1;
		b->spec.talk->waiting(b->spec.ctx, &waiting);
		return 0;
	default: return -1;
	}
}

static int on_message(void *ctx, struct peer *peer, unsigned type, const char *p, size_t n,
		      struct err *e)
{
	struct arena *a = arena_new();
	struct message_refused refused;
	int r;

	(void)peer;
	if (type == MESSAGE_REFUSED && message_get_refused(&refused, a, p, n) == 0)
		r = err_set(e, 0, "does not want us: %.200s", refused.why);
	else if ((r = take(ctx, a, type, p, n)))
		err_set(e, EPROTO, "said %s (%u), which makes no sense", message_name(type),
			type);
	arena_free(a);
	return r;
}

static void on_down(void *ctx, struct peer *p, const struct err *why)
{
	struct borrower *b = ctx;
	struct err told = *why;

	if (!b->up && trust_retry(b->spec.trust, p, b->tls, &b->tls, &told)) {
		b->peer = NULL;
		b->again = true;
		loop_timer_set(b->timer, 0);
		return;
	}
	go_on(b, told.text);
}

static const struct peer_handler handler = {
    .up = on_up, .message = on_message, .down = on_down};

/* ---- life ---------------------------------------------------------------------------------- */

static char *dup_or_null(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

struct borrower *borrower_new(const struct borrower_spec *spec, struct err *e)
{
	struct borrower *b = xcalloc(1, sizeof *b);

	if (schedulers_parse(&b->list, spec->list, e)) {
		free(b);
		return NULL;
	}
	b->spec = *spec;
	b->word = xstrdup(spec->word);
	b->spec.self.name = b->self_name = xstrdup(spec->self.name);
	b->spec.self.admits = TLS_SCHEDULER;
	b->spec.enroll.dialect = TALK_DIALECT;
	b->spec.enroll.role = TALK_AGENT;
	b->spec.enroll.farm = b->farm = dup_or_null(spec->enroll.farm);
	b->spec.enroll.name = b->name = xstrdup(spec->enroll.name);
	b->spec.enroll.user = b->user = xstrdup(spec->enroll.user);
	b->pause_ms = PAUSE_MS;
	b->timer = loop_timer_new(spec->loop, on_timer, b);
	loop_timer_set(b->timer, 0);
	return b;
}

void borrower_free(struct borrower *b)
{
	if (!b)
		return;
	if (b->peer)
		peer_close(b->peer);
	loop_timer_free(b->timer);
	schedulers_free(&b->list);
	free(b->word);
	free(b->self_name);
	free(b->farm);
	free(b->name);
	free(b->user);
	free(b);
}
