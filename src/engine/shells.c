/* Each place goes round:
 *
 *   FREE ─► STARTING ─► RUNNING ─► (ENDING) ─► FREE, or RESTING if it failed, twice as long each time
 *
 * What goes in: the length of the script, the script, the worker's file; then nothing, until the hang-up that ends it. What comes out
 * on standard error: for a tunnel its port, which the script must have in it, so nothing goes in before; LAUNCH_STARTED; and what is
 * wrong. */
#include "engine/shells.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "engine/kind.h"
#include "engine/launch.h"
#include "engine/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum {
	REST_MS = 5000,
	REST_MAX_MS = 300000,
	END_MS = 5000,  /* how long the end of one is waited for */
	CLOSE_MS = 3000 /* how long the ends of all are waited for */
};

enum place_state {
	FREE,
	STARTING,
	RUNNING,
	ENDING, /* its input has ended */
	RESTING
};

struct place {
	struct shells *shells;
	size_t at;
	enum place_state state;
	char handle[ENGINE_HANDLE];
	struct tool *tool;
	bool fed;
	nsec pause;               /* of the next rest */
	struct loop_timer *timer; /* the end of a rest; or frees an ended tool */
};

struct shells {
	struct engine *x;
	struct shells_spec spec;
	struct place *places;
	unsigned wanted, count; /* slots; workers so far */
	struct buf worker;      /* its file, if it is carried */
	bool closing;
};

static void tell(struct place *p, enum engine_event_type type, const char *why)
{
	struct engine *x = p->shells->x;

	if (!p->shells->closing)
		engine_tell(x, &(struct engine_event){.type = type,
						      .handle = p->handle,
						      .slots = x->worker_slots,
						      .why = why});
}

/* -- one worker ------------------------------------------------------------------------------ */

/* CALL: where it is to dial. */
static void feed(struct place *p, const char *call)
{
	struct shells *s = p->shells;
	const struct engine_spec *spec = &s->x->spec;
	const char *slots = engine_url_get(s->x->url, "slots");
	char number[16] = "";
	AUTO_BUF struct buf script = {0}, head = {0}, fetch = {0};

	if (s->spec.carry)
		buf_printf(&fetch,
			   "head -c %zu >\"$d/muster-worker\" && chmod 700 "
			   "\"$d/muster-worker\" || exit 1\n",
			   s->worker.len);
	else
		buf_printf(&fetch, "ln -s \"%s\" \"$d/muster-worker\"\n", spec->worker);
	buf_u8(&fetch, 0);
	if (slots || s->spec.sized)
		snprintf(number, sizeof number, "%u", s->x->worker_slots);
	launch_script(&script, &(struct launch){.spec = spec,
						.call = call,
						.name = p->handle,
						.slots = number,
						.fetch = fetch.data,
						.leased = true});
	buf_printf(&head, "%zu\n", script.len);
	buf_add(&head, script.data, script.len);
	tool_feed(p->tool, &head, s->spec.carry ? &s->worker : NULL);
	p->fed = true;
}

static void on_line(void *ctx, const char *line)
{
	static const char allocated[] = "Allocated port ";
	struct place *p = ctx;
	unsigned port;

	if (p->state != STARTING)
		return;
	if (strcmp(line, LAUNCH_STARTED) == 0) {
		p->state = RUNNING;
		tell(p, ENGINE_STARTED, "");
	} else if (!p->fed && strncmp(line, allocated, strlen(allocated)) == 0 &&
		   sscanf(line + strlen(allocated), "%u", &port) == 1) {
		char call[32];

		snprintf(call, sizeof call, "127.0.0.1:%u", port);
		feed(p, call);
	} else if (!p->fed && strstr(line, "remote port forwarding failed")) {
		tool_hang_up(p->tool);
	}
}

static void start_missing(struct shells *s);

/* A rest is over; or the tool has told its end and can be freed; or it has not ended though it was told to. */
static void on_timer(void *ctx)
{
	struct place *p = ctx;
	bool late = p->state == ENDING;

	tool_free(p->tool);
	p->tool = NULL;
	p->state = FREE;
	if (late)
		tell(p, ENGINE_LOST, "");
	start_missing(p->shells);
}

static void end(struct place *p)
{
	p->state = ENDING;
	tool_hang_up(p->tool);
	loop_timer_set(p->timer, LOOP_MS(END_MS));
}

