/* The pidfd becomes readable when the child has ended. It is reaped only when its group has been killed: until then the
 * group's number cannot be another's. */
#include "sys/child.h"

#include "base/err.h"
#include "base/mem.h"
#include "sys/loop.h"
#include "sys/spawn.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct child {
	int pid; /* 0: reaped */
	int pidfd;
	struct loop_watch *watch;
	void (*done)(void *ctx, int status);
	void *ctx;
};

static int child_reap(struct child *c)
{
	int status = 0;

	kill(-c->pid, SIGKILL);
	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	c->pid = 0;
	return status;
}

static void on_end(void *ctx, unsigned got)
{
	struct child *c = ctx;

	(void)got;
	loop_unwatch(c->watch);
	c->watch = NULL;
	c->done(c->ctx, child_reap(c));
}

struct child *child_start(struct loop *l, char *const argv[], char *const env[],
			  const char *cwd, const int stdio[3],
			  void (*done)(void *ctx, int status), void *ctx, struct err *e)
{
	struct child *c = xcalloc(1, sizeof *c);

	c->done = done;
	c->ctx = ctx;
	c->pidfd = -1;
	if (spawn_start(argv, env, cwd, stdio, &c->pid, e)) {
		c->pid = 0;
		child_free(c);
		return NULL;
	}
	c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	if (c->pidfd < 0) {
		err_set(e, errno, "watch %s", argv[0]);
		child_free(c);
		return NULL;
	}
	c->watch = loop_watch(l, c->pidfd, LOOP_READ, on_end, c);
	return c;
}

void child_free(struct child *c)
{
	if (!c)
		return;
	loop_unwatch(c->watch);
	if (c->pid)
		child_reap(c);
	if (c->pidfd >= 0)
		close(c->pidfd);
	free(c);
}
