/* Happy path: HELLO ─► ENROLL ─► WELCOME ─► what its role may say, until it hangs up.
 *
 * Nothing it says is trusted: texts and numbers have limits, messages a rate, what waits for a guest that does not read a
 * size; beyond them the guest is told why and closed, and the log hears of it once a minute. */
#include "scheduler/guest.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/access.h"
#include "net/address.h"
#include "net/peer.h"
#include "net/tls.h"
#include "scheduler/history.h"
#include "scheduler/place.h"
#include "scheduler/server.h"
#include "scheduler/upstream.h"
#include "sys/loop.h"
#include "wire/message.h"
#include "wire/talk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

enum {
	WAITING_MAX = 4096 /* declarations of one guest that wait for their host */
};

/* HELD of a host that is not here: after a restart of ours, an agent may be back before a worker. */
struct waiting {
	struct waiting *next;
	uint64_t build;
	char *address;
	struct farm_held held;
};

struct guest {
	uint64_t id; /* key; the farm's agent */
	struct server *server;
	struct peer *peer;
	char *from, *name, *user;
	char *
	    machine; /* FROM without the port: who comes again and again is complained of once */
	enum talk_role role; /* 0: it has not enrolled */
	uint64_t instance;   /* of an agent, to workers */
	bool in_vain;        /* it wants hosts that speak distcc's protocol: none does */
	bool
	    evicted; /* slots were taken from it: workers that were told hear of the next */
	struct place *place; /* a worker's, once it has reported */
	nsec since;
	double tokens; /* messages that it may send at once */
	nsec refilled;
	struct waiting *waiting; /* utlist, singly */
	unsigned nwaiting;
	bool doomed;    /* on the server's list of those … */
	bool reads_why; /* … and has a moment to read why */
	struct guest *prev, *next;
	UT_hash_handle hh;
};

struct guest *guest_by_id(const struct server *s, uint64_t id)
{
	struct guest *g = NULL;

	HASH_FIND(hh, s->guests, &id, sizeof id, g);
	return g;
}

const char *guest_user(const struct guest *g)
{
	return g->user ? g->user : g->from;
}

const char *guest_name(const struct guest *g)
{
	return g->name ? g->name : "";
}

static const char *called(const struct guest *g)
{
	return g->name && *g->name ? g->name : g->machine;
}

void guest_evict(struct guest *g, struct guest *worker, unsigned slots, bool ends,
		 const char *why)
{
	AUTO_BUF struct buf b = {0};

	g->evicted = true;
	if (!g->instance)
		return; /* a gethost, which no worker knows: its one command is what it has */
	message_put_evict(&b, &(struct message_evict){.instance = g->instance,
						      .user = guest_user(g),
						      .slots = slots,
						      .ends = ends,
						      .why = why});
	guest_send(worker, &b);
}

bool guest_asks_in_vain(const struct guest *g)
{
	return g->in_vain;
}

bool guest_was_evicted(const struct guest *g)
{
	return g->evicted;
}

void guest_send(struct guest *g, struct buf *b)
{
	if (peer_backlog(g->peer) > TALK_BACKLOG) {
		if (!g->doomed)
			server_complain(g->server,
					"guest=%s closed: it does not read what it is told",
					called(g));
		b->len = 0;
		guest_doom(g);
		return;
	}
	peer_send(g->peer, b);
}

void guest_doom(struct guest *g)
{
	if (g->doomed)
		return;
	g->doomed = true;
	DL_APPEND(g->server->doomed, g);
	server_purge_soon(g->server);
}

/* Tells it why before it is closed; what it says from now on is not heard. */
static void refuse(struct guest *g, const struct err *why)
{
	AUTO_BUF struct buf b = {0};

	server_complain(g->server, "guest=%s refused: %s", called(g), why->text);
	message_put_refused(&b, &(struct message_refused){.why = why->text});
	guest_send(g, &b);
	g->reads_why = true;
	guest_doom(g);
}

/* ---- coming and going ---------------------------------------------------------------------- */

bool guest_admitted(void *ctx, const struct sockaddr *from)
{
	struct server *s = ctx;
	char text[ADDRESS_TEXT];

	if (s->proves || access_allows(s->allow, from) || address_is_loopback(from))
		return true;
	server_complain(s, "from=%s refused: --allow does not name it",
			address_text(from, text));
	return false;
}

