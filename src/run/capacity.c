/* One probe a host, all side by side in one loop until the time is over. A probe knocks
 * at the daemon's port and, at the same time, asks for its page of statistics:
 *
 *   NAMING ─► CONNECTING ─► SILENT ─┬─► MUSTER    its HELLO came: that is the answer
 *     │            │                 ├─► FOREIGN   it closed without a word, as a distccd
 *     ▼            ▼                 │             does: its page is the answer
 *   DEAD         DEAD, refused       └─► DEAD      it speaks something else
 *
 * A distccd whose processes are all busy stays SILENT, but its page comes: after
 * QUIET_MS more that is the answer. A distccd without a page (its default) answers too,
 * with its slots unknown. A page that is none, or does not come or end, means a host
 * that is not well, or one that does not let us in: it does not answer.
 *
 * Limits: the time, PAGE_MAX bytes of a page, AT_ONCE probes. Names are looked up by the
 * C library's own threads (getaddrinfo_a), since a resolver may take longer than we
 * have. */
#include "run/capacity.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/peer.h"
#include "net/tls.h"
#include "net/trust.h"
#include "run/connect.h"
#include "run/lookup.h"
#include "sys/loop.h"
#include "wire/message.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	PAGE_MAX = 64 << 10,
	QUIET_MS = 700,   /* a muster worker's HELLO comes sooner */
	LOOK_MS = 10,     /* how often names are asked for */
	AT_ONCE = 200,    /* probes, of at most two descriptors each */
	ADDRESSES_MAX = 8 /* of a host are tried */
};

enum front {
	WAITING, /* not begun */
	NAMING,
	CONNECTING,
	SILENT,
	MUSTER,
	FOREIGN,
	DEAD
};

enum page {
	PAGE_NONE, /* nobody listens there */
	PAGE_CONNECTING,
	PAGE_READING,
	PAGE_READ,
	PAGE_BAD
};

struct probe {
	struct asking *all;
	struct capacity *c;
	struct lookup *name; /* NAMING */
	struct addrinfo *found, *at;
	unsigned tried;
	enum front front;
	struct connect *connect;
	struct peer *peer;
	const struct tls *tls; /* PEER was dialled with, or NULL */
	enum page page;
	struct connect *page_connect;
	int page_fd;
	struct loop_watch *page_watch;
	struct buf text;          /* of the page, so far */
	struct loop_timer *quiet; /* set while SILENT with the page read */
	bool settled;
};

struct asking {
	struct loop *loop;
	struct trust *trust;
	int ms;
	struct probe *v;
	size_t n, next, settled;
	struct loop_timer *look; /* while there are names to look up */
	bool started;            /* the loop runs */
};

static void ask_more(struct asking *);
static void try_address(struct probe *);

/* ---- the end of a probe ---- */

static void page_close(struct probe *p)
{
	connect_free(p->page_connect);
	p->page_connect = NULL;
	loop_unwatch(p->page_watch);
	p->page_watch = NULL;
	if (p->page_fd >= 0)
		close(p->page_fd);
	p->page_fd = -1;
}

static void front_close(struct probe *p)
{
	connect_free(p->connect);
	p->connect = NULL;
	if (p->peer)
		peer_close(p->peer);
	p->peer = NULL;
}

/* Nothing more is asked; what is there is the answer. */
static void settle(struct probe *p)
{
	struct asking *all = p->all;

	front_close(p);
	page_close(p);
	loop_timer_off(p->quiet);
	lookup_free(p->name);
	p->name = NULL;
	p->settled = true;
	all->settled++;
	if (all->settled == all->n)
		loop_stop(all->loop, 0);
	else if (all->started)
		ask_more(all);
}

static void refuse(struct probe *p, const char *why)
{
	p->c->answers = false;
	snprintf(p->c->why, sizeof p->c->why, "%s", why);
	settle(p);
}

static void accept_foreign(struct probe *p)
{
	p->c->answers = true;
	settle(p);
}

/* Is it enough? */
static void look_at(struct probe *p)
{
	if (p->settled || (p->front != FOREIGN && p->front != SILENT))
		return;
	switch (p->page) {
	case PAGE_READ:
		if (p->front == FOREIGN)
			accept_foreign(p);
		else
			loop_timer_set(p->quiet, LOOP_MS(QUIET_MS));
		break;
	case PAGE_NONE:
		if (p->front == FOREIGN)
			accept_foreign(p);
		break;
	case PAGE_BAD:
		if (p->front == FOREIGN)
			refuse(p, p->text.len
				      ? "what it sends as its page of statistics is none"
				      : "it closes every connection without a word: does "
					"it run, and is this machine allowed there?");
		break;
	case PAGE_CONNECTING:
	case PAGE_READING: break;
	}
}

