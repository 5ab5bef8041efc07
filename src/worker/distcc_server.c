/* Connections, each with one job (worker/distcc_job).
 *
 *   reading ─► waiting (for a slot) ─► running ─► replying ─► gone
 *
 * Until the reply begins, what can be read is looked at: the request; behind it, the client's hang-up, or bytes
 * that nobody asked for; either ends the job. While it is written nothing is read any more, so a client that
 * closes its sending half, or goes without having read all, does not matter.
 *
 * Invariant: a connection holds a slot exactly while it is running; it is in the server's list until it is
 * freed, and conn_end, which frees it, writes the one line that the log has of each job.
 *
 * A client holds at most one piece of what it sends in our memory, and one packed body of what it is sent. */
#include "worker/distcc_server.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/access.h"
#include "net/address.h"
#include "net/stranger.h"
#include "sys/loop.h"
#include "wire/distcc.h"
#include "worker/distcc_compiler.h"
#include "worker/distcc_job.h"
#include "worker/stats.h"
#include "worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utlist.h>

enum {
	CONNECTIONS_MAX = 1024,
	PIECE = 64 << 10,
	NAME_SHOWN = 256
};

/* distcc's exit codes, for the log. */
enum {
	RET_OTHER = 100,
	RET_IO = 107,
	RET_PROTOCOL = 109,
	RET_DENIED = 113,
	RET_BUSY = 114,
	RET_TIMEOUT = 118
};

enum stage {
	READING,
	WAITING,
	RUNNING,
	REPLYING
};

struct conn {
	struct conn *prev, *next; /* utlist, of the server */
	struct distcc_server *server;
	int in, out; /* may be the same */
	char from[ADDRESS_TEXT];
	enum stage stage;
	struct loop_watch *watch; /* on IN until the reply, then on OUT */
	struct loop_timer *timer; /* of silence; while running, of the compile's life */
	struct distcc_reader *reader;
	struct distcc_job *job;
	struct slot_wait wait; /* while waiting */
	struct buf reply;      /* the piece that is being written … */
	size_t written;        /* … so far */
	bool last;             /* it is the last one */
	nsec began, started;   /* the connection; the compile (0: none was) */
	void (*done)(void *ctx);
	void *ctx;
};

struct distcc_server {
	struct worker *worker;
	struct distcc_settings settings;
	struct stats *stats; /* or NULL */
	struct distcc_compilers *compilers;
	struct conn *conns; /* utlist */
	unsigned nconns;
};

struct distcc_server *distcc_server_new(struct worker *w, const struct distcc_settings *set,
					struct stats *stats)
{
	struct distcc_server *s = xcalloc(1, sizeof *s);

	s->worker = w;
	s->settings = *set;
	s->stats = stats;
	s->compilers = distcc_compilers_new(w->compilers, w->confined, set->insecure,
					    getenv("DISTCC_CMDLIST"),
					    getenv("DISTCC_CMDLIST_NUMWORDS"));
	return s;
}

static void conn_free(struct conn *c)
{
	struct distcc_server *s = c->server;
	bool running = c->stage == RUNNING;

	if (c->stage == WAITING)
		worker_leave_line(s->worker, &c->wait);
	DL_DELETE(s->conns, c);
	s->nconns--;
	loop_unwatch(c->watch);
	loop_timer_free(c->timer);
	distcc_reader_free(c->reader);
	distcc_job_free(c->job);
	buf_free(&c->reply);
	close(c->in);
	if (c->out != c->in)
		close(c->out);
	free(c);
	if (running)
		worker_slot_free(s->worker, NULL);
}

void distcc_server_free(struct distcc_server *s)
{
	if (!s)
		return;
	/* First out of the queue: else the end of a running one would start them. */
	for (struct conn *c = s->conns; c; c = c->next)
		if (c->stage == WAITING) {
			worker_leave_line(s->worker, &c->wait);
			c->stage = READING;
		}
	while (s->conns)
		conn_free(s->conns);
	distcc_compilers_free(s->compilers);
	free(s);
}

/* The line that readers of distccd's log look for. */
static void log_end(const struct conn *c, enum stats_end end, int ret, nsec now)
{
	int status = distcc_job_status(c->job);
	bool killed = WIFSIGNALED(status);

	log_line(LOG_NOTICE,
		 "client: %s %s exit:%d sig:%d core:%d ret:%d time:%dms %.*s %.*s", c->from,
		 stats_end_word(end), killed ? 0 : WEXITSTATUS(status),
		 killed ? WTERMSIG(status) : 0, killed && WCOREDUMP(status) ? 1 : 0, ret,
		 (int)((now - c->began) / LOOP_MS(1)), NAME_SHOWN,
		 distcc_job_compiler(c->job), NAME_SHOWN, distcc_job_source(c->job));
}

