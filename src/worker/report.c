/* Happy path: dial ─► ENROLL ─► WELCOME ─► REPORT every TALK_REPORT_MS, and soon after the number of running jobs has
 * moved. A scheduler that cannot be reached, or sends us away, is dialled again after pauses that double; the log hears
 * of it when the reason is a new one. What is compiled does not depend on any of this. */
#include "worker/report.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/discover.h"
#include "net/hostlist.h"
#include "net/peer.h"
#include "net/schedulers.h"
#include "net/tls.h"
#include "sys/load.h"
#include "sys/loop.h"
#include "sys/machine.h"
#include "wire/message.h"
#include "wire/talk.h"
#include "worker/desk.h"
#include "worker/evict.h"
#include "worker/presence.h"
#include "worker/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum {
	PEER_TIMEOUT_MS = 15000,
	PAUSE_MS = 250, /* before the first new dial; doubles … */
	PAUSE_MAX_MS = 15000,
	SOON_MS = 250, /* a report after something moved */
	PER_THOUSAND = 1000
};

/* One scheduler. */
struct line {
	struct report *report;
	char *address;
	struct peer *peer; /* NULL: it is dialled again when the timer fires */
	struct loop_timer *timer;
	unsigned pause_ms;
	bool clear; /* it speaks without encryption, and is on this machine */
	bool welcome;
	bool found;     /* it announced itself … */
	bool gone;      /* … and does no more: not dialled again */
	char said[300]; /* what the log heard last of it */
};

struct report {
	struct worker *worker;
	struct report_spec spec;
	char *platform;
	uint64_t instance; /* tells this process from an earlier one of its name */
	struct load *load;
	struct desk *desk;
	struct load_look look;
	double foreign; /* cores that others use, smoothed */
	struct loop_timer *timer;
	nsec looked;
	unsigned told_running;
	bool soon; /* the timer is set for a report before its time */
	bool draining;
	void (*gone)(void *ctx);
	void *gone_ctx;
	struct discover *discover; /* NULL: only those that are named */
	struct line lines[SCHEDULERS_MAX];
	size_t nlines;
};

/* ---- what is reported ---------------------------------------------------------------------- */

/* Half of what is new counts, so that a short burst of others does not take slots away. */
static void look(struct report *r)
{
	struct load_look *l = &r->look;

	load_look(r->load, l);
	r->looked = loop_now();
	if (r->spec.dedicated || l->busy < 0 || l->own_busy < 0)
		return;
	double spare = (double)l->all_cores - r->worker->slots;
	double others = l->busy - l->own_busy - (spare > 0 ? spare : 0);

	r->foreign = (r->foreign + (others > 0 ? others : 0)) / 2;
}

static uint32_t mib(int64_t mb)
{
	return mb < 0 ? 0 : mb > UINT32_MAX ? UINT32_MAX : (uint32_t)mb;
}

/* Thousandths, or -1, as percent. */
static uint32_t percent(int thousandths)
{
	return thousandths < 0 ? 0 : (uint32_t)thousandths / 10;
}

static uint32_t owner_of(const struct report *r)
{
	if (!r->spec.presence || r->spec.dedicated)
		return TALK_OWNER_UNKNOWN;
	switch (presence_look("", time(NULL), desk_left, r->desk)) {
	case PRESENCE_PRESENT: return TALK_OWNER_PRESENT;
	case PRESENCE_AWAY: return TALK_OWNER_AWAY;
	case PRESENCE_UNKNOWN:
	default: return TALK_OWNER_UNKNOWN;
	}
}

static struct message_report report_now(struct report *r)
{
	static const struct load_look unknown = {.free_mb = -1, .total_mb = -1};
	const struct load_look *l = r->spec.dedicated ? &unknown : &r->look;
	int64_t own = l->own_mb > 0 ? l->own_mb : 0;

	return (struct message_report){
	    .address = r->spec.address,
	    .platform = r->platform,
	    .partition = r->spec.partition,
	    .speaks = TALK_MUSTER | TALK_EVICTS | (r->spec.distcc ? TALK_DISTCC : 0),
	    .slots = r->worker->slots,
	    .owner_slots = r->spec.owner_slots,
	    .running = r->worker->running,
	    .draining = r->draining,
	    .owner = owner_of(r),
	    .foreign_milli = (uint32_t)(r->foreign * PER_THOUSAND),
	    .cpu_percent = percent(l->pressure_cpu),
	    .memory_percent = percent(l->pressure_memory),
	    .io_percent = percent(l->pressure_io),
	    .memory_mib = mib(l->total_mb),
	    .room_mib = l->free_mb < 0 ? 0 : mib(l->free_mb + own),
	};
}

