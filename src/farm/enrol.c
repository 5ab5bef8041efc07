/* One short conversation a connection: read one message, answer, wait until the other side has read that. Everything a
 * stranger says is bounded by ENROL_REQUEST_MAX and ENROL_MS; signing costs some 50 us, so nobody gains by asking much. */
#include "farm/enrol.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "farm/home.h"
#include "net/address.h"
#include "net/stranger.h"
#include "net/tls.h"
#include "net/tls_stream.h"
#include "sys/loop.h"
#include "wire/frame.h"
#include "wire/message.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

struct guest {
	struct guest *prev, *next; /* utlist, the oldest first */
	struct enrol *all;
	int fd;
	struct tls_stream *stream;
	struct buf in;
	bool answered;
	struct loop_watch *watch;
	struct loop_timer *timer;
	char from[ADDRESS_TEXT];
};

struct enrol {
	struct loop *loop;
	struct home *home;
	struct tls *tls;
	struct guest *guests;
	unsigned n;
};

struct enrol *enrol_new(struct loop *l, struct home *h, struct tls *t)
{
	struct enrol *all = xcalloc(1, sizeof *all);

	all->loop = l;
	all->home = h;
	all->tls = t;
	return all;
}

static void guest_free(struct guest *g)
{
	DL_DELETE(g->all->guests, g);
	g->all->n--;
	loop_unwatch(g->watch);
	loop_timer_free(g->timer);
	tls_stream_free(g->stream);
	buf_free(&g->in);
	close(g->fd);
	free(g);
}

void enrol_free(struct enrol *all)
{
	if (!all)
		return;
	while (all->guests)
		guest_free(all->guests);
	free(all);
}

/* -- answers --------------------------------------------------------------------------------- */

static void answer(struct guest *g, const struct buf *b)
{
	AUTO_BUF struct buf sealed = {0};

	tls_stream_put(g->stream, b->data, b->len, &sealed);
	g->answered = true;
	/* An answer is small, and the first that goes this way: the socket has room for it. */
	if (send(g->fd, sealed.data, sealed.len, MSG_NOSIGNAL | MSG_DONTWAIT) !=
	    (ssize_t)sealed.len)
		log_line(LOG_NOTICE, "client=%s cannot be answered", g->from);
	shutdown(g->fd, SHUT_WR);
}

static void refuse(struct guest *g, const char *why)
{
	AUTO_BUF struct buf b = {0};

	stranger_line(LOG_NOTICE, g->from, "does not join: %s", why);
	buf_add(&b, MESSAGE_PREFACE_BYTES, MESSAGE_PREFACE);
	message_put_refused(&b, &(struct message_refused){why});
	answer(g, &b);
}

/* Who has a certificate, and whether it still counts. */
static int look_at(struct guest *g, const struct tls_who **who, struct buf *crl,
		   struct err *e)
{
	if (home_revoked(g->all->home, crl, e))
		return -1;
	if (crl->len && tls_revoke(g->all->tls, (struct slice){crl->data, crl->len}, e))
		return -1;
	*who = tls_stream_who(g->stream);
	return *who ? tls_admit(g->all->tls, g->stream, TLS_ROLES, e) : 0;
}

static void join(struct guest *g, const struct message_join *m)
{
	AUTO_BUF struct buf certificate = {0}, crl = {0}, b = {0};
	struct home_ask ask = {
	    .token = m->token,
	    .proof = m->proof,
	    .name = m->name,
	    .request = {m->request, strlen(m->request)}
        };
	struct err e = {0};
	struct slice authority = home_authority(g->all->home);

	tls_stream_export(g->stream, "EXPORTER-muster-join", ask.binding,
			  sizeof ask.binding);
	if (look_at(g, &ask.who, &crl, &e) ||
	    home_join(g->all->home, &ask, time(NULL), &certificate, &e)) {
		refuse(g, e.text);
		return;
	}
	const char *name = ask.token[0] ? m->name : ask.who->name;
	AUTO_FREE char *pem = xstrndup(certificate.data ? certificate.data : "",
				       certificate.len),
		       *list = xstrndup(crl.data ? crl.data : "", crl.len),
		       *root = xstrndup(authority.p, authority.n);

	if (certificate.len)
		log_line(LOG_NOTICE, "client=%s %s as %s", g->from,
			 ask.token[0] ? "joined" : "was renewed", name);
	buf_add(&b, MESSAGE_PREFACE_BYTES, MESSAGE_PREFACE);
	message_put_joined(
	    &b, &(struct message_joined){
		    .name = name, .certificate = pem, .authority = root, .revoked = list});
	answer(g, &b);
}

/* -- questions ------------------------------------------------------------------------------- */

/* What has come so far. -1: the end of it. */
static int take(struct guest *g)
{
	struct frame f;
	struct message_join m;

	if (g->answered)
		return 0;
	if (g->in.len < MESSAGE_PREFACE)
		return 0;
	if (memcmp(g->in.data, MESSAGE_PREFACE_BYTES, MESSAGE_PREFACE) != 0)
		return -1;
	int have =
	    frame_first(g->in.data + MESSAGE_PREFACE, g->in.len - MESSAGE_PREFACE, &f);

	if (have == 0)
		return g->in.len > ENROL_REQUEST_MAX ? -1 : 0;
	struct arena *a = arena_new();
	int r =
	    have < 0 || f.type != MESSAGE_JOIN || message_get_join(&m, a, f.payload, f.n);

	if (!r)
		join(g, &m);
	arena_free(a);
	return r ? -1 : 0;
}

static void on_readable(void *ctx, unsigned got)
{
	struct guest *g = ctx;
	char bytes[8192];
	ssize_t n = recv(g->fd, bytes, sizeof bytes, MSG_DONTWAIT);
	AUTO_BUF struct buf out = {0};
	struct err e = {0};

	(void)got;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		guest_free(g);
		return;
	}
	if (g->answered)
		return; /* it has nothing more to say */
	int r = tls_stream_take(g->stream, bytes, (size_t)n, &g->in, &out, &e);

	if (out.len && send(g->fd, out.data, out.len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		r = -1;
	if (r || take(g)) {
		stranger_line(LOG_NOTICE, g->from, "does not join: %s",
			      e.text[0] ? e.text : "it makes no sense");
		guest_free(g);
	}
}

static void on_time(void *ctx)
{
	guest_free(ctx);
}

void enrol_accept(void *ctx, int fd, struct tls_stream *stream, const struct buf *early,
		  const struct sockaddr *from)
{
	struct enrol *all = ctx;
	struct guest *g = xcalloc(1, sizeof *g);

	if (all->n >= ENROL_AT_ONCE)
		guest_free(all->guests);
	g->all = all;
	g->fd = fd;
	g->stream = stream;
	address_text(from, g->from);
	buf_add(&g->in, early->data, early->len);
	DL_APPEND(all->guests, g);
	all->n++;
	g->watch = loop_watch(all->loop, fd, LOOP_READ, on_readable, g);
	g->timer = loop_timer_new(all->loop, on_time, g);
	loop_timer_set(g->timer, LOOP_MS(ENROL_MS));
	if (take(g))
		guest_free(g);
}
