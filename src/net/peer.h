#pragma once
#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* A stream of frames to another machine: the preface, HELLOs, compression, keep-alive and back-pressure
 * are inside, and so is TLS where credentials are given.
 *
 * Life: dial or accept ─► (TLS handshake) ─► HELLOs cross ─► up() ─► message()* ─► down() once, last; the peer is then
 * gone.
 * A peer that is silent for the time-out is down; a PING goes out when nothing else did for a third of it. */
struct loop;
struct peer;
struct peer_server;
struct sockaddr;
struct err;
struct message_hello;
struct tls;
struct tls_stream;
struct tls_who;

struct peer_handler {
	/* The other side's HELLO, valid for the call. -1 with ERR: not wanted, goes down. */
	int (*up)(void *ctx, struct peer *, const struct message_hello *, struct err *);
	/* One message but HELLO, PING, PONG. -1 with ERR (a sentence): goes down. */
	int (*message)(void *ctx, struct peer *, unsigned type, const char *payload,
		       size_t n, struct err *);
	/* The backlog has fallen below PEER_LOW: bulk senders go on. */
	void (*drained)(void *ctx, struct peer *);
	void (*down)(void *ctx, struct peer *, const struct err *why);
};

enum {
	PEER_LOW = 256 << 10,
	PEER_HIGH = 1 << 20,
	PEER_TEXT_MAX = 1000 /* bytes of each text of the other side's HELLO */
};

/* What we say of ourselves; copied, but its texts are borrowed for the life of what is made with it. */
struct peer_self {
	const char *name;
	uint32_t slots, confined;
	const char *unconfined_why;
	int timeout_ms;
	int compress_always; /* else loopback connections are left uncompressed */
	/* What we prove and whom we believe (net/tls.h); outlives what is made with it. NULL: plain text, anybody. */
	const struct tls *tls;
	unsigned admits; /* of a farm: the other end must be one of these (enum tls_role) */
};

/* ADDRESS: "HOST:PORT", "[IPV6]:PORT". Does not block but for the resolver. The handler's down() is called
 * (later, from the loop) when it does not come up. NULL: the address makes no sense. */
struct peer *peer_dial(struct loop *, const char *address, const struct peer_self *,
		       const struct peer_handler *, void *ctx, struct err *);

/* The same over FD, a connected stream of any kind (consumed). With TLS it is we who begin. */
struct peer *peer_adopt(struct loop *, int fd, const struct peer_self *,
			const struct peer_handler *, void *ctx);
void peer_set_ctx(struct peer *, void *ctx); /* for its handler's calls */
/* In down(): the connection stood, but what is at its other end speaks something else, or closed before it had said a word. */
bool peer_is_foreign(const struct peer *);
/* In down(): we came with TLS, and it speaks muster without. */
bool peer_is_plain(const struct peer *);
/* In down(): it answered, and does not let us in, or is not whom we want. */
bool peer_is_refused(const struct peer *);
bool peer_is_local(const struct peer *);   /* on this machine's loopback */
bool peer_is_resumed(const struct peer *); /* by a ticket: no full handshake was paid */
/* Who is at the other end, as the farm certified; NULL: nobody did. Who is revoked while the connection stands goes down
 * within a sixth of the time-out. */
const struct tls_who *peer_who(const struct peer *);

/* Calls ACCEPT for each new connection; it returns the handler's ctx for it, or NULL to refuse. */
struct peer_server *peer_listen(struct loop *, const char *address,
				const struct peer_self *, const struct peer_handler *,
				void *(*accept)(void *ctx, struct peer *, const char *from),
				void *ctx, struct err *);
/* From now on only those that ADMITTED says yes to get in; others are closed at once. */
void peer_server_admit(struct peer_server *,
		       bool (*admitted)(void *ctx, const struct sockaddr *from), void *ctx);
/* From now on a connection whose first bytes are neither muster's nor TLS goes to OTHER as a socket, its own, with nothing
 * read; and one that says nothing for a minute is closed. */
void peer_server_divert(struct peer_server *,
			void (*other)(void *ctx, int fd, const struct sockaddr *from),
			void *ctx);
/* From now on who comes by TLS to be enrolled in the farm (TLS_ENROL) goes to ENROL, with its socket and stream, now its
 * own, and the plain bytes that came with the handshake. */
void peer_server_enrol(struct peer_server *,
		       void (*enrol)(void *ctx, int fd, struct tls_stream *,
				     const struct buf *early, const struct sockaddr *from),
		       void *ctx);
const char *
peer_server_address(const struct peer_server *); /* "127.0.0.1:3700", the real port */
void peer_server_free(struct peer_server *);

/* Sends the frames in B (whole ones, as message_put_… made them) and empties B. Before up() nothing may
 * be sent. Frames leave in order, at the latest at the end of the loop's turn. */
void peer_send(struct peer *, struct buf *b);
size_t peer_backlog(
    const struct peer *); /* bytes accepted by peer_send that the socket has not taken */
uint64_t peer_bytes_out(const struct peer *); /* on the wire, compressed */
/* How long the last PING took that was sent with loop_now() as its nonce; 0: none was answered yet. */
int64_t peer_rtt(const struct peer *);
uint64_t peer_bytes_in(const struct peer *);
/* Ends it from our side; what was not yet sent is dropped; down() is not called. Safe in a callback. */
void peer_close(struct peer *);
