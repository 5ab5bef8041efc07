/* A peer: bufferevent below, frames above.
 *
 *   socket ─► raw bytes ─► [TLS] ─► [zstd reader] ─► frames ─► handler
 *   peer_send ─► [zstd writer, flushed once a turn] ─► [TLS] ─► socket, or bufferevent for what it does not take
 *
 * A bufferevent would read 4 KiB a turn of the loop, and write 16: it only dials, and holds what waits.
 * Invariant: IN holds less than one frame plus one read; OUT is bounded by its users, who ask
 * peer_backlog before they produce bulk. Failure of any kind ends in exactly one down(). */
#include "net/peer.h"

#include "base/err.h"
#include "base/mem.h"
#include "net/address.h"
#include "net/peer_impl.h"
#include "net/tls.h"
#include "net/tls_stream.h"
#include "sys/loop.h"
#include "wire/message.h"
#include "wire/pack.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	READ_SIZE = 64 << 10,
	WRITE_MAX = 256 << 10
};

static void peer_free(struct peer *p)
{
	loop_unwatch(p->reading);
	if (p->bev)
		bufferevent_free(p->bev);
	if (p->addresses)
		freeaddrinfo(p->addresses);
	loop_timer_free(p->timer);
	loop_timer_free(p->flush);
	pack_reader_free(p->reader);
	pack_writer_free(p->writer);
	tls_stream_free(p->stream);
	buf_free(&p->in);
	free(p->place);
	free(p);
}

static void leave(struct peer *p)
{
	if (--p->busy == 0 && p->dead)
		peer_free(p);
}

static void go_down(struct peer *p)
{
	if (p->dead)
		return;
	p->dead = true;
	p->busy++;
	p->handler.down(p->ctx, p, &p->why);
	leave(p);
}

void peer_close(struct peer *p)
{
	p->dead = true;
	p->busy++;
	leave(p);
}

/* What the socket does not take at once waits; its errors are told there, too. */
static void send_raw(struct peer *p, const void *bytes, size_t n)
{
	ssize_t sent = 0;

	p->bytes_out += n;
	if (p->reading && peer_backlog(p) == 0)
		sent =
		    send(bufferevent_getfd(p->bev), bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0)
		sent = 0;
	if ((size_t)sent < n)
		bufferevent_write(p->bev, (const char *)bytes + sent, n - (size_t)sent);
}

static void send_now(struct peer *p, const void *bytes, size_t n)
{
	AUTO_BUF struct buf sealed = {0};

	if (!p->stream) {
		send_raw(p, bytes, n);
		return;
	}
	tls_stream_put(p->stream, bytes, n, &sealed);
	send_raw(p, sealed.data, sealed.len);
}

static void on_flush(void *ctx)
{
	struct peer *p = ctx;
	AUTO_BUF struct buf packed = {0};

	if (!p->unflushed || p->dead)
		return;
	p->unflushed = false;
	pack_write(p->writer, NULL, 0, 1, &packed);
	send_now(p, packed.data, packed.len);
}

void peer_send(struct peer *p, struct buf *b)
{
	if (p->dead || b->len == 0) {
		b->len = 0;
		return;
	}
	if (p->up && p->features & WIRE_FEATURE_ZSTD) {
		AUTO_BUF struct buf packed = {0};

		if (!p->writer)
			p->writer = pack_writer_new();
		pack_write(p->writer, b->data, b->len, 0, &packed);
		if (packed.len)
			send_now(p, packed.data, packed.len);
		if (!p->flush)
			p->flush = loop_timer_new(p->loop, on_flush, p);
		if (!p->unflushed)
			loop_timer_set(p->flush, 0);
		p->unflushed = true;
	} else {
		send_now(p, b->data, b->len);
	}
	b->len = 0;
}

size_t peer_backlog(const struct peer *p)
{
	return p->dead ? 0 : evbuffer_get_length(bufferevent_get_output(p->bev));
}

uint64_t peer_bytes_out(const struct peer *p)
{
	return p->bytes_out;
}

int64_t peer_rtt(const struct peer *p)
{
	return p->rtt;
}

uint64_t peer_bytes_in(const struct peer *p)
{
	return p->bytes_in;
}

static void say_hello(struct peer *p)
{
	AUTO_BUF struct buf b = {0};
	struct message_hello hello = {
	    .version_min = WIRE_VERSION_MIN,
	    .version_max = WIRE_VERSION,
	    .features =
		p->local && !p->self.compress_always ? 0 : (uint64_t)WIRE_FEATURE_ZSTD,
	    .software = "muster " MUSTER_VERSION,
	    .name = p->self.name,
	    .slots = p->self.slots,
	    .confined = p->self.confined,
	    .unconfined_why = p->self.unconfined_why,
	};

	p->features = hello.features;
	p->connected = true;
	buf_add(&b, MESSAGE_PREFACE_BYTES, MESSAGE_PREFACE);
	message_put_hello(&b, &hello);
	peer_send(p, &b);
}

