/* Lookups (run/lookup) are asked every LOOK_MS whether they are done; one that takes longer than there is time is left to itself.
 * Connects (run/connect) share a loop, at most BATCH of them at a time. */
#include "cli/knock.h"

#include "base/err.h"
#include "base/mem.h"
#include "run/connect.h"
#include "run/lookup.h"
#include "sys/loop.h"

#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	BATCH = 256,
	LOOK_MS = 5
};

struct attempt {
	struct knock *k;
	struct batch *all;
	struct connect *connect;
	struct loop_timer *over; /* NULL: it was not begun, or has ended */
};

struct batch {
	struct loop *loop;
	size_t under_way;
	long limit_ms;
	struct attempt v[BATCH];
};

static void try_address(struct attempt *);

long knock_now_ms(void)
{
	return (long)(loop_now() / 1000000);
}

/* ---- looking up ---- */

/* Takes what is done; true while something is not. */
static bool take_found(struct knock *v, struct lookup **lookups, size_t n)
{
	bool waiting = false;
	struct err e;

	for (size_t i = 0; i < n; i++) {
		if (!lookups[i])
			continue;
		if (!lookup_is_done(lookups[i])) {
			waiting = true;
			continue;
		}
		v[i].found = lookup_take(lookups[i], &e);
		lookup_free(lookups[i]);
		lookups[i] = NULL;
	}
	return waiting;
}

void knock_lookup(struct knock *v, size_t n, long end_ms)
{
	AUTO_FREE struct lookup **lookups = xcalloc(n + 1, sizeof *lookups);
	struct err e;

	for (size_t i = 0; i < n; i++) {
		AUTO_FREE char *address = xasprintf(
		    strchr(v[i].name, ':') ? "[%s]:%u" : "%s:%u", v[i].name, v[i].port);

		lookups[i] = lookup_start(address, &e);
	}
	while (take_found(v, lookups, n) && knock_now_ms() < end_ms)
		poll(NULL, 0, LOOK_MS);
	for (size_t i = 0; i < n; i++)
		lookup_free(lookups[i]);
}

/* ---- connecting ---- */

static void finish(struct attempt *a, const struct addrinfo *at, long latency_ms)
{
	a->k->at = at;
	a->k->latency_ms = latency_ms;
	connect_free(a->connect);
	a->connect = NULL;
	loop_timer_free(a->over);
	a->over = NULL;
	if (--a->all->under_way == 0)
		loop_stop(a->all->loop, 0);
}

static void on_over(void *ctx)
{
	struct attempt *a = ctx;

	finish(a, NULL, a->all->limit_ms);
}

static void on_connect(void *ctx, int fd, int error)
{
	struct attempt *a = ctx;

	(void)error;
	connect_free(a->connect);
	a->connect = NULL;
	if (fd >= 0) {
		close(fd);
		finish(a, a->k->trying, knock_now_ms() - a->k->began_ms);
	} else if ((a->k->trying = a->k->trying->ai_next)) {
		try_address(a);
	} else {
		finish(a, NULL, knock_now_ms() - a->k->began_ms);
	}
}

static void try_address(struct attempt *a)
{
	a->connect = connect_start(a->all->loop, a->k->trying, 0, on_connect, a);
}

static void begin(struct attempt *a, struct knock *k, struct batch *all)
{
	a->k = k;
	a->all = all;
	k->at = NULL;
	k->began_ms = knock_now_ms();
	k->trying = k->found;
	if (!k->trying)
		return;
	all->under_way++;
	a->over = loop_timer_new(all->loop, on_over, a);
	loop_timer_set(a->over, LOOP_MS(all->limit_ms));
	try_address(a);
}

void knock_connect(struct knock *v, size_t n, long limit_ms)
{
	struct batch all = {.loop = loop_new(), .limit_ms = limit_ms};

	for (size_t i = 0; i < n; i += BATCH) {
		for (size_t k = i; k < n && k < i + BATCH; k++)
			begin(&all.v[k - i], &v[k], &all);
		if (all.under_way)
			loop_run(all.loop);
	}
	loop_free(all.loop);
}

void knock_free(struct knock *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (v[i].found)
			freeaddrinfo(v[i].found);
		v[i].found = NULL;
	}
}
