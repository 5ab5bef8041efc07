#include "cli/scheduler.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/hostlist.h"
#include "net/peer.h"
#include "net/schedulers.h"
#include "net/tls.h"
#include "net/trust.h"
#include "sys/fs.h"
#include "sys/loop.h"
#include "wire/message.h"
#include "wire/talk.h"

#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	PEER_TIMEOUT_MS = 15000
};

struct scheduler {
	struct loop *loop;
	struct schedulers list;
	size_t at; /* the one that is tried, or that took us in */
	unsigned role;
	const struct scheduler_talk *talk;
	void *ctx;
	struct peer *peer;
	struct loop_timer *timer;
	char *host;
	struct trust *trust;
	const struct tls *tls; /* what the present one was dialled with */
	bool up;
	char *software, *farm, *name; /* of the present one, or NULL */
	struct err why;
};

/* ---- which ones ---------------------------------------------------------------------------- */

/* What the user's own file of hosts says, malloc'ed, or NULL. */
static char *from_file(void)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	AUTO_FREE char *path = NULL;
	AUTO_BUF struct buf b = {0};
	struct hostlist list;

	if (config && *config == '/')
		path = xasprintf("%s/muster/hosts", config);
	else if (home && *home == '/')
		path = xasprintf("%s/.config/muster/hosts", home);
	if (!path || fs_read(path, HOSTLIST_FILE, &b, NULL))
		return NULL;
	buf_u8(&b, 0);
	if (hostlist_parse(&list, b.data, TALK_PORT, NULL))
		return NULL;
	char *found = list.schedulers ? xstrdup(list.schedulers) : NULL;

	hostlist_free(&list);
	return found;
}

char *scheduler_list(const char *named)
{
	const char *variable = getenv("MUSTER_SCHEDULER");
	char *found = NULL;

	if (!named && variable && *variable)
		named = variable;
	if (!named)
		found = from_file();
	return found   ? found
	       : named ? xstrdup(named)
		       : xasprintf("127.0.0.1:%d", TALK_PORT);
}

