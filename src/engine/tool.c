/* Invariant: a stream that is still open is watched, but for standard input before it is fed. The end is told when the child has
 * ended; what its pipes hold then is taken first. */
#include "engine/tool.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "sys/child.h"
#include "sys/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	IN,
	OUT,
	ERR,
	STREAMS
};

struct stream {
	struct tool *tool;
	int fd; /* -1: closed */
	struct loop_watch *watch;
	struct buf
	    b; /* what came; of ERR: the line that has not ended; of IN: the head to be written */
};

struct tool {
	struct loop *loop;
	struct tool_spec spec;
	struct child *child;
	struct stream streams[STREAMS];
	const char *tail; /* to be written behind the head */
	size_t ntail;
	bool hang_up; /* its input ends when all is written */
	char said[TOOL_LINE];
	struct loop_timer *late;
};

static void stream_close(struct stream *s)
{
	loop_unwatch(s->watch);
	s->watch = NULL;
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

/* -- what it says ---------------------------------------------------------------------------- */

static void hear(struct tool *t, const char *line, size_t n)
{
	if (n && line[n - 1] == '\r')
		n--;
	if (n == 0)
		return;
	snprintf(t->said, sizeof t->said, "%.*s", (int)n, line);
	if (t->spec.heard)
		t->spec.heard(t->spec.ctx, t->said);
}

static void split(struct tool *t)
{
	struct buf *b = &t->streams[ERR].b;
	size_t used = 0;
	const char *end;

	while (used < b->len && (end = memchr(b->data + used, '\n', b->len - used))) {
		size_t n = (size_t)(end - (b->data + used));

		hear(t, b->data + used, n < TOOL_LINE ? n : TOOL_LINE - 1);
		used += n + 1;
	}
	buf_drop(b, used);
}

/* Takes what is there; false: nothing more for now. */
static bool take(struct stream *s)
{
	enum {
		STEP = 16384
	};
	struct tool *t = s->tool;
	ssize_t n = read(s->fd, buf_room(&s->b, STEP), STEP);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return errno == EINTR;
	if (n <= 0) {
		stream_close(s);
		return false;
	}
	s->b.len += (size_t)n;
	if (s == &t->streams[ERR])
		split(t);
	if (s->b.len > TOOL_OUTPUT) {
		s->b.len = 0;
		stream_close(s); /* it gets a SIGPIPE for more */
		return false;
	}
	return true;
}

static void on_readable(void *ctx, unsigned got)
{
	(void)got;
	take(ctx);
}

/* -- what it is told ------------------------------------------------------------------------- */

/* All was written: the input ends, or is kept open for the end to be told by it. */
static void rest(struct stream *s)
{
	struct tool *t = s->tool;

	if (t->hang_up)
		stream_close(s);
	loop_unwatch(s->watch);
	s->watch = NULL;
}

static void on_writable(void *ctx, unsigned got)
{
	struct stream *s = ctx;
	struct tool *t = s->tool;
	bool head = s->b.len > 0;
	ssize_t n = write(s->fd, head ? s->b.data : t->tail, head ? s->b.len : t->ntail);

	(void)got;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) { /* it reads no more; its own words will say why */
		stream_close(s);
		return;
	}
	if (head) {
		buf_drop(&s->b, (size_t)n);
	} else {
		t->tail += n;
		t->ntail -= (size_t)n;
	}
	if (s->b.len == 0 && t->ntail == 0)
		rest(s);
}

void tool_feed(struct tool *t, const struct buf *head, const struct buf *tail)
{
	struct stream *s = &t->streams[IN];

	if (s->fd < 0)
		return;
	buf_add(&s->b, head->data, head->len);
	t->tail = tail ? tail->data : NULL;
	t->ntail = tail ? tail->len : 0;
	fcntl(s->fd, F_SETFL, O_NONBLOCK);
	if (s->b.len || t->ntail)
		s->watch = loop_watch(t->loop, s->fd, LOOP_WRITE, on_writable, s);
}

