/* One connection, one question, one answer, by blocking sockets with a time limit. The farm is believed by the token's fingerprint the
 * first time, by its authority later. Files are replaced one by one, the certificate last; whoever reads them in between
 * finds that they do not fit and looks again. */
#include "farm/join.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "farm/authority.h"
#include "farm/token.h"
#include "net/address.h"
#include "net/tls.h"
#include "net/tls_stream.h"
#include "sys/fs.h"
#include "wire/frame.h"
#include "wire/message.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

struct talk {
	int fd;
	struct tls_stream *stream;
	struct buf in;
};

/* -- the connection -------------------------------------------------------------------------- */

static int dial(const char *address, struct err *e)
{
	struct addrinfo *list = address_resolve(address, false, e);
	const struct timeval limit = {.tv_sec = JOIN_MS / 1000};
	int fd = -1;

	for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
		fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0)
			continue;
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
		if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
			break;
		err_set(e, errno == EINPROGRESS ? ETIMEDOUT : errno, "connect to %s",
			address);
		close(fd);
		fd = -1;
	}
	if (list)
		freeaddrinfo(list);
	return fd;
}

/* Reads once; what it says goes to IN, what has to be said goes out. */
static int step(struct talk *t, struct err *e)
{
	char bytes[8192];
	AUTO_BUF struct buf out = {0};
	ssize_t n;

	do
		n = read(t->fd, bytes, sizeof bytes);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 && errno != EAGAIN
			   ? err_set(e, errno, "the connection broke")
			   : err_set(e, 0, n ? "it is silent" : "it closed the connection");
	int r = tls_stream_take(t->stream, bytes, (size_t)n, &t->in, &out, e);
	struct err ignored;

	if (out.len && fs_write_all(t->fd, out.data, out.len, &ignored) && r == 0)
		return err_set(e, 0, "the connection broke");
	return r;
}

static int begin(struct talk *t, const struct tls *tls, struct err *e)
{
	AUTO_BUF struct buf out = {0};

	t->stream = tls_stream_dial(tls, TLS_ENROL, NULL);
	if (tls_stream_take(t->stream, NULL, 0, &t->in, &out, e) ||
	    fs_write_all(t->fd, out.data, out.len, e))
		return -1;
	while (!tls_stream_ready(t->stream))
		if (step(t, e))
			return -1;
	return tls_admit(tls, t->stream, TLS_SCHEDULER, e);
}

static int ask(struct talk *t, const struct message_join *m, struct err *e)
{
	AUTO_BUF struct buf b = {0}, sealed = {0};

	buf_add(&b, MESSAGE_PREFACE_BYTES, MESSAGE_PREFACE);
	message_put_join(&b, m);
	tls_stream_put(t->stream, b.data, b.len, &sealed);
	return fs_write_all(t->fd, sealed.data, sealed.len, e);
}