const char *scheduler_words(struct arena *a, const char *text)
{
	char *copy = arena_strdup(a, text);

	for (char *p = copy; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	return copy;
}

/* ---- the connection ------------------------------------------------------------------------ */

static const struct peer_handler handler;

static const char *get(void *ctx, const char *name)
{
	(void)ctx;
	return getenv(name);
}

/* The present one, with what TLS says. */
static bool dial_one(struct scheduler *s)
{
	struct peer_self self = {.name = s->host,
				 .timeout_ms = PEER_TIMEOUT_MS,
				 .tls = s->tls,
				 .admits = TLS_SCHEDULER};

	s->peer = peer_dial(s->loop, s->list.v[s->at], &self, &handler, s, &s->why);
	if (s->peer)
		loop_timer_set(s->timer, LOOP_MS(SCHEDULER_ANSWER_MS));
	return s->peer != NULL;
}

/* Tries those from AT on; false: none is left. */
static bool dial(struct scheduler *s)
{
	for (; s->at < s->list.n; s->at++)
		if (trust_dial(s->trust, 0, &s->tls, &s->why) == 0 && dial_one(s))
			return true;
	return false;
}

/* The present one is of no use. */
static void go_on(struct scheduler *s)
{
	bool was_up = s->up;

	s->peer = NULL;
	s->up = false;
	loop_timer_off(s->timer);
	err_wrap(&s->why, "scheduler %s", s->list.v[s->at]);
	s->at++;
	if (was_up || !dial(s))
		s->talk->lost(s->ctx, &s->why);
}

static void on_time(void *ctx)
{
	struct scheduler *s = ctx;

	if (!s->peer) { /* nothing could be dialled: told from the loop */
		s->talk->lost(s->ctx, &s->why);
		return;
	}
	peer_close(s->peer);
	err_set(&s->why, 0, "it does not answer");
	go_on(s);
}

static int on_up(void *ctx, struct peer *p, const struct message_hello *hello,
		 struct err *e)
{
	struct scheduler *s = ctx;
	const struct passwd *who = getpwuid(getuid());
	AUTO_FREE char *number = xasprintf("%u", getuid());
	AUTO_BUF struct buf b = {0};

	(void)e;
	free(s->software);
	s->software = xstrdup(hello->software);
	message_put_enroll(&b,
			   &(struct message_enroll){.dialect = TALK_DIALECT,
						    .role = s->role,
						    .farm = getenv("MUSTER_FARM"),
						    .name = s->host,
						    .user = who ? who->pw_name : number});
	peer_send(p, &b);
	return 0;
}

static int on_welcome(struct scheduler *s, struct arena *a, const char *p, size_t n)
{
	struct message_welcome m;

	if (message_get_welcome(&m, a, p, n))
		return -1;
	free(s->farm);
	free(s->name);
	s->farm = xstrdup(m.farm);
	s->name = xstrdup(m.name);
	s->up = true;
	loop_timer_off(s->timer);
	s->talk->welcome(s->ctx, s->list.v[s->at]);
	return 0;
}

static int on_message(void *ctx, struct peer *peer, unsigned type, const char *p, size_t n,
		      struct err *e)
{
	struct scheduler *s = ctx;
	struct message_refused refused;
	struct arena *a = arena_new();
	int r = 0;

	(void)peer;
	if (type == MESSAGE_REFUSED && message_get_refused(&refused, a, p, n) == 0) {
		r = err_set(e, 0, "%.400s", scheduler_words(a, refused.why));
	} else if (type == MESSAGE_WELCOME && !s->up
		       ? on_welcome(s, a, p, n)
		       : !s->up || s->talk->message(s->ctx, type, p, n)) {
		r = err_set(e, EPROTO, "it said %s (%u), which makes no sense",
			    message_name(type), type);
	}
	arena_free(a);
	return r;
}

static void on_down(void *ctx, struct peer *p, const struct err *why)
{
	struct scheduler *s = ctx;

	s->why = *why;
	if (!s->up && trust_retry(s->trust, p, s->tls, &s->tls, &s->why) && dial_one(s))
		return;
	go_on(s);
}

static const struct peer_handler handler = {
    .up = on_up, .message = on_message, .down = on_down};

struct scheduler *scheduler_dial(struct loop *l, const char *list, unsigned role,
				 const struct scheduler_talk *talk, void *ctx,
				 struct err *e)
{
	struct scheduler *s = xcalloc(1, sizeof *s);
	char host[TALK_NAME + 1] = "";

	if (schedulers_parse(&s->list, list, e)) {
		free(s);
		return NULL;
	}
	gethostname(host, sizeof host - 1);
	s->host = xstrdup(host);
	s->loop = l;
	s->role = role;
	s->talk = talk;
	s->ctx = ctx;
	s->timer = loop_timer_new(l, on_time, s);
	s->trust = trust_new();
	trust_look(s->trust, get, NULL, loop_now());
	if (!dial(s))
		loop_timer_set(s->timer, 0);
	return s;
}

void scheduler_send(struct scheduler *s, struct buf *b)
{
	if (s->up)
		peer_send(s->peer, b);
	b->len = 0;
}

void scheduler_close(struct scheduler *s)
{
	if (!s)
		return;
	if (s->peer)
		peer_close(s->peer);
	loop_timer_free(s->timer);
	trust_free(s->trust);
	schedulers_free(&s->list);
	free(s->host);
	free(s->software);
	free(s->farm);
	free(s->name);
	free(s);
}

void scheduler_who(const struct scheduler *s, struct arena *a, const char **software,
		   const char **farm, const char **name)
{
	*software = scheduler_words(a, s->software ? s->software : "");
	*farm = scheduler_words(a, s->farm ? s->farm : "");
	*name = scheduler_words(a, s->name ? s->name : "");
}

/* ---- one question -------------------------------------------------------------------------- */

struct question {
	struct loop *loop;
	struct scheduler *scheduler;
	struct buf *text;
	int (*answer)(void *ctx, unsigned type, const char *p, size_t n);
	void *ctx;
	struct loop_timer *patience;
	struct err *err;
};

static void ask_it(void *ctx, const char *scheduler)
{
	struct question *q = ctx;

	(void)scheduler;
	scheduler_send(q->scheduler, q->text);
	loop_timer_set(q->patience, LOOP_MS(SCHEDULER_ANSWER_MS) * 2);
}

static int take_answer(void *ctx, unsigned type, const char *p, size_t n)
{
	struct question *q = ctx;
	int r = q->answer(q->ctx, type, p, n);

	if (r > 0)
		loop_stop(q->loop, 0);
	return r < 0 ? -1 : 0;
}

static void fail(void *ctx, const struct err *why)
{
	struct question *q = ctx;

	*q->err = *why;
	loop_stop(q->loop, 1);
}

static void lose_patience(void *ctx)
{
	struct err e = {0};

	err_set(&e, 0, "the scheduler does not answer");
	fail(ctx, &e);
}

int scheduler_ask(const char *list, struct buf *question,
		  int (*answer)(void *ctx, unsigned type, const char *p, size_t n),
		  void *ctx, struct err *e)
{
	static const struct scheduler_talk talk = {
	    .welcome = ask_it, .message = take_answer, .lost = fail};
	struct question q = {
	    .loop = loop_new(), .text = question, .answer = answer, .ctx = ctx, .err = e};
	int failed = 1;

	q.patience = loop_timer_new(q.loop, lose_patience, &q);
	q.scheduler = scheduler_dial(q.loop, list, TALK_PERSON, &talk, &q, e);
	if (q.scheduler)
		failed = loop_run(q.loop);
	scheduler_close(q.scheduler);
	loop_timer_free(q.patience);
	loop_free(q.loop);
	return failed ? -1 : 0;
}