/* Who dials with TLS and is answered without. */
static int look_at_first(struct peer *p, unsigned char first)
{
	enum {
		ALERT = 0x15
	};

	p->began = true;
	p->encrypts = tls_stream_begins(first) || first == ALERT;
	p->plain = first == MESSAGE_PREFACE_BYTES[0];
	if (p->plain)
		return err_set(
		    &p->why, 0,
		    "it has no key or certificate: it speaks without encryption");
	return p->encrypts
		   ? 0
		   : err_set(&p->why, EPROTO, "it does not speak muster's protocol");
}

static int take_sealed(struct peer *p, const char *bytes, size_t n)
{
	AUTO_BUF struct buf plain = {0}, out = {0};
	bool talks = tls_stream_ready(p->stream); /* it has proved who it is */

	if (!p->began && look_at_first(p, (unsigned char)bytes[0]))
		return -1;
	int r = tls_stream_take(p->stream, bytes, n, &plain, &out, &p->why);

	if (r == 0)
		send_raw(p, out.data, out.len);
	else if (out.len && peer_backlog(p) == 0) /* nobody will flush it any more */
		send(bufferevent_getfd(p->bev), out.data, out.len,
		     MSG_DONTWAIT | MSG_NOSIGNAL);
	if (r == 0 && !talks && tls_stream_ready(p->stream)) {
		r = tls_admit(p->self.tls, p->stream, p->self.admits, &p->why);
		talks = r == 0;
		if (talks)
			say_hello(p);
	}
	p->refused |= r != 0 && !p->up;
	/* What it said before the end counts, and may tell more of it. */
	if (plain.len && talks && peer_take_bytes(p, plain.data, plain.len))
		r = -1;
	return r;
}

/* The connection is at its end, or broken: CODE. */
static void on_end(struct peer *p, int code)
{
	if (code)
		err_set(&p->why, code, "the connection broke");
	else
		err_set(&p->why, 0,
			p->up ? "it closed the connection"
			      : "it closed the connection at once");
	go_down(p);
}

void peer_lives(struct peer *p)
{
	p->heard = loop_now();
	p->unframed = 0;
}

static void on_readable(void *ctx, unsigned got)
{
	enum {
		PROGRESS = 1024 /* bytes of a long message that show it is on its way */
	};
	struct peer *p = ctx;
	char chunk[READ_SIZE];
	ssize_t n = recv(bufferevent_getfd(p->bev), chunk, sizeof chunk, MSG_DONTWAIT);

	(void)got;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	p->busy++;
	if (n <= 0) {
		on_end(p, n < 0 ? errno : 0);
	} else {
		p->bytes_in += (uint64_t)n;
		p->unframed += (size_t)n;
		if (!p->prefaced || p->unframed >= PROGRESS)
			peer_lives(p);
		if (p->stream ? take_sealed(p, chunk, (size_t)n)
			      : peer_take_bytes(p, chunk, (size_t)n))
			go_down(p);
	}
	leave(p);
}

static void on_write(struct bufferevent *bev, void *ctx)
{
	struct peer *p = ctx;

	(void)bev;
	p->busy++;
	if (p->up && !p->dead && p->handler.drained)
		p->handler.drained(p->ctx, p);
	leave(p);
}

static void on_event(struct bufferevent *bev, short what, void *ctx);

static void attach(struct peer *p, int fd)
{
	p->bev = bufferevent_socket_new(loop_base(p->loop), fd, BEV_OPT_CLOSE_ON_FREE);
	if (!p->bev)
		abort();
	bufferevent_setcb(p->bev, NULL, on_write, on_event, p);
	bufferevent_setwatermark(p->bev, EV_WRITE, PEER_LOW, 0);
	bufferevent_set_max_single_write(p->bev, WRITE_MAX);
	bufferevent_enable(p->bev, EV_WRITE);
}

/* The socket stands. */
static void connected(struct peer *p)
{
	int fd = bufferevent_getfd(p->bev), one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	p->reading = loop_watch(p->loop, fd, LOOP_READ, on_readable, p);
}

/* Tries the next address; -1 when there is none left. */
static int dial_next(struct peer *p)
{
	while (p->next_address) {
		struct addrinfo *a = p->next_address;

		p->next_address = a->ai_next;
		if (p->bev)
			bufferevent_free(p->bev);
		attach(p, -1);
		p->local = address_is_loopback(a->ai_addr);
		if (bufferevent_socket_connect(p->bev, a->ai_addr, (int)a->ai_addrlen) == 0)
			return 0;
		err_set(&p->why, errno, "connect");
	}
	return -1;
}

/* We dialled, and the connection stands: our first bytes. */
static void begin(struct peer *p)
{
	AUTO_BUF struct buf out = {0}, plain = {0};

	if (!p->self.tls) {
		say_hello(p);
		return;
	}
	p->connected = true;
	p->stream = tls_stream_dial(p->self.tls, TLS_MUSTER, p->place);
	if (tls_stream_take(p->stream, NULL, 0, &plain, &out, &p->why))
		abort(); /* nothing has come that could be wrong */
	send_raw(p, out.data, out.len);
}