/* Sentences from elsewhere end on terminals. */
static int refused(const char *why, struct err *e)
{
	err_set(e, 0, "%s", why);
	for (char *c = e->text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	return -1;
}

static int hear(struct talk *t, struct arena *a, struct message_joined *m, struct err *e)
{
	struct frame f;
	struct message_refused no;
	int have;

	while ((have = t->in.len < MESSAGE_PREFACE
			   ? 0
			   : frame_first(t->in.data + MESSAGE_PREFACE,
					 t->in.len - MESSAGE_PREFACE, &f)) == 0)
		if (step(t, e))
			return -1;
	if (have > 0 && f.type == MESSAGE_REFUSED &&
	    message_get_refused(&no, a, f.payload, f.n) == 0)
		return refused(no.why, e);
	if (have < 0 || f.type != MESSAGE_JOINED ||
	    message_get_joined(m, a, f.payload, f.n))
		return err_set(e, EPROTO, "its answer makes no sense");
	return 0;
}

static void talk_end(struct talk *t)
{
	tls_stream_free(t->stream);
	buf_free(&t->in);
	if (t->fd >= 0)
		close(t->fd);
}

/* -- files ----------------------------------------------------------------------------------- */

static int keep(const char *dir, const char *name, const char *p, size_t n, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/%s", dir, name);

	return fs_write_file(path, p, n, 0600, e);
}

static int keep_text(const char *dir, const char *name, const char *text, struct err *e)
{
	return keep(dir, name, text, strlen(text), e);
}

static int fetch(const char *dir, const char *name, struct buf *out, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/%s", dir, name);

	if (fs_read(path, TLS_PEM_MAX, out, e))
		return -1;
	buf_u8(out, 0);
	out->len--;
	return 0;
}

static struct slice slice_of(const struct buf *b)
{
	return (struct slice){b->data, b->len};
}

/* Does what came make credentials? Before any file is touched. */
static int check(const struct message_joined *m, struct slice key, struct err *e)
{
	struct tls *t = tls_from_farm(
	    &(struct tls_farm){
		.authority = {m->authority,   strlen(m->authority)  },
		.certificate = {m->certificate, strlen(m->certificate)},
		.key = key
        },
	    e);
	int r = t ? 0 : -1;

	if (r == 0 && m->revoked[0])
		r = tls_revoke(t, (struct slice){m->revoked, strlen(m->revoked)}, e);
	tls_free(t);
	return r;
}

/* The certificate at last: it is what shows that the rest is there. */
static int keep_all(const char *dir, const struct message_joined *m, struct err *e)
{
	if ((m->revoked[0] && keep_text(dir, "revoked.pem", m->revoked, e)) ||
	    keep_text(dir, "authority.pem", m->authority, e))
		return -1;
	return keep_text(dir, "certificate.pem", m->certificate, e);
}

/* -- joining --------------------------------------------------------------------------------- */

static int converse(struct talk *t, const struct token *token, const char *name,
		    struct slice key, struct arena *a, struct message_joined *m,
		    struct err *e)
{
	AUTO_BUF struct buf request = {0};
	uint8_t binding[32], proof[TOKEN_PROOF], print[TLS_PRINT];
	char id[TOKEN_ID];

	if (authority_make_request(key, &request, e))
		return -1;
	tls_stream_export(t->stream, "EXPORTER-muster-join", binding, sizeof binding);
	token_prove(token->secret, binding, slice_of(&request), proof);
	token_id(token->secret, id);
	buf_u8(&request, 0);
	if (ask(t,
		&(struct message_join){
		    .token = id,
		    .proof = {(char *)proof, sizeof proof},
		    .name = name,
		    .request = request.data
        },
		e) ||
	    hear(t, a, m, e) || check(m, key, e) ||
	    authority_print_of((struct slice){m->authority, strlen(m->authority)}, print,
			       e))
		return -1;
	return memcmp(print, token->print, TLS_PRINT) == 0
		   ? 0
		   : err_set(e, 0, "it sent another authority than the token's");
}

int join_farm(const struct token *token, const char *name, const char *dir, int64_t now,
	      struct err *e)
{
	AUTO_BUF struct buf key = {0};
	struct message_joined m;

	if (token->expires <= now)
		return err_set(
		    e, 0,
		    "the token has expired: 'muster farm token' makes a new one, "
		    "where the farm was made");
	if (fs_mkdirs(dir, 0700, e))
		return -1;
	struct tls *tls = tls_from_fingerprint(token->print);
	struct talk t = {.fd = dial(token->address, e)};
	struct arena *a = arena_new();

	authority_make_key(&key);
	int r = t.fd < 0 || begin(&t, tls, e) ||
			converse(&t, token, name, slice_of(&key), a, &m, e)
		    ? err_wrap(e, "join the farm at %s", token->address)
		    : 0;

	if (r == 0)
		r = keep_text(dir, "address", token->address, e);
	if (r == 0)
		r = keep(dir, "key.pem", key.data, key.len, e);
	if (r == 0)
		r = keep_all(dir, &m, e);
	OPENSSL_cleanse(key.data, key.len);
	talk_end(&t);
	tls_free(tls);
	arena_free(a);
	return r;
}

/* -- staying --------------------------------------------------------------------------------- */

static int renew(struct talk *t, const char *dir, struct slice key, bool certificate,
		 struct err *e)
{
	AUTO_BUF struct buf request = {0};
	struct arena *a = arena_new();
	struct message_joined m;
	int r = certificate ? authority_make_request(key, &request, e) : 0;

	buf_u8(&request, 0);
	if (r == 0)
		r = ask(t,
			&(struct message_join){
			    .token = "", .name = "", .request = request.data},
			e);
	if (r == 0)
		r = hear(t, a, &m, e);
	if (r == 0 && !certificate)
		r = m.revoked[0] ? keep_text(dir, "revoked.pem", m.revoked, e) : 0;
	else if (r == 0)
		r = check(&m, key, e) ? -1 : keep_all(dir, &m, e);
	arena_free(a);
	return r;
}

int join_renew(const char *dir, bool always, int64_t now, struct err *e)
{
	enum {
		HALF_S = 15 * 86400
	};
	AUTO_BUF struct buf authority = {0}, certificate = {0}, key = {0}, address = {0};

	if (fetch(dir, "authority.pem", &authority, e) ||
	    fetch(dir, "certificate.pem", &certificate, e) ||
	    fetch(dir, "key.pem", &key, e) || fetch(dir, "address", &address, e))
		return err_wrap(e, "this machine is in no farm");
	struct tls *tls =
	    tls_from_farm(&(struct tls_farm){.authority = slice_of(&authority),
					     .certificate = slice_of(&certificate),
					     .key = slice_of(&key)},
			  e);

	if (!tls)
		return -1;
	bool due = always || tls_expires(tls) - now < HALF_S;
	struct talk t = {.fd = dial(address.data, e)};
	int r = t.fd < 0 || begin(&t, tls, e) || renew(&t, dir, slice_of(&key), due, e)
		    ? err_wrap(e, "ask the farm at %s", address.data)
		    : 0;

	OPENSSL_cleanse(key.data, key.len);
	talk_end(&t);
	tls_free(tls);
	return r;
}