static void tell(struct line *line, const struct message_report *m)
{
	AUTO_BUF struct buf b = {0};

	message_put_report(&b, m);
	peer_send(line->peer, &b);
}

static void on_timer(void *ctx)
{
	struct report *r = ctx;

	r->soon = false;
	if (loop_now() - r->looked >= LOOP_MS(TALK_REPORT_MS) / 2)
		look(r);
	struct message_report m = report_now(r);

	r->told_running = m.running;
	for (size_t i = 0; i < r->nlines; i++)
		if (r->lines[i].welcome)
			tell(&r->lines[i], &m);
	if (r->draining && m.running == 0 && !r->worker->line && r->gone) {
		r->gone(r->gone_ctx);
		return;
	}
	loop_timer_set(r->timer, r->draining ? LOOP_MS(SOON_MS) : LOOP_MS(TALK_REPORT_MS));
}

/* ---- the connections ----------------------------------------------------------------------- */

static const struct peer_handler handler;

static void say(struct line *line, const char *text)
{
	if (strcmp(line->said, text) == 0)
		return;
	snprintf(line->said, sizeof line->said, "%s", text);
	log_line(LOG_NOTICE, "scheduler=%s %s", line->address, text);
}

static void dial_later(struct line *line)
{
	evict_forget(line->report->worker, line);
	line->peer = NULL;
	line->welcome = false;
	loop_timer_set(line->timer, LOOP_MS(line->pause_ms));
	line->pause_ms =
	    line->pause_ms * 2 < PAUSE_MAX_MS ? line->pause_ms * 2 : PAUSE_MAX_MS;
}

static void dial(void *ctx)
{
	struct line *line = ctx;

	if (line->gone)
		return;
	struct peer_self self = {.name = line->report->spec.name,
				 .slots = line->report->worker->slots,
				 .timeout_ms = PEER_TIMEOUT_MS,
				 .tls = line->clear ? NULL : line->report->spec.tls,
				 .admits = TLS_SCHEDULER};
	struct err e = {0};

	line->peer =
	    peer_dial(line->report->worker->loop, line->address, &self, &handler, line, &e);
	if (line->peer)
		return;
	say(line, e.text);
	dial_later(line);
}

static int on_up(void *ctx, struct peer *p, const struct message_hello *hello,
		 struct err *e)
{
	struct line *line = ctx;
	const struct report *r = line->report;
	AUTO_BUF struct buf b = {0};

	(void)hello;
	(void)e;
	message_put_enroll(&b, &(struct message_enroll){.dialect = TALK_DIALECT,
							.role = TALK_WORKER,
							.farm = r->spec.farm,
							.name = r->spec.name,
							.instance = r->instance});
	peer_send(p, &b);
	return 0;
}

static int on_refused(struct arena *a, const char *p, size_t n, struct err *e)
{
	struct message_refused m;

	if (message_get_refused(&m, a, p, n))
		return err_set(e, EPROTO, "a malformed REFUSED");
	return err_set(e, 0, "it wants no part of us: %.300s", m.why);
}

static const char *own_farm(const struct report *r)
{
	return r->spec.farm ? r->spec.farm : "";
}

static int on_evict(const struct line *line, struct arena *a, const char *p, size_t n,
		    struct err *e)
{
	struct message_evict m;

	if (message_get_evict(&m, a, p, n))
		return err_set(e, EPROTO, "a malformed EVICT");
	evict_note(line->report->worker, line, &m);
	return 0;
}

static int on_message(void *ctx, struct peer *peer, unsigned type, const char *p, size_t n,
		      struct err *e)
{
	struct line *line = ctx;
	struct arena *a = arena_new();
	struct message_welcome m;
	int r = 0;

	(void)peer;
	if (type == MESSAGE_REFUSED) {
		r = on_refused(a, p, n, e);
	} else if (type == MESSAGE_EVICT && line->welcome) {
		r = on_evict(line, a, p, n, e);
	} else if (type != MESSAGE_WELCOME) {
		r = err_set(e, EPROTO, "a message %s that is not a scheduler's to send",
			    message_name(type));
	} else if (message_get_welcome(&m, a, p, n)) {
		r = err_set(e, EPROTO, "a malformed WELCOME");
	} else if (line->found && strcmp(m.farm, own_farm(line->report)) != 0) {
		r = err_set(e, 0, "is of another farm, '%.100s'", m.farm);
	} else {
		line->welcome = true;
		line->pause_ms = PAUSE_MS;
		say(line, "took this worker into its farm");
		loop_timer_set(line->report->timer, 0);
	}
	arena_free(a);
	return r;
}