static void on_event(struct bufferevent *bev, short what, void *ctx)
{
	struct peer *p = ctx;

	(void)bev;
	p->busy++;
	if (what & BEV_EVENT_CONNECTED) {
		p->heard = loop_now();
		connected(p);
		begin(p);
	} else if (p->connected && what & (BEV_EVENT_ERROR | BEV_EVENT_EOF)) {
		on_end(p, what & BEV_EVENT_EOF ? 0 : EVUTIL_SOCKET_ERROR());
	} else if (what & (BEV_EVENT_ERROR | BEV_EVENT_EOF | BEV_EVENT_TIMEOUT)) {
		err_set(&p->why, EVUTIL_SOCKET_ERROR(), "connect");
		if (dial_next(p))
			go_down(p);
	}
	leave(p);
}

static void on_timer(void *ctx)
{
	struct peer *p = ctx;
	nsec limit = LOOP_MS(p->self.timeout_ms), now = loop_now();

	p->busy++;
	if (now - p->looked >= limit / 2)
		p->heard = now; /* it was we who slept */
	p->looked = now;
	if (!p->bev) {
		/* A dial that failed at once is told from the loop, as promised. */
		go_down(p);
	} else if (now - p->heard >= limit) {
		err_set(&p->why, ETIMEDOUT,
			p->connected ? "silent for %d ms" : "no connection within %d ms",
			p->self.timeout_ms);
		go_down(p);
	} else if (p->up && p->stream && tls_stands(p->self.tls, p->stream, &p->why)) {
		go_down(p);
	} else {
		if (p->up && now - p->heard >= limit / 3) {
			AUTO_BUF struct buf b = {0};

			message_put_ping(&b, &(struct message_ping){(uint64_t)now});
			peer_send(p, &b);
		}
		loop_timer_set(p->timer, limit / 6);
	}
	leave(p);
}

static struct peer *peer_new(struct loop *l, const struct peer_self *self,
			     const struct peer_handler *handler)
{
	struct peer *p = xcalloc(1, sizeof *p);

	p->loop = l;
	p->self = *self;
	p->handler = *handler;
	p->heard = p->looked = loop_now();
	p->timer = loop_timer_new(l, on_timer, p);
	loop_timer_set(p->timer, LOOP_MS(self->timeout_ms) / 6);
	return p;
}

struct peer *peer_dial(struct loop *l, const char *address, const struct peer_self *self,
		       const struct peer_handler *handler, void *ctx, struct err *e)
{
	struct addrinfo *list = address_resolve(address, false, e);

	if (!list)
		return NULL;
	struct peer *p = peer_new(l, self, handler);

	p->ctx = ctx;
	p->place = xstrdup(address);
	p->addresses = p->next_address = list;
	if (dial_next(p)) {
		if (p->bev)
			bufferevent_free(p->bev);
		p->bev = NULL;
		loop_timer_set(p->timer, 0);
	}
	return p;
}

/* A peer on the connected socket FD that has said nothing yet. */
static struct peer *adopt(struct loop *l, int fd, const struct peer_self *self,
			  const struct peer_handler *handler, void *ctx)
{
	struct peer *p = peer_new(l, self, handler);
	struct sockaddr_storage other;
	socklen_t n = sizeof other;

	p->ctx = ctx;
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	attach(p, fd);
	connected(p);
	p->local = getpeername(fd, (struct sockaddr *)&other, &n) == 0 &&
		   address_is_loopback((struct sockaddr *)&other);
	return p;
}

struct peer *peer_adopt(struct loop *l, int fd, const struct peer_self *self,
			const struct peer_handler *handler, void *ctx)
{
	struct peer *p = adopt(l, fd, self, handler, ctx);

	begin(p);
	return p;
}

struct peer *peer_accept(struct loop *l, int fd, const struct peer_self *self,
			 const struct peer_handler *handler, struct tls_stream *stream)
{
	struct peer *p = adopt(l, fd, self, handler, NULL);

	p->stream = stream;
	p->began = p->encrypts = stream != NULL;
	return p;
}

void peer_greet(struct peer *p)
{
	say_hello(p);
}

void peer_take_early(struct peer *p, const struct buf *early)
{
	p->busy++;
	if (early->len && peer_take_bytes(p, early->data, early->len))
		go_down(p);
	leave(p);
}

void peer_set_ctx(struct peer *p, void *ctx)
{
	p->ctx = ctx;
}

bool peer_is_foreign(const struct peer *p)
{
	return p->connected && !p->prefaced && !p->encrypts && !p->plain &&
	       p->why.code != ETIMEDOUT;
}

bool peer_is_plain(const struct peer *p)
{
	return p->plain;
}

bool peer_is_refused(const struct peer *p)
{
	return p->refused;
}

bool peer_is_local(const struct peer *p)
{
	return p->local;
}

bool peer_is_resumed(const struct peer *p)
{
	return p->stream && tls_stream_resumed(p->stream);
}

const struct tls_who *peer_who(const struct peer *p)
{
	return p->stream ? tls_stream_who(p->stream) : NULL;
}