void *guest_accept(void *ctx, struct peer *peer, const char *from)
{
	struct server *s = ctx;
	struct guest *g = xcalloc(1, sizeof *g);

	g->id = ++s->last_id;
	g->server = s;
	g->peer = peer;
	g->from = xstrdup(from);
	g->machine = xstrndup(from, strrchr(from, ':') ? (size_t)(strrchr(from, ':') - from)
						       : strlen(from));
	g->since = g->refilled = loop_now();
	g->tokens = TALK_BURST;
	HASH_ADD(hh, s->guests, id, sizeof g->id, g);
	return g;
}

static void forget_waiting(struct guest *g)
{
	struct waiting *w, *next;

	LL_FOREACH_SAFE(g->waiting, w, next)
	{
		free(w->address);
		free(w);
	}
	g->server->nwaiting -= g->nwaiting;
	g->waiting = NULL;
	g->nwaiting = 0;
}

/* The peer is gone, or goes. */
static void guest_end(struct guest *g)
{
	struct server *s = g->server;

	HASH_DEL(s->guests, g);
	if (g->doomed)
		DL_DELETE(s->doomed, g);
	if (g->role == TALK_AGENT) {
		s->nagents--;
		server_step(s,
			    &(struct farm_event){.type = FARM_AGENT_GONE, .agent = g->id});
	}
	if (g->place)
		place_leave(s, g->place);
	forget_waiting(g);
	free(g->from);
	free(g->machine);
	free(g->name);
	free(g->user);
	free(g);
}

static void on_down(void *ctx, struct peer *p, const struct err *why)
{
	struct guest *g = ctx;

	(void)p;
	if (why->code == EPROTO)
		server_complain(g->server, "guest=%s closed: %s", called(g), why->text);
	else if (g->role)
		log_line(LOG_INFO, "guest=%s left: %s", called(g), why->text);
	guest_end(g);
}

static void guest_close(struct guest *g)
{
	struct peer *p = g->peer;

	guest_end(g);
	peer_close(p);
}

bool guests_purge(struct server *s)
{
	struct guest *g, *next;
	bool some = false;

	DL_FOREACH_SAFE(s->doomed, g, next)
	{
		if (g->reads_why && peer_backlog(g->peer)) {
			g->reads_why = false; /* until the next time */
			some = true;
		} else {
			guest_close(g);
		}
	}
	return some;
}

void guests_expire(struct server *s)
{
	for (struct guest *g = s->guests; g; g = g->hh.next)
		if (!g->role && loop_now() - g->since >= LOOP_MS(TALK_ENROLL_MS))
			guest_doom(g);
}

void guests_close(struct server *s)
{
	struct guest *g, *next;

	HASH_ITER(hh, s->guests, g, next) guest_close(g);
}

/* ---- enrolling ----------------------------------------------------------------------------- */

/* Its users see it on their terminals, in names and in reasons. */
static int check_text(const char *what, const char *text, size_t most, struct err *e)
{
	if (strlen(text) > most)
		return err_set(e, 0, "%s has more than %zu bytes", what, most);
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return err_set(e, 0, "%s has a control character", what);
	return 0;
}

/* Where there are certificates, they say who may be what. */
static int check_who(const struct guest *g, const struct message_enroll *m, struct err *e)
{
	const struct tls_who *who = peer_who(g->peer);

	if (who && m->role == TALK_WORKER && !(who->roles & TLS_WORKER))
		return err_set(e, 0, "its certificate lets %s be no worker", who->name);
	if (who && m->role != TALK_WORKER && !(who->roles & (TLS_USER | TLS_SCHEDULER)))
		return err_set(e, 0, "its certificate lets %s be no user", who->name);
	return 0;
}

static int check_enroll(const struct server *s, const struct message_enroll *m,
			struct err *e)
{
	if (m->dialect != TALK_DIALECT)
		return err_set(
		    e, 0,
		    "it speaks dialect %u with schedulers and this one %d: update "
		    "the %s",
		    m->dialect, TALK_DIALECT,
		    m->dialect > TALK_DIALECT ? "scheduler" : "other side");
	if (m->role < TALK_WORKER || m->role > TALK_PERSON)
		return err_set(e, 0, "role %u is unknown", m->role);
	if (check_text("its name", m->name, TALK_NAME, e) ||
	    check_text("its user's name", m->user, TALK_NAME, e))
		return -1;
	if (s->upstream && strncmp(m->name, UPSTREAM_SITE, strlen(UPSTREAM_SITE)) == 0)
		return err_set(e, 0,
			       "it is a site's scheduler, and so is this one: only one "
			       "stands before another");
	if (*m->farm && strcmp(m->farm, s->farm_name) != 0)
		return err_set(e, 0, "it belongs to farm '%.100s' and this is '%s'",
			       m->farm, s->farm_name);
	return 0;
}

