/* The socket is read as it comes: frames (wire/local.h) hold lines, lines hold JSON objects. What does not make sense is left out:
 * a build must not suffer from its story. */
#include "run/agentwatch.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "sys/fs.h"
#include "sys/loop.h"
#include "wire/local.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	LINE_MAX_BYTES = 1 << 20
};

struct agentwatch {
	int fd;
	struct loop_watch *watch;
	struct buf in, lines;
	struct agentwatch_handler handler;
	void *ctx;
};

static int64_t integer(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static void take_job(struct agentwatch *w, const json_t *o)
{
	const char *file = json_string_value(json_object_get(o, "file"));
	struct progress_job job = {
	    .file = file ? file : "?",
	    .host = json_string_value(json_object_get(o, "host")),
	    .why = json_string_value(json_object_get(o, "why")),
	    .start = integer(o, "start"),
	    .end = integer(o, "end"),
	    .cpu = integer(o, "cpu"),
	    .status = (int)integer(o, "status"),
	};

	w->handler.job(w->ctx, &job);
}

static void take_now(struct agentwatch *w, const json_t *o)
{
	struct agentwatch_now n = {
	    .now = {.remote = (unsigned)integer(o, "remote"),
		    .moving = (unsigned)integer(o, "moving"),
		    .local = (unsigned)integer(o, "local"),
		    .waiting = (unsigned)integer(o, "waiting"),
		    .slots = (unsigned)integer(o, "slots"),
		    .local_slots = (unsigned)integer(o, "local_slots"),
		    .bytes_up = (uint64_t)integer(o, "bytes_up"),
		    .bytes_down = (uint64_t)integer(o, "bytes_down")},
	    .at = integer(o, "at"),
	    .agent_cpu_ms = (uint64_t)integer(o, "agent_cpu_ms"),
	    .slowest = json_string_value(json_object_get(o, "slowest")),
	    .slowest_since = integer(o, "slowest_since"),
	};

	w->handler.now(w->ctx, &n);
}

static void take_line(struct agentwatch *w, const char *line, size_t n)
{
	json_t *o = json_loadb(line, n, 0, NULL);
	const json_t *job = json_object_get(o, "job"), *now = json_object_get(o, "now");

	if (job)
		take_job(w, job);
	if (now)
		take_now(w, now);
	json_decref(o);
}

static void take_lines(struct agentwatch *w)
{
	size_t used = 0;
	const char *end;

	while (used < w->lines.len &&
	       (end = memchr(w->lines.data + used, '\n', w->lines.len - used))) {
		size_t n = (size_t)(end - (w->lines.data + used));

		take_line(w, w->lines.data + used, n);
		used += n + 1;
	}
	buf_drop(&w->lines, used);
}

/* False when what came is none of our protocol. */
static bool take_frames(struct agentwatch *w)
{
	for (;;) {
		struct cursor c = {w->in.data, w->in.data + w->in.len, 0};
		uint32_t n = cursor_u32(&c);
		unsigned type = cursor_u8(&c);

		if (c.bad)
			return true;
		if (n > LOCAL_MAX_REPLY || w->lines.len > LINE_MAX_BYTES ||
		    (type != LOCAL_OUT && type != LOCAL_KEEP))
			return false;
		if ((size_t)(c.end - c.p) < n)
			return true;
		if (type == LOCAL_OUT)
			buf_add(&w->lines, c.p, n);
		buf_drop(&w->in, LOCAL_HEADER + n);
		take_lines(w);
	}
}

static void on_readable(void *ctx, unsigned got)
{
	enum {
		STEP = 65536
	};
	struct agentwatch *w = ctx;
	ssize_t n = recv(w->fd, buf_room(&w->in, STEP), STEP, MSG_DONTWAIT);

	(void)got;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		w->in.len += (size_t)n;
	if (n > 0 && take_frames(w))
		return;
	loop_unwatch(w->watch);
	w->watch = NULL;
	w->handler.lost(w->ctx);
}

static int connect_to(const char *dir, struct err *e)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if ((size_t)snprintf(address.sun_path, sizeof address.sun_path, "%s/agent.sock",
			     dir) >= sizeof address.sun_path)
		errno = ENAMETOOLONG;
	else if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	err_set(e, errno, "reach the agent in %s", dir);
	if (fd >= 0)
		close(fd);
	return -1;
}

struct agentwatch *agentwatch_open(struct loop *l, const char *dir, const char *run,
				   const struct agentwatch_handler *handler, void *ctx,
				   struct err *e)
{
	AUTO_FREE char *what = xasprintf("watch %s", run);
	AUTO_BUF struct buf b = {0};
	size_t n = strlen(what);
	int fd = connect_to(dir, e);

	if (fd < 0)
		return NULL;
	buf_u32(&b, (uint32_t)(4 + n + 1));
	buf_u8(&b, LOCAL_QUERY);
	buf_u32(&b, (uint32_t)n);
	buf_add(&b, what, n + 1);
	if (fs_write_all(fd, b.data, b.len, e)) {
		close(fd);
		return NULL;
	}
	struct agentwatch *w = xcalloc(1, sizeof *w);

	w->fd = fd;
	w->handler = *handler;
	w->ctx = ctx;
	w->watch = loop_watch(l, fd, LOOP_READ, on_readable, w);
	return w;
}

void agentwatch_close(struct agentwatch *w)
{
	if (!w)
		return;
	loop_unwatch(w->watch);
	close(w->fd);
	buf_free(&w->in);
	buf_free(&w->lines);
	free(w);
}
