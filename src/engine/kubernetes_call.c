/* Calls carry the token of the moment; a 401 has it fetched anew, once. */
#include "base/err.h"
#include "base/mem.h"
#include "engine/kubernetes_state.h"

#include <stdlib.h>
#include <string.h>

enum {
	QUOTA_S = 30 /* so long nothing is asked for when a quota is reached */
};

const char *kubernetes_text(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

void kubernetes_tell(struct kubernetes *k, enum engine_event_type type, const char *handle,
		     const char *why, nsec retry)
{
	if (!k->closing)
		engine_tell(k->x, &(struct engine_event){.type = type,
							 .handle = handle,
							 .slots = k->x->worker_slots,
							 .why = why,
							 .retry = retry});
}

/* -- calls ----------------------------------------------------------------------------------- */

static void on_answer(void *ctx, const struct http_answer *a)
{
	struct kubernetes_ask *ask = ctx;
	json_t *o = json_loadb(a->body->data, a->body->len, 0, NULL);

	ask->done(ask, a, o);
	json_decref(o);
	free(ask);
}

struct http_call *kubernetes_request(struct kubernetes *k, const char *method,
				     const char *url, json_t *body,
				     struct http_request with)
{
	AUTO_FREE char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	AUTO_FREE char *bearer =
	    xasprintf("Authorization: Bearer %s", k->config.token ? k->config.token : "");
	size_t n = 0;

	with.method = method;
	with.url = url;
	with.body = text;
	with.nbody = text ? strlen(text) : 0;
	with.trust = &k->config.trust;
	with.headers[n++] = "Accept: application/json";
	with.headers[n++] = strcmp(method, "PATCH") == 0
				? "Content-Type: application/merge-patch+json"
				: "Content-Type: application/json";
	if (k->config.token)
		with.headers[n++] = bearer;
	for (size_t i = 0; i < k->config.headers.n; i++)
		with.headers[n++] = k->config.headers.v[i];
	json_decref(body);
	return http_send(k->http, &with);
}

void kubernetes_ask(struct kubernetes *k, const char *method, const char *url, json_t *body,
		    struct kubernetes_ask what)
{
	struct kubernetes_ask *a = xmalloc(sizeof *a);

	*a = what;
	a->k = k;
	kubernetes_request(k, method, url, body,
			   (struct http_request){.done = on_answer, .ctx = a});
}

char *kubernetes_url(const struct kubernetes *k, const char *api, const char *rest)
{
	return xasprintf("%s%s/namespaces/%s/%s", k->config.server, api, k->space, rest);
}

void kubernetes_ignore(struct kubernetes_ask *a, const struct http_answer *answer,
		       const json_t *o)
{
	(void)a;
	(void)answer;
	(void)o;
}

bool kubernetes_refused(struct kubernetes *k, const struct http_answer *a, const json_t *o)
{
	const char *message = kubernetes_text(o, "message");
	AUTO_FREE char *why =
	    a->status == 0 ? xasprintf("the API server cannot be reached: %s", a->why)
	    : *message     ? xstrdup(message)
			   : xasprintf("the API server says %ld", a->status);
	struct err e = {0};

	if (a->status == 401 && !k->refreshed) {
		k->refreshed = true;
		if (kubeconfig_refresh(&k->config, &e) == 0)
			return true;
		kubernetes_tell(k, ENGINE_DENIED, "", e.text, 0);
		return false;
	}
	if (a->status == 0 || a->status == 429 || a->status >= 500) {
		if (!k->down)
			kubernetes_tell(k, ENGINE_DOWN, "", why, 0);
		k->down = true;
		return true;
	}
	bool quota = a->status == 403 && strstr(message, "quota");

	k->quiet = quota ? loop_now() + LOOP_MS(1000) * QUOTA_S : INT64_MAX;
	kubernetes_tell(k, ENGINE_DENIED, "", why, quota ? LOOP_MS(1000) * QUOTA_S : 0);
	return false;
}

void kubernetes_answered(struct kubernetes *k)
{
	if (k->down)
		kubernetes_tell(k, ENGINE_UP, "", "", 0);
	k->down = false;
	k->refreshed = false;
}
