/* One connection: OpenSSL between two memory BIOs. Bytes that came are put into IN, SSL_read takes what they say;
 * what SSL writes to OUT is handed to the caller after each step, so both are empty between calls but for a record
 * that is not yet whole. */
#include "net/tls_stream.h"

#include "base/err.h"
#include "base/mem.h"
#include "net/tls.h"
#include "net/tls_impl.h"

#include <assert.h>
#include <limits.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

enum {
	STEP = 16 << 10 /* a record, at most */
};

/* As ALPN has it: a length, then the word. */
static const unsigned char *const offers[] = {
    [TLS_MUSTER] = (const unsigned char *)"\6muster",
    [TLS_ENROL] = (const unsigned char *)"\14muster-enrol"};

static struct tls_stream *stream_new(const struct tls *t, enum tls_side side,
				     const char *place)
{
	size_t n = strlen(place) + 1;
	struct tls_stream *s = xcalloc(1, sizeof *s + n);

	s->tls = t;
	s->side = side;
	memcpy(s->place, place, n);
	s->ssl = SSL_new(t->ctx);
	s->in = BIO_new(BIO_s_mem());
	s->out = BIO_new(BIO_s_mem());
	if (!s->ssl || !s->in || !s->out || !SSL_set_app_data(s->ssl, s))
		abort();
	SSL_set_bio(s->ssl, s->in, s->out);
	return s;
}

struct tls_stream *tls_stream_dial(const struct tls *t, enum tls_purpose purpose,
				   const char *place)
{
	struct tls_stream *s = stream_new(t, TLS_DIALS, place ? place : "");
	SSL_SESSION *ticket = tickets_take(t->tickets, s->place);

	s->purpose = purpose;
	if (SSL_set_alpn_protos(s->ssl, offers[purpose], offers[purpose][0] + 1u))
		abort();
	SSL_set_connect_state(s->ssl);
	if (ticket && !SSL_set_session(s->ssl, ticket))
		abort();
	SSL_SESSION_free(ticket);
	return s;
}

struct tls_stream *tls_stream_answer(const struct tls *t, bool enrols)
{
	struct tls_stream *s = stream_new(t, TLS_ANSWERS, "");

	s->enrols = enrols && t->own;
	SSL_set_accept_state(s->ssl);
	return s;
}

void tls_stream_free(struct tls_stream *s)
{
	if (!s)
		return;
	/* Else OpenSSL takes the end for an accident, and the ticket for spoilt. */
	SSL_set_shutdown(s->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(s->ssl);
	free(s);
}

/* What SSL has written goes to OUT. */
static void collect(struct tls_stream *s, struct buf *out)
{
	size_t n = BIO_ctrl_pending(s->out);

	if (n == 0)
		return;
	int got = BIO_read(s->out, buf_room(out, n), (int)n);

	assert(got > 0 && (size_t)got == n);
	out->len += n;
}

/* Both ends say the same of what they want, and by a key it was the key that let us in. */
static int check_agreed(struct tls_stream *s, struct err *e)
{
	const unsigned char *word;
	unsigned n;

	SSL_get0_alpn_selected(s->ssl, &word, &n);
	if (n != offers[s->purpose][0] || memcmp(word, offers[s->purpose] + 1, n) != 0)
		return err_set(e, 0, "it does not speak muster's protocol inside TLS");
	if (s->tls->by_key && !SSL_session_reused(s->ssl))
		return err_set(e, 0, "it let us in without the key");
	X509 *cert = SSL_get0_peer_certificate(s->ssl);

	if (cert && tls_who_of(&s->who, cert))
		return err_set(e, 0, "its certificate does not say who it is");
	s->ready = true;
	return 0;
}

static int shake(struct tls_stream *s, struct err *e)
{
	int r = SSL_do_handshake(s->ssl);

	if (r == 1)
		return check_agreed(s, e);
	if (SSL_get_error(s->ssl, r) == SSL_ERROR_WANT_READ)
		return 0;
	return tls_stream_blame(s, e);
}

/* All plain bytes that have come. */
static int read_plain(struct tls_stream *s, struct buf *plain, struct err *e)
{
	for (;;) {
		int r = SSL_read(s->ssl, buf_room(plain, STEP), STEP);

		if (r > 0) {
			plain->len += (size_t)r;
			continue;
		}
		switch (SSL_get_error(s->ssl, r)) {
		case SSL_ERROR_WANT_READ: return 0;
		case SSL_ERROR_ZERO_RETURN:
			return err_set(e, 0, "it closed the connection");
		default: return tls_stream_blame(s, e);
		}
	}
}

int tls_stream_take(struct tls_stream *s, const void *bytes, size_t n, struct buf *plain,
		    struct buf *out, struct err *e)
{
	int r = 0;

	assert(n <= INT_MAX);
	ERR_clear_error();
	if (s->ready)
		buf_room(plain, n + STEP); /* all of it at once */
	if (n && BIO_write(s->in, bytes, (int)n) != (int)n)
		abort();
	if (!s->ready)
		r = shake(s, e);
	if (r == 0 && s->ready)
		r = read_plain(s, plain, e);
	collect(s, out);
	return r;
}

void tls_stream_put(struct tls_stream *s, const void *plain, size_t n, struct buf *out)
{
	assert(s->ready);
	ERR_clear_error();
	for (size_t at = 0; at < n;) {
		size_t some = n - at < INT_MAX ? n - at : INT_MAX, put = 0;

		/* Memory takes all; a stream that has failed takes nothing, and its user hears that when reading. */
		if (SSL_write_ex(s->ssl, (const char *)plain + at, some, &put) != 1)
			break;
		at += put;
	}
	collect(s, out);
}

bool tls_stream_ready(const struct tls_stream *s)
{
	return s->ready;
}

enum tls_purpose tls_stream_purpose(const struct tls_stream *s)
{
	return s->purpose;
}

bool tls_stream_resumed(const struct tls_stream *s)
{
	return !s->tls->by_key && SSL_session_reused(s->ssl);
}

const struct tls_who *tls_stream_who(const struct tls_stream *s)
{
	return s->who.roles ? &s->who : NULL;
}

void tls_stream_export(const struct tls_stream *s, const char *label, void *out, size_t n)
{
	assert(s->ready);
	if (SSL_export_keying_material(s->ssl, out, n, label, strlen(label), NULL, 0, 0) !=
	    1)
		abort();
}
