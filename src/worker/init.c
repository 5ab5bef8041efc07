/* Steps, in an order that matters: ask for death with the worker, then look whether it is still
 * there; enter the control groups, so that all that comes is counted; build the world; give up every
 * right; become undumpable, since the compiler has the same user id; shut the files (Landlock), then
 * the system calls (seccomp), also for this process; only then start the compiler.
 *
 * Fails: each step reports a sentence and ends pid 1, which takes everything along. */
#include "worker/init.h"

#include "base/err.h"
#include "base/mem.h"
#include "worker/filter.h"
#include "worker/landlock.h"
#include "worker/parcel.h"
#include "worker/world.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	OPEN_FILES = 1024,
	PROCESSES = 1024, /* of all jobs of one cage */
	NO_EXEC = 127
};

#define PIDS "512" /* of one job, at once */

static _Noreturn void give_up(const struct init *in, const struct err *e)
{
	struct report r = {.kind = REPORT_FAILED};

	snprintf(r.end.why, sizeof r.end.why, "%.*s", (int)sizeof r.end.why - 1, e->text);
	parcel_send(in->report, &r, sizeof r, -1);
	_exit(NO_EXEC);
}

static bool worker_gone(const struct init *in)
{
	struct pollfd p = {.fd = in->report};

	return poll(&p, 1, 0) == 1 && p.revents & POLLHUP;
}

/* Brings FDS to 0..N-1, whatever order they had, and closes all others. */
static int fds_keep(int *fds, int n, struct err *e)
{
	for (int i = 0; i < n; i++) {
		fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, n);
		if (fds[i] < 0)
			return err_set(e, errno, "take over descriptor %d", i);
	}
	for (int i = 0; i < n; i++)
		if (dup2(fds[i], i) < 0)
			return err_set(e, errno, "take over descriptor %d", i);
	if (syscall(SYS_close_range, n, ~0U, 0))
		return err_set(e, errno, "close foreign descriptors");
	return 0;
}

static int file_put(const char *path, const char *text, struct err *e)
{
	AUTO_FD int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return err_set(e, errno, "write %s", path);
	return 0;
}

/* Where the kernel counts process ids for each namespace (since Linux 6.14), it may as well limit them: without a control
 * group root's own processes heed no other limit. Older ones would take this for the whole machine. */
static void pids_limit(void)
{
	struct utsname u;
	unsigned major = 0, minor = 0;

	if (uname(&u) || sscanf(u.release, "%u.%u", &major, &minor) != 2)
		return;
	if (major > 6 || (major == 6 && minor >= 14))
		file_put("/proc/sys/kernel/pid_max", PIDS, NULL);
}

static int groups_enter(const struct init *in, struct err *e)
{
	for (int i = 0; i < in->ngroups; i++)
		if (write(in->groups[i], "0", 1) != 1)
			return err_set(e, errno, "enter a control group");
	return 0;
}

/* Of this process and of all that it will start, for good: the cage has emptied the bounding set. */
static int rights_drop(struct err *e)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

	if (syscall(SYS_capset, &head, none))
		return err_set(e, errno, "drop capabilities");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return err_set(e, errno, "forbid new privileges");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return err_set(e, errno, "hide the sandbox's first process");
	return 0;
}

static int limit_set(int what, uint64_t value, const char *name, struct err *e)
{
	struct rlimit r;

	if (getrlimit(what, &r))
		return err_set(e, errno, "get the limit of %s", name);
	if (r.rlim_max > value)
		r.rlim_max = value;
	r.rlim_cur = r.rlim_max;
	if (setrlimit(what, &r))
		return err_set(e, errno, "limit %s", name);
	return 0;
}

static int limits_set(const struct sandbox_spec *s, struct err *e)
{
	if (s->memory_bytes && limit_set(RLIMIT_AS, s->memory_bytes, "memory", e))
		return -1;
	if (s->cpu_s && limit_set(RLIMIT_CPU, s->cpu_s, "CPU time", e))
		return -1;
	return limit_set(RLIMIT_CORE, 0, "core files", e) ||
		       limit_set(RLIMIT_MSGQUEUE, 0, "message queues", e) ||
		       limit_set(RLIMIT_NOFILE, OPEN_FILES, "open files", e) ||
		       limit_set(RLIMIT_NPROC, PROCESSES, "processes", e)
		   ? -1
		   : 0;
}

