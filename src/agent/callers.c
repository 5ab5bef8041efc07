/* Happy path: listen with the build's key; for each connection whose handshake is over a remote and its link; the scheduler
 * hears of it when HELLOs have crossed. Whoever has no key never gets as far as here (net/peer_server). */
#include "agent/callers.h"

#include "agent/agent.h"
#include "agent/link.h"
#include "agent/remote.h"
#include "agent/shims.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/peer.h"
#include "net/tls.h"
#include "sys/loop.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	WORKERS_MAX = 10000
};

struct callers {
	struct agent *agent;
	struct shim *shim;
	char *build;
	struct tls *tls;
	struct peer_server *server;
	bool closing;
};

static void say(struct callers *c, json_t *line)
{
	AUTO_FREE char *text = json_dumps(line, JSON_COMPACT);

	json_decref(line);
	if (text)
		shim_line(c->shim, text);
}

static void say_of(struct callers *c, const char *what, const struct remote *r,
		   const char *key, json_t *value)
{
	json_t *o = json_object();

	json_object_set_new(o, what, json_string(r->name ? r->name : ""));
	json_object_set_new(o, "from", json_string(r->host.word));
	json_object_set_new(o, key, value);
	say(c, o);
}

void callers_came(struct callers *c, struct remote *r)
{
	agent_callers_changed(c->agent);
	say_of(c, "up", r, "slots", json_integer(r->slots));
}

void callers_gone(struct callers *c, struct remote *r)
{
	r->unnamed_since = loop_now();
	agent_callers_changed(c->agent);
	loop_timer_set(c->agent->reap, 0);
	if (!c->closing)
		say_of(c, "down", r, "why", json_string(r->why));
}

void callers_unfit(struct callers *c, const struct remote *r, const char *why,
		   const char *driver, const char *version)
{
	json_t *o = json_object();

	json_object_set_new(o, "unfit", json_string(r->name ? r->name : ""));
	json_object_set_new(o, "from", json_string(r->host.word));
	json_object_set_new(o, "why", json_string(why));
	json_object_set_new(o, "driver", json_string(driver));
	json_object_set_new(o, "version", json_string(version));
	say(c, o);
}

static void *on_accept(void *ctx, struct peer *p, const char *from)
{
	struct callers *c = ctx;
	struct agent *a = c->agent;

	if (HASH_COUNT(a->remotes) >= WORKERS_MAX)
		return NULL;
	struct host h = {.kind = HOST_CALLER,
			 .word = (char *)(uintptr_t)from,
			 .user = c->build,
			 .name = (char *)(uintptr_t)from};
	struct remote *r = remote_new(a, &h);

	r->door = c;
	r->link = link_answer(r, p);
	agent_sched(a, (struct sched_event){.type = SCHED_WORKER_ADD, .worker = r->id});
	return r->link;
}

/* "ADDRESS BUILD KEYFILE" in place: each part ends with a NUL. 0 or -1. */
static int split(char *text, char **address, char **build, char **key)
{
	char *blank = strchr(text, ' ');

	*address = text;
	if (!blank)
		return -1;
	*blank = 0;
	*build = blank + 1;
	blank = strchr(*build, ' ');
	if (!blank)
		return -1;
	*blank = 0;
	*key = blank + 1;
	return tls_name_is_good(*build, strlen(*build)) && **key == '/' ? 0 : -1;
}

static int open_door(struct callers *c, char *text, struct err *e)
{
	char *address, *build, *key;

	if (split(text, &address, &build, &key))
		return err_set(
		    e, 0,
		    "a door for workers wants an address, a name and the absolute "
		    "path of a key");
	c->build = xstrdup(build);
	c->tls = tls_from_key_file(key, e);
	if (!c->tls)
		return -1;
	struct peer_self self = {.name = c->agent->name,
				 .timeout_ms = c->agent->peer_timeout_ms,
				 .compress_always = c->agent->compress_always,
				 .tls = c->tls};

	c->server =
	    peer_listen(c->agent->loop, address, &self, &link_handler, on_accept, c, e);
	return c->server ? 0 : -1;
}

struct callers *callers_new(struct agent *a, struct shim *shim, const char *request,
			    size_t n)
{
	AUTO_FREE char *text = xstrndup(request, n);
	struct callers *c = xcalloc(1, sizeof *c);
	struct err e = {0};

	c->agent = a;
	c->shim = shim;
	if (open_door(c, text, &e) == 0) {
		json_t *o = json_object();

		json_object_set_new(o, "door", json_string(peer_server_address(c->server)));
		say(c, o);
		log_line(LOG_INFO, "build=%s workers may call at %s with %s", c->build,
			 peer_server_address(c->server), tls_words(c->tls));
		return c;
	}
	AUTO_FREE char *line = xasprintf("%s\n", e.text);

	shim_reply(shim, NULL, 0, line, strlen(line), 1 << 8);
	callers_free(c);
	return NULL;
}

void callers_free(struct callers *c)
{
	struct remote *r, *next;

	if (!c)
		return;
	c->closing = true;
	peer_server_free(c->server);
	HASH_ITER(hh, c->agent->remotes, r, next)
	{
		if (r->door != c)
			continue;
		agent_sched(c->agent, (struct sched_event){.type = SCHED_WORKER_REMOVE,
							   .worker = r->id});
		remote_free(r);
	}
	tls_free(c->tls);
	free(c->build);
	free(c);
}
