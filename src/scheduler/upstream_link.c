/* Happy path: dial ─► ENROLL ─► WELCOME ─► messages. What it says that makes no sense ends the connection, and the log hears of
 * a reason when it is a new one. */
#include "scheduler/upstream_link.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/address.h"
#include "net/peer.h"
#include "net/schedulers.h"
#include "net/tls.h"
#include "net/trust.h"
#include "scheduler/server.h"
#include "sys/loop.h"
#include "wire/message.h"
#include "wire/talk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	PEER_TIMEOUT_MS = 15000,
	DIAL_MS = 5000, /* for one to answer, before the next is tried */
	PAUSE_MS = 250,
	PAUSE_MAX_MS = 15000
};

struct upstream_link {
	struct server *server;
	const struct upstream_talk *talk;
	void *ctx;
	struct schedulers list;
	size_t at;
	struct peer *peer;
	const struct tls *tls; /* what it was, or is next, dialled with */
	bool again;            /* it is dialled again, with TLS */
	bool up;
	unsigned pause_ms;
	struct loop_timer *timer; /* the next dial; or the end of one that takes too long */
	char said[300];
};

static const struct peer_handler handler;

bool upstream_link_up(const struct upstream_link *l)
{
	return l->up;
}

void upstream_link_send(struct upstream_link *l, struct buf *b)
{
	peer_send(l->peer, b);
}

static void say(struct upstream_link *l, const char *text)
{
	if (strcmp(l->said, text) == 0)
		return;
	snprintf(l->said, sizeof l->said, "%s", text);
	log_line(LOG_NOTICE, "upstream=%s %s", l->list.v[l->at], text);
}

static void go_on(struct upstream_link *l, const char *why)
{
	bool was_up = l->up;

	say(l, why);
	l->peer = NULL;
	l->up = false;
	l->at = was_up ? 0 : (l->at + 1) % l->list.n;
	bool round = !was_up && l->at == 0;

	loop_timer_set(l->timer, round ? LOOP_MS(l->pause_ms) : 0);
	if (round && (l->pause_ms *= 2) > PAUSE_MAX_MS)
		l->pause_ms = PAUSE_MAX_MS;
	if (was_up)
		l->talk->lost(l->ctx);
}

static void on_timer(void *ctx)
{
	struct upstream_link *l = ctx;
	struct peer_self self = {.name = l->server->name,
				 .timeout_ms = PEER_TIMEOUT_MS,
				 .admits = TLS_SCHEDULER};
	struct err e = {0};

	if (l->peer) {
		peer_close(l->peer);
		go_on(l, "does not answer");
		return;
	}
	if (!l->again && trust_dial(l->server->trust, 0, &l->tls, &e)) {
		go_on(l, e.text);
		return;
	}
	l->again = false;
	self.tls = l->tls;
	l->peer = peer_dial(l->server->loop, l->list.v[l->at], &self, &handler, l, &e);
	if (l->peer)
		loop_timer_set(l->timer, LOOP_MS(DIAL_MS));
	else
		go_on(l, e.text);
}

static int on_up(void *ctx, struct peer *p, const struct message_hello *hello,
		 struct err *e)
{
	const struct upstream_link *l = ctx;
	AUTO_FREE char *name = xasprintf(UPSTREAM_SITE "%.100s", l->server->name);
	AUTO_BUF struct buf b = {0};

	(void)hello;
	(void)e;
	message_put_enroll(&b, &(struct message_enroll){.dialect = TALK_DIALECT,
							.role = TALK_AGENT,
							.farm = l->server->farm_name,
							.name = name,
							.user = l->server->name});
	peer_send(p, &b);
	return 0;
}

static int on_welcome(struct upstream_link *l)
{
	if (l->up)
		return -1;
	l->up = true;
	l->pause_ms = PAUSE_MS;
	loop_timer_off(l->timer);
	say(l, "lends to this site");
	l->talk->welcome(l->ctx);
	return 0;
}

/* 0, or -1: malformed or out of place. */
static int take(struct upstream_link *l, struct arena *a, unsigned type, const char *p,
		size_t n)
{
	struct message_welcome welcome;
	struct message_lease lease;
	struct message_budget budget;
	struct message_waiting waiting;

	if (type == MESSAGE_WELCOME)
		return message_get_welcome(&welcome, a, p, n) ? -1 : on_welcome(l);
	if (!l->up)
		return -1;
	switch (type) {
	case MESSAGE_LEASE:
		if (message_get_lease(&lease, a, p, n) ||
		    strlen(lease.host) > TALK_ADDRESS || strlen(lease.name) > TALK_NAME ||
		    !address_is_harmless(lease.host))
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
	struct upstream_link *l = ctx;
	struct err told = *why;

	if (!l->up && trust_retry(l->server->trust, p, l->tls, &l->tls, &told)) {
		l->peer = NULL;
		l->again = true;
		loop_timer_set(l->timer, 0);
		return;
	}
	go_on(l, told.text);
}

static const struct peer_handler handler = {
    .up = on_up, .message = on_message, .down = on_down};

struct upstream_link *upstream_link_new(struct server *s, const char *list,
					const struct upstream_talk *talk, void *ctx,
					struct err *e)
{
	struct upstream_link *l = xcalloc(1, sizeof *l);

	if (schedulers_parse(&l->list, list, e)) {
		free(l);
		return NULL;
	}
	l->server = s;
	l->talk = talk;
	l->ctx = ctx;
	l->pause_ms = PAUSE_MS;
	l->timer = loop_timer_new(s->loop, on_timer, l);
	loop_timer_set(l->timer, 0);
	return l;
}

void upstream_link_free(struct upstream_link *l)
{
	if (!l)
		return;
	if (l->peer)
		peer_close(l->peer);
	loop_timer_free(l->timer);
	schedulers_free(&l->list);
	free(l);
}