static int on_enroll(struct guest *g, struct arena *a, const char *p, size_t n,
		     struct err *why)
{
	struct message_enroll m;
	const struct tls_who *who = peer_who(g->peer);
	AUTO_BUF struct buf b = {0};
	struct err e = {0};

	if (message_get_enroll(&m, a, p, n))
		return err_set(why, EPROTO, "a malformed ENROLL");
	if (check_enroll(g->server, &m, &e) || check_who(g, &m, &e)) {
		refuse(g, &e);
		return 0;
	}
	g->role = m.role;
	g->name = xstrdup(m.name);
	g->instance = m.instance;
	g->user = xstrdup(who ? who->name : *m.user ? m.user : "nobody");
	g->server->nagents += g->role == TALK_AGENT;
	message_put_welcome(&b, &(struct message_welcome){.dialect = TALK_DIALECT,
							  .farm = g->server->farm_name,
							  .name = g->server->name});
	guest_send(g, &b);
	return 0;
}

/* ---- a worker ------------------------------------------------------------------------------ */

static bool is_wildcard(const char *host)
{
	return *host == 0 || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "[::]") == 0 ||
	       strcmp(host, "*") == 0;
}

static bool is_only_here(const char *address)
{
	return address_is_loopback_text(address) || strncmp(address, "localhost:", 10) == 0;
}

/* Where agents find it: as it says; when it listens on all addresses, the one that it comes from. */
static char *address_of(const struct guest *g, const char *told, struct err *e)
{
	const char *port = strrchr(told, ':'), *from = strrchr(g->from, ':');
	AUTO_FREE char *host = port ? xstrndup(told, (size_t)(port - told)) : NULL;

	if (check_text("its address", told, TALK_ADDRESS, e))
		return NULL;
	char *address = host && from && is_wildcard(host)
			    ? xasprintf("%.*s%s", (int)(from - g->from), g->from, port)
			    : xstrdup(told);

	if (!address_is_harmless(address))
		err_set(e, 0, "its address '%.100s' is no HOST:PORT", told);
	else if (is_only_here(address) && !is_only_here(g->from))
		err_set(e, 0, "it listens on %.100s, where other machines cannot reach it",
			told);
	else
		return address;
	free(address);
	return NULL;
}

static int on_report(struct guest *g, struct arena *a, const char *p, size_t n,
		     struct err *why)
{
	struct message_report m;
	struct err e = {0};

	if (message_get_report(&m, a, p, n))
		return err_set(why, EPROTO, "a malformed REPORT");
	AUTO_FREE char *address = address_of(g, m.address, &e);

	if (!address || check_text("its platform", m.platform, TALK_NAME, &e) ||
	    check_text("its partition", m.partition, TALK_NAME, &e) ||
	    place_report(g->server, &g->place, g, address, &m, &e))
		refuse(g, &e);
	return 0;
}

/* ---- an agent ------------------------------------------------------------------------------ */

static size_t count_names(char *const *v)
{
	size_t n = 0;

	while (v[n] && n < TALK_NAMES)
		n++;
	return n;
}

static enum farm_priority priority_of(uint32_t told)
{
	return told == FARM_LOW || told == FARM_HIGH ? (enum farm_priority)told
						     : FARM_NORMAL;
}

static void fill_want(struct guest *g, const struct message_want *m, struct farm_want *w)
{
	*w = (struct farm_want){
	    .agent = g->id,
	    .user = g->user,
	    .platform = m->platform,
	    .partition = m->partition,
	    .slots = m->slots < FARM_MAX_WANT ? m->slots : FARM_MAX_WANT,
	    .cap = m->cap,
	    .weight = m->weight,
	    .priority = priority_of(m->priority),
	    .memory_mib = m->memory_mib,
	    .cpu = (nsec)(m->cpu_us < UINT32_MAX ? m->cpu_us : UINT32_MAX) * 1000,
	    .affinity = m->affinity,
	    .exclude = (const char **)(uintptr_t)m->exclude,
	    .nexclude = count_names(m->exclude),
	    .only = (const char **)(uintptr_t)m->only,
	    .nonly = count_names(m->only),
	    .more = m->flags & TALK_WANT_MORE,
	};
	if (g->server->history && m->affinity && !m->memory_mib && !m->cpu_us) {
		uint64_t cpu_us = 0;

		history_predict(g->server->history, m->affinity, &cpu_us, &w->memory_mib);
		w->cpu = (nsec)cpu_us * 1000;
	}
}

static int on_want(struct guest *g, struct arena *a, const char *p, size_t n,
		   struct err *why)
{
	const char *speakers[TALK_NAMES];
	struct message_want m;
	struct farm_event e = {.type = FARM_BUILD};
	bool all = true;

