/* kubernetes://[CONTEXT/]NAMESPACE: one Job a worker, over the API server's HTTP.
 *
 *   credentials ─► ConfigMaps (the worker's file) ─► Secret (the script) ─► Jobs, as many as are wanted
 *                                                                       └─► list of pods ─► watch, again and again
 *
 * The watch tells what waits and why, and what runs; that a worker is up is known from its connection. It goes on from where it was
 * when it ends; when the server has forgotten that place (410), the pods are listed anew.
 *
 * Nothing outlives a lost client: workers end with their connection, their Jobs are removed some seconds later
 * (ttlSecondsAfterFinished), and with the last Job go the objects that it owns. */
#include "base/err.h"
#include "base/mem.h"
#include "engine/kubernetes_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CLOSE_MS = 10000,
	OWN_MS = 300 /* owners are told for several Jobs at once */
};

static const char *const options[] = {"image",    "memory",      "nodeSelector", "priority",
				      "deadline", "pull-secret", "worker",       NULL};

/* -- Jobs ------------------------------------------------------------------------------------ */

struct kjob *kubernetes_job_named(struct kubernetes *k, const char *name)
{
	for (size_t i = 0; i < k->n; i++)
		if (strcmp(k->v[i].name, name) == 0)
			return &k->v[i];
	return NULL;
}

static struct kjob *job_number(struct kubernetes *k, unsigned number)
{
	for (size_t i = 0; i < k->n; i++)
		if (k->v[i].number == number)
			return &k->v[i];
	return NULL;
}

static unsigned slots_of(const struct kubernetes *k)
{
	unsigned n = 0;

	for (size_t i = 0; i < k->n; i++)
		n += !k->v[i].retired;
	return n * k->x->worker_slots;
}

void kubernetes_lose(struct kubernetes *k, struct kjob *j, const char *why)
{
	struct kjob gone = *j;
	unsigned per = k->x->worker_slots;

	*j = k->v[--k->n];
	if (!gone.retired)
		k->wanted -= k->wanted < per ? k->wanted : per;
	loop_timer_set(k->own, 0);
	kubernetes_tell(k, ENGINE_LOST, gone.name, gone.retired ? "" : why, 0);
}

static void delete_object(struct kubernetes *k, const char *kind, const char *name)
{
	AUTO_FREE char *rest = xasprintf("%s/%s", kind, name);
	AUTO_FREE char *url = kubernetes_url(k, KUBERNETES_CORE, rest);

	kubernetes_ask(k, "DELETE", url, NULL,
		       (struct kubernetes_ask){.done = kubernetes_ignore});
}

/* Its pod ends by itself, and is heard of no more. */
static void on_deleted(struct kubernetes_ask *a, const struct http_answer *answer,
		       const json_t *o)
{
	struct kjob *j = job_number(a->k, a->job);

	(void)o;
	if (!j)
		return;
	if (answer->status / 100 == 2 || answer->status == 404) {
		kubernetes_lose(a->k, j, "");
	} else if (!a->k->closing) {
		j->doomed = true;
		loop_timer_set(a->k->own, LOOP_MS(KUBERNETES_RETRY_MS));
	}
}

void kubernetes_forget(struct kubernetes *k, const struct kjob *j)
{
	AUTO_FREE char *rest = xasprintf("jobs/%s?propagationPolicy=Background", j->name);
	AUTO_FREE char *url = kubernetes_url(k, KUBERNETES_BATCH, rest);

	kubernetes_ask(k, "DELETE", url, NULL,
		       (struct kubernetes_ask){.done = on_deleted, .job = j->number});
}

static void delete_doomed(struct kubernetes *k)
{
	for (size_t i = 0; i < k->n; i++)
		if (k->v[i].doomed && !k->v[i].posted) {
			k->v[i].doomed = false;
			kubernetes_forget(k, &k->v[i]);
		}
}

static void on_owned(struct kubernetes_ask *a, const struct http_answer *answer,
		     const json_t *o)
{
	(void)answer;
	(void)o;
	if (--a->k->patches == 0)
		delete_doomed(a->k);
}

/* The objects are owned by all Jobs that are to stay, or by none for a while: when an owner goes they must not go with it. So the
 * owners are told first, and then those are deleted that are none any more. */
static void on_own(void *ctx)
{
	struct kubernetes *k = ctx;
	char **names = xcalloc(k->n + 1, sizeof *names),
	     **uids = xcalloc(k->n + 1, sizeof *uids);
	size_t n = 0;

	for (size_t i = 0; i < k->n; i++)
		if (*k->v[i].uid && !k->v[i].retired) {
			names[n] = k->v[i].name;
			uids[n++] = k->v[i].uid;
		}
	for (size_t i = 0; i <= k->settings.nparts && !k->closing; i++) {
		AUTO_FREE char *rest =
		    i ? xasprintf("configmaps/%s-part%02zu", k->name, i - 1)
		      : xasprintf("secrets/%s", k->name);
		AUTO_FREE char *url = kubernetes_url(k, KUBERNETES_CORE, rest);

		k->patches++;
		kubernetes_ask(k, "PATCH", url, kubernetes_owners(names, uids, n),
			       (struct kubernetes_ask){.done = on_owned});
	}
	free(names);
	free(uids);
}

