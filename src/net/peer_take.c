/* What comes on a peer's connection: the preface, the HELLO that settles the features, then frames, perhaps in a zstd
 * stream. Each step leaves in IN what is not yet whole. Any failure is a sentence in WHY and -1. */
#include "base/arena.h"
#include "base/err.h"
#include "net/peer_impl.h"
#include "net/tls_stream.h"
#include "wire/frame.h"
#include "wire/message.h"
#include "wire/pack.h"

#include <errno.h>
#include <string.h>

/* It told us in words why not. They end up on terminals: what those would obey is not shown. */
static int take_refused(struct peer *p, struct arena *a, const struct frame *f)
{
	struct message_refused m;

	if (message_get_refused(&m, a, f->payload, f->n))
		return err_set(&p->why, EPROTO, "a malformed REFUSED");
	p->refused = true;
	err_set(&p->why, 0, "%s", m.why);
	for (char *c = p->why.text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	return -1;
}

static int take_hello(struct peer *p, const struct frame *f)
{
	struct message_hello hello;
	struct arena *a = arena_new();
	int r = 0;

	if (f->type == MESSAGE_REFUSED) {
		r = take_refused(p, a, f);
	} else if (f->type != MESSAGE_HELLO ||
		   message_get_hello(&hello, a, f->payload, f->n)) {
		r = err_set(&p->why, EPROTO, "its first message is no HELLO");
	} else if (strlen(hello.name) > PEER_TEXT_MAX ||
		   strlen(hello.software) > PEER_TEXT_MAX ||
		   strlen(hello.unconfined_why) > PEER_TEXT_MAX) {
		r = err_set(&p->why, EPROTO, "a name of more than %d bytes in its HELLO",
			    PEER_TEXT_MAX);
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

static const nsec RTT_MAX = LOOP_MS(60000);

static int take_ping(struct peer *p, const struct frame *f)
{
	struct message_ping ping;
	struct arena *a = arena_new();
	int bad = message_get_ping(&ping, a, f->payload, f->n);

	arena_free(a);
	if (bad)
		return err_set(&p->why, EPROTO, "a malformed PING");
	/* Our nonces are readings of our clock; any other says nothing. */
	nsec took = loop_now() - (nsec)ping.nonce;

	if (f->type == MESSAGE_PONG && took >= 0 && took < RTT_MAX)
		p->rtt = took + 1;
	/* Who does not read what it is told sees in time that we live, and must not fill our memory by asking. */
	if (f->type == MESSAGE_PING && peer_backlog(p) < PEER_HIGH) {
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
	bool began = !p->up;
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
	if (used) {
		buf_drop(&p->in, used);
		peer_lives(p);
	}
	if (began && p->in.len == 0)
		buf_free(&p->in); /* many stay at that */
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
			return err_set(
			    &p->why, EPROTO,
			    tls_stream_begins((unsigned char)p->in.data[0])
				? "it came with a key or certificate, and there is none here"
				: "it does not speak muster's protocol");
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

/* What it says when all layers below are taken off. */
int peer_take_bytes(struct peer *p, const char *bytes, size_t n)
{
	if (p->up && p->features & WIRE_FEATURE_ZSTD) {
		if (!p->reader)
			p->reader = pack_reader_new();
		return take_packed(p, bytes, n);
	}
	buf_add(&p->in, bytes, n);
	return take_plain(p);
}