static void on_done(void *ctx, int status, const struct buf *out, const char *said)
{
	struct place *p = ctx;
	struct shells *s = p->shells;
	bool failed = p->state == STARTING || (p->state == RUNNING && status);

	(void)out;
	/* It is for who called shells_want to ask for another one. */
	if (p->state != ENDING)
		s->wanted -=
		    s->wanted < s->x->worker_slots ? s->wanted : s->x->worker_slots;
	if (!failed)
		said = "";
	else if (strcmp(said, LAUNCH_STARTED) == 0)
		said = "its worker ended";
	if (!failed)
		p->pause = LOOP_MS(REST_MS);
	p->state = failed ? RESTING : FREE;
	loop_timer_set(p->timer, failed ? p->pause : 0);
	if (failed && p->pause < LOOP_MS(REST_MAX_MS))
		p->pause *= 2;
	tell(p, ENGINE_LOST, said);
}

static void start(struct place *p)
{
	struct shells *s = p->shells;
	struct arena *arena = arena_new();
	struct strv argv = {0};
	struct err e = {0};

	snprintf(p->handle, sizeof p->handle, "%.100s-%u", s->spec.name(s->spec.ctx, p->at),
		 ++s->count);
	s->spec.command(s->spec.ctx, p->at, arena, &argv);
	p->state = STARTING;
	p->fed = false;
	p->tool =
	    tool_start(s->x->loop,
		       &(struct tool_spec){
			   .argv = argv.v, .heard = on_line, .done = on_done, .ctx = p},
		       &e);
	arena_free(arena);
	tell(p, ENGINE_PENDING, "");
	if (!p->tool) {
		p->state = RESTING;
		loop_timer_set(p->timer, p->pause);
		tell(p, ENGINE_LOST, e.text);
	} else if (!s->spec.tunnel) {
		feed(p, s->x->spec.call);
	}
}

/* -- all of them ----------------------------------------------------------------------------- */

static unsigned slots_of(const struct shells *s)
{
	unsigned n = 0;

	for (size_t i = 0; i < s->spec.n; i++)
		if (s->places[i].state == STARTING || s->places[i].state == RUNNING)
			n += s->x->worker_slots;
	return n;
}

static void start_missing(struct shells *s)
{
	for (size_t i = 0; i < s->spec.n && !s->closing; i++) {
		if (slots_of(s) >= s->wanted)
			return;
		if (s->places[i].state == FREE && !s->places[i].tool)
			start(&s->places[i]);
	}
}

void shells_want(void *self, unsigned slots)
{
	struct shells *s = self;

	s->wanted = slots;
	/* What has not begun to run is not needed any more. */
	for (size_t i = 0; i < s->spec.n; i++)
		if (s->places[i].state == STARTING &&
		    slots_of(s) >= slots + s->x->worker_slots)
			end(&s->places[i]);
	start_missing(s);
}

void shells_retire(void *self, const char *handle)
{
	struct shells *s = self;

	for (size_t i = 0; i < s->spec.n; i++) {
		struct place *p = &s->places[i];

		if ((p->state != STARTING && p->state != RUNNING) ||
		    strcmp(p->handle, handle) != 0)
			continue;
		end(p);
	}
}

struct shells *shells_new(struct engine *x, const struct shells_spec *spec, struct err *e)
{
	struct shells *s = xcalloc(1, sizeof *s);

	s->x = x;
	s->spec = *spec;
	if (spec->carry && launch_read(&x->spec, &s->worker, e)) {
		free(s);
		return NULL;
	}
	s->places = xcalloc(spec->n + 1, sizeof *s->places);
	for (size_t i = 0; i < spec->n; i++)
		s->places[i] = (struct place){
		    .shells = s,
		    .at = i,
		    .pause = LOOP_MS(REST_MS),
		    .timer = loop_timer_new(x->loop, on_timer, &s->places[i])};
	return s;
}

static void on_patience(void *ctx)
{
	loop_stop(ctx, 0);
}

static bool any_runs(const struct shells *s)
{
	for (size_t i = 0; i < s->spec.n; i++)
		if (s->places[i].tool && s->places[i].state != FREE &&
		    s->places[i].state != RESTING)
			return true;
	return false;
}

void shells_close(void *self)
{
	struct shells *s = self;
	nsec end = loop_now() + LOOP_MS(CLOSE_MS);
	struct loop_timer *tick = loop_timer_new(s->x->loop, on_patience, s->x->loop);

	s->closing = true;
	for (size_t i = 0; i < s->spec.n; i++)
		if (s->places[i].tool && s->places[i].state != FREE &&
		    s->places[i].state != RESTING)
			tool_hang_up(s->places[i].tool);
	while (any_runs(s) && loop_now() < end) {
		loop_timer_set(tick, LOOP_MS(20));
		loop_run(s->x->loop);
	}
	loop_timer_free(tick);
	for (size_t i = 0; i < s->spec.n; i++) {
		tool_free(s->places[i].tool);
		loop_timer_free(s->places[i].timer);
	}
	free(s->places);
	buf_free(&s->worker);
	free(s);
}
