/* Frames (wire/local.h) hold pieces of lines. What the agent says on standard error is the reason when it ends with a status. */
#include "run/agentquery.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "sys/fs.h"
#include "sys/loop.h"
#include "wire/local.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct agentquery {
	int fd;
	struct loop_watch *watch;
	struct buf in, lines, complaint;
	struct agentquery_handler handler;
	void *ctx;
};

static void take_lines(struct agentquery *q, bool all)
{
	size_t used = 0;
	const char *end;

	while (used < q->lines.len &&
	       (end = memchr(q->lines.data + used, '\n', q->lines.len - used))) {
		size_t n = (size_t)(end - (q->lines.data + used));

		q->handler.line(q->ctx, q->lines.data + used, n);
		used += n + 1;
	}
	if (all && used < q->lines.len) {
		q->handler.line(q->ctx, q->lines.data + used, q->lines.len - used);
		used = q->lines.len;
	}
	buf_drop(&q->lines, used);
}

static void finish(struct agentquery *q, const char *why)
{
	loop_unwatch(q->watch);
	q->watch = NULL;
	q->handler.done(q->ctx, why);
}

/* One frame. False: that was the last. */
static bool take_frame(struct agentquery *q, unsigned type, const char *p, size_t n)
{
	struct cursor c = {p, p + n, 0};

	if (type == LOCAL_OUT) {
		buf_add(&q->lines, p, n);
		take_lines(q, false);
	} else if (type == LOCAL_ERR) {
		buf_add(&q->complaint, p, n);
	} else if (type == LOCAL_EXIT) {
		bool failed = cursor_u32(&c) != 0 || c.bad;

		take_lines(q, true);
		buf_u8(&q->complaint, 0);
		q->complaint.data[strcspn(q->complaint.data, "\n")] = 0;
		finish(q, !failed              ? NULL
			  : *q->complaint.data ? q->complaint.data
					       : "the agent does not know this");
		return false;
	} else if (type == LOCAL_LOCAL) {
		finish(q, "the agent is of another version; 'muster stop' ends it");
		return false;
	}
	return true;
}

static void take_frames(struct agentquery *q)
{
	for (;;) {
		struct cursor c = {q->in.data, q->in.data + q->in.len, 0};
		uint32_t n = cursor_u32(&c);
		unsigned type = cursor_u8(&c);

		if (c.bad)
			return;
		if (n > LOCAL_MAX_REPLY || q->lines.len > AGENTQUERY_LINE) {
			finish(q, "the agent's answer makes no sense");
			return;
		}
		if ((size_t)(c.end - c.p) < n || !take_frame(q, type, c.p, n))
			return;
		buf_drop(&q->in, LOCAL_HEADER + n);
	}
}

static void on_readable(void *ctx, unsigned got)
{
	enum {
		STEP = 65536
	};
	struct agentquery *q = ctx;
	ssize_t n = recv(q->fd, buf_room(&q->in, STEP), STEP, MSG_DONTWAIT);

	(void)got;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		finish(q, "the agent hung up");
		return;
	}
	q->in.len += (size_t)n;
	take_frames(q);
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

struct agentquery *agentquery_open(struct loop *l, const char *dir, const char *what,
				   const struct agentquery_handler *handler, void *ctx,
				   struct err *e)
{
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
	struct agentquery *q = xcalloc(1, sizeof *q);

	q->fd = fd;
	q->handler = *handler;
	q->ctx = ctx;
	q->watch = loop_watch(l, fd, LOOP_READ, on_readable, q);
	return q;
}

void agentquery_close(struct agentquery *q)
{
	if (!q)
		return;
	loop_unwatch(q->watch);
	close(q->fd);
	buf_free(&q->in);
	buf_free(&q->lines);
	buf_free(&q->complaint);
	free(q);
}
