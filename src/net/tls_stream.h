#pragma once
#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
/* One encrypted connection as bytes in and bytes out: it knows no socket, so that peers, listeners and tests feed it
 * as they like.
 *
 *   dialler: new ─► take(nothing) gives the first bytes to send ─► take(what comes)* ─► ready ─► put / take
 *   answerer: new ─► take(what comes)* ─► ready ─► put / take
 *
 * After a failure it is of no more use; what OUT then holds (an alert that tells the other side why) is still to be
 * sent. */
struct err;
struct tls;
struct tls_stream;
struct tls_who;

enum tls_side {
	TLS_DIALS,
	TLS_ANSWERS
};

/* What is wanted on the connection; both ends have to say the same (ALPN). */
enum tls_purpose {
	TLS_MUSTER, /* muster's protocol; both ends prove who they are */
	TLS_ENROL   /* to become one of the farm: the dialler has no certificate yet */
};

/* PLACE, when dialling: what the other end is called here, so that a later connection to it can go on where the
 * earlier one left (a ticket instead of certificates); may be NULL. An answerer accepts TLS_ENROL only with ENROLS. */
struct tls_stream *tls_stream_dial(const struct tls *, enum tls_purpose, const char *place);
struct tls_stream *tls_stream_answer(const struct tls *, bool enrols);
void tls_stream_free(struct tls_stream *);
/* BYTES came: what they say is appended to PLAIN, what has to be sent to OUT. -1: a sentence that says why it is over. */
int tls_stream_take(struct tls_stream *, const void *bytes, size_t n, struct buf *plain,
		    struct buf *out, struct err *);
void tls_stream_put(struct tls_stream *, const void *plain, size_t n,
		    struct buf *out);                           /* when ready */
bool tls_stream_ready(const struct tls_stream *);               /* the handshake is over */
enum tls_purpose tls_stream_purpose(const struct tls_stream *); /* when ready */
bool tls_stream_resumed(const struct tls_stream *);             /* by a ticket */
/* By its certificate; NULL: it has none. */
const struct tls_who *tls_stream_who(const struct tls_stream *);
/* N bytes that both ends of this connection, and nobody else, can make; for LABEL. When ready. */
void tls_stream_export(const struct tls_stream *, const char *label, void *out, size_t n);

/* Whether bytes that begin with FIRST may be a TLS connection. */
static inline bool tls_stream_begins(unsigned char first)
{
	return first == 0x16;
}