static void count(const struct conn *c, enum stats_end end, nsec now)
{
	struct stats *stats = c->server->stats;

	if (stats && c->started)
		stats_compiled(stats, &(struct stats_compile){
					  .end = end,
					  .compiler = distcc_job_compiler(c->job),
					  .file = distcc_job_source(c->job),
					  .began = c->started,
					  .now = now,
				      });
	else if (stats)
		stats_ended(stats, end);
}

/* The only way out. WHY, if not NULL, stands in the log before the job's line. */
static void conn_end(struct conn *c, enum stats_end end, int ret, const char *why)
{
	void (*done)(void *ctx) = c->done;
	void *ctx = c->ctx;
	nsec now = loop_now();

	if (why)
		log_line(LOG_WARNING, "client: %s %s", c->from, why);
	log_end(c, end, ret, now);
	count(c, end, now);
	conn_free(c);
	if (done)
		done(ctx);
}

/* The job failed, as E says. */
static void conn_fail(struct conn *c, const struct err *e)
{
	enum stats_end end = distcc_job_end(c->job);

	conn_end(c, end, end == STATS_BAD_REQUEST ? RET_PROTOCOL : RET_OTHER, e->text);
}

static void conn_gone(struct conn *c, int code)
{
	static const char *const doing[] = {
	    [READING] = "in the middle of its request",
	    [WAITING] = "while its job waited for a slot",
	    [RUNNING] = "while its compile ran, which is killed",
	    [REPLYING] = "before it had its reply",
	};
	char why[256];

	snprintf(why, sizeof why, "the client went away %s%s%s%s%s", doing[c->stage],
		 c->stage == READING ? ": it was to send " : "",
		 c->stage == READING ? distcc_reader_waits_for(c->reader) : "",
		 code ? ": " : "", code ? strerror(code) : "");
	conn_end(c, STATS_CLIENT_GONE, RET_IO, why);
}

/* The reply was taken, or as much of it as the client cares for. */
static void conn_answered(struct conn *c)
{
	enum stats_end end = distcc_job_end(c->job);

	conn_end(c, end,
		 end == STATS_COMPILE_TIMEOUT ? RET_TIMEOUT
		 : end == STATS_OTHER         ? WEXITSTATUS(distcc_job_status(c->job))
					      : 0,
		 NULL);
}

static void wait_for_io(struct conn *c)
{
	if (c->server->settings.io_timeout_s)
		loop_timer_set(c->timer, LOOP_MS(1000) * c->server->settings.io_timeout_s);
}

static void on_output(void *ctx, unsigned got)
{
	struct conn *c = ctx;
	struct err e = {0};

	(void)got;
	while (c->written == c->reply.len && !c->last) {
		c->reply.len = c->written = 0;
		int r = distcc_job_reply(c->job, &c->reply, &e);

		if (r < 0) {
			conn_fail(c, &e);
			return;
		}
		c->last = r > 0;
	}
	ssize_t n = write(c->out, c->reply.data + c->written, c->reply.len - c->written);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0 && !distcc_job_may_end(c->job)) {
		conn_gone(c, errno);
		return;
	}
	if (n >= 0) {
		c->written += (size_t)n;
		wait_for_io(c);
	}
	if (n < 0 || (c->last && c->written == c->reply.len))
		conn_answered(c);
}

/* The job has its answer. */
static void begin_reply(struct conn *c)
{
	struct err e = {0};

	loop_timer_off(c->timer);
	if (distcc_job_answer(c->job, &e)) {
		conn_fail(c, &e);
		return;
	}
	loop_unwatch(c->watch);
	c->watch = loop_watch(c->server->worker->loop, c->out, LOOP_WRITE, on_output, c);
	wait_for_io(c);
}

/* The compile has ended, or was ended: its slot is another's now. */
static void leave_slot(struct conn *c)
{
	struct worker *w = c->server->worker;

	c->stage = REPLYING;
	begin_reply(c);
	worker_slot_free(w, NULL);
}

static void on_compiled(void *ctx)
{
	leave_slot(ctx);
}

static void on_time(void *ctx)
{
	struct conn *c = ctx;
	const struct distcc_settings *set = &c->server->settings;
	char why[64];

	if (c->stage == RUNNING) {
		distcc_job_overtime(c->job, set->job_lifetime_s);
		leave_slot(c);
		return;
	}
	snprintf(why, sizeof why, "the client %s for %u seconds",
		 c->stage == REPLYING ? "did not take its reply" : "was silent",
		 set->io_timeout_s);
	conn_end(c, STATS_CLIENT_GONE, RET_IO, why);
}

