#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "net/peer.h"
#include "sys/loop.h"

#include <netdb.h>
/* What the files of a peer share: peer.c (the connection), peer_take.c (what comes on it), peer_server.c (who comes). */
struct bufferevent;
struct pack_reader;
struct pack_writer;

struct peer {
	struct loop *loop;
	struct bufferevent *bev;
	struct loop_watch *reading; /* NULL: the socket does not stand yet */
	struct peer_handler handler;
	void *ctx;
	struct peer_self self;
	struct addrinfo *addresses, *next_address; /* dialling: those not tried yet */
	char *place;                               /* dialling: what was dialled */
	struct tls_stream *stream;                 /* or NULL: plain text */
	bool began;                                /* its first byte has come */
	bool encrypts;                             /* and was TLS */
	bool plain;     /* or muster's without it, where we wanted it */
	bool refused;   /* it does not want us, or we it */
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
	nsec rtt; /* of the last PING that was answered; 0: none was */
	/* When a message was last whole, or a good piece of one came. Bytes alone do not count: after a length that was damaged on its way,
	 * answers to our PINGs would be taken for the message's end without end. */
	nsec heard;
	size_t unframed;                  /* bytes that came since */
	nsec looked;                      /* when the timer last looked */
	struct loop_timer *timer, *flush; /* FLUSH: NULL until something was compressed */
	struct err why;                   /* for down() */
};

/* A peer on an accepted socket, without a ctx yet; its handshake, if STREAM (taken), is over. */
struct peer *peer_accept(struct loop *, int fd, const struct peer_self *,
			 const struct peer_handler *, struct tls_stream *);
/* It may come in: our HELLO. */
void peer_greet(struct peer *);
/* It has said something whole, or is on its way to. */
void peer_lives(struct peer *);
/* What it said together with the handshake's end; may call the handler, so its ctx has been set. */
void peer_take_early(struct peer *, const struct buf *early);
/* What it says when TLS is taken off. 0; -1 with WHY: it is to go down. */
int peer_take_bytes(struct peer *, const char *bytes, size_t n);
