/* Listening. A connection is a newcomer until its first bytes tell what it speaks: they are looked at and left in the
 * socket. With credentials it stays one until its TLS handshake is over, so that nobody reaches the handler who has not
 * proved that he may:
 *
 *   first bytes ─┬─ "MSTR" ─► a peer, or refused in words where we have credentials
 *                ├─ TLS ────► handshake ─► admitted ─► a peer, or refused in words
 *                └─ else ───► the diversion, or closed
 *
 * A newcomer has little time and little memory, and when there are too many, the oldest goes: silence cannot shut
 * the door. */
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/address.h"
#include "net/peer_impl.h"
#include "net/stranger.h"
#include "net/tls.h"
#include "net/tls_stream.h"
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
	NEWCOMER_MS = 60000, /* for the first bytes, of old clients too */
	HANDSHAKE_MS =
	    10000, /* with credentials: for the first bytes, and then for the handshake */
	GOODBYE_MS = 3000, /* for reading why it was refused */
	NEWCOMER_AGAIN_MS = 50,
	NEWCOMERS_MAX = 4096,
	HANDSHAKES_MAX = 256, /* of them: with a handshake under way, some 50 kB each */
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
	nsec
	    until; /* when it must have said what it speaks, ended its handshake, or gone */
	struct tls_stream *stream; /* its handshake, or NULL */
	struct buf plain;          /* what came behind the handshake's end */
};

struct peer_server {
	struct newcomer *newcomers; /* the oldest first */
	unsigned nnewcomers, nhandshakes;
	struct loop_timer *again;
	void (*other)(void *ctx, int fd, const struct sockaddr *from); /* or NULL */
	void *other_ctx;
	void (*enrol)(void *ctx, int fd, struct tls_stream *, const struct buf *early,
		      const struct sockaddr *from); /* or NULL */
	void *enrol_ctx;
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

static void welcome(struct peer_server *s, int fd, const struct sockaddr *from,
		    struct tls_stream *stream, const struct buf *early)
{
	char text[ADDRESS_TEXT];
	struct peer *p = peer_accept(s->loop, fd, &s->self, &s->handler, stream);
	void *ctx = s->accept(s->ctx, p, address_text(from, text));