static void on_slot(struct slot_wait *wait)
{
	struct conn *c = (struct conn *)((char *)wait - offsetof(struct conn, wait));
	struct err e = {0};

	c->stage = RUNNING;
	if (distcc_job_start(c->job, on_compiled, c, &e)) {
		conn_fail(c, &e);
		return;
	}
	c->started = loop_now();
	if (c->server->settings.job_lifetime_s)
		loop_timer_set(c->timer,
			       LOOP_MS(1000) * c->server->settings.job_lifetime_s);
}

/* The next bytes of the request. */
static void take_request(struct conn *c, const char *p, size_t n)
{
	struct err e = {0};

	if (distcc_reader_feed(c->reader, p, n, &e)) {
		conn_fail(c, &e);
		return;
	}
	wait_for_io(c);
	if (!distcc_reader_ended(c->reader))
		return;
	loop_timer_off(c->timer);
	switch (distcc_job_accept(c->job, &e)) {
	case 0:
		c->stage = WAITING;
		c->wait.start = on_slot;
		worker_want_slot(c->server->worker, &c->wait);
		break;
	case 1:
		c->stage = REPLYING;
		begin_reply(c);
		break;
	default: conn_fail(c, &e); break;
	}
}

static void on_input(void *ctx, unsigned got)
{
	struct conn *c = ctx;
	char piece[PIECE];
	ssize_t n = read(c->in, piece, sizeof piece);

	(void)got;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		conn_gone(c, n ? errno : 0);
	else if (c->stage == READING)
		take_request(c, piece, (size_t)n);
	else
		conn_end(c, STATS_BAD_REQUEST, RET_PROTOCOL,
			 "the client sends more than its request; its job is dropped");
}

/* Turned away without a byte, and without a connection of ours. */
static void turn_away(struct distcc_server *s, const char *from, enum stats_end end,
		      int ret, const char *why)
{
	unsigned left_out;

	if (stranger_may(from, loop_now(), &left_out)) {
		log_line(LOG_WARNING, "client: %s %s", from, why);
		log_line(LOG_NOTICE, "client: %s %s exit:0 sig:0 core:0 ret:%d time:0ms",
			 from, stats_end_word(end), ret);
	}
	if (s->stats)
		stats_ended(s->stats, end);
}

/* True when the client may go on; else it has been turned away. */
static bool let_in(struct distcc_server *s, const struct sockaddr *from, const char *name)
{
	if (s->stats)
		stats_accepted(s->stats);
	if (from && !access_allows(s->settings.allow, from)) {
		turn_away(s, name, STATS_OTHER, RET_DENIED,
			  "may not speak distcc's protocol here: no --allow names its "
			  "address");
		return false;
	}
	if (s->nconns >= CONNECTIONS_MAX) {
		turn_away(s, name, STATS_OVERLOAD, RET_BUSY,
			  "is one too many: there are as many connections as may be");
		return false;
	}
	return true;
}

static struct conn *conn_new(struct distcc_server *s, int in, int out, const char *from)
{
	struct conn *c = xcalloc(1, sizeof *c);
	int on = 1;

	c->server = s;
	c->in = in;
	c->out = out;
	snprintf(c->from, sizeof c->from, "%s", from);
	c->began = loop_now();
	fcntl(in, F_SETFL, fcntl(in, F_GETFL) | O_NONBLOCK);
	fcntl(out, F_SETFL, fcntl(out, F_GETFL) | O_NONBLOCK);
	setsockopt(out, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* if it is a socket */
	c->job = distcc_job_new(s->worker, s->compilers, s->settings.insecure);
	c->reader = distcc_reader_request(&distcc_job_limits, &distcc_job_handler, c->job);
	c->timer = loop_timer_new(s->worker->loop, on_time, c);
	c->watch = loop_watch(s->worker->loop, in, LOOP_READ, on_input, c);
	DL_APPEND(s->conns, c);
	s->nconns++;
	wait_for_io(c);
	return c;
}

void distcc_server_accept(void *ctx, int fd, const struct sockaddr *from)
{
	struct distcc_server *s = ctx;
	char name[ADDRESS_TEXT];

	if (let_in(s, from, address_text(from, name)))
		conn_new(s, fd, fd, name);
	else
		close(fd);
}

void distcc_server_serve(struct distcc_server *s, int in, int out, bool trusted,
			 void (*done)(void *ctx), void *ctx)
{
	struct sockaddr_storage peer;
	socklen_t n = sizeof peer;
	char name[ADDRESS_TEXT] = "-";
	bool known = getpeername(in, (struct sockaddr *)&peer, &n) == 0 &&
		     (peer.ss_family == AF_INET || peer.ss_family == AF_INET6);

	if (known)
		address_text((struct sockaddr *)&peer, name);
	if (let_in(s, known && !trusted ? (struct sockaddr *)&peer : NULL, name)) {
		struct conn *c = conn_new(s, in, out, name);

		c->done = done;
		c->ctx = ctx;
		return;
	}
	close(in);
	if (out != in)
		close(out);
	done(ctx);
}
