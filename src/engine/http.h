#pragma once
#include "base/buf.h"
#include "sys/loop.h"

#include <stddef.h>
/* HTTP/1.1 in the loop: calls whose answer is collected, and calls whose answer comes in pieces for ever. The doorway to libcurl.
 * Redirects are the caller's affair. */
struct http;
struct http_call;

enum {
	HTTP_ANSWER = 16 << 20, /* most bytes of an answer that is collected */
	HTTP_HEADERS = 16,
	HTTP_TIMEOUT_MS = 30000,
	HTTP_CONNECT_MS = 10000
};

/* Whom to believe and what to prove, of one server. Texts are PEM, or NULL; borrowed for the life of the calls. */
struct http_trust {
	const char *ca, *certificate, *key;
	const char
	    *server_name;  /* expected in its certificate instead of the URL's; or NULL */
	int insecure;      /* its certificate is not looked at */
	const char *proxy; /* URL; NULL: as the environment says (HTTPS_PROXY, NO_PROXY) */
	const char *user, *password;
};

struct http_answer {
	long status;      /* 0: none came; WHY tells */
	struct buf *body; /* what was collected, NUL behind it */
	const char *why;  /* a part of a sentence */
	/* Of the answer: */
	char location[512], stream_id[128]; /* Location; Mesos-Stream-Id; "" */
	long retry_after_s;                 /* 0: not said */
};

struct http_request {
	const char *method; /* "GET", "POST", … */
	const char *url;
	const char *body; /* copied; NULL: none */
	size_t nbody;
	const char *headers[HTTP_HEADERS]; /* "Name: value", NULL ends */
	const struct http_trust
	    *trust;     /* NULL: nothing is proved, the system is believed */
	int timeout_ms; /* of all of it; 0: HTTP_TIMEOUT_MS; < 0: none */
	/* A piece of the answer to a stream, status 200; the first call may be with N = 0, when its headers have come. -1 ends it.
	 * NULL: it is collected. */
	int (*piece)(void *ctx, const struct http_answer *, const char *p, size_t n);
	/* Once, from the loop, last. The call is gone then. */
	void (*done)(void *ctx, const struct http_answer *);
	void *ctx;
};

struct http *http_new(struct loop *);
void http_free(struct http *); /* its calls end without a word; NULL is fine */
/* Also from within PIECE and DONE. */
struct http_call *http_send(struct http *, const struct http_request *);
/* No DONE follows. Not from within its own callbacks. NULL is fine. */
void http_cancel(struct http_call *);
/* For the last words, outside of the loop: runs it until all calls have ended, or MS are over. */
void http_drain(struct http *, int ms);
