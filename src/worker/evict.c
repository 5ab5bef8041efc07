/* Few agents are ever evicted: a list of them is looked through for each job, and is empty as a rule. An agent is known by
 * the instance in its HELLO; where there are certificates, also by its name in them, so that who says another's instance
 * to the scheduler does him no harm. */
#include "worker/evict.h"

#include "base/log.h"
#include "base/mem.h"
#include "net/peer.h"
#include "net/tls.h"
#include "wire/message.h"
#include "wire/talk.h"
#include "worker/client_state.h"
#include "worker/job.h"
#include "worker/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
	EVICTIONS_MAX = 1000 /* at a time; beyond, the oldest is forgotten */
};

struct eviction {
	struct eviction *prev, *next;
	const void *source;
	char agent[32];
	char user[TALK_NAME + 1];
	unsigned slots;
	char why[400]; /* for the agent's user */
};

static bool is_of(const struct eviction *x, const struct client *c)
{
	const struct tls_who *who = peer_who(c->peer);

	return c->name && strcmp(x->agent, c->name) == 0 &&
	       (!who || strcmp(x->user, who->name) == 0);
}

static struct eviction *find(const struct client *c)
{
	struct eviction *x;

	DL_FOREACH(c->worker->evictions, x)
	if (is_of(x, c))
		break;
	return x;
}

static void remove_one(struct worker *w, struct eviction *x)
{
	DL_DELETE(w->evictions, x);
	w->nevictions--;
	free(x);
}

static bool has_begun(const struct job *j)
{
	return j->stage == JOB_READY || j->stage == JOB_RUNNING;
}

static unsigned begun(const struct client *c)
{
	unsigned n = 0;

	for (const struct job *j = c->jobs; j; j = j->next)
		n += has_begun(j);
	return n;
}

/* From the latest on: the first of them is nearest to its end. */
static void take_away(struct client *c, const struct eviction *x, bool ends)
{
	unsigned n = begun(c);

	for (struct job *j = c->jobs ? c->jobs->prev : NULL; j && n > x->slots;
	     j = j == c->jobs ? NULL : j->prev) {
		if (!has_begun(j) || (j->stage == JOB_RUNNING && !ends))
			continue;
		job_evict(j, x->why);
		n--;
	}
}

static struct eviction *of_agent(struct worker *w, const void *source, const char *agent)
{
	struct eviction *x;

	DL_FOREACH(w->evictions, x)
	if (x->source == source && strcmp(x->agent, agent) == 0)
		break;
	return x;
}

static struct eviction *add(struct worker *w, const void *source)
{
	struct eviction *x = xcalloc(1, sizeof *x);

	if (w->nevictions == EVICTIONS_MAX)
		remove_one(w, w->evictions);
	x->source = source;
	DL_APPEND(w->evictions, x);
	w->nevictions++;
	return x;
}

void evict_note(struct worker *w, const void *source, const struct message_evict *m)
{
	char agent[32];

	snprintf(agent, sizeof agent, TALK_AGENT_NAME, m->instance);
	struct eviction *x = of_agent(w, source, agent);

	if (m->slots >= TALK_SLOTS) {
		if (x)
			remove_one(w, x);
		return;
	}
	if (!x)
		x = add(w, source);
	snprintf(x->agent, sizeof x->agent, "%s", agent);
	snprintf(x->user, sizeof x->user, "%s", m->user);
	x->slots = m->slots;
	snprintf(x->why, sizeof x->why,
		 "the scheduler took this agent's slots back: %.300s", m->why);
	log_line(LOG_NOTICE, "user=%s slots=%u evicted: %s", x->user, x->slots, m->why);
	for (struct client *c = w->clients; c; c = c->next)
		if (is_of(x, c))
			take_away(c, x, m->ends);
}

void evict_forget(struct worker *w, const void *source)
{
	struct eviction *x, *next;

	DL_FOREACH_SAFE(w->evictions, x, next)
	{
		if (x->source == source)
			remove_one(w, x);
	}
}

const char *evict_refuses(const struct client *c)
{
	const struct eviction *x = c->worker->evictions ? find(c) : NULL;

	return x && begun(c) >= x->slots ? x->why : NULL;
}