static void retire(struct kubernetes *k, struct kjob *j)
{
	if (j->retired)
		return;
	j->retired = j->doomed = true;
	loop_timer_set(k->own, 0);
}

/* It stays in the list until the server has deleted it. */
void kubernetes_ended(struct kubernetes *k, struct kjob *j, const char *why)
{
	unsigned per = k->x->worker_slots;

	if (j->retired)
		return;
	k->wanted -= k->wanted < per ? k->wanted : per;
	retire(k, j);
	kubernetes_tell(k, ENGINE_LOST, j->name, why, 0);
}

static void on_job(struct kubernetes_ask *a, const struct http_answer *answer,
		   const json_t *o)
{
	struct kubernetes *k = a->k;
	struct kjob *j = job_number(k, a->job);

	if (!j)
		return;
	j->posted = false;
	if (answer->status == 201) {
		kubernetes_answered(k);
		snprintf(j->uid, sizeof j->uid, "%s",
			 kubernetes_text(json_object_get(o, "metadata"), "uid"));
		loop_timer_set(k->own, LOOP_MS(OWN_MS));
		kubernetes_ask_why(k);
		if (k->closing)
			kubernetes_forget(k, j);
		return;
	}
	if (kubernetes_refused(k, answer, o))
		loop_timer_set(k->setup_again, LOOP_MS(KUBERNETES_RETRY_MS));
	kubernetes_lose(k, j, "");
}

static void add_job(struct kubernetes *k)
{
	AUTO_FREE char *url = kubernetes_url(k, KUBERNETES_BATCH, "jobs");

	if (k->n == k->cap) {
		k->cap = k->cap ? k->cap * 2 : 16;
		k->v = xreallocarray(k->v, k->cap, sizeof *k->v);
	}
	struct kjob *j = &k->v[k->n++];

	*j = (struct kjob){.number = ++k->count, .posted = true};
	snprintf(j->name, sizeof j->name, "%.50s-%u", k->name, j->number);
	kubernetes_ask(k, "POST", url, kubernetes_job(&k->settings, j->number),
		       (struct kubernetes_ask){.done = on_job, .job = j->number});
	kubernetes_tell(k, ENGINE_PENDING, j->name, "", 0);
}

void kubernetes_follow(struct kubernetes *k)
{
	unsigned per = k->x->worker_slots;

	for (size_t i = k->n; i-- > 0 && slots_of(k) >= k->wanted + per;)
		if (!k->v[i].started)
			retire(k, &k->v[i]);
	while (k->ready && !k->closing && slots_of(k) < k->wanted && loop_now() >= k->quiet)
		add_job(k);
}

/* -- the engine ------------------------------------------------------------------------------ */

static void kubernetes_close(void *self)
{
	struct kubernetes *k = self;

	k->closing = true;
	loop_timer_off(k->setup_again);
	loop_timer_off(k->watch_again);
	loop_timer_off(k->own);
	loop_timer_off(k->events);
	http_cancel(k->watch);
	if (k->http) {
		for (size_t i = 0; i < k->n; i++)
			if (!k->v[i].posted)
				kubernetes_forget(k, &k->v[i]);
		for (size_t i = 0; k->next && i < k->settings.nparts; i++) {
			AUTO_FREE char *name = xasprintf("%s-part%02zu", k->name, i);

			delete_object(k, "configmaps", name);
		}
		if (k->next > k->settings.nparts)
			delete_object(k, "secrets", k->name);
		http_drain(k->http, CLOSE_MS);
	}
	http_free(k->http);
	kubeconfig_free(&k->config);
	frames_free(&k->frames);
	buf_free(&k->script);
	buf_free(&k->packed);
	loop_timer_free(k->setup_again);
	loop_timer_free(k->watch_again);
	loop_timer_free(k->own);
	loop_timer_free(k->events);
	free(k->space);
	free(k->v);
	free(k);
}

static void *kubernetes_open(struct engine *x, struct err *e)
{
	struct kubernetes *k = xcalloc(1, sizeof *k);

	k->x = x;
	k->setup_again = loop_timer_new(x->loop, kubernetes_setup, k);
	k->watch_again = loop_timer_new(x->loop, kubernetes_watch, k);
	k->own = loop_timer_new(x->loop, on_own, k);
	k->events = loop_timer_new(x->loop, kubernetes_events, k);
	if (kubernetes_prepare(k, e)) {
		kubernetes_close(k);
		return NULL;
	}
	k->http = http_new(x->loop);
	loop_timer_set(k->setup_again, 0);
	return k;
}

static void kubernetes_want(void *self, unsigned slots)
{
	struct kubernetes *k = self;

	k->wanted = slots;
	kubernetes_follow(k);
}

static void kubernetes_retire(void *self, const char *handle)
{
	struct kubernetes *k = self;
	struct kjob *j = kubernetes_job_named(k, handle);

	if (j)
		retire(k, j);
}

const struct engine_kind engine_kubernetes = {
    .scheme = "kubernetes",
    .options = options,
    .example = "kubernetes://[CONTEXT/]NAMESPACE",
    .slots_option = "cpu",
    .remedy = "take an image= that has the same package",
    .worker_slots = 4,
    .check = kubernetes_check,
    .face = kubernetes_face,
    .manifest = kubernetes_manifest,
    .open = kubernetes_open,
    .want = kubernetes_want,
    .retire = kubernetes_retire,
    .close = kubernetes_close,
};
