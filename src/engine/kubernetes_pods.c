/* The pods are listed once, then watched from there: events come as lines. The server ends a watch after WATCH_S, and the next goes on
 * from the last event; when the server has forgotten that place (410), they are listed anew. */
#include "base/err.h"
#include "base/mem.h"
#include "engine/kubernetes_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	WATCH_S = 300
};

static void take_pod(struct kubernetes *k, const json_t *pod, bool deleted)
{
	const json_t *labels = json_object_get(json_object_get(pod, "metadata"), "labels");
	struct kjob *j = kubernetes_job_named(k, kubernetes_text(labels, "job-name"));
	char why[300];
	int hopeless;

	if (!j)
		return;
	j->podded = true;
	enum kubernetes_state state = kubernetes_pod(pod, why, sizeof why, &hopeless);

	if (deleted || state == KUBERNETES_GONE) {
		kubernetes_ended(k, j,
				 *why      ? why
				 : deleted ? "its pod was deleted"
					   : "it ended");
	} else if (hopeless) {
		k->quiet = INT64_MAX;
		kubernetes_tell(k, ENGINE_DENIED, "", why, 0);
	} else if (state == KUBERNETES_ENDING) {
		kubernetes_tell(k, ENGINE_ENDING, j->name, why, 0);
	} else if (state == KUBERNETES_RUNNING && !j->started) {
		j->started = true;
		kubernetes_tell(k, ENGINE_STARTED, j->name, "", 0);
	} else if (state == KUBERNETES_PENDING && *why) {
		kubernetes_tell(k, ENGINE_PENDING, j->name, why, 0);
	}
}

static int take_event(void *ctx, const char *line, size_t n, struct err *e)
{
	struct kubernetes *k = ctx;
	json_t *o = json_loadb(line, n, 0, NULL);
	const json_t *object = json_object_get(o, "object");
	const char *type = kubernetes_text(o, "type");
	const char *version =
	    kubernetes_text(json_object_get(object, "metadata"), "resourceVersion");
	int result = 0;

	if (strcmp(type, "ERROR") == 0) {
		k->version[0] = 0; /* too old, most likely: from the beginning */
		result = err_set(e, 0, "%s", kubernetes_text(object, "message"));
	} else {
		if (*version)
			snprintf(k->version, sizeof k->version, "%s", version);
		if (strcmp(type, "BOOKMARK") != 0)
			take_pod(k, object, strcmp(type, "DELETED") == 0);
	}
	json_decref(o);
	return result;
}

static int on_piece(void *ctx, const struct http_answer *a, const char *p, size_t n)
{
	struct kubernetes *k = ctx;
	struct err e = {0};

	(void)a;
	return frames_feed(&k->frames, p, n, take_event, k, &e);
}

static void on_watch_end(void *ctx, const struct http_answer *a)
{
	struct kubernetes *k = ctx;

	k->watch = NULL;
	if (a->status == 410)
		k->version[0] = 0;
	if (a->status == 401) {
		struct err e = {0};

		kubeconfig_refresh(&k->config, &e);
	}
	if (!k->closing)
		loop_timer_set(k->watch_again,
			       LOOP_MS(a->retry_after_s   ? a->retry_after_s * 1000
				       : a->status == 200 ? 0
							  : KUBERNETES_RETRY_MS));
}

static void on_list(struct kubernetes_ask *a, const struct http_answer *answer,
		    const json_t *o)
{
	struct kubernetes *k = a->k;
	const json_t *items = json_object_get(o, "items");

	if (k->closing)
		return;
	if (answer->status != 200) {
		if (kubernetes_refused(k, answer, o))
			loop_timer_set(k->watch_again, LOOP_MS(KUBERNETES_RETRY_MS));
		return;
	}
	kubernetes_answered(k);
	for (size_t i = 0; i < json_array_size(items); i++)
		take_pod(k, json_array_get(items, i), false);
	snprintf(k->version, sizeof k->version, "%s",
		 kubernetes_text(json_object_get(o, "metadata"), "resourceVersion"));
	loop_timer_set(k->watch_again, 0);
}

void kubernetes_watch(void *ctx)
{
	struct kubernetes *k = ctx;

	if (!*k->version) {
		AUTO_FREE char *rest = xasprintf("pods?labelSelector=muster%%2Fbuild%%3D%s",
						 k->settings.build);
		AUTO_FREE char *url = kubernetes_url(k, KUBERNETES_CORE, rest);

		kubernetes_ask(k, "GET", url, NULL,
			       (struct kubernetes_ask){.done = on_list});
		return;
	}
	AUTO_FREE char *rest =
	    xasprintf("pods?labelSelector=muster%%2Fbuild%%3D%s&watch=1&resourceVersion=%s&"
		      "allowWatchBookmarks=true&timeoutSeconds=%d",
		      k->settings.build, k->version, WATCH_S);
	AUTO_FREE char *url = kubernetes_url(k, KUBERNETES_CORE, rest);

	frames_free(&k->frames);
	frames_init(&k->frames, FRAMES_LINES, FRAMES_MAX);
	/* The server ends it by itself; one that has gone without a word is given up a little later. */
	k->watch =
	    kubernetes_request(k, "GET", url, NULL,
			       (struct http_request){.piece = on_piece,
						     .done = on_watch_end,
						     .ctx = k,
						     .timeout_ms = (WATCH_S + 30) * 1000});
}