static void on_down(void *ctx, struct peer *p, const struct err *why)
{
	struct line *line = ctx;

	if (peer_is_plain(p) && peer_is_local(p))
		line->clear = true;
	else
		say(line, why->text);
	dial_later(line);
}

static const struct peer_handler handler = {
    .up = on_up, .message = on_message, .down = on_down};

/* ---- life ---------------------------------------------------------------------------------- */

static void add_line(struct report *r, const char *address, bool found)
{
	struct line *line = &r->lines[r->nlines++];

	line->report = r;
	line->address = xstrdup(address);
	line->found = found;
	line->pause_ms = PAUSE_MS;
	line->timer = loop_timer_new(r->worker->loop, dial, line);
	loop_timer_set(line->timer, 0);
}

static int add_lines(struct report *r, struct err *e)
{
	struct schedulers list;

	if (!r->spec.schedulers)
		return 0;
	if (schedulers_parse(&list, r->spec.schedulers, e))
		return -1;
	for (size_t i = 0; i < list.n; i++)
		add_line(r, list.v[i], false);
	schedulers_free(&list);
	return 0;
}

/* A scheduler announces itself there: it is dialled, unless it was. */
static void meet(struct report *r, const char *address)
{
	struct line *free_one = NULL;

	for (size_t i = 0; i < r->nlines; i++) {
		struct line *line = &r->lines[i];

		if (strcmp(line->address, address) == 0) {
			if (line->gone && !line->peer)
				loop_timer_set(line->timer, 0);
			line->gone = false;
			return;
		}
		if (line->found && line->gone && !line->peer)
			free_one = line;
	}
	if (r->nlines < SCHEDULERS_MAX) {
		add_line(r, address, true);
	} else if (free_one) {
		free(free_one->address);
		free_one->address = xstrdup(address);
		free_one->gone = free_one->clear = false;
		free_one->pause_ms = PAUSE_MS;
		loop_timer_set(free_one->timer, 0);
	}
}

/* Who announces himself no more keeps the connection that he has. */
static void on_found(void *ctx)
{
	struct report *r = ctx;
	const struct hostlist *list = discover_hosts(r->discover);

	for (size_t i = 0; i < r->nlines; i++)
		r->lines[i].gone = r->lines[i].found;
	for (size_t i = 0; i < list->n; i++) {
		AUTO_FREE char *address = host_address(&list->v[i]);

		meet(r, address);
	}
}

static void find_some(struct report *r)
{
	static const char *const types[] = {TALK_SERVICE, NULL};

	if (!r->spec.found)
		return;
	r->discover = discover_start(r->worker->loop, types, on_found, r);
	discover_only(r->discover, r->spec.found);
}

/* The number of running jobs has moved: they hear of it soon, but not for each job. */
static void on_moved(void *ctx)
{
	struct report *r = ctx;

	if (r->soon || r->worker->running == r->told_running)
		return;
	r->soon = true;
	loop_timer_set(r->timer, LOOP_MS(SOON_MS));
}

struct report *report_start(struct worker *w, const struct report_spec *spec, struct err *e)
{
	struct report *r = xcalloc(1, sizeof *r);

	r->worker = w;
	r->spec = *spec;
	r->platform = machine_platform();
	if (getrandom(&r->instance, sizeof r->instance, 0) != sizeof r->instance)
		r->instance = (uint64_t)loop_now();
	r->load = load_new("");
	r->desk = desk_new(w->loop);
	r->timer = loop_timer_new(w->loop, on_timer, r);
	look(r);
	if (add_lines(r, e)) {
		report_free(r);
		return NULL;
	}
	find_some(r);
	loop_timer_set(r->timer, LOOP_MS(TALK_REPORT_MS));
	w->moved = on_moved;
	w->moved_ctx = r;
	return r;
}

void report_free(struct report *r)
{
	if (!r)
		return;
	r->worker->moved = NULL;
	discover_free(r->discover);
	for (size_t i = 0; i < r->nlines; i++) {
		evict_forget(r->worker, &r->lines[i]);
		if (r->lines[i].peer)
			peer_close(r->lines[i].peer);
		loop_timer_free(r->lines[i].timer);
		free(r->lines[i].address);
	}
	loop_timer_free(r->timer);
	load_free(r->load);
	desk_free(r->desk);
	free(r->platform);
	free(r);
}

void report_drain(struct report *r, void (*gone)(void *ctx), void *ctx)
{
	r->draining = true;
	r->gone = gone;
	r->gone_ctx = ctx;
	log_line(LOG_NOTICE, "draining: it ends when what it runs has ended");
	loop_timer_set(r->timer, 0);
}
