/* The page of statistics over HTTP, as simply as distccd does it: whoever connects gets
 * the page, whatever he asks.
 *
 * Nothing here waits for a client. The page is made when he is accepted and written as
 * far as his socket takes it; then our side is shut down, and what he sends is read and
 * thrown away until he closes too: a socket that is closed with unread bytes in it is
 * reset, and the reset may overtake the page. A connection ends after 10 seconds in any
 * case, and when there are 64 the oldest makes room, so neither a slow nor a silent
 * client keeps others away. When the process is out of descriptors, accepting rests for
 * a second. */
#include "worker/stats_server.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/access.h"
#include "net/address.h"
#include "net/stranger.h"
#include "worker/stats.h"
#include "worker/stats_machine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

struct connection {
	struct stats_server *server;
	int fd;
	struct buf page; /* what is still to be written */
	struct loop_watch *watch;
	struct loop_timer *end;
	struct connection *prev, *next;
};

struct stats_server {
	struct stats_server_spec spec;
	struct stats_eye *eye;
	struct loop_watch *watch; /* NULL while accepting rests */
	struct loop_timer *rest;
	struct connection *all; /* utlist, the oldest first */
	unsigned count;
};

static void connection_free(struct connection *c)
{
	DL_DELETE(c->server->all, c);
	c->server->count--;
	loop_unwatch(c->watch);
	loop_timer_free(c->end);
	close(c->fd);
	buf_free(&c->page);
	free(c);
}

static void on_end(void *ctx)
{
	connection_free(ctx);
}

/* The page has gone out: waits for the client's end. */
static void on_question(void *ctx, unsigned got)
{
	struct connection *c = ctx;
	char thrown_away[4096];
	ssize_t n = read(c->fd, thrown_away, sizeof thrown_away);

	(void)got;
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		connection_free(c);
}

static void on_writable(void *ctx, unsigned got)
{
	struct connection *c = ctx;
	ssize_t n = send(c->fd, c->page.data, c->page.len, MSG_NOSIGNAL);

	(void)got;
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			connection_free(c);
		return;
	}
	buf_drop(&c->page, (size_t)n);
	if (c->page.len)
		return;
	shutdown(c->fd, SHUT_WR);
	loop_unwatch(c->watch);
	c->watch = loop_watch(c->server->spec.loop, c->fd, LOOP_READ, on_question, c);
}

static void connection_new(struct stats_server *s, int fd)
{
	struct connection *c = xcalloc(1, sizeof *c);
	nsec now = loop_now();

	if (s->count == STATS_CONNECTIONS_MAX)
		connection_free(s->all);
	c->server = s;
	c->fd = fd;
	stats_page(&c->page, s->spec.stats, stats_eye_look(s->eye, now), now);
	c->watch = loop_watch(s->spec.loop, fd, LOOP_WRITE, on_writable, c);
	c->end = loop_timer_new(s->spec.loop, on_end, c);
	loop_timer_set(c->end, LOOP_MS(s->spec.connection_ms));
	DL_APPEND(s->all, c);
	s->count++;
}

static void on_client(void *ctx, unsigned got);

static void on_rested(void *ctx)
{
	struct stats_server *s = ctx;

	s->watch = loop_watch(s->spec.loop, s->spec.fd, LOOP_READ, on_client, s);
}

static void rest(struct stats_server *s)
{
	loop_unwatch(s->watch);
	s->watch = NULL;
	loop_timer_set(s->rest, LOOP_MS(1000));
}

static void on_client(void *ctx, unsigned got)
{
	struct stats_server *s = ctx;
	struct sockaddr_storage from = {0};
	socklen_t size = sizeof from;
	int fd = accept4(s->spec.fd, (struct sockaddr *)&from, &size,
			 SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)got;
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
		    errno == ENOMEM)
			rest(s);
		return;
	}
	if (!access_allows(s->spec.access, (struct sockaddr *)&from)) {
		char text[ADDRESS_TEXT];

		stranger_line(LOG_WARNING, address_text((struct sockaddr *)&from, text),
			      "stats: state=denied");
		close(fd);
		return;
	}
	connection_new(s, fd);
}

static int listen_on(const struct addrinfo *where)
{
	int fd = socket(where->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), error;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	if (bind(fd, where->ai_addr, where->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

int stats_server_listen(const char *address, struct err *e)
{
	struct addrinfo *list = address_resolve(address, true, e);
	int fd = -1;

	if (!list)
		return err_wrap(e, "serve statistics");
	for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next)
		fd = listen_on(a);
	if (fd < 0)
		err_set(e, errno, "serve statistics on %s", address);
	freeaddrinfo(list);
	return fd;
}

struct stats_server *stats_server_new(const struct stats_server_spec *spec)
{
	struct stats_server *s = xcalloc(1, sizeof *s);

	s->spec = *spec;
	if (!s->spec.connection_ms)
		s->spec.connection_ms = STATS_CONNECTION_MS;
	/* A client may be gone again between its coming and accept, which then must not
	 * wait. */
	fcntl(spec->fd, F_SETFL, fcntl(spec->fd, F_GETFL) | O_NONBLOCK);
	s->eye = stats_eye_new("/proc", spec->tmpdir);
	s->rest = loop_timer_new(spec->loop, on_rested, s);
	on_rested(s);
	return s;
}

void stats_server_free(struct stats_server *s)
{
	if (!s)
		return;
	while (s->all)
		connection_free(s->all);
	loop_unwatch(s->watch);
	loop_timer_free(s->rest);
	close(s->spec.fd);
	stats_eye_free(s->eye);
	free(s);
}