	if (message_get_want(&m, a, p, n) || m.build >= TALK_BUILD)
		return err_set(why, EPROTO, "a malformed WANT");
	e.build = server_build_id(g->id, m.build);
	if (m.slots == 0 && !(m.flags & TALK_WANT_MORE)) {
		e.type = FARM_BUILD_GONE;
		server_step(g->server, &e);
		return 0;
	}
	fill_want(g, &m, &e.want);
	if (m.flags & TALK_WANT_DISTCC && !e.want.nonly) {
		e.want.nonly = places_of_distcc(g->server, speakers, TALK_NAMES, &all);
		e.want.only = speakers;
		if (all)
			e.want.nonly = 0;
		g->in_vain = !all && e.want.nonly == 0;
		if (g->in_vain) /* a name that nobody has */
			e.want.only[e.want.nonly++] = "(none)";
	}
	server_step(g->server, &e);
	return 0;
}

static void step_held(struct guest *g, uint64_t build, const struct place *p,
		      const struct farm_held *held)
{
	server_step(g->server, &(struct farm_event){.type = FARM_HELD,
						    .build = server_build_id(g->id, build),
						    .worker = p->id,
						    .held = *held});
}

static void wait_for_host(struct guest *g, const struct message_held *m,
			  const struct farm_held *held)
{
	struct waiting *w;

	LL_FOREACH(g->waiting, w)
	if (w->build == m->build && strcmp(w->address, m->host) == 0)
		break;
	if (!w && (m->slots == 0 || g->nwaiting == WAITING_MAX))
		return;
	if (!w) {
		w = xcalloc(1, sizeof *w);
		w->build = m->build;
		w->address = xstrdup(m->host);
		LL_PREPEND(g->waiting, w);
		g->nwaiting++;
		g->server->nwaiting++;
	}
	w->held = *held;
}

static int on_held(struct guest *g, struct arena *a, const char *p, size_t n,
		   struct err *why)
{
	struct message_held m;

	if (message_get_held(&m, a, p, n) || m.build >= TALK_BUILD ||
	    check_text("an address", m.host, TALK_ADDRESS, why))
		return err_set(why, EPROTO, "a malformed HELD");
	struct farm_held held = {.serial = m.serial, .slots = m.slots, .used = m.used};
	const struct place *place = place_by_address(g->server, m.host);

	if (place) {
		step_held(g, m.build, place, &held);
		return 0;
	}
	wait_for_host(g, &m, &held);
	return 0;
}

void guests_redeclare(struct server *s, const struct place *p)
{
	for (struct guest *g = s->nwaiting ? s->guests : NULL; g; g = g->hh.next) {
		struct waiting *w, *next;

		LL_FOREACH_SAFE(g->waiting, w, next)
		{
			if (strcmp(w->address, p->address) != 0)
				continue;
			LL_DELETE(g->waiting, w);
			g->nwaiting--;
			s->nwaiting--;
			step_held(g, w->build, p, &w->held);
			free(w->address);
			free(w);
		}
	}
}

static int on_measured(struct guest *g, struct arena *a, const char *p, size_t n,
		       struct err *why)
{
	struct message_measured m;
	struct server *s = g->server;

	if (message_get_measured(&m, a, p, n) || m.build >= TALK_BUILD ||
	    check_text("an address", m.host, TALK_ADDRESS, why))
		return err_set(why, EPROTO, "a malformed MEASURED");
	const struct place *place = place_by_address(s, m.host);

	if (s->history && m.project && !m.failed)
		history_job(s->history, m.project, m.cpu_us, m.maxrss_kb);
	if (!place)
		return 0;
	if (place->borrowed)
		upstream_measured(s->upstream, place, &m);
	struct farm_event e = {
	    .type = FARM_RESULT,
	    .build = server_build_id(g->id, m.build),
	    .worker = place->id,
	    .result = {.unit = m.unit,
		       .cpu = (nsec)(m.cpu_us < UINT32_MAX ? m.cpu_us : UINT32_MAX) * 1000,
		       .rtt_us = m.rtt_us,
		       .kib_s = m.kib_s,
		       .failed = m.failed}
        };

	server_step(s, &e);
	return 0;
}

/* ---- a person ------------------------------------------------------------------------------ */

static bool may_change(const struct guest *g)
{
	struct err e = {0};
	struct addrinfo *from = address_resolve(g->from, false, &e);
	bool yes = from && (address_is_loopback(from->ai_addr) ||
			    access_allows(g->server->admin, from->ai_addr));

	if (from)
		freeaddrinfo(from);
	return yes;
}

