/* One curl_multi, driven by the loop: libcurl says which sockets and which time it waits for, and we tell it when they are there.
 *
 * An answer that is a stream, but whose status is not 200, is collected like any other, so that its words can be shown. */
#include "engine/http.h"

#include "base/mem.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <utlist.h>

struct http_call {
	struct http *http;
	struct http_request request; /* texts are not kept */
	CURL *easy;
	struct curl_slist *headers, *connect_to;
	char *body;
	struct buf in;
	struct http_answer answer;
	char error[CURL_ERROR_SIZE];
	bool ended_by_us;
	bool added; /* libcurl has it */
	struct http_call *prev, *next;
};

struct http {
	struct loop *loop;
	CURLM *multi;
	struct loop_timer *timer, *drain;
	struct http_call *calls;
	bool draining;
	bool busy; /* libcurl is at work, and may call us, but not be called */
};

/* -- libcurl and the loop -------------------------------------------------------------------- */

static void call_free(struct http_call *c)
{
	DL_DELETE(c->http->calls, c);
	if (c->added)
		curl_multi_remove_handle(c->http->multi, c->easy);
	curl_easy_cleanup(c->easy);
	curl_slist_free_all(c->headers);
	curl_slist_free_all(c->connect_to);
	buf_free(&c->in);
	free(c->body);
	free(c);
}

static void call_end(struct http_call *c, CURLcode code)
{
	struct http_answer *a = &c->answer;

	buf_u8(&c->in, 0);
	c->in.len--;
	a->body = &c->in;
	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &a->status);
	a->why = "";
	if (code != CURLE_OK && !(c->ended_by_us && a->status)) {
		a->why = *c->error ? c->error : curl_easy_strerror(code);
		if (!c->request.piece || a->status != 200)
			a->status = 0;
	}
	void (*done)(void *, const struct http_answer *) = c->request.done;

	c->request.piece = NULL;
	done(c->request.ctx, a);
	call_free(c);
}

static void take_ended(struct http *h)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(h->multi, &left))) {
		struct http_call *c = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		CURLcode code = m->data.result;

		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&c);
		call_end(c, code);
	}
	if (h->draining && !h->calls)
		loop_stop(h->loop, 0);
}

static void add_new(struct http *h)
{
	struct http_call *c;

	DL_FOREACH(h->calls, c)
	{
		if (c->added)
			continue;
		c->added = true;
		curl_multi_add_handle(h->multi, c->easy);
	}
}

/* What came of it, and what was sent meanwhile. */
static void act(struct http *h, curl_socket_t fd, int mask)
{
	int running;

	h->busy = true;
	curl_multi_socket_action(h->multi, fd, mask, &running);
	h->busy = false;
	take_ended(h);
	add_new(h);
}

struct http_socket {
	struct http *http;
	curl_socket_t fd;
	struct loop_watch *watch;
};

static void on_ready(void *ctx, unsigned got)
{
	struct http_socket *s = ctx;
	struct http *h = s->http;
	act(h, s->fd,
	    (got & LOOP_READ ? CURL_CSELECT_IN : 0) |
		(got & LOOP_WRITE ? CURL_CSELECT_OUT : 0));
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *own)
{
	struct http *h = ctx;
	struct http_socket *s = own;

	(void)easy;
	if (s) {
		loop_unwatch(s->watch);
		s->watch = NULL;
	}
	if (what == CURL_POLL_REMOVE) {
		free(s);
		curl_multi_assign(h->multi, fd, NULL);
		return 0;
	}
	if (!s) {
		s = xcalloc(1, sizeof *s);
		*s = (struct http_socket){.http = h, .fd = fd};
		curl_multi_assign(h->multi, fd, s);
	}
	s->watch = loop_watch(h->loop, fd,
			      (what & CURL_POLL_IN ? LOOP_READ : 0) |
				  (what & CURL_POLL_OUT ? LOOP_WRITE : 0),
			      on_ready, s);
	return 0;
}

static void on_time(void *ctx)
{
	act(ctx, CURL_SOCKET_TIMEOUT, 0);
}

static int on_timer(CURLM *multi, long ms, void *ctx)
{
	struct http *h = ctx;

	(void)multi;
	if (ms < 0)
		loop_timer_off(h->timer);
	else
		loop_timer_set(h->timer, LOOP_MS(ms));
	return 0;
}

static void on_drained(void *ctx)
{
	struct http *h = ctx;

	loop_stop(h->loop, 0);
}

struct http *http_new(struct loop *l)
{
	struct http *h = xcalloc(1, sizeof *h);

	curl_global_init(CURL_GLOBAL_DEFAULT);
	h->loop = l;
	h->multi = curl_multi_init();
	h->timer = loop_timer_new(l, on_time, h);
	h->drain = loop_timer_new(l, on_drained, h);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	return h;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	while (h->calls)
		call_free(h->calls);
	curl_multi_cleanup(h->multi);
	loop_timer_free(h->timer);
	loop_timer_free(h->drain);
	free(h);
}

void http_drain(struct http *h, int ms)
{
	if (!h->calls)
		return;
	h->draining = true;
	loop_timer_set(h->drain, LOOP_MS(ms));
	loop_run(h->loop);
	loop_timer_off(h->drain);
	h->draining = false;
}

/* -- one call -------------------------------------------------------------------------------- */