static _Noreturn void compiler_run(const struct init *in)
{
	const struct sandbox_spec *s = in->spec;
	struct err e = {0};
	sigset_t none;

	sigemptyset(&none);
	if (limits_set(s, &e))
		give_up(in, &e);
	umask(s->umask);
	if (in->self_test) {
		if (sandbox_self_test(&e))
			give_up(in, &e);
		_exit(0);
	}
	if (chdir(s->cwd)) {
		err_set(&e, errno, "enter %s", s->cwd);
		give_up(in, &e);
	}
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(s->program, s->argv, s->env);
	err_set(&e, errno, "start %s", s->program);
	give_up(in, &e);
}

/* Until it executes, the compiler's process borrows our memory: what it does there is to leave its stack alone, and to
 * make calls that the filter asks nobody about, since this process stands still. To copy the memory, and throw it
 * away at once, costs more than all mounts. Our own test in its place does not execute anything. */
static pid_t compiler_start(const struct init *in)
{
	pid_t pid = in->self_test ? fork() : vfork();

	if (pid == 0)
		compiler_run(in);
	return pid;
}

static uint64_t us(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec;
}

/* Reaps until the compiler has ended; leaves too when the worker has, should PR_SET_PDEATHSIG
 * have come a moment too late for it. */
static int wait_for(const struct init *in, pid_t compiler, int sigchld, int refused,
		    uint64_t tried[FILTER_SETS])
{
	struct err e;

	for (;;) {
		struct pollfd p[3] = {
		    {.fd = sigchld,     .events = POLLIN},
		    {.fd = in->report },
		    {.fd = refused, .events = POLLIN                },
		};
		struct signalfd_siginfo info;
		int status;
		pid_t pid;

		if (poll(p, 3, -1) < 0 && errno != EINTR) {
			err_set(&e, errno, "wait for the compiler");
			give_up(in, &e);
		}
		if (p[1].revents & POLLHUP)
			_exit(1);
		if (p[2].revents & POLLIN)
			filter_answer(refused, tried);
		while (read(sigchld, &info, sizeof info) > 0)
			;
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
			if (pid == compiler)
				return status;
	}
}

/* What the compiler left running must not write on while the worker reads, which it does from ENDED on. Whoever has lost
 * its parent is our child: without a child there is nobody, and no need to look for them among all processes of the
 * machine, as the kernel does for kill(-1). */
static void end_all(void)
{
	if (waitpid(-1, NULL, WNOHANG | __WALL) < 0 && errno == ECHILD)
		return;
	kill(-1, SIGKILL);
	while (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR)
		;
}

/* Descriptors 0 to 2 become the compiler's, 3 the report's, 4 the upper folder's, which is returned. */
static int confine(struct init *in, struct err *e)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)) {
		err_set(e, errno, "die with the worker");
		give_up(in, e);
	}
	prctl(PR_SET_NAME,
	      "muster-job"); /* until it is the compiler's, for who looks at processes */
	setsid();
	if (worker_gone(in))
		_exit(1);
	if (groups_enter(in, e))
		give_up(in, e);
	if (in->unfit->text[0])
		give_up(in, in->unfit);
	if (!in->counted)
		pids_limit();
	int fds[5] = {in->spec->stdio[0], in->spec->stdio[1], in->spec->stdio[2],
		      in->report, world_enter(in->world, e)};

	/* What it takes to build the world must not stay. */
	if (fds[4] < 0 || fds_keep(fds, 5, e))
		give_up(in, e);
	in->report = 3;
	fcntl(in->report, F_SETFD, FD_CLOEXEC);
	if (rights_drop(e))
		give_up(in, e);
	return 4;
}

_Noreturn void init_run(const struct init *given)
{
	struct init in = *given;
	struct report ended = {.kind = REPORT_ENDED};
	struct err e = {0};
	sigset_t child;
	int refused = -1, upper = confine(&in, &e);
	const struct report ready = {.kind = REPORT_READY};

	parcel_send(in.report, &ready, sizeof ready, upper);
	close(upper);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	int sigchld = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);

	if (landlock_inside(&e) || filter_install(&refused, &e))
		give_up(&in, &e);
	pid_t compiler = sigchld < 0 ? -1 : compiler_start(&in);

	if (compiler < 0) {
		err_set(&e, errno, "start a process in the sandbox");
		give_up(&in, &e);
	}
	/* So that the worker sees the end of the compiler's output when the compiler closes it. */
	syscall(SYS_close_range, 0, 2, 0);
	ended.end.status = wait_for(&in, compiler, sigchld, refused, ended.end.tried);
	end_all();
	struct rusage use;

	if (getrusage(RUSAGE_CHILDREN, &use) == 0) {
		ended.end.user_us = us(use.ru_utime);
		ended.end.sys_us = us(use.ru_stime);
		ended.end.maxrss_kb = (uint64_t)use.ru_maxrss;
	}
	parcel_send(in.report, &ended, sizeof ended, -1);
	_exit(0);
}