static void on_quiet(void *ctx)
{
	accept_foreign(ctx);
}

/* The time is over. */
static void settle_late(struct probe *p)
{
	int ms = p->all->ms;
	char why[sizeof p->c->why];

	if (p->front == FOREIGN && p->page == PAGE_CONNECTING) {
		accept_foreign(p);
		return;
	}
	if (p->page == PAGE_READ && p->front == SILENT) {
		accept_foreign(p);
		return;
	}
	if (p->front == WAITING)
		snprintf(why, sizeof why, "the %d ms were over before it was asked", ms);
	else if (p->front == NAMING)
		snprintf(why, sizeof why, "its name was not found within %d ms", ms);
	else if (p->front == CONNECTING)
		snprintf(why, sizeof why, "no connection within %d ms", ms);
	else if (p->page == PAGE_READING)
		snprintf(why, sizeof why, "its page of statistics does not %s within %d ms",
			 p->text.len ? "end" : "come", ms);
	else
		snprintf(why, sizeof why, "it says nothing within %d ms", ms);
	refuse(p, why);
}

/* ---- the page of statistics ---- */

static void page_end(struct probe *p, enum page page)
{
	page_close(p);
	p->page = page;
	look_at(p);
}

static void on_page(void *ctx, unsigned got)
{
	struct probe *p = ctx;
	ssize_t n;

	(void)got;
	while (p->text.len < PAGE_MAX) {
		size_t room = PAGE_MAX - p->text.len;

		n = read(p->page_fd, buf_room(&p->text, room), room);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n > 0)
			p->text.len += (size_t)n;
		if (n <= 0)
			break;
		/* It ends with its last line; not all close then. */
		if (capacity_read_page(p->c, p->text.data, p->text.len) == 0) {
			page_end(p, PAGE_READ);
			return;
		}
	}
	page_end(p, PAGE_BAD);
}

static void on_page_connect(void *ctx, int fd, int error)
{
	static const char request[] = "GET / HTTP/1.0\r\n\r\n";
	struct probe *p = ctx;

	(void)error;
	connect_free(p->page_connect);
	p->page_connect = NULL;
	if (fd < 0) {
		page_end(p, PAGE_NONE);
		return;
	}
	p->page = PAGE_READING;
	p->page_fd = fd;
	/* So few bytes always fit; that they cannot be sent is seen when reading. */
	ssize_t sent = send(fd, request, sizeof request - 1, MSG_NOSIGNAL);

	(void)sent;
	p->page_watch = loop_watch(p->all->loop, fd, LOOP_READ, on_page, p);
}

static void ask_page(struct probe *p)
{
	page_close(p);
	p->text.len = 0;
	p->page = PAGE_NONE;
	if (!p->c->stats_port)
		return;
	p->page_connect =
	    connect_start(p->all->loop, p->at, p->c->stats_port, on_page_connect, p);
	p->page = PAGE_CONNECTING;
}

/* ---- the daemon's port ---- */

static int on_up(void *ctx, struct peer *peer, const struct message_hello *hello,
		 struct err *e)
{
	struct probe *p = ctx;

	(void)peer;
	(void)e;
	p->front = MUSTER;
	p->c->answers = p->c->muster = true;
	p->c->slots = hello->slots;
	p->c->confined = hello->confined;
	snprintf(p->c->software, sizeof p->c->software, "%s", hello->software);
	snprintf(p->c->unconfined_why, sizeof p->c->unconfined_why, "%s",
		 hello->unconfined_why);
	p->c->load = -1;
	p->c->free_mb = -1;
	settle(p);
	return 0;
}

static int on_message(void *ctx, struct peer *peer, unsigned type, const char *payload,
		      size_t n, struct err *e)
{
	(void)ctx;
	(void)peer;
	(void)type;
	(void)payload;
	(void)n;
	(void)e;
	return 0;
}

static void on_down(void *ctx, struct peer *peer, const struct err *why)
{
	struct probe *p = ctx;

	struct err told = *why;

	p->peer = NULL;
	if (p->front == SILENT &&
	    trust_retry(p->all->trust, peer, p->tls, &p->tls, &told)) {
		try_address(p);
		return;
	}
	/* Who talks first is no distccd. */
	if (!p->tls && peer_is_foreign(peer) && peer_bytes_in(peer) == 0) {
		p->front = FOREIGN;
		look_at(p);
		return;
	}
	p->front = DEAD;
	p->c->muster = !peer_is_foreign(peer);
	refuse(p, told.text);
}

