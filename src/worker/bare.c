/* A plain fork and exec. The group's id is the compiler's pid and cannot be another's while that is not reaped,
 * so the group is killed before it is. */
#include "worker/bare.h"

#include "base/err.h"
#include "base/mem.h"
#include "worker/filter.h"
#include "worker/landlock.h"
#include "worker/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct bare {
	pid_t pid; /* 0: reaped */
	int pidfd, dir;
};

enum {
	EXIT_NOT_RUN = 127
};

static void limit(int what, uint64_t value)
{
	struct rlimit r;

	if (value == 0 || getrlimit(what, &r))
		return;
	if (r.rlim_max > value)
		r.rlim_max = value;
	r.rlim_cur = r.rlim_max;
	setrlimit(what, &r);
}

/* The folder above the one that a program lies in, where the rest of a compiler is, unless that is the root. */
static const char *prefix_of(const char *program, char room[PATH_MAX])
{
	if (!realpath(program, room))
		return "/usr";
	for (int up = 0; up < 2; up++) {
		char *slash = strrchr(room, '/');

		if (!slash || slash == room)
			return "/usr";
		*slash = 0;
	}
	return room;
}

/* What the kernel can shut without namespaces. Where it has no Landlock the worker takes its own user's jobs only (setup.c). */
static int shut(const struct bare_spec *spec, struct err *e)
{
	char prefix[PATH_MAX];
	const char *const read[] = {"/usr",
				    "/lib",
				    "/lib64",
				    "/lib32",
				    "/bin",
				    "/opt",
				    "/etc/ld.so.cache",
				    "/etc/ld.so.preload",
				    "/etc/alternatives",
				    "/dev/urandom",
				    "/proc/self",
				    "/proc/meminfo",
				    "/proc/cpuinfo",
				    prefix_of(spec->program, prefix),
				    spec->reads,
				    NULL};
	const char *const write[] = {spec->dir, "/dev/null", NULL};

	if (landlock_version() == 0)
		return 0;
	return landlock_bare(&(struct landlock_paths){read, write}, e) ||
		       filter_install(NULL, e)
		   ? -1
		   : 0;
}

static void limits_set(const struct bare_spec *spec)
{
	limit(RLIMIT_AS, spec->memory_bytes);
	limit(RLIMIT_FSIZE, spec->file_bytes);
	limit(RLIMIT_CPU, spec->cpu_s);
	setrlimit(RLIMIT_CORE, &(struct rlimit){0});
}

static _Noreturn void become(const struct bare_spec *spec, pid_t parent)
{
	AUTO_FREE char *tmpdir = xasprintf("TMPDIR=%s", spec->dir);
	const char *search = getenv("PATH");
	AUTO_FREE char *path = xasprintf("PATH=%s", search ? search : "/usr/bin:/bin");
	char *env[] = {path, tmpdir, NULL};
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_NOT_RUN); /* it went before that was set */
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	umask(spec->umask);
	for (int i = 0; i < 3; i++)
		if (dup2(spec->stdio[i], i) < 0)
			_exit(EXIT_NOT_RUN);
	syscall(SYS_close_range, 3, ~0U, 0);
	limits_set(spec);
	struct err e = {0};

	if (shut(spec, &e)) {
		dprintf(STDERR_FILENO, "muster-worker: %s\n", e.text);
		_exit(EXIT_NOT_RUN);
	}
	if (chdir(spec->dir) == 0)
		execve(spec->program, spec->argv, env);
	_exit(EXIT_NOT_RUN);
}

struct bare *bare_start(const struct bare_spec *spec, struct err *e)
{
	struct bare *b = xcalloc(1, sizeof *b);
	pid_t self = getpid();

	b->pidfd = -1;
	b->dir = open(spec->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (b->dir < 0) {
		err_set(e, errno, "open the job's folder %s", spec->dir);
		free(b);
		return NULL;
	}
	b->pid = fork();
	if (b->pid == 0)
		become(spec, self);
	if (b->pid > 0) {
		setpgid(b->pid, b->pid); /* whoever comes first */
		b->pidfd = (int)syscall(SYS_pidfd_open, b->pid, 0);
	}
	if (b->pidfd >= 0)
		return b;
	err_set(e, errno, "start %s", spec->program);
	if (b->pid < 0)
		b->pid = 0;
	bare_free(b);
	return NULL;
}

int bare_fd(const struct bare *b)
{
	return b->pidfd;
}

static uint64_t micros(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec;
}

int bare_end(struct bare *b, struct sandbox_end *end)
{
	siginfo_t info = {0};
	struct rusage used;
	int status;

	if (waitid(P_PID, (id_t)b->pid, &info, WEXITED | WNOHANG | WNOWAIT) || !info.si_pid)
		return 0;
	kill(-b->pid, SIGKILL);
	while (wait4(b->pid, &status, 0, &used) < 0 && errno == EINTR)
		;
	b->pid = 0;
	*end = (struct sandbox_end){
	    .started = true,
	    .status = status,
	    .user_us = micros(used.ru_utime),
	    .sys_us = micros(used.ru_stime),
	    .maxrss_kb = (uint64_t)used.ru_maxrss,
	};
	return 1;
}

int bare_written(const struct bare *b)
{
	return b->dir;
}

void bare_kill(struct bare *b)
{
	if (b->pid)
		kill(-b->pid, SIGKILL);
}

void bare_free(struct bare *b)
{
	if (!b)
		return;
	bare_kill(b);
	if (b->pid)
		while (waitpid(b->pid, NULL, 0) < 0 && errno == EINTR)
			;
	if (b->pidfd >= 0)
		close(b->pidfd);
	close(b->dir);
	free(b);
}
