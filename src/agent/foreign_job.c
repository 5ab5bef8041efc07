/*   start ─► connect, one address after the other, or ssh ─► send and read at once ─► unpack ─► done
 *
 * Invariant: DONE is the last thing that a callback of ours does, since the job is gone behind it.
 *
 * Fails: no address takes a connection in time; the connection breaks or is silent for too long; the reply is no reply;
 * a packed body is damaged. LZO has no checksum: a byte that is flipped on the way and still unpacks is not
 * noticed here, as with distcc itself. */
#include "agent/foreign_job.h"

#include "agent/ssh.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/address.h"
#include "net/hostlist.h"
#include "wire/distcc.h"
#include "wire/lzo.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct foreign_job {
	struct foreign_where where;
	const struct addrinfo *now,
	    *next; /* tcp: the address being tried, the one behind */
	struct ssh *ssh;
	int fd;
	bool connected;
	struct loop_watch *watch;
	struct loop_timer *timer;
	uint32_t version;
	struct buf out;
	size_t sent; /* of OUT */
	struct distcc_reader *reader;
	struct foreign_reply reply;
	struct err why;
	void (*done)(void *ctx, struct foreign_reply *);
	void *ctx;
};

static void hang_up(struct foreign_job *j)
{
	loop_unwatch(j->watch);
	j->watch = NULL;
	if (j->fd >= 0)
		close(j->fd);
	j->fd = -1;
	ssh_close(j->ssh);
	j->ssh = NULL;
}

void foreign_job_free(struct foreign_job *j)
{
	if (!j)
		return;
	hang_up(j);
	loop_timer_free(j->timer);
	distcc_reader_free(j->reader);
	buf_free(&j->out);
	buf_free(&j->reply.serr);
	buf_free(&j->reply.sout);
	buf_free(&j->reply.object);
	buf_free(&j->reply.deps);
	free(j);
}

uint64_t foreign_job_bytes_up(const struct foreign_job *j)
{
	return j->reply.bytes_up;
}

uint64_t foreign_job_bytes_down(const struct foreign_job *j)
{
	return j->reply.bytes_down;
}

/* The last act of every callback that calls it. */
static void finish(struct foreign_job *j, enum foreign_end end)
{
	hang_up(j);
	loop_timer_off(j->timer);
	j->reply.end = end;
	j->reply.why = j->why.text;
	j->done(j->ctx, &j->reply);
}

/* The connection ended before the reply did. */
static void finish_broken(struct foreign_job *j, int code)
{
	const char *said = j->ssh ? ssh_said(j->ssh) : "";
	enum foreign_end end = FOREIGN_FAILED;

	if (code == ETIMEDOUT) {
		err_set(&j->why, 0, "it has been silent for %lld s",
			(long long)(j->where.io_timeout / LOOP_MS(1000)));
	} else if (*said && !j->reply.bytes_down) {
		err_set(&j->why, 0, "ssh says: %s", said);
		end = FOREIGN_UNREACHABLE;
	} else if (!j->reply.bytes_down) {
		err_set(&j->why, 0, "it closed the connection without a word");
		end = FOREIGN_SILENT;
	} else {
		err_set(&j->why, code == ECONNRESET ? 0 : code,
			"it closed the connection while %s was awaited",
			distcc_reader_waits_for(j->reader));
	}
	finish(j, end);
}

/* -- the reply ------------------------------------------------------------------------------- */

static int take_number(void *ctx, enum distcc_token token, uint32_t value, struct err *e)
{
	struct foreign_job *j = ctx;

	(void)e;
	if (token == DISTCC_STAT)
		j->reply.status = value;
	return 0;
}

static int take_string(void *ctx, enum distcc_token token, const char *p, size_t n,
		       struct err *e)
{
	(void)ctx;
	(void)token;
	(void)p;
	(void)n;
	return err_set(e, EPROTO, "a reply has no strings");
}

static struct buf *body_of(struct foreign_reply *r, enum distcc_token token)
{
	switch (token) {
	case DISTCC_SERR: return &r->serr;
	case DISTCC_SOUT: return &r->sout;
	case DISTCC_DOTO: return &r->object;
	default: return &r->deps;
	}
}

static size_t limit_of(enum distcc_token token)
{
	return token == DISTCC_DOTO ? FOREIGN_OBJECT_MAX : FOREIGN_TEXT_MAX;
}

static int take_bulk(void *ctx, enum distcc_token token, uint32_t total, uint32_t offset,
		     const void *p, size_t n, struct err *e)
{
	struct foreign_job *j = ctx;

	(void)offset;
	if (total > limit_of(token))
		return err_set(e, EFBIG, "more than %zu bytes where %s was awaited",
			       limit_of(token), distcc_reader_waits_for(j->reader));
	buf_add(body_of(&j->reply, token), p, n);
	return 0;
}

static int take_end(void *ctx, struct err *e)
{
	(void)ctx;
	(void)e;
	return 0;
}

static const struct distcc_handler handler = {
    .number = take_number, .string = take_string, .bulk = take_bulk, .end = take_end};

static int unpack(struct foreign_job *j)
{
	static const enum distcc_token packed[] = {DISTCC_SERR, DISTCC_SOUT, DISTCC_DOTO,
						   DISTCC_DOTD};

	for (size_t i = 0; j->version > 1 && i < sizeof packed / sizeof *packed; i++) {
		struct buf *body = body_of(&j->reply, packed[i]), plain = {0};

		if (lzo_unpack(&plain, body->data, body->len, limit_of(packed[i]),
			       &j->why)) {
			buf_free(&plain);
			return err_wrap(&j->why, "its reply is damaged");
		}
		buf_free(body);
		*body = plain;
	}
	return 0;
}