static void say_done(struct guest *g, int failed, const struct err *e, const char *ok)
{
	AUTO_BUF struct buf b = {0};

	message_put_done(
	    &b, &(struct message_done){.ok = !failed, .text = failed ? e->text : ok});
	guest_send(g, &b);
}

static int on_ask_hosts(struct guest *g, struct arena *a, const char *p, size_t n,
			struct err *why)
{
	struct message_ask_hosts m;
	AUTO_BUF struct buf b = {0};
	struct timespec now;

	if (message_get_ask_hosts(&m, a, p, n))
		return err_set(why, EPROTO, "a malformed ASK_HOSTS");
	clock_gettime(CLOCK_REALTIME, &now);
	if (m.flags & TALK_ASK_CLOCK) {
		message_put_clock(&b,
				  &(struct message_clock){(uint64_t)now.tv_sec * 1000 +
							  (uint64_t)now.tv_nsec / 1000000});
		guest_send(g, &b);
	}
	places_list(g->server, g);
	return 0;
}

static int on_change(struct guest *g, struct arena *a, unsigned type, const char *p,
		     size_t n, struct err *why)
{
	struct server *s = g->server;
	struct message_host_add add;
	struct message_host_remove gone;
	struct message_drain drain;
	struct err e = {0};
	bool allowed = may_change(g);
	int failed = -1, bad = 0;

	if (!allowed)
		err_set(
		    &e, 0,
		    "hosts are changed from the scheduler's own machine, or from a network "
		    "that its option --admin names");
	if (type == MESSAGE_HOST_ADD) {
		bad = message_get_host_add(&add, a, p, n);
		if (!bad && allowed)
			failed = place_add(s, add.name, add.url, &e);
	} else if (type == MESSAGE_HOST_REMOVE) {
		bad = message_get_host_remove(&gone, a, p, n);
		if (!bad && allowed)
			failed = place_remove(s, gone.name, &e);
	} else {
		bad = message_get_drain(&drain, a, p, n);
		if (!bad && allowed)
			failed = place_drain(s, drain.name, drain.on, &e);
	}
	if (bad)
		return err_set(why, EPROTO, "a malformed %s", message_name(type));
	say_done(g, failed, &e, "");
	return 0;
}

/* ---- messages ------------------------------------------------------------------------------ */

static bool is_flooding(struct guest *g)
{
	nsec now = loop_now();

	g->tokens += (double)(now - g->refilled) / 1e9 * TALK_RATE;
	if (g->tokens > TALK_BURST)
		g->tokens = TALK_BURST;
	g->refilled = now;
	return --g->tokens < 0;
}

static int by_role(struct guest *g, struct arena *a, unsigned type, const char *p, size_t n,
		   struct err *e)
{
	if (!g->role && type == MESSAGE_ENROLL)
		return on_enroll(g, a, p, n, e);
	if (g->role == TALK_WORKER && type == MESSAGE_REPORT)
		return on_report(g, a, p, n, e);
	if (g->role == TALK_AGENT)
		switch (type) {
		case MESSAGE_WANT: return on_want(g, a, p, n, e);
		case MESSAGE_HELD: return on_held(g, a, p, n, e);
		case MESSAGE_MEASURED: return on_measured(g, a, p, n, e);
		default: break;
		}
	if (g->role == TALK_PERSON)
		switch (type) {
		case MESSAGE_ASK_HOSTS: return on_ask_hosts(g, a, p, n, e);
		case MESSAGE_HOST_ADD:
		case MESSAGE_HOST_REMOVE:
		case MESSAGE_DRAIN: return on_change(g, a, type, p, n, e);
		default: break;
		}
	return err_set(e, EPROTO, "a message %s (%u) that is not its to send",
		       message_name(type), type);
}

static int on_message(void *ctx, struct peer *peer, unsigned type, const char *p, size_t n,
		      struct err *e)
{
	struct guest *g = ctx;

	(void)peer;
	if (g->doomed)
		return 0;
	if (is_flooding(g)) {
		struct err why = {0};

		err_set(&why, 0, "it sends more than %d messages a second", TALK_RATE);
		refuse(g, &why);
		return 0;
	}
	struct arena *a = arena_new();
	int r = by_role(g, a, type, p, n, e);

	arena_free(a);
	return r;
}

static int on_up(void *ctx, struct peer *p, const struct message_hello *hello,
		 struct err *e)
{
	(void)ctx;
	(void)p;
	(void)hello;
	(void)e;
	return 0;
}

const struct peer_handler guest_handler = {
    .up = on_up, .message = on_message, .down = on_down};