/* The value of the header NAME in LINE[0..N) into OUT; false: it is another one. */
static bool header_value(const char *line, size_t n, const char *name, char *out,
			 size_t size)
{
	size_t k = strlen(name);

	if (n <= k || strncasecmp(line, name, k) != 0 || line[k] != ':')
		return false;
	line += k + 1;
	n -= k + 1;
	while (n && (*line == ' ' || *line == '\t')) {
		line++;
		n--;
	}
	while (n && (line[n - 1] == '\r' || line[n - 1] == '\n' || line[n - 1] == ' '))
		n--;
	snprintf(out, size, "%.*s", (int)(n < size ? n : size - 1), line);
	return true;
}

static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
	struct http_call *c = ctx;
	struct http_answer *a = &c->answer;
	char number[16];

	n *= size;
	if (header_value(line, n, "Location", a->location, sizeof a->location) ||
	    header_value(line, n, "Mesos-Stream-Id", a->stream_id, sizeof a->stream_id))
		return n;
	if (header_value(line, n, "Retry-After", number, sizeof number))
		a->retry_after_s = strtol(number, NULL, 10);
	return n;
}

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
	struct http_call *c = ctx;

	n *= size;
	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &c->answer.status);
	if (c->request.piece && c->answer.status == 200) {
		if (c->request.piece(c->request.ctx, &c->answer, p, n) == 0)
			return n;
		c->ended_by_us = true;
		return 0;
	}
	if (c->in.len + n > HTTP_ANSWER)
		return 0;
	buf_add(&c->in, p, n);
	return n;
}

static void set_blob(CURL *easy, CURLoption option, const char *text)
{
	struct curl_blob blob = {.data = (void *)(uintptr_t)text,
				 .len = text ? strlen(text) : 0,
				 .flags = CURL_BLOB_COPY};

	if (text)
		curl_easy_setopt(easy, option, &blob);
}

/* The certificate is that of NAME, though the URL has another name of the server: libcurl is given the one, and told where that is. */
static void set_server_name(struct http_call *c, const char *name)
{
	CURLU *u = curl_url();
	char *host = NULL, *port = NULL, *url = NULL;

	if (!curl_url_set(u, CURLUPART_URL, c->request.url, 0) &&
	    !curl_url_get(u, CURLUPART_HOST, &host, 0) &&
	    !curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) &&
	    !curl_url_set(u, CURLUPART_HOST, name, 0) &&
	    !curl_url_get(u, CURLUPART_URL, &url, 0)) {
		AUTO_FREE char *to = xasprintf("%s:%s:%s:%s", name, port, host, port);
		AUTO_FREE char *header = xasprintf("Host: %s:%s", host, port);

		c->connect_to = curl_slist_append(NULL, to);
		c->headers = curl_slist_append(c->headers, header);
		curl_easy_setopt(c->easy, CURLOPT_CONNECT_TO, c->connect_to);
		curl_easy_setopt(c->easy, CURLOPT_URL, url);
	}
	curl_free(url);
	curl_free(port);
	curl_free(host);
	curl_url_cleanup(u);
}

static void set_trust(CURL *easy, const struct http_trust *t)
{
	set_blob(easy, CURLOPT_CAINFO_BLOB, t->ca);
	set_blob(easy, CURLOPT_SSLCERT_BLOB, t->certificate);
	set_blob(easy, CURLOPT_SSLKEY_BLOB, t->key);
	if (t->certificate)
		curl_easy_setopt(easy, CURLOPT_SSLCERTTYPE, "PEM");
	if (t->insecure) {
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (t->proxy) {
		curl_easy_setopt(easy, CURLOPT_PROXY, t->proxy);
		curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
	}
	if (t->user) {
		curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
		curl_easy_setopt(easy, CURLOPT_USERNAME, t->user);
		curl_easy_setopt(easy, CURLOPT_PASSWORD, t->password ? t->password : "");
	}
}

static void set_request(struct http_call *c, const struct http_request *r)
{
	CURL *easy = c->easy;
	int timeout = r->timeout_ms ? r->timeout_ms : HTTP_TIMEOUT_MS;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, c);
	curl_easy_setopt(easy, CURLOPT_URL, r->url);
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, r->method);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)HTTP_CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout < 0 ? 0L : (long)timeout);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, c->error);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, c);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "muster/" MUSTER_VERSION);
	for (size_t i = 0; i < HTTP_HEADERS && r->headers[i]; i++)
		c->headers = curl_slist_append(c->headers, r->headers[i]);
	c->headers = curl_slist_append(c->headers, "Expect:");
	if (r->trust && r->trust->server_name)
		set_server_name(c, r->trust->server_name);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, c->headers);
	if (r->body) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, c->body);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->nbody);
	}
	if (r->trust)
		set_trust(easy, r->trust);
}

struct http_call *http_send(struct http *h, const struct http_request *r)
{
	struct http_call *c = xcalloc(1, sizeof *c);

	c->http = h;
	c->request = *r;
	c->easy = curl_easy_init();
	assert(c->easy);
	if (r->body) {
		c->body = xmalloc(r->nbody + 1);
		memcpy(c->body, r->body, r->nbody);
	}
	set_request(c, r);
	DL_APPEND(h->calls, c);
	if (!h->busy)
		add_new(h);
	return c;
}

void http_cancel(struct http_call *c)
{
	if (c)
		call_free(c);
}