void tool_hang_up(struct tool *t)
{
	t->hang_up = true;
	if (!t->streams[IN].watch)
		stream_close(&t->streams[IN]);
}

/* -- its life -------------------------------------------------------------------------------- */

static void finish(struct tool *t, int status)
{
	struct buf *rest = &t->streams[ERR].b;

	for (int i = OUT; i < STREAMS; i++)
		while (t->streams[i].fd >= 0 && take(&t->streams[i]))
			;
	for (int i = 0; i < STREAMS; i++)
		stream_close(&t->streams[i]);
	if (rest->len)
		hear(t, rest->data, rest->len < TOOL_LINE ? rest->len : TOOL_LINE - 1);
	loop_timer_off(t->late);
	buf_u8(&t->streams[OUT].b, 0);
	t->streams[OUT].b.len--;
	t->spec.done(t->spec.ctx, status, &t->streams[OUT].b, t->said);
}

static void on_end(void *ctx, int status)
{
	finish(ctx, status);
}

static void on_late(void *ctx)
{
	struct tool *t = ctx;

	child_free(t->child);
	t->child = NULL;
	for (int i = 0; i < STREAMS; i++)
		stream_close(&t->streams[i]);
	snprintf(t->said, sizeof t->said, "it has not ended after %d s",
		 t->spec.timeout_ms / 1000);
	buf_u8(&t->streams[OUT].b, 0);
	t->streams[OUT].b.len--;
	t->spec.done(t->spec.ctx, 0x100, &t->streams[OUT].b, t->said);
}

static int start(struct tool *t, const char *program, struct err *e)
{
	int theirs[STREAMS], ends[2];
	int made = 0, result = -1;

	for (; made < STREAMS; made++) {
		if (spawn_pipe(ends)) {
			err_set(e, errno, "make a pipe");
			goto close;
		}
		bool in = made == IN;

		/* spawn_pipe made the reading end the one that does not block. */
		fcntl(ends[0], F_SETFL, in ? 0 : O_NONBLOCK);
		t->streams[made].fd = in ? ends[1] : ends[0];
		theirs[made] = in ? ends[0] : ends[1];
	}
	size_t n = 0;

	while (t->spec.argv[n])
		n++;
	char **argv = xcalloc(n + 1, sizeof *argv);

	memcpy(argv, t->spec.argv, n * sizeof *argv);
	argv[0] = (char *)(uintptr_t)program;
	t->child = child_start(t->loop, argv, t->spec.env ? t->spec.env : environ, NULL,
			       theirs, on_end, t, e);
	free(argv);
	result = t->child ? 0 : -1;
close:
	while (made--)
		close(theirs[made]);
	return result;
}

struct tool *tool_start(struct loop *l, const struct tool_spec *spec, struct err *e)
{
	AUTO_FREE char *program = spawn_find(spec->argv[0]);
	struct tool *t;

	if (!program) {
		err_set(e, ENOENT, "%s is not on PATH", spec->argv[0]);
		return NULL;
	}
	t = xcalloc(1, sizeof *t);
	t->loop = l;
	t->spec = *spec;
	t->late = loop_timer_new(l, on_late, t);
	for (int i = 0; i < STREAMS; i++)
		t->streams[i] = (struct stream){.tool = t, .fd = -1};
	if (start(t, program, e)) {
		tool_free(t);
		return NULL;
	}
	for (int i = OUT; i < STREAMS; i++)
		t->streams[i].watch =
		    loop_watch(l, t->streams[i].fd, LOOP_READ, on_readable, &t->streams[i]);
	if (spec->timeout_ms)
		loop_timer_set(t->late, LOOP_MS(spec->timeout_ms));
	return t;
}

void tool_free(struct tool *t)
{
	if (!t)
		return;
	child_free(t->child);
	for (int i = 0; i < STREAMS; i++) {
		stream_close(&t->streams[i]);
		buf_free(&t->streams[i].b);
	}
	loop_timer_free(t->late);
	free(t);
}
