/* One child, two pipes and its pidfd in one poll loop. It has ended when the pidfd says so; what
 * the pipes still hold then is taken, but a process it left behind, holding them open, is not
 * waited for. The child leads its own process group, so a time-out reaches what it started.
 *
 * Fails: cannot start (no such program, no process), too much output, too slow. */
#include "sys/spawn.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct stream {
	int fd;
	struct buf *into; /* NULL: thrown away */
	size_t taken;
};

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* 1: took some; 0: nothing there now, or the end (then the fd is closed); -1: over the limit. */
static int stream_take(struct stream *s, size_t limit)
{
	char chunk[16384];
	ssize_t n = read(s->fd, chunk, sizeof chunk);

	if (n < 0)
		return errno == EINTR;
	if (n == 0) {
		close(s->fd);
		s->fd = -1;
		return 0;
	}
	s->taken += (size_t)n;
	if (s->taken > limit)
		return -1;
	if (s->into)
		buf_add(s->into, chunk, (size_t)n);
	return 1;
}

static int drain(struct stream *s, size_t limit)
{
	int took = 1;

	while (s->fd >= 0 && took > 0)
		took = stream_take(s, limit);
	return took;
}

static int collect(struct stream streams[2], int pidfd, size_t limit, int timeout_ms,
		   struct err *e)
{
	long deadline = now_ms() + timeout_ms;

	for (;;) {
		long left = deadline - now_ms();
		struct pollfd p[3] = {
		    {.fd = streams[0].fd, .events = POLLIN},
		    {.fd = streams[1].fd, .events = POLLIN},
		    {.fd = pidfd,         .events = POLLIN},
		};

		if (left <= 0)
			return err_set(e, ETIMEDOUT, "waited %d ms for it", timeout_ms);
		if (poll(p, 3, (int)left) < 0) {
			if (errno == EINTR)
				continue;
			return err_set(e, errno, "poll");
		}
		for (int i = 0; i < 2; i++)
			if (drain(&streams[i], limit) < 0)
				return err_set(e, EFBIG, "it printed more than %zu bytes",
					       limit);
		/* It had ended before the pipes were emptied, so that was all. */
		if (p[2].revents)
			return 0;
	}
}

int spawn_start(char *const argv[], char *const env[], const char *cwd, const int stdio[3],
		int *pid, struct err *e)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
					    POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawn_file_actions_init(&files);
	for (int i = 0; i < 3; i++)
		posix_spawn_file_actions_adddup2(&files, stdio[i], i);
	if (cwd)
		posix_spawn_file_actions_addchdir_np(&files, cwd);
	int code = posix_spawn(pid, argv[0], &files, &attr, argv, env);

	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return code ? err_set(e, code, "run %s", argv[0]) : 0;
}

int spawn_pipe(int ends[2])
{
	if (pipe2(ends, O_CLOEXEC))
		return -1;
	for (int i = 0; i < 2; i++) {
		if (ends[i] > 2)
			continue;
		int high = fcntl(ends[i], F_DUPFD_CLOEXEC, 3);

		if (high < 0) {
			int code = errno;

			close(ends[0]);
			close(ends[1]);
			errno = code;
			return -1;
		}
		close(ends[i]);
		ends[i] = high;
	}
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	return 0;
}

int spawn_capture(char *const argv[], char *const env[], const char *cwd, size_t limit,
		  int timeout_ms, struct buf *out, struct buf *err_out, int *status,
		  struct err *e)
{
	int pipes[2][2];

	if (spawn_pipe(pipes[0]))
		return err_set(e, errno, "run %s: make a pipe", argv[0]);
	if (spawn_pipe(pipes[1])) {
		int code = errno;

		close(pipes[0][0]);
		close(pipes[0][1]);
		return err_set(e, code, "run %s: make a pipe", argv[0]);
	}
	struct stream streams[2] = {
	    {.fd = pipes[0][0], .into = out    },
	    {.fd = pipes[1][0], .into = err_out},
	};
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC), pid = 0;
	int result =
	    spawn_start(argv, env, cwd, (int[3]){null, pipes[0][1], pipes[1][1]}, &pid, e);

	close(pipes[0][1]);
	close(pipes[1][1]);
	if (null >= 0)
		close(null);
	if (result == 0) {
		AUTO_FD int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

		if (pidfd < 0)
			result = err_set(e, errno, "open a pidfd");
		else
			result = collect(streams, pidfd, limit, timeout_ms, e);
		/* Also after a good end: what it left running in the background. The group's
		 * id cannot be another's while its leader is not reaped. */
		kill(-pid, SIGKILL);
		while (waitpid(pid, status, 0) < 0 && errno == EINTR)
			;
		if (result)
			err_wrap(e, "run %s", argv[0]);
	}
	for (int i = 0; i < 2; i++)
		if (streams[i].fd >= 0)
			close(streams[i].fd);
	return result;
}

char *spawn_find(const char *name)
{
	const char *path = getenv("PATH");

	if (strchr(name, '/'))
		return xstrdup(name);
	for (const char *p = path ? path : "/usr/bin:/bin"; *p;) {
		int n = (int)strcspn(p, ":");
		char *file = n ? xasprintf("%.*s/%s", n, p, name) : xasprintf("./%s", name);

		if (access(file, X_OK) == 0)
			return file;
		free(file);
		p += n + (p[n] == ':');
	}
	return NULL;
}