	if (!ctx) {
		peer_close(p);
		return;
	}
	peer_set_ctx(p, ctx);
	peer_greet(p);
	if (early)
		peer_take_early(p, early);
}

static void newcomer_end_tls(struct newcomer *n)
{
	if (!n->stream)
		return;
	tls_stream_free(n->stream);
	n->stream = NULL;
	n->server->nhandshakes--;
}

/* Frees N and returns its socket. */
static int newcomer_leave(struct newcomer *n)
{
	int fd = n->fd;

	newcomer_end_tls(n);
	DL_DELETE(n->server->newcomers, n);
	n->server->nnewcomers--;
	loop_unwatch(n->watch);
	loop_timer_free(n->timer);
	buf_free(&n->plain);
	free(n);
	return fd;
}

static void newcomer_close(struct newcomer *n)
{
	close(newcomer_leave(n));
}

static void wait_for(struct newcomer *n, int ms, void (*ready)(void *ctx, unsigned got))
{
	n->until = loop_now() + LOOP_MS(ms);
	loop_timer_set(n->timer, LOOP_MS(ms));
	loop_unwatch(n->watch);
	n->watch = loop_watch(n->server->loop, n->fd, LOOP_READ, ready, n);
}

/* The first bytes that we ever send there, and few: the socket has room, or something is wrong. */
static int newcomer_send(const struct newcomer *n, const struct buf *b)
{
	ssize_t sent =
	    b->len ? send(n->fd, b->data, b->len, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;

	return sent == (ssize_t)b->len ? 0 : -1;
}

/* Closed while something unread lies in it, a socket would take back what it has just been told. */
static void on_goodbye(void *ctx, unsigned got)
{
	struct newcomer *n = ctx;
	char dropped[4096];
	ssize_t have = recv(n->fd, dropped, sizeof dropped, MSG_DONTWAIT);

	(void)got;
	if (have == 0 || (have < 0 && errno != EAGAIN && errno != EINTR))
		newcomer_close(n);
}

/* Tells it WHY, in the clear or inside its TLS, and lets it go. */
static void refuse(struct newcomer *n, const char *why)
{
	char text[ADDRESS_TEXT];
	AUTO_BUF struct buf b = {0}, sealed = {0};

	stranger_line(LOG_NOTICE, address_text((struct sockaddr *)&n->from, text),
		      "turned away: %s", why);
	buf_add(&b, MESSAGE_PREFACE_BYTES, MESSAGE_PREFACE);
	message_put_refused(&b, &(struct message_refused){why});
	if (n->stream)
		tls_stream_put(n->stream, b.data, b.len, &sealed);
	if (newcomer_send(n, n->stream ? &sealed : &b)) {
		newcomer_close(n);
		return;
	}
	newcomer_end_tls(n);
	shutdown(n->fd, SHUT_WR);
	wait_for(n, GOODBYE_MS, on_goodbye);
}

/* N's handshake is over. */
static void admit(struct newcomer *n)
{
	struct peer_server *s = n->server;
	struct sockaddr_storage from = n->from;
	struct tls_stream *stream = n->stream;
	AUTO_BUF struct buf early = n->plain;
	bool enrols = tls_stream_purpose(stream) == TLS_ENROL;
	struct err e = {0};

	n->plain = (struct buf){0};
	if (!enrols && tls_admit(s->self.tls, stream, s->self.admits, &e)) {
		refuse(n, e.text);
		return;
	}
	n->stream = NULL;
	s->nhandshakes--;
	int fd = newcomer_leave(n);

	if (enrols)
		s->enrol(s->enrol_ctx, fd, stream, &early, (struct sockaddr *)&from);
	else
		welcome(s, fd, (struct sockaddr *)&from, stream, &early);
}

static void on_handshake(void *ctx, unsigned got)
{
	struct newcomer *n = ctx;
	char bytes[4096], text[ADDRESS_TEXT];
	ssize_t have = recv(n->fd, bytes, sizeof bytes, MSG_DONTWAIT);
	AUTO_BUF struct buf out = {0};
	struct err e = {0};

	(void)got;
	if (have < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (have <= 0) {
		newcomer_close(n);
		return;
	}
	int r = tls_stream_take(n->stream, bytes, (size_t)have, &n->plain, &out, &e);

	if (newcomer_send(n, &out)) {
		newcomer_close(n);
	} else if (r) {
		stranger_line(LOG_NOTICE, address_text((struct sockaddr *)&n->from, text),
			      "turned away: %s", e.text);
		newcomer_end_tls(n);
		shutdown(n->fd, SHUT_WR);
		wait_for(n, GOODBYE_MS, on_goodbye);
	} else if (tls_stream_ready(n->stream)) {
		admit(n);
	}
}

static void shake_hands(struct newcomer *n)
{
	struct peer_server *s = n->server;

	if (s->nhandshakes >= HANDSHAKES_MAX) {
		struct newcomer *oldest = s->newcomers;

		while (!oldest->stream)
			oldest = oldest->next;
		newcomer_close(oldest);
	}
	s->nhandshakes++;
	n->stream = tls_stream_answer(s->self.tls, s->enrol != NULL);
	wait_for(n, HANDSHAKE_MS, on_handshake);
}

static void newcomer_turn_away(struct newcomer *n, const char *why)
{
	char text[ADDRESS_TEXT];

	stranger_line(LOG_NOTICE, address_text((struct sockaddr *)&n->from, text),
		      "turned away: %s", why);
	newcomer_close(n);
}

static const char *why_not_plain(const struct peer_server *s)
{
	return tls_is_farm(s->self.tls)
		   ? "this farm wants a token: run 'muster join TOKEN' ('muster farm token' "
		     "makes one, where the farm was made)"
		   : "this machine wants a key: put a copy of its key file at "
		     "~/.config/muster/key, or name one in MUSTER_KEY_FILE";
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
	bool muster = have == MESSAGE_PREFACE &&
		      memcmp(first, MESSAGE_PREFACE_BYTES, MESSAGE_PREFACE) == 0;
	bool tls = have > 0 && tls_stream_begins((unsigned char)first[0]);

	if (have <= 0)
		newcomer_close(n);
	else if (tls && s->self.tls)
		shake_hands(n);
	else if (tls)
		refuse(n, "it came with a key or certificate, and there is none here");
	else if (muster && s->self.tls)
		refuse(n, why_not_plain(s));
	else if (muster)
		welcome(s, newcomer_leave(n), (struct sockaddr *)&from, NULL, NULL);
	else if (s->other)
		s->other(s->other_ctx, newcomer_leave(n), (struct sockaddr *)&from);
	else
		newcomer_turn_away(n, "what it speaks is not muster's protocol");
}

static void on_newcomer_time(void *ctx)
{
	struct newcomer *n = ctx;
	nsec now = loop_now();

	if (n->watch || now >= n->until) {
		newcomer_close(n);
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
		stranger_line(
		    LOG_WARNING, address_text(from, text),
		    "turned away: it is not on the list of who may connect (--allow)");
		close(fd);
		return;
	}
	if (s->nnewcomers >= NEWCOMERS_MAX)
		newcomer_close(s->newcomers);
	struct newcomer *n = xcalloc(1, sizeof *n);

	n->server = s;
	n->fd = fd;
	memcpy(&n->from, from, (size_t)len);
	DL_APPEND(s->newcomers, n);
	s->nnewcomers++;
	n->timer = loop_timer_new(s->loop, on_newcomer_time, n);
	wait_for(n, s->self.tls ? HANDSHAKE_MS : NEWCOMER_MS, on_first_bytes);
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

void peer_server_enrol(struct peer_server *s,
		       void (*enrol)(void *ctx, int fd, struct tls_stream *,
				     const struct buf *early, const struct sockaddr *from),
		       void *ctx)
{
	s->enrol = enrol;
	s->enrol_ctx = ctx;
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
		newcomer_close(s->newcomers);
	free(s);
}
