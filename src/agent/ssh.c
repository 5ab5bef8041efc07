/* Happy path: socketpair, pipe for stderr, child; its owner talks through the socket and closes it; ssh then ends by
 * itself. It is not killed at once: it may be the master of connections that others share (ssh_config(5),
 * ControlMaster).
 *
 * Fails: no such program, no descriptors. That ssh itself fails is seen as a socket that closes without a byte, and
 * ssh_said tells why. */
#include "agent/ssh.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/path.h"
#include "net/hostlist.h"
#include "sys/child.h"
#include "sys/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	SAID_MAX = 4096
};

static const nsec grace = LOOP_MS(5000);

struct ssh {
	struct child *child; /* NULL: it has ended */
	int said_fd;
	struct loop_watch *saying;
	struct buf said; /* the last SAID_MAX bytes at most */
	struct loop_timer *kill;
	bool closed; /* by its owner */
};

/* -- the command ----------------------------------------------------------------------------- */

static const char blanks[] = " \t\n\r\f\v";

int ssh_command(struct arena *a, const char *words, const struct host *h, struct strv *argv,
		struct err *e)
{
	for (const char *p = words ? words : ""; *(p += strspn(p, blanks));) {
		size_t n = strcspn(p, blanks);

		if (argv->n == SSH_WORDS)
			return err_set(e, 0, "DISTCC_SSH has more than %d words",
				       SSH_WORDS);
		strv_add(a, argv, arena_strndup(a, p, n));
		p += n;
	}
	if (!argv->n)
		strv_add(a, argv, "ssh");
	if (strcmp(path_base(argv->v[0]), "ssh") == 0) {
		strv_add(a, argv, "-o");
		strv_add(a, argv, "BatchMode=yes");
	}
	if (h->user) {
		strv_add(a, argv, "-l");
		strv_add(a, argv, h->user);
	}
	strv_add(a, argv, h->name);
	strv_add(a, argv, h->command ? h->command : "distccd");
	strv_add(a, argv, "--inetd");
	strv_add(a, argv, "--enable-tcp-insecure");
	return 0;
}

/* NAME as execvp would find it. */
static const char *find_program(struct arena *a, const char *name)
{
	const char *path = getenv("PATH");

	if (strchr(name, '/'))
		return name;
	for (const char *p = path ? path : "/usr/bin:/bin"; *p;) {
		size_t n = strcspn(p, ":");
		const char *file = path_join(a, n ? arena_strndup(a, p, n) : ".", name);

		if (access(file, X_OK) == 0)
			return file;
		p += n + (p[n] == ':');
	}
	return NULL;
}

/* -- its life -------------------------------------------------------------------------------- */

static void ssh_free(struct ssh *s)
{
	child_free(s->child);
	loop_unwatch(s->saying);
	loop_timer_free(s->kill);
	if (s->said_fd >= 0)
		close(s->said_fd);
	buf_free(&s->said);
	free(s);
}

static void on_end(void *ctx, int status)
{
	struct ssh *s = ctx;

	(void)status;
	child_free(s->child);
	s->child = NULL;
	if (s->closed)
		ssh_free(s);
}

static void on_grace_over(void *ctx)
{
	ssh_free(ctx);
}

/* Takes what is there; 0 at the end of it. */
static void listen_to(struct ssh *s)
{
	char chunk[1024];
	ssize_t n = 0;

	while (s->said_fd >= 0 && (n = read(s->said_fd, chunk, sizeof chunk)) > 0) {
		buf_add(&s->said, chunk, (size_t)n);
		if (s->said.len > SAID_MAX)
			buf_drop(&s->said, s->said.len - SAID_MAX);
	}
	if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		loop_unwatch(s->saying);
		s->saying = NULL;
	}
}

static void on_said(void *ctx, unsigned got)
{
	(void)got;
	listen_to(ctx);
}

const char *ssh_said(struct ssh *s)
{
	if (s->saying)
		listen_to(s);
	while (s->said.len && memchr(" \t\r\n", s->said.data[s->said.len - 1], 4))
		s->said.len--;
	buf_u8(&s->said, 0);
	s->said.len--;
	char *line = memrchr(s->said.data, '\n', s->said.len);

	return line ? line + 1 : s->said.data;
}

void ssh_close(struct ssh *s)
{
	if (!s)
		return;
	s->closed = true;
	if (s->child)
		loop_timer_set(s->kill, grace);
	else
		ssh_free(s);
}

/* A descriptor of ours above 2, so that spawn_start can put its copy anywhere below. */
static void lift(int *fd)
{
	if (*fd < 0 || *fd > 2)
		return;
	int high = fcntl(*fd, F_DUPFD_CLOEXEC, 3);

	close(*fd);
	*fd = high;
}

struct ssh *ssh_start(struct loop *l, const char *words, const struct host *h, int *fd,
		      struct err *e)
{
	AUTO_FD int theirs = -1, say = -1;
	int pair[2], ends[2];
	struct arena *a = arena_new();
	struct strv argv = {0};
	struct ssh *s = xcalloc(1, sizeof *s);

	s->said_fd = *fd = -1;
	s->kill = loop_timer_new(l, on_grace_over, s);
	if (ssh_command(a, words, h, &argv, e))
		goto fail;
	const char *program = find_program(a, argv.v[0]);

	if (!program) {
		err_set(e, 0, "%s is not on PATH", argv.v[0]);
		goto fail;
	}
	argv.v[0] = arena_strdup(a, program);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
		err_set(e, errno, "start %s", program);
		goto fail;
	}
	*fd = pair[0];
	theirs = pair[1];
	if (pipe2(ends, O_CLOEXEC)) {
		err_set(e, errno, "start %s", program);
		goto fail;
	}
	s->said_fd = ends[0];
	say = ends[1];
	lift(&theirs);
	lift(&say);
	fcntl(*fd, F_SETFL, O_NONBLOCK);
	fcntl(s->said_fd, F_SETFL, O_NONBLOCK);
	s->child = child_start(l, argv.v, environ, NULL, (int[3]){theirs, theirs, say},
			       on_end, s, e);
	if (!s->child)
		goto fail;
	s->saying = loop_watch(l, s->said_fd, LOOP_READ, on_said, s);
	arena_free(a);
	return s;
fail:
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	ssh_free(s);
	arena_free(a);
	return NULL;
}