static void read_some(struct foreign_job *j)
{
	char chunk[64 << 10];
	ssize_t n = recv(j->fd, chunk, sizeof chunk, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		finish_broken(j, n ? errno : 0);
		return;
	}
	j->reply.bytes_down += (uint64_t)n;
	loop_timer_set(j->timer, j->where.io_timeout);
	if (distcc_reader_feed(j->reader, chunk, (size_t)n, &j->why))
		finish(j, FOREIGN_FAILED);
	else if (distcc_reader_ended(j->reader))
		finish(j, unpack(j) ? FOREIGN_FAILED : FOREIGN_REPLIED);
}

/* -- the request ----------------------------------------------------------------------------- */

static void on_ready(void *ctx, unsigned got);

static void watch(struct foreign_job *j, unsigned want)
{
	loop_unwatch(j->watch);
	j->watch = loop_watch(j->where.loop, j->fd, want, on_ready, j);
}

static void send_some(struct foreign_job *j)
{
	while (j->sent < j->out.len) {
		ssize_t n =
		    send(j->fd, j->out.data + j->sent, j->out.len - j->sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			break; /* it has hung up: reading tells what it had to say */
		j->sent += (size_t)n;
		j->reply.bytes_up += (uint64_t)n;
		loop_timer_set(j->timer, j->where.io_timeout);
	}
	buf_free(&j->out);
	j->sent = 0;
	watch(j, LOOP_READ);
}

static void begin(struct foreign_job *j)
{
	static const struct distcc_limits limits = {
	    .args = 1,
	    .files = 1,
	    .string = 1,
	    .strings = 1,
	    .bulk = FOREIGN_OBJECT_MAX,
	};

	j->connected = true;
	j->reply.reached = j->now;
	j->reader = distcc_reader_reply(j->version, &limits, &handler, j);
	loop_timer_set(j->timer, j->where.io_timeout);
	watch(j, LOOP_READ | LOOP_WRITE);
}

/* -- the connection -------------------------------------------------------------------------- */

/* A machine that vanishes in the middle of a job is noticed long before the time-out. */
static void set_options(int fd)
{
	static const int on = 1, idle_s = 15, every_s = 5, tries = 3;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every_s, sizeof every_s);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &tries, sizeof tries);
}

static int connect_to(struct foreign_job *j, const struct addrinfo *a)
{
	char text[ADDRESS_TEXT];

	hang_up(j);
	j->now = a;
	j->fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (j->fd >= 0 &&
	    (connect(j->fd, a->ai_addr, a->ai_addrlen) == 0 || errno == EINPROGRESS)) {
		set_options(j->fd);
		watch(j, LOOP_WRITE);
		loop_timer_set(j->timer, LOOP_MS(FOREIGN_CONNECT_MS));
		return 0;
	}
	return err_set(&j->why, errno, "connect to %s", address_text(a->ai_addr, text));
}

/* -1: there are no more addresses. */
static int connect_next(struct foreign_job *j)
{
	while (j->next) {
		const struct addrinfo *a = j->next;

		/* Behind the one that was good last time all are tried from the first. */
		j->next = a == j->where.good ? j->where.addresses : a->ai_next;
		j->where.good = NULL;
		if (connect_to(j, a) == 0)
			return 0;
	}
	return -1;
}

static void on_connected(struct foreign_job *j)
{
	char text[ADDRESS_TEXT];
	int code = 0;
	socklen_t n = sizeof code;

	getsockopt(j->fd, SOL_SOCKET, SO_ERROR, &code, &n);
	if (code == 0) {
		begin(j);
		return;
	}
	err_set(&j->why, code, "connect to %s", address_text(j->now->ai_addr, text));
	if (connect_next(j))
		finish(j, FOREIGN_UNREACHABLE);
}

static void on_ready(void *ctx, unsigned got)
{
	struct foreign_job *j = ctx;

	if (!j->connected)
		on_connected(j);
	else if (got & LOOP_READ)
		read_some(j);
	else
		send_some(j);
}

static void on_time(void *ctx)
{
	struct foreign_job *j = ctx;
	char text[ADDRESS_TEXT];

	if (j->connected) {
		finish_broken(j, ETIMEDOUT);
		return;
	}
	/* Else an address that does not answer; or there was nothing to begin with. */
	if (j->fd >= 0)
		err_set(&j->why, ETIMEDOUT, "connect to %s",
			address_text(j->now->ai_addr, text));
	if (connect_next(j))
		finish(j, j->reply.end);
}

struct foreign_job *foreign_job_start(const struct foreign_where *where, uint32_t version,
				      struct buf *request, const char *flaw,
				      void (*done)(void *ctx, struct foreign_reply *),
				      void *ctx)
{
	struct foreign_job *j = xcalloc(1, sizeof *j);

	j->where = *where;
	j->version = version;
	j->out = *request;
	*request = (struct buf){0};
	j->fd = -1;
	j->done = done;
	j->ctx = ctx;
	j->timer = loop_timer_new(where->loop, on_time, j);
	j->reply.end = FOREIGN_UNREACHABLE; /* until there is a connection */
	if (flaw) {
		j->reply.end = FOREIGN_FAILED;
		err_set(&j->why, 0, "%s", flaw);
	} else if (where->host->kind == HOST_SSH) {
		j->ssh = ssh_start(where->loop, where->ssh, where->host, &j->fd, &j->why);
		if (j->ssh)
			begin(j);
	} else {
		j->next = where->good ? where->good : where->addresses;
		connect_next(j);
	}
	if (j->fd < 0)
		loop_timer_set(j->timer, 0);
	return j;
}
