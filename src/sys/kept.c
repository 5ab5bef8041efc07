/* Invariant: while CHILD runs, both pipes are watched or at their end, and the timer is off; else the timer is set.
 *
 * Happy path: kept_start ─► lines … ─► kept_free, which kills it.
 *
 * It ends by itself: what its pipes still hold is taken, the last thing that it said on standard error goes into the
 * log, and the timer starts it anew. A run of KEPT_PAUSE_MAX_MS ends the row of failures. */
#include "sys/kept.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "sys/child.h"
#include "sys/loop.h"
#include "sys/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	OUT,
	ERR,
	STREAMS,
	CITED = 300 /* most bytes of what it said that go into the log */
};

struct stream {
	struct kept *kept;
	int fd; /* -1: closed */
	struct loop_watch *watch;
	struct buf part; /* of a line whose end has not come yet */
	bool too_long;   /* that line is to be left out */
};

struct kept {
	struct loop *loop;
	struct arena *arena;
	struct strv argv;
	struct kept_spec spec;
	struct child *child; /* NULL: it does not run */
	struct stream streams[STREAMS];
	char said[CITED + 1]; /* its last line on standard error */
	struct loop_timer *again;
	nsec pause, started;
	bool complained; /* of the present row of failures */
};

/* -- what it prints -------------------------------------------------------------------------- */

static void hear(struct stream *s, const char *line, size_t n)
{
	struct kept *k = s->kept;

	if (s == &k->streams[ERR])
		snprintf(k->said, sizeof k->said, "%.*s", (int)(n < CITED ? n : CITED),
			 line);
	else if (k->spec.line)
		k->spec.line(k->spec.ctx, line, n);
}

static void split(struct stream *s, const char *p, size_t n)
{
	for (const char *end = p + n, *next; p < end; p = next) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));
		size_t length = (size_t)((eol ? eol : end) - p);

		next = eol ? eol + 1 : end;
		if (s->part.len + length > KEPT_LINE)
			s->too_long = true;
		if (!s->too_long)
			buf_add(&s->part, p, length);
		if (!eol)
			continue;
		if (!s->too_long)
			hear(s, s->part.len ? s->part.data : "", s->part.len);
		s->part.len = 0;
		s->too_long = false;
	}
}

static void stream_close(struct stream *s)
{
	loop_unwatch(s->watch);
	s->watch = NULL;
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	buf_free(&s->part);
	s->part = (struct buf){0};
	s->too_long = false;
}

/* True while there may be more at once. */
static bool stream_take(struct stream *s)
{
	char chunk[16384];
	ssize_t n = read(s->fd, chunk, sizeof chunk);

	if (n > 0) {
		split(s, chunk, (size_t)n);
		return true;
	}
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return errno == EINTR;
	loop_unwatch(s->watch);
	s->watch = NULL;
	return false;
}

static void on_readable(void *ctx, unsigned got)
{
	(void)got;
	stream_take(ctx);
}

/* -- its life -------------------------------------------------------------------------------- */

/* HOW: a sentence's part, as "ended with status 1". */
static void rest(struct kept *k, const char *how)
{
	const char *name = path_base(k->argv.v[0]);

	if (loop_now() - k->started >= LOOP_MS(KEPT_PAUSE_MAX_MS)) {
		k->pause = LOOP_MS(KEPT_PAUSE_MS);
		k->complained = false;
	}
	log_line(k->complained ? LOG_DEBUG : LOG_WARNING,
		 "%s %s%s%s%s: %s until it runs again", name, how, k->said[0] ? " (" : "",
		 k->said, k->said[0] ? ")" : "", k->spec.loss);
	k->complained = true;
	loop_timer_set(k->again, k->pause);
	k->pause *= 2;
	if (k->pause > LOOP_MS(KEPT_PAUSE_MAX_MS))
		k->pause = LOOP_MS(KEPT_PAUSE_MAX_MS);
}

static void on_end(void *ctx, int status)
{
	struct kept *k = ctx;
	char how[64];

	for (int i = 0; i < STREAMS; i++) {
		while (k->streams[i].watch && stream_take(&k->streams[i]))
			;
		stream_close(&k->streams[i]);
	}
	child_free(k->child);
	k->child = NULL;
	if (WIFEXITED(status))
		snprintf(how, sizeof how, "ended with status %d", WEXITSTATUS(status));
	else
		snprintf(how, sizeof how, "was ended by signal %d", WTERMSIG(status));
	rest(k, how);
	if (k->spec.ended)
		k->spec.ended(k->spec.ctx);
}

static int start_child(struct kept *k, struct err *e)
{
	AUTO_FD int null = open("/dev/null", O_RDONLY | O_CLOEXEC), out = -1, say = -1;
	int ends[2];

	if (null < 0)
		return err_set(e, errno, "open /dev/null");
	if (spawn_pipe(ends))
		return err_set(e, errno, "make a pipe");
	k->streams[OUT].fd = ends[0];
	out = ends[1];
	if (spawn_pipe(ends))
		return err_set(e, errno, "make a pipe");
	k->streams[ERR].fd = ends[0];
	say = ends[1];
	k->child = child_start(k->loop, k->argv.v, environ, NULL, (int[3]){null, out, say},
			       on_end, k, e);
	return k->child ? 0 : -1;
}

static void start(struct kept *k)
{
	struct err e = {0};

	k->said[0] = 0;
	k->started = loop_now();
	if (start_child(k, &e)) {
		for (int i = 0; i < STREAMS; i++)
			stream_close(&k->streams[i]);
		snprintf(k->said, sizeof k->said, "%.*s", CITED, e.text);
		rest(k, "could not be started");
		return;
	}
	for (int i = 0; i < STREAMS; i++)
		k->streams[i].watch = loop_watch(k->loop, k->streams[i].fd, LOOP_READ,
						 on_readable, &k->streams[i]);
}

static void on_again(void *ctx)
{
	start(ctx);
}

struct kept *kept_start(struct loop *l, const struct kept_spec *spec, struct err *e)
{
	AUTO_FREE char *program = spawn_find(spec->argv[0]);

	if (!program) {
		err_set(e, 0, "%s is not on PATH", spec->argv[0]);
		return NULL;
	}
	struct kept *k = xcalloc(1, sizeof *k);

	k->loop = l;
	k->arena = arena_new();
	k->spec = *spec;
	k->spec.loss = arena_strdup(k->arena, spec->loss);
	strv_add(k->arena, &k->argv, arena_strdup(k->arena, program));
	for (char *const *word = spec->argv + 1; *word; word++)
		strv_add(k->arena, &k->argv, arena_strdup(k->arena, *word));
	for (int i = 0; i < STREAMS; i++)
		k->streams[i] = (struct stream){.kept = k, .fd = -1};
	k->again = loop_timer_new(l, on_again, k);
	k->pause = LOOP_MS(KEPT_PAUSE_MS);
	start(k);
	return k;
}

void kept_free(struct kept *k)
{
	if (!k)
		return;
	child_free(k->child);
	for (int i = 0; i < STREAMS; i++)
		stream_close(&k->streams[i]);
	loop_timer_free(k->again);
	arena_free(k->arena);
	free(k);
}
