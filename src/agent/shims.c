#include "agent/shims.h"

#include "agent/agent.h"
#include "agent/callers.h"
#include "agent/explain.h"
#include "agent/local.h"
#include "agent/status.h"
#include "agent/task.h"
#include "agent/watch.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "sys/loop.h"
#include "sys/machine.h"
#include "wire/local.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct shim {
	struct shims *all;
	struct shim *next, **link;
	int fd;
	struct loop_watch *reading, *writing;
	struct buf in, out;
	size_t sent; /* of OUT */
	struct local_request request;
	struct task *task;
	bool asked;       /* the request has come */
	bool slot;        /* holds a local slot */
	char *file, *why; /* what is compiled in it, and why here */
	struct watch *watch;
	struct callers *callers;
	nsec since;
};

struct shims {
	struct agent *agent;
	int fd;
	struct loop_watch *accepting;
	struct loop_timer *keep, *again;
	struct shim *list;
	size_t n;
	size_t n_max; /* as many at once: other descriptors are needed to serve them */
	char path[108];
};

enum {
	LINES_MAX = 4 << 20
};

static const nsec keep_every = LOOP_MS(5000), again_after = LOOP_MS(50);

static void shim_free(struct shim *s)
{
	struct shims *all = s->all;
	bool slot = s->slot;

	if (slot) /* first of all: the request's strings stand in IN */
		watch_tell(all->agent, &(struct watch_job){.request = &s->request,
							   .file = s->file,
							   .why = s->why,
							   .since = s->since});
	loop_unwatch(s->reading);
	loop_unwatch(s->writing);
	close(s->fd);
	buf_free(&s->in);
	buf_free(&s->out);
	watch_free(s->watch);
	callers_free(s->callers);
	free(s->file);
	free(s->why);
	free(s->request.argv);
	*s->link = s->next;
	if (s->next)
		s->next->link = s->link;
	all->n--;
	free(s);
	if (!all->accepting && all->n < all->n_max)
		loop_timer_set(all->again, 0);
	if (slot)
		local_release(all->agent->local);
}

static void shim_gone(struct shim *s)
{
	struct task *t = s->task;

	s->task = NULL;
	if (t)
		task_gone(t);
	shim_free(s);
}

static void on_writable(void *ctx, unsigned got);

