/* Lookups block, so they are done by some threads; connects are one poll over non-blocking sockets, at most
 * BATCH of them at a time.
 *
 * The threads share a struct crowd with the one who waits, and touch the caller's array only under its lock
 * and only until the time is over. A lookup that takes longer is left to itself: its thread drops what it
 * finds, and the last one to leave frees the crowd. */
#include "cli/knock.h"

#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	BATCH = 256,
	THREADS = 16
};

static const struct addrinfo tcp = {.ai_socktype = SOCK_STREAM};

long knock_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000L + t.tv_nsec / 1000000L;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* ---- looking up ---- */

struct crowd {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct knock *v; /* NULL: the time is over */
	size_t n, next, done;
	size_t users; /* threads that may still touch this */
};

/* With the lock held, which is given back. */
static void crowd_leave(struct crowd *c)
{
	bool last = --c->users == 0;

	pthread_cond_signal(&c->changed);
	pthread_mutex_unlock(&c->lock);
	if (!last)
		return;
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->changed);
	free(c);
}

/* One thread: takes the next name until there is none. */
static void *look_up(void *ctx)
{
	struct crowd *c = ctx;

	pthread_mutex_lock(&c->lock);
	while (c->v && c->next < c->n) {
		size_t i = c->next++;
		AUTO_FREE char *name = xstrdup(c->v[i].name);
		AUTO_FREE char *port = xasprintf("%u", c->v[i].port);
		struct addrinfo *found = NULL;

		pthread_mutex_unlock(&c->lock);
		if (getaddrinfo(name, port, &tcp, &found))
			found = NULL;
		pthread_mutex_lock(&c->lock);
		if (c->v)
			c->v[i].found = found;
		else if (found)
			freeaddrinfo(found);
		c->done++;
		pthread_cond_signal(&c->changed);
	}
	crowd_leave(c);
	return NULL;
}

static struct crowd *crowd_new(struct knock *v, size_t n)
{
	struct crowd *c = xcalloc(1, sizeof *c);
	pthread_condattr_t monotonic;

	*c = (struct crowd){.v = v, .n = n, .users = 1};
	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&c->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return c;
}

void knock_lookup(struct knock *v, size_t n, long end_ms)
{
	struct timespec end = {end_ms / 1000, end_ms % 1000 * 1000000L};
	struct crowd *c = crowd_new(v, n);

	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < n && i < THREADS; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, look_up, c))
			break;
		pthread_detach(thread);
		c->users++;
	}
	while (c->done < n && c->users > 1 &&
	       pthread_cond_timedwait(&c->changed, &c->lock, &end) == 0)
		;
	c->v = NULL;
	crowd_leave(c);
}

/* ---- connecting ---- */

static void finish(struct knock *k, const struct addrinfo *at)
{
	if (k->fd >= 0)
		close(k->fd);
	k->fd = -1;
	k->trying = NULL;
	k->at = at;
	k->latency_ms = knock_now_ms() - k->began_ms;
}

/* Tries the address TRYING and those behind it, until one is under way or none is left. */
static void try_addresses(struct knock *k)
{
	for (; k->trying; k->trying = k->trying->ai_next) {
		const struct addrinfo *a = k->trying;

		k->fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (k->fd < 0)
			continue;
		if (connect(k->fd, a->ai_addr, a->ai_addrlen) == 0) {
			finish(k, a);
			return;
		}
		if (errno == EINPROGRESS)
			return;
		close(k->fd);
		k->fd = -1;
	}
	finish(k, NULL);
}

/* The connect has ended, well or not. */
static void take_result(struct knock *k)
{
	int error = 0;
	socklen_t n = sizeof error;

	if (getsockopt(k->fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0 && error == 0) {
		finish(k, k->trying);
		return;
	}
	assert(k->trying);
	close(k->fd);
	k->fd = -1;
	k->trying = k->trying->ai_next;
	try_addresses(k);
}

/* Gives up those whose time is over; how long the next may still take, -1 when none is under way. */
static long give_up(struct knock *v, size_t n, long limit_ms)
{
	long now = knock_now_ms(), next = -1;

	for (size_t i = 0; i < n; i++) {
		if (v[i].fd < 0)
			continue;
		long left = v[i].began_ms + limit_ms - now;

		if (left <= 0)
			finish(&v[i], NULL);
		else if (next < 0 || left < next)
			next = left;
	}
	return next;
}

static void connect_batch(struct knock *v, size_t n, long limit_ms)
{
	struct pollfd p[BATCH];
	long left;

	for (size_t i = 0; i < n; i++) {
		v[i].fd = -1;
		v[i].began_ms = knock_now_ms();
		v[i].trying = v[i].found;
		if (v[i].trying)
			try_addresses(&v[i]);
	}
	while ((left = give_up(v, n, limit_ms)) >= 0) {
		for (size_t i = 0; i < n; i++)
			p[i] = (struct pollfd){v[i].fd, POLLOUT, 0};
		if (poll(p, n, left < INT_MAX ? (int)left : INT_MAX) <= 0)
			continue;
		for (size_t i = 0; i < n; i++)
			if (p[i].revents)
				take_result(&v[i]);
	}
}

void knock_connect(struct knock *v, size_t n, long limit_ms)
{
	for (size_t i = 0; i < n; i += BATCH)
		connect_batch(v + i, least(n - i, BATCH), limit_ms);
}

void knock_free(struct knock *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (v[i].found)
			freeaddrinfo(v[i].found);
		v[i].found = NULL;
	}
}
