/* The pidfd becomes readable when the child has ended. It is reaped only when its group has been killed: until then the
 * group's number cannot be another's.
 *
 * posix_spawn cannot bind a child to our life, so a bound one is forked: for small programs. */
#include "sys/child.h"

#include "base/err.h"
#include "base/mem.h"
#include "sys/loop.h"
#include "sys/spawn.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
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

static struct child *child_new(void (*done)(void *ctx, int status), void *ctx)
{
	struct child *c = xcalloc(1, sizeof *c);

	c->done = done;
	c->ctx = ctx;
	c->pidfd = -1;
	return c;
}

/* It runs as C->pid. NULL: it cannot be watched, and is no more. */
static struct child *child_watch(struct child *c, struct loop *l, const char *name,
				 struct err *e)
{
	c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	if (c->pidfd < 0) {
		err_set(e, errno, "watch %s", name);
		child_free(c);
		return NULL;
	}
	c->watch = loop_watch(l, c->pidfd, LOOP_READ, on_end, c);
	return c;
}

struct child *child_start(struct loop *l, char *const argv[], char *const env[],
			  const char *cwd, const int stdio[3],
			  void (*done)(void *ctx, int status), void *ctx, struct err *e)
{
	struct child *c = child_new(done, ctx);

	if (spawn_start(argv, env, cwd, stdio, &c->pid, e)) {
		c->pid = 0;
		child_free(c);
		return NULL;
	}
	return child_watch(c, l, argv[0], e);
}

/* In the child of PARENT. */
static _Noreturn void become(char *const argv[], const int stdio[3], pid_t parent)
{
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	for (int i = 0; i < 3; i++)
		if (dup2(stdio[i], i) < 0)
			_exit(127);
	if (getppid() == parent) /* else it was gone before we asked to be told */
		execv(argv[0], argv);
	dprintf(STDERR_FILENO, "run %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

struct child *child_start_bound(struct loop *l, char *const argv[], const int stdio[3],
				void (*done)(void *ctx, int status), void *ctx,
				struct err *e)
{
	struct child *c = child_new(done, ctx);
	pid_t parent = getpid(), pid = fork();

	if (pid == 0)
		become(argv, stdio, parent);
	if (pid < 0) {
		err_set(e, errno, "run %s", argv[0]);
		child_free(c);
		return NULL;
	}
	setpgid(pid, pid); /* whoever is first: child_free kills the group */
	c->pid = pid;
	return child_watch(c, l, argv[0], e);
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
