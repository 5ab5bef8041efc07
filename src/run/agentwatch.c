/* Each line that the agent answers is a JSON object. What does not make sense is left out: a build must not suffer from its
 * story. */
#include "run/agentwatch.h"

#include "base/mem.h"
#include "run/agentquery.h"

#include <jansson.h>
#include <stdlib.h>

struct agentwatch {
	struct agentquery *query;
	struct agentwatch_handler handler;
	void *ctx;
};

static int64_t integer(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static void take_job(struct agentwatch *w, const json_t *o)
{
	const char *file = json_string_value(json_object_get(o, "file"));
	struct progress_job job = {
	    .file = file ? file : "?",
	    .host = json_string_value(json_object_get(o, "host")),
	    .why = json_string_value(json_object_get(o, "why")),
	    .start = integer(o, "start"),
	    .end = integer(o, "end"),
	    .cpu = integer(o, "cpu"),
	    .status = (int)integer(o, "status"),
	};

	w->handler.job(w->ctx, &job);
}

static void take_now(struct agentwatch *w, const json_t *o)
{
	struct agentwatch_now n = {
	    .now = {.remote = (unsigned)integer(o, "remote"),
		    .moving = (unsigned)integer(o, "moving"),
		    .local = (unsigned)integer(o, "local"),
		    .waiting = (unsigned)integer(o, "waiting"),
		    .slots = (unsigned)integer(o, "slots"),
		    .local_slots = (unsigned)integer(o, "local_slots"),
		    .bytes_up = (uint64_t)integer(o, "bytes_up"),
		    .bytes_down = (uint64_t)integer(o, "bytes_down")},
	    .at = integer(o, "at"),
	    .agent_cpu_ms = (uint64_t)integer(o, "agent_cpu_ms"),
	    .slowest = json_string_value(json_object_get(o, "slowest")),
	    .slowest_since = integer(o, "slowest_since"),
	};

	w->handler.now(w->ctx, &n);
}

static void take_line(struct agentwatch *w, const char *line, size_t n)
{
	json_t *o = json_loadb(line, n, 0, NULL);
	const json_t *job = json_object_get(o, "job"), *now = json_object_get(o, "now");

	if (job)
		take_job(w, job);
	if (now)
		take_now(w, now);
	json_decref(o);
}

static void on_line(void *ctx, const char *line, size_t n)
{
	take_line(ctx, line, n);
}

static void on_done(void *ctx, const char *why)
{
	struct agentwatch *w = ctx;

	(void)why;
	w->handler.lost(w->ctx);
}

struct agentwatch *agentwatch_open(struct loop *l, const char *dir, const char *run,
				   const struct agentwatch_handler *handler, void *ctx,
				   struct err *e)
{
	static const struct agentquery_handler heard = {.line = on_line, .done = on_done};
	AUTO_FREE char *what = xasprintf("watch %s", run);
	struct agentwatch *w = xcalloc(1, sizeof *w);

	w->handler = *handler;
	w->ctx = ctx;
	w->query = agentquery_open(l, dir, what, &heard, w, e);
	if (!w->query) {
		free(w);
		return NULL;
	}
	return w;
}

void agentwatch_close(struct agentwatch *w)
{
	if (!w)
		return;
	agentquery_close(w->query);
	free(w);
}
