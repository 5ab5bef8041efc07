/* Listening. Without a diversion each connection is a peer at once; with one it is a newcomer until its first bytes tell
 * what it speaks: they are looked at and left in the socket. */
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/address.h"
#include "net/peer.h"
#include "sys/loop.h"
#include "wire/message.h"

#include <errno.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

enum {
	NEWCOMER_MS = 60000,
	NEWCOMER_AGAIN_MS = 50,
	NEWCOMERS_MAX = 4096,
	REST_MS = 1000
};

/* A connection that has not yet said what it speaks. */
struct newcomer {
	struct newcomer *prev, *next; /* utlist, of the server */
	struct peer_server *server;
	int fd;
	struct sockaddr_storage from;
	struct loop_watch *watch;
	struct loop_timer *timer;
	nsec until; /* when it must have said what it speaks */
};

struct peer_server {
	struct newcomer *newcomers;
	unsigned nnewcomers;
	struct loop_timer *again;
	void (*other)(void *ctx, int fd, const struct sockaddr *from); /* or NULL */
	void *other_ctx;
	bool (*admitted)(void *ctx, const struct sockaddr *from); /* or NULL: all */
	void *admitted_ctx;
	struct loop *loop;
	struct evconnlistener *listener;
	struct peer_self self;
	struct peer_handler handler;
	void *(*accept)(void *ctx, struct peer *, const char *from);
	void *ctx;
	char address[ADDRESS_TEXT];
};

static void welcome(struct peer_server *s, int fd, const struct sockaddr *from)
{
	char text[ADDRESS_TEXT];
	struct peer *p = peer_adopt(s->loop, fd, &s->self, &s->handler, NULL);
	void *ctx = s->accept(s->ctx, p, address_text(from, text));

	if (ctx)
		peer_set_ctx(p, ctx);
	else
		peer_close(p);
}

/* Frees N and returns its socket. */
static int newcomer_leave(struct newcomer *n)
{
	int fd = n->fd;

	DL_DELETE(n->server->newcomers, n);
	n->server->nnewcomers--;
	loop_unwatch(n->watch);
	loop_timer_free(n->timer);
	free(n);
	return fd;
}

static void on_first_bytes(void *ctx, unsigned got)
{
	struct newcomer *n = ctx;
	struct peer_server *s = n->server;
	struct sockaddr_storage from = n->from;
	char first[MESSAGE_PREFACE];
	ssize_t have = recv(n->fd, first, MESSAGE_PREFACE, MSG_PEEK | MSG_DONTWAIT);

	(void)got;
	if (have < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (have > 0 && have < (ssize_t)MESSAGE_PREFACE &&
	    memcmp(first, MESSAGE_PREFACE_BYTES, (size_t)have) == 0) {
		/* More will come, but a watch would fire without end until then. */
		loop_unwatch(n->watch);
		n->watch = NULL;
		loop_timer_set(n->timer, LOOP_MS(NEWCOMER_AGAIN_MS));
		return;
	}
	int fd = newcomer_leave(n);

	if (have <= 0)
		close(fd);
	else if (have == MESSAGE_PREFACE &&
		 memcmp(first, MESSAGE_PREFACE_BYTES, MESSAGE_PREFACE) == 0)
		welcome(s, fd, (struct sockaddr *)&from);
	else
		s->other(s->other_ctx, fd, (struct sockaddr *)&from);
}

static void on_newcomer_time(void *ctx)
{
	struct newcomer *n = ctx;
	nsec now = loop_now();

	if (now >= n->until) {
		close(newcomer_leave(n));
		return;
	}
	n->watch = loop_watch(n->server->loop, n->fd, LOOP_READ, on_first_bytes, n);
	loop_timer_set(n->timer, n->until - now);
}

/* No descriptor is left, as a rule: whoever waits stays in the kernel's line meanwhile. */
static void on_accept_error(struct evconnlistener *listener, void *ctx)
{
	struct peer_server *s = ctx;

	log_line(LOG_WARNING, "no connection can be accepted for a moment: %s",
		 strerror(errno));
	evconnlistener_disable(listener);
	loop_timer_set(s->again, LOOP_MS(REST_MS));
}

static void on_again(void *ctx)
{
	struct peer_server *s = ctx;

	evconnlistener_enable(s->listener);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd,
		      struct sockaddr *from, int len, void *ctx)
{
	struct peer_server *s = ctx;
	char text[ADDRESS_TEXT];

	(void)listener;
	if (s->admitted && !s->admitted(s->admitted_ctx, from)) {
		log_line(
		    LOG_WARNING,
		    "client=%s turned away: it is not on the list of who may connect (--allow)",
		    address_text(from, text));
		close(fd);
		return;
	}
	if (s->nnewcomers >= NEWCOMERS_MAX) {
		close(fd);
		return;
	}
	if (!s->other) {
		welcome(s, fd, from);
		return;
	}
	struct newcomer *n = xcalloc(1, sizeof *n);

	n->server = s;
	n->fd = fd;
	memcpy(&n->from, from, (size_t)len);
	DL_APPEND(s->newcomers, n);
	s->nnewcomers++;
	n->until = loop_now() + LOOP_MS(NEWCOMER_MS);
	n->watch = loop_watch(s->loop, fd, LOOP_READ, on_first_bytes, n);
	n->timer = loop_timer_new(s->loop, on_newcomer_time, n);
	loop_timer_set(n->timer, LOOP_MS(NEWCOMER_MS));
}

void peer_server_admit(struct peer_server *s,
		       bool (*admitted)(void *ctx, const struct sockaddr *from), void *ctx)
{
	s->admitted = admitted;
	s->admitted_ctx = ctx;
}

void peer_server_divert(struct peer_server *s,
			void (*other)(void *ctx, int fd, const struct sockaddr *from),
			void *ctx)
{
	s->other = other;
	s->other_ctx = ctx;
}

struct peer_server *peer_listen(struct loop *l, const char *address,
				const struct peer_self *self,
				const struct peer_handler *handler,
				void *(*accept)(void *ctx, struct peer *, const char *from),
				void *ctx, struct err *e)
{
	enum {
		BACKLOG = 512
	};
	struct addrinfo *list = address_resolve(address, true, e);

	if (!list)
		return NULL;
	struct peer_server *s = xcalloc(1, sizeof *s);

	*s = (struct peer_server){
	    .loop = l, .self = *self, .handler = *handler, .accept = accept, .ctx = ctx};
	s->listener = evconnlistener_new_bind(
	    loop_base(l), on_accept, s,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE, BACKLOG,
	    list->ai_addr, (int)list->ai_addrlen);
	freeaddrinfo(list);
	if (!s->listener) {
		err_set(e, errno, "listen on %s", address);
		free(s);
		return NULL;
	}
	evconnlistener_set_error_cb(s->listener, on_accept_error);
	s->again = loop_timer_new(l, on_again, s);
	struct sockaddr_storage real;
	socklen_t n = sizeof real;

	getsockname(evconnlistener_get_fd(s->listener), (struct sockaddr *)&real, &n);
	address_text((struct sockaddr *)&real, s->address);
	return s;
}

const char *peer_server_address(const struct peer_server *s)
{
	return s->address;
}

void peer_server_free(struct peer_server *s)
{
	if (!s)
		return;
	evconnlistener_free(s->listener);
	loop_timer_free(s->again);
	while (s->newcomers)
		close(newcomer_leave(s->newcomers));
	free(s);
}
