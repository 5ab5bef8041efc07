/* One poll over at most BATCH connections at a time. A server that refuses closes without a word, so whatever
 * is not a whole answer with status 0 in time is a failure, and why is not asked. */
#include "cli/trial.h"

#include "base/buf.h"
#include "base/err.h"
#include "cli/knock.h"
#include "wire/distcc.h"
#include "wire/lzo.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	BATCH = 256,
	CHUNK = 16384
};

/* An object of one line, and what a compiler may say about it. */
static const struct distcc_limits limits = {.string = 4096, .bulk = 1 << 20};
static const char source[] = "int lsdistcc;\n";

/* ---- what is sent ---- */

static void make_request(struct buf *out, const char *compiler, unsigned protocol)
{
	const char *const argv[] = {compiler, "-c", "lsdistcc.c", "-o", "lsdistcc.o"};
	size_t argc = sizeof argv / sizeof *argv;
	AUTO_BUF struct buf body = {0};

	if (protocol == 1)
		buf_str(&body, source);
	else
		lzo_pack(&body, source, sizeof source - 1);
	distcc_put_number(out, DISTCC_DIST, protocol);
	if (protocol == 3)
		distcc_put_string(out, DISTCC_CDIR, "/lsdistcc");
	distcc_put_number(out, DISTCC_ARGC, (uint32_t)argc);
	for (size_t i = 0; i < argc; i++)
		distcc_put_string(out, DISTCC_ARGV, argv[i]);
	if (protocol == 3) {
		distcc_put_number(out, DISTCC_NFIL, 1);
		distcc_put_string(out, DISTCC_NAME, "/lsdistcc/lsdistcc.c");
	}
	distcc_put_bulk(out, protocol == 3 ? DISTCC_FILE : DISTCC_DOTI, body.data,
			(uint32_t)body.len);
}

/* ---- what comes back ---- */

static int take_number(void *ctx, enum distcc_token token, uint32_t value, struct err *e)
{
	(void)ctx;
	return token == DISTCC_STAT && value ? err_set(e, 0, "the compiler failed") : 0;
}

static int take_string(void *ctx, enum distcc_token token, const char *p, size_t n,
		       struct err *e)
{
	(void)ctx, (void)token, (void)p, (void)n, (void)e;
	return 0;
}

static int take_bulk(void *ctx, enum distcc_token token, uint32_t total, uint32_t offset,
		     const void *p, size_t n, struct err *e)
{
	(void)ctx, (void)offset, (void)p, (void)n;
	return token == DISTCC_DOTO && total == 0 ? err_set(e, 0, "no object came") : 0;
}

static int take_end(void *ctx, struct err *e)
{
	(void)ctx, (void)e;
	return 0;
}

static const struct distcc_handler handler = {take_number, take_string, take_bulk,
					      take_end};

/* ---- one server ---- */

static void trial_close(struct trial *t)
{
	t->passed = t->reader && distcc_reader_ended(t->reader);
	distcc_reader_free(t->reader);
	t->reader = NULL;
	close(t->fd);
	t->fd = -1;
}

static void trial_open(struct trial *t, unsigned protocol)
{
	t->fd = -1;
	if (!t->at)
		return;
	t->fd = socket(t->at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (t->fd < 0)
		return;
	t->began_ms = knock_now_ms();
	t->reader = distcc_reader_reply(protocol, &limits, &handler, NULL);
	if (connect(t->fd, t->at->ai_addr, t->at->ai_addrlen) && errno != EINPROGRESS)
		trial_close(t);
}

static bool is_for_later(void)
{
	return errno == EAGAIN || errno == EINTR;
}

/* The next step of a connection that is ready for it. */
static void trial_step(struct trial *t, const struct buf *request)
{
	char chunk[CHUNK];

	if (t->sent < request->len) {
		ssize_t n = send(t->fd, request->data + t->sent, request->len - t->sent,
				 MSG_NOSIGNAL);

		if (n < 0 && !is_for_later())
			trial_close(t);
		t->sent += n > 0 ? (size_t)n : 0;
		return;
	}
	ssize_t n = recv(t->fd, chunk, sizeof chunk, 0);

	if (n < 0 && is_for_later())
		return;
	if (n <= 0 || distcc_reader_feed(t->reader, chunk, (size_t)n, NULL) ||
	    distcc_reader_ended(t->reader))
		trial_close(t);
}

/* ---- all of them ---- */

/* Gives up those whose time is over; how long the next may still take, -1 when none is under way. */
static long give_up(struct trial *v, size_t n, long limit_ms)
{
	long now = knock_now_ms(), next = -1;

	for (size_t i = 0; i < n; i++) {
		if (v[i].fd < 0)
			continue;
		long left = v[i].began_ms + limit_ms - now;

		if (left <= 0)
			trial_close(&v[i]);
		else if (next < 0 || left < next)
			next = left;
	}
	return next;
}

static void run_batch(struct trial *v, size_t n, const struct buf *request, long limit_ms)
{
	struct pollfd p[BATCH];
	long left;

	while ((left = give_up(v, n, limit_ms)) >= 0) {
		for (size_t i = 0; i < n; i++)
			p[i] = (struct pollfd){
			    v[i].fd, v[i].sent < request->len ? POLLOUT : POLLIN, 0};
		if (poll(p, n, left < INT_MAX ? (int)left : INT_MAX) <= 0)
			continue;
		for (size_t i = 0; i < n; i++)
			if (p[i].revents)
				trial_step(&v[i], request);
	}
}

void trial_run(struct trial *v, size_t n, const char *compiler, unsigned protocol,
	       long limit_ms)
{
	AUTO_BUF struct buf request = {0};

	make_request(&request, compiler, protocol);
	for (size_t i = 0; i < n; i += BATCH) {
		size_t some = n - i < BATCH ? n - i : BATCH;

		for (size_t k = i; k < i + some; k++)
			trial_open(&v[k], protocol);
		run_batch(v + i, some, &request, limit_ms);
	}
}