static const struct peer_handler front_handler = {
    .up = on_up, .message = on_message, .down = on_down};

static void on_connect(void *ctx, int fd, int error)
{
	struct probe *p = ctx;

	connect_free(p->connect);
	p->connect = NULL;
	if (fd >= 0) {
		/* Our own end of the time comes first. */
		struct peer_self self = {.name = "muster run",
					 .timeout_ms = p->all->ms * 2 + 1000,
					 .tls = p->tls,
					 .admits = TLS_WORKER};

		p->front = SILENT;
		p->peer = peer_adopt(p->all->loop, fd, &self, &front_handler, p);
		look_at(p);
		return;
	}
	p->at = p->at->ai_next;
	if (p->at && p->tried < ADDRESSES_MAX) {
		try_address(p);
		return;
	}
	struct err e = {0};

	p->front = DEAD;
	err_set(&e, error, "connect");
	refuse(p, e.text);
}

static void try_address(struct probe *p)
{
	p->tried++;
	p->front = CONNECTING;
	p->connect = connect_start(p->all->loop, p->at, 0, on_connect, p);
	ask_page(p);
}

/* ---- names ---- */

static void named(struct probe *p)
{
	struct err e = {0};

	p->found = lookup_take(p->name, &e);
	lookup_free(p->name);
	p->name = NULL;
	p->at = p->found;
	if (p->at) {
		try_address(p);
		return;
	}
	p->front = DEAD;
	refuse(p, e.text);
}

static void on_look(void *ctx)
{
	struct asking *all = ctx;
	bool more = false;

	for (size_t i = 0; i < all->next; i++) {
		struct probe *p = &all->v[i];

		if (p->front != NAMING || p->settled)
			continue;
		if (lookup_is_done(p->name))
			named(p);
		else
			more = true;
	}
	if (more)
		loop_timer_set(all->look, LOOP_MS(LOOK_MS));
}

static void begin(struct probe *p)
{
	struct err e = {0};

	p->front = NAMING;
	p->name = lookup_start(p->c->address, &e);
	if (!p->name) {
		p->front = DEAD;
		refuse(p, e.text);
		return;
	}
	loop_timer_set(p->all->look, 0);
}

static void ask_more(struct asking *all)
{
	while (all->next < all->n && all->next - all->settled < AT_ONCE)
		begin(&all->v[all->next++]);
}

/* ---- all of them ---- */

static void on_time_over(void *ctx)
{
	struct asking *all = ctx;

	/* What is still to be asked is not begun any more. */
	all->started = false;
	for (size_t i = 0; i < all->n; i++)
		if (!all->v[i].settled)
			settle_late(&all->v[i]);
}

static void on_start(void *ctx)
{
	struct asking *all = ctx;

	all->started = true;
	ask_more(all);
}

static const char *get(void *ctx, const char *name)
{
	(void)ctx;
	return getenv(name);
}

void capacity_ask(struct capacity *v, size_t n, int ms)
{
	if (n == 0)
		return;
	struct asking all = {.loop = loop_new(), .trust = trust_new(), .ms = ms, .n = n};
	struct err wrong;
	struct loop_timer *over = loop_timer_new(all.loop, on_time_over, &all);
	struct loop_timer *start = loop_timer_new(all.loop, on_start, &all);

	trust_look(all.trust, get, NULL, loop_now());
	all.look = loop_timer_new(all.loop, on_look, &all);
	all.v = xcalloc(n, sizeof *all.v);
	for (size_t i = 0; i < n; i++) {
		struct probe *p = &all.v[i];

		v[i].answers = v[i].muster = v[i].confined = false;
		v[i].software[0] = v[i].unconfined_why[0] = '\0';
		v[i].slots = 0;
		v[i].load = -1;
		v[i].free_mb = -1;
		v[i].why[0] = '\0';
		*p = (struct probe){.all = &all, .c = &v[i], .page_fd = -1};
		trust_dial(all.trust, v[i].plain, &p->tls, &wrong);
		p->quiet = loop_timer_new(all.loop, on_quiet, p);
	}
	loop_timer_set(over, LOOP_MS(ms));
	loop_timer_set(start, 0);
	loop_run(all.loop);
	for (size_t i = 0; i < n; i++) {
		loop_timer_free(all.v[i].quiet);
		buf_free(&all.v[i].text);
		if (all.v[i].found)
			freeaddrinfo(all.v[i].found);
	}
	loop_timer_free(over);
	loop_timer_free(start);
	loop_timer_free(all.look);
	free(all.v);
	trust_free(all.trust);
	loop_free(all.loop);
}
