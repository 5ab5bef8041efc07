/* Happy path: dial, HELLOs, a client (worker/client.h) on the connection until it ends.
 *
 *   dialling ──up──► connected ──down──► dialling …        at most GRACE in a row without being connected
 *      └─ refused: the end, since asking again gets the same answer
 *
 * The client exists only while connected, so a door that is not there costs nothing but the attempts. */
#include "worker/call.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/peer.h"
#include "sys/loop.h"
#include "wire/message.h"
#include "worker/client.h"
#include "worker/worker.h"

#include <stdbool.h>
#include <stdlib.h>

enum {
	PAUSE_MS = 100, /* between attempts, doubling … */
	PAUSE_MAX_MS = 2000
};

struct call {
	struct worker *worker;
	struct call_spec spec;
	struct peer_self self;
	struct peer *peer;     /* while dialling or connected */
	struct client *client; /* while connected */
	bool was_up;
	nsec alone; /* since when it is not connected */
	nsec busy;  /* when it last had a job */
	nsec pause;
	struct loop_timer *again, *idle;
};

static void end(struct call *c)
{
	loop_stop(c->worker->loop, c->was_up ? 0 : 1);
}

static int on_up(void *ctx, struct peer *p, const struct message_hello *hello,
		 struct err *e)
{
	struct call *c = ctx;

	c->client = client_accept(c->worker, p, c->spec.address);
	if (!c->client)
		return err_set(e, 0, "no room for a client");
	loop_timer_off(c->again);
	c->was_up = true;
	c->pause = LOOP_MS(PAUSE_MS);
	c->busy = loop_now();
	log_line(LOG_NOTICE, "connected to %s with %u slots", c->spec.address,
		 c->self.slots);
	return client_handler.up(c->client, p, hello, e);
}

static int on_message(void *ctx, struct peer *p, unsigned type, const char *payload,
		      size_t n, struct err *e)
{
	struct call *c = ctx;

	if (type == MESSAGE_JOB)
		c->busy = loop_now();
	return client_handler.message(c->client, p, type, payload, n, e);
}

static void on_drained(void *ctx, struct peer *p)
{
	struct call *c = ctx;

	client_handler.drained(c->client, p);
}

static nsec grace(const struct call *c)
{
	return LOOP_MS(1000) * c->spec.grace_s;
}

/* When to look again: at the next attempt, or when time is up. */
static void wait(struct call *c, nsec pause)
{
	nsec left = c->alone + grace(c) - loop_now();

	loop_timer_set(c->again, left < pause ? (left > 0 ? left : 0) : pause);
}

static void on_down(void *ctx, struct peer *p, const struct err *why)
{
	struct call *c = ctx;
	bool connected = c->client != NULL;

	c->peer = NULL;
	if (connected) {
		client_handler.down(c->client, p, why);
		c->client = NULL;
		c->alone = loop_now();
	}
	log_line(connected || peer_is_refused(p) ? LOG_NOTICE : LOG_INFO, "%s: %s",
		 c->spec.address, why->text);
	if (peer_is_refused(p)) {
		log_line(LOG_ERROR, "%s does not let this worker in: %s", c->spec.address,
			 why->text);
		end(c);
		return;
	}
	wait(c, c->pause);
	c->pause =
	    2 * c->pause < LOOP_MS(PAUSE_MAX_MS) ? 2 * c->pause : LOOP_MS(PAUSE_MAX_MS);
}

static const struct peer_handler handler = {
    .up = on_up, .message = on_message, .drained = on_drained, .down = on_down};

static int dial(struct call *c, struct err *e)
{
	c->peer = peer_dial(c->worker->loop, c->spec.address, &c->self, &handler, c, e);
	if (!c->peer)
		return -1;
	wait(c, grace(c));
	return 0;
}

static void on_again(void *ctx)
{
	struct call *c = ctx;
	struct err e = {0};

	if (loop_now() - c->alone >= grace(c)) {
		log_line(LOG_NOTICE, "%s cannot be reached for %u seconds: leaving",
			 c->spec.address, c->spec.grace_s);
		end(c);
	} else if (!c->peer && dial(c, &e)) {
		log_line(LOG_INFO, "%s: %s", c->spec.address, e.text);
		wait(c, c->pause);
	}
}

static void on_idle(void *ctx)
{
	struct call *c = ctx;
	nsec limit = LOOP_MS(1000) * c->spec.idle_s, now = loop_now();

	if (c->worker->running || c->worker->line || !c->client)
		c->busy = now;
	if (now - c->busy >= limit) {
		log_line(LOG_NOTICE, "no job for %u seconds: leaving", c->spec.idle_s);
		end(c);
		return;
	}
	loop_timer_set(c->idle, limit / 8);
}

struct call *call_start(struct worker *w, const struct peer_self *self,
			const struct call_spec *spec, struct err *e)
{
	struct call *c = xcalloc(1, sizeof *c);

	c->worker = w;
	c->spec = *spec;
	c->self = *self;
	c->alone = c->busy = loop_now();
	c->pause = LOOP_MS(PAUSE_MS);
	c->again = loop_timer_new(w->loop, on_again, c);
	c->idle = loop_timer_new(w->loop, on_idle, c);
	if (dial(c, e)) {
		call_free(c);
		return NULL;
	}
	if (spec->idle_s)
		loop_timer_set(c->idle, LOOP_MS(1000) * spec->idle_s / 8);
	return c;
}

void call_free(struct call *c)
{
	if (!c)
		return;
	/* A client ends with the worker, and takes its peer along. */
	if (c->peer && !c->client)
		peer_close(c->peer);
	loop_timer_free(c->again);
	loop_timer_free(c->idle);
	free(c);
}