/* Sends what the socket takes; watches for room if something stays. */
static void flush(struct shim *s)
{
	while (s->sent < s->out.len) {
		ssize_t n = send(s->fd, s->out.data + s->sent, s->out.len - s->sent,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break; /* full, or gone: then reading tells */
		s->sent += (size_t)n;
	}
	bool left = s->sent < s->out.len;

	if (!left) {
		s->sent = s->out.len = 0;
		loop_unwatch(s->writing);
		s->writing = NULL;
	} else if (!s->writing) {
		s->writing =
		    loop_watch(s->all->agent->loop, s->fd, LOOP_WRITE, on_writable, s);
	}
}

static void on_writable(void *ctx, unsigned got)
{
	(void)got;
	flush(ctx);
}

static void put(struct shim *s, unsigned type, const void *p, size_t n)
{
	buf_u32(&s->out, (uint32_t)n);
	buf_u8(&s->out, type);
	buf_add(&s->out, p, n);
}

static void put_text(struct shim *s, unsigned type, const char *p, size_t n)
{
	for (size_t at = 0; at < n;) {
		size_t some = n - at < LOCAL_MAX_REPLY ? n - at : (size_t)LOCAL_MAX_REPLY;

		put(s, type, p + at, some);
		at += some;
	}
}

void shim_reply(struct shim *s, const void *out, size_t nout, const void *err, size_t nerr,
		uint32_t status)
{
	struct buf exit_status = {0};

	put_text(s, LOCAL_OUT, out, nout);
	put_text(s, LOCAL_ERR, err, nerr);
	buf_u32(&exit_status, status);
	put(s, LOCAL_EXIT, exit_status.data, exit_status.len);
	buf_free(&exit_status);
	s->task = NULL;
	flush(s);
}

void shim_follow(struct shim *s, struct task *t)
{
	if (s->task) /* else it has hung up, and its task hears of it */
		s->task = t;
}

void shim_run_local(struct shim *s, const char *program, int slot, const char *file,
		    const char *why)
{
	struct buf b = {0};
	const char *text = program ? program : "";

	buf_u32(&b, (uint32_t)strlen(text));
	buf_add(&b, text, strlen(text) + 1);
	put(s, LOCAL_LOCAL, b.data, b.len);
	buf_free(&b);
	s->task = NULL;
	s->slot = slot;
	s->file = xstrdup(file);
	s->why = xstrdup(why);
	s->since = loop_now();
	flush(s);
}

void shims_each_local(const struct shims *all,
		      void (*call)(void *ctx, int pid, const char *file, nsec since),
		      void *ctx)
{
	for (const struct shim *s = all->list; s; s = s->next)
		if (s->slot)
			call(ctx, shim_pid(s), s->file, s->since);
}

void shim_line(struct shim *s, const char *text)
{
	if (s->out.len > LINES_MAX)
		return;
	put_text(s, LOCAL_OUT, text, strlen(text));
	put_text(s, LOCAL_OUT, "\n", 1);
	flush(s);
}

void shim_log(struct shim *s, const char *line)
{
	put_text(s, LOCAL_LOG, line, strlen(line));
}

/* Who is at the other end; 0: unknown. */
static struct ucred peer_of(int fd)
{
	struct ucred peer = {0};
	socklen_t len = sizeof peer;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		peer = (struct ucred){0};
	return peer;
}

int shim_pid(const struct shim *s)
{
	return (int)peer_of(s->fd).pid;
}

/* `muster status` and its like: WHAT is a string as the protocol has them. */
static int take_query(struct shim *s, const char *p, size_t n)
{
	struct cursor c = {p, p + n, 0};
	uint32_t len = cursor_u32(&c);
	struct slice what = cursor_bytes(&c, len);

	if (c.bad)
		return -1;
	if (what.n == 6 && memcmp(what.p, "status", 6) == 0) {
		char *text = status_json(s->all->agent);

		shim_reply(s, text, strlen(text), NULL, 0, 0);
		free(text);
	} else if (what.n == 4 && memcmp(what.p, "stop", 4) == 0) {
		shim_reply(s, NULL, 0, NULL, 0, 0);
		loop_stop(s->all->agent->loop, 0);
	} else if (what.n > 6 && memcmp(what.p, "watch ", 6) == 0) {
		s->watch = watch_new(s->all->agent, s, what.p + 6, what.n - 6);
	} else if (what.n > 8 && memcmp(what.p, "callers ", 8) == 0) {
		s->callers = callers_new(s->all->agent, s, what.p + 8, what.n - 8);
	} else {
		static const char no[] = "the agent does not know this question\n";

		shim_reply(s, NULL, 0, no, sizeof no - 1, 1 << 8);
	}
	return 0;
}

/* Does the process on the other side see the same mounts as we do? One that we cannot see does not. */
static bool sees_our_mounts(int fd)
{
	struct ucred peer = peer_of(fd);
	char path[64], theirs[64], ours[64];

	if (peer.pid <= 0)
		return false;
	snprintf(path, sizeof path, "/proc/%d/ns/mnt", (int)peer.pid);
	ssize_t n = readlink(path, theirs, sizeof theirs),
		m = readlink("/proc/self/ns/mnt", ours, sizeof ours);

	return n > 0 && n == m && memcmp(theirs, ours, (size_t)n) == 0;
}

static int take_request(struct shim *s, const char *p, size_t n)
{
	if (local_parse_request(&s->request, p, n))
		return -1;
	if (s->request.version != LOCAL_VERSION || s->request.argc == 0) {
		shim_run_local(s, NULL, 0, "", "");
		return 0;
	}
	s->request.elsewhere = !sees_our_mounts(s->fd);
	if (s->request.flags & LOCAL_EXPLAIN) {
		AUTO_FREE char *text = explain_json(s->all->agent, &s->request);

		shim_reply(s, text, strlen(text), NULL, 0, 0);
		return 0;
	}
	s->task = task_new(s->all->agent, s, &s->request);
	return 0;
}

/* One frame is all that a shim says. 1: taken; 0: more bytes are needed; -1: nonsense. */
static int take_frame(struct shim *s)
{
	struct cursor c = {s->in.data, s->in.data + s->in.len, 0};
	uint32_t n = cursor_u32(&c);
	unsigned type = cursor_u8(&c);

	if (c.bad)
		return 0;
	if (n > LOCAL_MAX_REQUEST || (type != LOCAL_REQUEST && type != LOCAL_QUERY))
		return -1;
	if ((size_t)(c.end - c.p) < n)
		return 0;
	s->asked = true;
	if (type == LOCAL_QUERY)
		return take_query(s, c.p, n) ? -1 : 1;
	return take_request(s, c.p, n) ? -1 : 1;
}

static void on_readable(void *ctx, unsigned got)
{
	struct shim *s = ctx;

	enum {
		STEP = 65536
	};

	char dropped[256];

	/* The request's strings stand in IN, which must not move any more once it has come. */
	ssize_t n = s->asked ? recv(s->fd, dropped, sizeof dropped, MSG_DONTWAIT)
			     : recv(s->fd, buf_room(&s->in, STEP), STEP, MSG_DONTWAIT);

	(void)got;
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		shim_gone(s);
		return;
	}
	if (s->asked)
		return; /* it has nothing more to say; what it says anyway is dropped */
	s->in.len += (size_t)n;
	if (take_frame(s) < 0) {
		log_line(LOG_WARNING, "a malformed request was refused");
		shim_gone(s);
	}
}

