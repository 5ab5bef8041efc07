#pragma once
#include "engine/frames.h"
#include "engine/http.h"
#include "engine/kind.h"
#include "engine/kubeconfig.h"
#include "engine/kubernetes.h"

#include <jansson.h>
#include <stdbool.h>

/* What the files of the engine kubernetes:// share:
 *
 *   kubernetes.c        Jobs, and the engine
 *   kubernetes_call.c   a call to the API server, and what it means when it is refused
 *   kubernetes_setup.c  what the URL says, and the objects that come before the first Job
 *   kubernetes_pods.c   the watch
 *   kubernetes_events.c why a Job has no pod */
enum {
	KUBERNETES_RETRY_MS = 3000,
	KUBERNETES_NAME = 64
};

struct kjob {
	char name[KUBERNETES_NAME], uid[64]; /* UID: "" until the server has it */
	unsigned number;
	bool started, retired;
	bool posted; /* the server was asked for it, and has not answered */
	bool doomed; /* to be deleted when it is no owner any more */
	bool podded; /* its pod was seen */
};

struct kubernetes {
	struct engine *x;
	struct http *http;
	struct kubeconfig config;
	struct kubernetes_settings settings;
	char name[KUBERNETES_NAME], *space;
	struct buf script, packed; /* PACKED: the worker's file, gzip */
	size_t next;               /* of the setup's objects */
	bool ready, down, closing, refreshed;
	struct kjob *v;
	size_t n, cap;
	unsigned wanted, count;
	nsec quiet;
	struct http_call *watch;
	struct frames frames;
	char version[64]; /* where the watch goes on; "": the pods are listed first */
	unsigned patches; /* of owners, under way */
	bool asking;      /* for events, now or soon */
	char reason[300]; /* why a Job has no pod, told last */
	struct loop_timer *setup_again, *watch_again, *own, *events;
};

/* What one call is for. */
struct kubernetes_ask {
	struct kubernetes *k;
	void (*done)(struct kubernetes_ask *, const struct http_answer *, const json_t *);
	unsigned job;
};

#define KUBERNETES_CORE  "/api/v1"
#define KUBERNETES_BATCH "/apis/batch/v1"

/* kubernetes_call.c */
const char *kubernetes_text(const json_t *o, const char *key); /* or "" */
void kubernetes_tell(struct kubernetes *, enum engine_event_type, const char *handle,
		     const char *why, nsec retry);
/* REST: behind "/namespaces/SPACE/" of the API; malloc'ed. */
char *kubernetes_url(const struct kubernetes *, const char *api, const char *rest);
/* BODY is consumed, and may be NULL; method, body and credentials of WITH are filled in. */
struct http_call *kubernetes_request(struct kubernetes *, const char *method,
				     const char *url, json_t *body,
				     struct http_request with);
/* The same, the answer as JSON; WHAT is copied. */
void kubernetes_ask(struct kubernetes *, const char *method, const char *url, json_t *body,
		    struct kubernetes_ask what);
/* An answer that is none of the good ones: true when the same is to be asked again in some seconds. */
bool kubernetes_refused(struct kubernetes *, const struct http_answer *, const json_t *);
void kubernetes_answered(struct kubernetes *); /* it was a good one */
/* For DONE, when nobody minds. */
void kubernetes_ignore(struct kubernetes_ask *, const struct http_answer *, const json_t *);

/* kubernetes.c */
void kubernetes_follow(struct kubernetes *); /* makes Jobs, or less of them */
struct kjob *kubernetes_job_named(struct kubernetes *, const char *name);
void kubernetes_lose(struct kubernetes *, struct kjob *, const char *why);
/* Its pod has; the Job is to be deleted, else it gets another pod. */
void kubernetes_ended(struct kubernetes *, struct kjob *, const char *why);
void kubernetes_forget(struct kubernetes *,
		       const struct kjob *); /* deletes it on the server */

/* kubernetes_setup.c */
int kubernetes_check(const struct engine_url *, struct err *);
int kubernetes_face(const struct engine_url *, char *host, size_t size, struct err *);
int kubernetes_manifest(const struct engine_url *, const struct engine_spec *, struct buf *,
			struct err *);
int kubernetes_prepare(struct kubernetes *, struct err *); /* all but the network */
void kubernetes_setup(void *ctx); /* the next object that is missing; when none is, READY */

/* kubernetes_pods.c */
void kubernetes_watch(void *ctx);

/* kubernetes_events.c */
void kubernetes_ask_why(struct kubernetes *); /* soon, as long as a Job has no pod */
void kubernetes_events(void *ctx);
