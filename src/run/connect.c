/* What fails or succeeds at once is told from the loop all the same, so that DONE never
 * runs inside connect_start. */
#include "run/connect.h"

#include "base/mem.h"
#include "sys/loop.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct connect {
	int fd, error;
	struct loop_watch *watch;
	struct loop_timer *now; /* set when it was decided at once */
	void (*done)(void *ctx, int fd, int error);
	void *ctx;
};

static void tell(struct connect *c)
{
	int fd = c->fd;

	if (c->error && fd >= 0) {
		close(fd);
		fd = -1;
	}
	c->fd = -1;
	c->done(c->ctx, fd, c->error);
}

static void on_now(void *ctx)
{
	tell(ctx);
}

static void on_ready(void *ctx, unsigned got)
{
	struct connect *c = ctx;
	socklen_t n = sizeof c->error;

	(void)got;
	loop_unwatch(c->watch);
	c->watch = NULL;
	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &c->error, &n))
		c->error = errno;
	tell(c);
}

static void set_port(struct sockaddr_storage *a, unsigned port)
{
	if (a->ss_family == AF_INET)
		((struct sockaddr_in *)a)->sin_port = htons((uint16_t)port);
	else if (a->ss_family == AF_INET6)
		((struct sockaddr_in6 *)a)->sin6_port = htons((uint16_t)port);
}

struct connect *connect_start(struct loop *l, const struct addrinfo *at, unsigned port,
			      void (*done)(void *ctx, int fd, int error), void *ctx)
{
	struct connect *c = xcalloc(1, sizeof *c);
	struct sockaddr_storage to = {0};

	assert(at->ai_addrlen <= sizeof to);
	memcpy(&to, at->ai_addr, at->ai_addrlen);
	if (port)
		set_port(&to, port);
	c->done = done;
	c->ctx = ctx;
	c->fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, at->ai_addrlen))
		c->error = errno;
	if (c->error == EINPROGRESS) {
		c->error = 0;
		c->watch = loop_watch(l, c->fd, LOOP_WRITE, on_ready, c);
	} else {
		c->now = loop_timer_new(l, on_now, c);
		loop_timer_set(c->now, 0);
	}
	return c;
}

void connect_free(struct connect *c)
{
	if (!c)
		return;
	loop_unwatch(c->watch);
	loop_timer_free(c->now);
	if (c->fd >= 0)
		close(c->fd);
	free(c);
}