static void on_connection(void *ctx, unsigned got);

static void go_on_accepting(void *ctx)
{
	struct shims *all = ctx;

	if (!all->accepting && all->n < all->n_max)
		all->accepting =
		    loop_watch(all->agent->loop, all->fd, LOOP_READ, on_connection, all);
}

/* Whoever waits stays in the kernel's line until a descriptor is free. */
static void stop_accepting(struct shims *all)
{
	loop_unwatch(all->accepting);
	all->accepting = NULL;
}

static void on_connection(void *ctx, unsigned got)
{
	struct shims *all = ctx;
	int fd = accept4(all->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ucred peer;
	socklen_t len = sizeof peer;

	(void)got;
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
			stop_accepting(all);
			loop_timer_set(all->again, again_after);
		}
		return;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) ||
	    (peer.uid != getuid() && peer.uid != 0)) {
		log_line(LOG_WARNING, "another user's connection was refused");
		close(fd);
		return;
	}
	struct shim *s = xcalloc(1, sizeof *s);

	s->all = all;
	s->fd = fd;
	s->next = all->list;
	s->link = &all->list;
	if (s->next)
		s->next->link = &s->next;
	all->list = s;
	if (++all->n >= all->n_max)
		stop_accepting(all);
	s->reading = loop_watch(all->agent->loop, fd, LOOP_READ, on_readable, s);
}

static void on_keep(void *ctx)
{
	struct shims *all = ctx;

	for (struct shim *s = all->list; s; s = s->next)
		if (s->task && s->out.len == 0) {
			put(s, LOCAL_KEEP, NULL, 0);
			flush(s);
		}
	loop_timer_set(all->keep, keep_every);
}

size_t shims_count(const struct shims *all)
{
	return all->n;
}

struct shims *shims_new(struct agent *agent, struct err *e)
{
	enum {
		BACKLOG = 4096
	};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct shims *all = xcalloc(1, sizeof *all);
	int n = snprintf(address.sun_path, sizeof address.sun_path, "%s/agent.sock",
			 agent->state_dir);

	all->agent = agent;
	all->n_max = machine_files() / 2;
	all->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (n < 0 || (size_t)n >= sizeof address.sun_path) {
		err_set(e, ENAMETOOLONG, "listen below %s", agent->state_dir);
	} else {
		unlink(address.sun_path);
		memcpy(all->path, address.sun_path, sizeof all->path);
		mode_t old = umask(0177);

		if (all->fd < 0 ||
		    bind(all->fd, (struct sockaddr *)&address, sizeof address) ||
		    listen(all->fd, BACKLOG))
			err_set(e, errno, "listen on %s", address.sun_path);
		umask(old);
	}
	if (e->text[0]) {
		if (all->fd >= 0)
			close(all->fd);
		free(all);
		return NULL;
	}
	all->accepting = loop_watch(agent->loop, all->fd, LOOP_READ, on_connection, all);
	all->keep = loop_timer_new(agent->loop, on_keep, all);
	all->again = loop_timer_new(agent->loop, go_on_accepting, all);
	loop_timer_set(all->keep, keep_every);
	return all;
}

void shims_free(struct shims *all)
{
	if (!all)
		return;
	unlink(all->path); /* first: nobody new comes */
	loop_unwatch(all->accepting);
	close(all->fd);
	while (all->list)
		shim_gone(all->list);
	loop_timer_free(all->keep);
	loop_timer_free(all->again);
	free(all);
}
