/* A Job whose pod may not be created (a quota, a policy) looks like one that is new: only its events tell. So they are listed now and
 * then, as long as some Job has no pod. An account that may not list them is asked for nothing more, and told so. */
#include "base/mem.h"
#include "engine/kubernetes_state.h"

#include <stdio.h>
#include <string.h>

enum {
	EVENTS_MS = 2000
};

static const struct kjob *without_pod(const struct kubernetes *k)
{
	for (size_t i = 0; i < k->n; i++)
		if (*k->v[i].uid && !k->v[i].podded && !k->v[i].retired)
			return &k->v[i];
	return NULL;
}

static void take_reason(struct kubernetes *k, const struct kjob *j, const char *why)
{
	if (strcmp(why, k->reason) == 0)
		return;
	snprintf(k->reason, sizeof k->reason, "%s", why);
	kubernetes_tell(k, ENGINE_PENDING, j->name, why, 0);
}

static void take_events(struct kubernetes *k, const json_t *items)
{
	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *event = json_array_get(items, i);
		const struct kjob *j = kubernetes_job_named(
		    k, kubernetes_text(json_object_get(event, "involvedObject"), "name"));
		char why[sizeof k->reason];

		if (!j || j->podded || j->retired)
			continue;
		kubernetes_uncreated(kubernetes_text(event, "message"), why, sizeof why);
		take_reason(k, j, why);
	}
}

static void on_events(struct kubernetes_ask *a, const struct http_answer *answer,
		      const json_t *o)
{
	struct kubernetes *k = a->k;
	const struct kjob *j = without_pod(k);

	if (k->closing)
		return;
	k->asking = false;
	if (answer->status == 403 && j) {
		take_reason(k, j,
			    "a Job has no pod, and the account may not read why (it needs "
			    "the verb list for events)");
		return;
	}
	if (answer->status == 200)
		take_events(k, json_object_get(o, "items"));
	kubernetes_ask_why(k);
}

void kubernetes_events(void *ctx)
{
	struct kubernetes *k = ctx;
	AUTO_FREE char *url = kubernetes_url(
	    k, KUBERNETES_CORE,
	    "events?fieldSelector=involvedObject.kind%3DJob,reason%3DFailedCreate");

	if (without_pod(k))
		kubernetes_ask(k, "GET", url, NULL,
			       (struct kubernetes_ask){.done = on_events});
	else
		k->asking = false;
}

void kubernetes_ask_why(struct kubernetes *k)
{
	if (k->asking || !without_pod(k))
		return;
	k->asking = true;
	loop_timer_set(k->events, LOOP_MS(EVENTS_MS));
}
