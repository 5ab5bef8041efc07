#include "sys/loop.h"

#include "base/mem.h"

#include <event2/event.h>
#include <stdlib.h>
#include <time.h>

struct loop {
	struct event_base *base;
	int status;
};

struct loop_watch {
	struct event *event;
	void (*ready)(void *ctx, unsigned got);
	void *ctx;
};

struct loop_timer {
	struct event *event;
	void (*fire)(void *ctx);
	void *ctx;
};

struct loop *loop_new(void)
{
	struct loop *l = xcalloc(1, sizeof *l);

	/* No EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST: what is closed before the kernel hears that it is not watched any more
	 * goes on waking whoever has its number next, for as long as a child that is being started holds a copy of it. */
	l->base = event_base_new();
	if (!l->base)
		abort();
	return l;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	event_base_free(l->base);
	free(l);
}

int loop_run(struct loop *l)
{
	event_base_loop(l->base, EVLOOP_NO_EXIT_ON_EMPTY);
	return l->status;
}

void loop_stop(struct loop *l, int status)
{
	l->status = status;
	event_base_loopbreak(l->base);
}

nsec loop_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (nsec)t.tv_sec * 1000000000 + t.tv_nsec;
}

struct event_base *loop_base(struct loop *l)
{
	return l->base;
}

static void on_ready(evutil_socket_t fd, short what, void *ctx)
{
	struct loop_watch *w = ctx;

	(void)fd;
	w->ready(w->ctx, (what & EV_READ ? (unsigned)LOOP_READ : 0) |
			     (what & EV_WRITE ? (unsigned)LOOP_WRITE : 0));
}

static struct loop_watch *watch(struct loop *l, int fd, short what,
				void (*ready)(void *ctx, unsigned got), void *ctx)
{
	struct loop_watch *w = xcalloc(1, sizeof *w);

	w->ready = ready;
	w->ctx = ctx;
	w->event = event_new(l->base, fd, what, on_ready, w);
	if (!w->event || event_add(w->event, NULL))
		abort();
	return w;
}

struct loop_watch *loop_watch(struct loop *l, int fd, unsigned want,
			      void (*ready)(void *ctx, unsigned got), void *ctx)
{
	short what = EV_PERSIST;

	if (want & LOOP_READ)
		what |= EV_READ;
	if (want & LOOP_WRITE)
		what |= EV_WRITE;
	return watch(l, fd, what, ready, ctx);
}

struct loop_watch *loop_signal(struct loop *l, int signal,
			       void (*ready)(void *ctx, unsigned got), void *ctx)
{
	return watch(l, signal, EV_SIGNAL | EV_PERSIST, ready, ctx);
}

void loop_unwatch(struct loop_watch *w)
{
	if (!w)
		return;
	event_free(w->event);
	free(w);
}

static void on_time(evutil_socket_t fd, short what, void *ctx)
{
	struct loop_timer *t = ctx;

	(void)fd;
	(void)what;
	t->fire(t->ctx);
}

struct loop_timer *loop_timer_new(struct loop *l, void (*fire)(void *ctx), void *ctx)
{
	struct loop_timer *t = xcalloc(1, sizeof *t);

	t->fire = fire;
	t->ctx = ctx;
	t->event = evtimer_new(l->base, on_time, t);
	if (!t->event)
		abort();
	return t;
}

void loop_timer_set(struct loop_timer *t, nsec delay)
{
	if (delay < 0)
		delay = 0;
	struct timeval tv = {.tv_sec = delay / 1000000000,
			     .tv_usec = delay % 1000000000 / 1000};

	evtimer_add(t->event, &tv);
}

void loop_timer_off(struct loop_timer *t)
{
	evtimer_del(t->event);
}

void loop_timer_free(struct loop_timer *t)
{
	if (!t)
		return;
	event_free(t->event);
	free(t);
}
