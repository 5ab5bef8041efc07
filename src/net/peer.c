/* A peer: bufferevent below, frames above.
 *
 *   socket ─► raw bytes ─► [zstd reader] ─► frames ─► handler
 *   peer_send ─► [zstd writer, flushed once a turn] ─► bufferevent ─► socket
 *
 * Invariant: IN holds less than one frame plus one read; OUT is bounded by its users, who ask
 * peer_backlog before they produce bulk. Failure of any kind ends in exactly one down(). */
#include "net/peer.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/address.h"
#include "sys/loop.h"
#include "wire/frame.h"
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

struct peer {
	struct loop *loop;
	struct bufferevent *bev;
	struct peer_handler handler;
	void *ctx;
	struct peer_self self;
	struct addrinfo *addresses, *next_address; /* dialling: those not tried yet */
	bool connected; /* the socket stands; preface and HELLO are on their way */
	bool prefaced;  /* theirs has come */
	bool up;        /* HELLOs have crossed */
	bool local;     /* loopback: not worth compressing */
	bool dead; /* closed or down; freed when the callback that is running returns */
	int busy;  /* callbacks of ours on the stack */
	uint64_t features; /* what both sides have */
	struct buf in;     /* plain bytes, from a frame's beginning */
	struct pack_reader *reader;
	struct pack_writer *writer;
	bool unflushed; /* the writer holds bytes */
	uint64_t bytes_in, bytes_out;
	nsec heard;  /* when a byte last came */
	nsec looked; /* when the timer last looked */
	struct loop_timer *timer, *flush;
	struct err why; /* for down() */
};

