#include "agent/watch.h"

#include "agent/agent.h"
#include "agent/local.h"
#include "agent/locate.h"
#include "agent/remote.h"
#include "agent/shims.h"
#include "agent/status.h"
#include "agent/task.h"
#include "base/mem.h"
#include "sys/loop.h"
#include "wire/local.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
	EVERY_MS = 1000
};

struct watch {
	struct watch *prev, *next; /* utlist, of the agent */
	struct agent *agent;
	struct shim *shim;
	char *run;
	struct loop_timer *timer;
};

static void say(struct watch *w, const char *key, json_t *what)
{
	json_t *o = json_object();

	json_object_set_new(o, key, what);
	AUTO_FREE char *text = json_dumps(o, JSON_COMPACT);

	json_decref(o);
	if (text)
		shim_line(w->shim, text);
}

static bool is_of(const struct watch *w, const struct local_request *r)
{
	const char *run = env_get(r->env, "MUSTER_RUN");

	return run && strcmp(run, w->run) == 0;
}

static json_t *number(uint64_t v)
{
	return json_integer((json_int_t)v);
}

static void on_time(void *ctx)
{
	struct watch *w = ctx;
	struct agent *a = w->agent;
	json_t *o = json_object();
	uint64_t remote = 0, moving = 0, waiting = 0, slots = 0, up = 0, down = 0;
	const char *slowest = NULL;
	int64_t since = INT64_MAX;

	for (const struct task *t = a->tasks; t; t = t->hh.next) {
		remote += t->remote != NULL;
		moving += t->remote && t->remote->link && !t->started;
		waiting += t->remote == NULL;
		if (t->remote && is_of(w, t->request) && t->since < since) {
			since = t->since;
			slowest = task_file(t);
		}
	}
	for (const struct remote *r = a->remotes; r; r = r->hh.next)
		slots += r->up ? r->slots : 0;
	status_bytes(a, &up, &down);
	json_object_set_new(o, "at", json_integer(loop_now()));
	json_object_set_new(o, "remote", number(remote));
	json_object_set_new(o, "moving", number(moving));
	json_object_set_new(o, "local", number(local_running(a->local)));
	json_object_set_new(o, "waiting", number(waiting));
	json_object_set_new(o, "slots", number(slots));
	json_object_set_new(o, "local_slots", number(a->local_slots));
	json_object_set_new(o, "agent_cpu_ms", number(status_cpu_ms()));
	json_object_set_new(o, "bytes_up", number(up));
	json_object_set_new(o, "bytes_down", number(down));
	if (slowest) {
		json_object_set_new(o, "slowest", json_string(slowest));
		json_object_set_new(o, "slowest_since", json_integer(since));
	}
	say(w, "now", o);
	loop_timer_set(w->timer, LOOP_MS(EVERY_MS));
}

struct watch *watch_new(struct agent *a, struct shim *shim, const char *run, size_t n)
{
	struct watch *w = xcalloc(1, sizeof *w);

	w->agent = a;
	w->shim = shim;
	w->run = xstrndup(run, n);
	w->timer = loop_timer_new(a->loop, on_time, w);
	loop_timer_set(w->timer, 0);
	DL_APPEND(a->watches, w);
	return w;
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	DL_DELETE(w->agent->watches, w);
	loop_timer_free(w->timer);
	free(w->run);
	free(w);
}

void watch_tell(struct agent *a, const struct watch_job *j)
{
	for (struct watch *w = a->watches; w; w = w->next) {
		if (!is_of(w, j->request))
			continue;
		json_t *o = json_object();

		json_object_set_new(o, "file", json_string(j->file));
		if (j->host)
			json_object_set_new(o, "host", json_string(j->host));
		else
			json_object_set_new(o, "why", json_string(j->why));
		json_object_set_new(o, "start", json_integer(j->since));
		json_object_set_new(o, "end", json_integer(loop_now()));
		json_object_set_new(o, "cpu", number(j->cpu_ns));
		json_object_set_new(o, "status", number(j->status));
		say(w, "job", o);
	}
}
