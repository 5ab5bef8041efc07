/* A connection is made and closed again, without a word. One that fails is tried again soon: a host is taken for dead after
 * FAILURES in a row, so that one lost packet does not cost its leases. */
#include "scheduler/probe.h"

#include "base/err.h"
#include "base/mem.h"
#include "net/address.h"
#include "sys/loop.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	FAILURES = 2
};

static const nsec every = LOOP_MS(20000), again = LOOP_MS(2000), limit = LOOP_MS(5000);

struct probe {
	struct loop *loop;
	struct addrinfo *addresses;
	void (*changed)(void *ctx, bool listens, const char *why);
	void *ctx;
	int fd; /* while connecting, or -1 */
	struct loop_watch *watch;
	struct loop_timer *timer; /* the next look; or the end of one that takes too long */
	unsigned failures;
	bool known, listens;
};

static void finish(struct probe *p, int error)
{
	loop_unwatch(p->watch);
	p->watch = NULL;
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
	p->failures = error ? p->failures + 1 : 0;
	bool listens = !error;

	loop_timer_set(p->timer, error && p->failures < FAILURES ? again : every);
	if (!listens && p->failures < FAILURES && (p->known && p->listens))
		return;
	if (p->known && p->listens == listens)
		return;
	p->known = true;
	p->listens = listens;
	p->changed(p->ctx, listens, listens ? "" : strerror(error));
}

static void on_ready(void *ctx, unsigned got)
{
	struct probe *p = ctx;
	int error = 0;
	socklen_t n = sizeof error;

	(void)got;
	if (getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &n))
		error = errno;
	finish(p, error);
}

static void on_timer(void *ctx)
{
	struct probe *p = ctx;
	const struct addrinfo *a = p->addresses;

	if (p->fd >= 0) {
		finish(p, ETIMEDOUT);
		return;
	}
	p->fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (p->fd < 0) {
		loop_timer_set(p->timer, every); /* our own trouble, not its */
		return;
	}
	if (connect(p->fd, a->ai_addr, a->ai_addrlen) && errno != EINPROGRESS) {
		finish(p, errno);
		return;
	}
	p->watch = loop_watch(p->loop, p->fd, LOOP_WRITE, on_ready, p);
	loop_timer_set(p->timer, limit);
}

struct probe *probe_start(struct loop *l, const char *address,
			  void (*changed)(void *ctx, bool listens, const char *why),
			  void *ctx, struct err *e)
{
	struct addrinfo *addresses = address_resolve(address, false, e);

	if (!addresses)
		return NULL;
	struct probe *p = xcalloc(1, sizeof *p);

	p->loop = l;
	p->addresses = addresses;
	p->changed = changed;
	p->ctx = ctx;
	p->fd = -1;
	p->timer = loop_timer_new(l, on_timer, p);
	loop_timer_set(p->timer, 0);
	return p;
}

void probe_free(struct probe *p)
{
	if (!p)
		return;
	loop_unwatch(p->watch);
	if (p->fd >= 0)
		close(p->fd);
	loop_timer_free(p->timer);
	freeaddrinfo(p->addresses);
	free(p);
}