static void peer_free(struct peer *p)
{
	if (p->bev)
		bufferevent_free(p->bev);
	if (p->addresses)
		freeaddrinfo(p->addresses);
	loop_timer_free(p->timer);
	loop_timer_free(p->flush);
	pack_reader_free(p->reader);
	pack_writer_free(p->writer);
	buf_free(&p->in);
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

static void send_now(struct peer *p, const void *bytes, size_t n)
{
	p->bytes_out += n;
	bufferevent_write(p->bev, bytes, n);
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

static int take_hello(struct peer *p, const struct frame *f)
{
	struct message_hello hello;
	struct arena *a = arena_new();
	int r = 0;

	if (f->type != MESSAGE_HELLO || message_get_hello(&hello, a, f->payload, f->n)) {
		r = err_set(&p->why, EPROTO, "its first message is no HELLO");
	} else if (hello.version_min > WIRE_VERSION ||
		   hello.version_max < WIRE_VERSION_MIN) {
		r = err_set(
		    &p->why, 0,
		    "it speaks protocol %u to %u and we speak %d to %d: update the older side",
		    hello.version_min, hello.version_max, WIRE_VERSION_MIN, WIRE_VERSION);
	} else {
		p->features &= hello.features;
		p->up = true;
		r = p->handler.up(p->ctx, p, &hello, &p->why);
	}
	arena_free(a);
	return r;
}

static int take_ping(struct peer *p, const struct frame *f)
{
	struct message_ping ping;
	struct arena *a = arena_new();
	int bad = message_get_ping(&ping, a, f->payload, f->n);

	arena_free(a);
	if (bad)
		return err_set(&p->why, EPROTO, "a malformed PING");
	if (f->type == MESSAGE_PING) {
		AUTO_BUF struct buf b = {0};

		message_put_pong(&b, &(struct message_pong){ping.nonce});
		peer_send(p, &b);
	}
	return 0;
}

/* All whole frames in IN. 0 or -1 with WHY. */
static int take_frames(struct peer *p)
{
	size_t used = 0;
	int r = 0;

	while (r == 0 && !p->dead) {
		struct frame f;
		int have = frame_first(p->in.data + used, p->in.len - used, &f);

		if (have <= 0) {
			if (have == -1)
				r = err_set(&p->why, EPROTO,
					    "a message longer than %d bytes", FRAME_MAX);
			else if (have < 0)
				r = err_set(&p->why, EPROTO,
					    "a message was damaged on its way (checksum)");
			break;
		}
		used += FRAME_HEADER + f.n;
		if (!p->up)
			r = take_hello(p, &f);
		else if (f.type == MESSAGE_PING || f.type == MESSAGE_PONG)
			r = take_ping(p, &f);
		else
			r = p->handler.message(p->ctx, p, f.type, f.payload, f.n, &p->why);
		if (r == 0 && !p->reader && p->features & WIRE_FEATURE_ZSTD && p->up)
			break; /* what follows the HELLO is compressed */
	}
	if (used)
		buf_drop(&p->in, used);
	return r;
}

/* Bytes behind the HELLO that came in one read with it belong to the compressed stream. */
static int begin_compressed(struct peer *p)
{
	enum {
		STEP = 128 << 10
	};
	struct buf rest = p->in;
	const char *at = rest.data;
	int r = 0;

	p->in = (struct buf){0};
	if (!p->reader)
		p->reader = pack_reader_new();
	for (int more = 1; more && r == 0 && !p->dead;) {
		more = pack_read(p->reader, &at, rest.data + rest.len, STEP, &p->in);
		if (more < 0)
			r = err_set(&p->why, EPROTO, "a damaged zstd stream");
		else
			r = take_frames(p);
	}
	buf_free(&rest);
	return r;
}

static int take_plain(struct peer *p)
{
	if (!p->prefaced) {
		if (p->in.len < MESSAGE_PREFACE)
			return 0;
		if (memcmp(p->in.data, MESSAGE_PREFACE_BYTES, MESSAGE_PREFACE) != 0)
			return err_set(&p->why, EPROTO,
				       "it does not speak muster's protocol");
		buf_drop(&p->in, MESSAGE_PREFACE);
		p->prefaced = true;
	}
	if (take_frames(p))
		return -1;
	if (!p->dead && p->up && p->features & WIRE_FEATURE_ZSTD && p->in.len)
		return begin_compressed(p);
	return 0;
}

static int take_packed(struct peer *p, const char *bytes, size_t n)
{
	enum {
		STEP = 128 << 10
	};

	const char *at = bytes;

	for (int more = 1; more && !p->dead;) {
		more = pack_read(p->reader, &at, bytes + n, STEP, &p->in);
		if (more < 0)
			return err_set(&p->why, EPROTO, "a damaged zstd stream");
		if (take_frames(p))
			return -1;
	}
	return 0;
}

static void on_read(struct bufferevent *bev, void *ctx)
{
	struct peer *p = ctx;
	struct evbuffer *in = bufferevent_get_input(bev);
	char chunk[32768];
	int n;
	int r = 0;

	p->busy++;
	p->heard = loop_now();
	while (r == 0 && !p->dead && (n = evbuffer_remove(in, chunk, sizeof chunk)) > 0) {
		p->bytes_in += (uint64_t)n;
		if (p->up && p->features & WIRE_FEATURE_ZSTD) {
			if (!p->reader)
				p->reader = pack_reader_new();
			r = take_packed(p, chunk, (size_t)n);
		} else {
			buf_add(&p->in, chunk, (size_t)n);
			r = take_plain(p);
		}
	}
	if (r)
		go_down(p);
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
	bufferevent_setcb(p->bev, on_read, on_write, on_event, p);
	bufferevent_setwatermark(p->bev, EV_WRITE, PEER_LOW, 0);
	bufferevent_setwatermark(p->bev, EV_READ, 0, PEER_HIGH);
	bufferevent_enable(p->bev, EV_READ | EV_WRITE);
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

static void on_event(struct bufferevent *bev, short what, void *ctx)
{
	struct peer *p = ctx;

	p->busy++;
	if (what & BEV_EVENT_CONNECTED) {
		int one = 1;

		setsockopt(bufferevent_getfd(bev), IPPROTO_TCP, TCP_NODELAY, &one,
			   sizeof one);
		p->heard = loop_now();
		say_hello(p);
	} else if (what & BEV_EVENT_EOF) {
		err_set(&p->why, 0,
			p->up ? "it closed the connection"
			      : "it closed the connection at once");
		go_down(p);
	} else if (what & (BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT)) {
		err_set(&p->why, EVUTIL_SOCKET_ERROR(),
			p->connected ? "the connection broke" : "connect");
		if (p->connected || dial_next(p))
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
	p->flush = loop_timer_new(l, on_flush, p);
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
	p->addresses = p->next_address = list;
	if (dial_next(p)) {
		if (p->bev)
			bufferevent_free(p->bev);
		p->bev = NULL;
		loop_timer_set(p->timer, 0);
	}
	return p;
}

struct peer *peer_adopt(struct loop *l, int fd, const struct peer_self *self,
			const struct peer_handler *handler, void *ctx)
{
	struct peer *p = peer_new(l, self, handler);

	struct sockaddr_storage other;
	socklen_t n = sizeof other;
	int one = 1;

	p->ctx = ctx;
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	attach(p, fd);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	p->local = getpeername(fd, (struct sockaddr *)&other, &n) == 0 &&
		   address_is_loopback((struct sockaddr *)&other);
	say_hello(p);
	return p;
}

void peer_set_ctx(struct peer *p, void *ctx)
{
	p->ctx = ctx;
}

bool peer_is_foreign(const struct peer *p)
{
	return p->connected && !p->prefaced && p->why.code != ETIMEDOUT;
}
