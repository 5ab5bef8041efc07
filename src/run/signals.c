/* The keys of a terminal signal its whole foreground group, us and the build alike. `kill PID` means us alone, and make, told
 * SIGINT alone, would wait for compiles that know of nothing. So each process of the build is told, as by the keyboard.
 *
 *   kernel (a key, a hang-up) ─► whole group          we: nothing
 *   kill PID                  ─► us ─► the command, then whoever has its mark in our session; once more when it has ended
 *
 * Who tells is in the signal (si_code), hence a signalfd. Processes are known by their environment, which is right also for those
 * whose parents are gone. A session of its own says that somebody means to stay: the agent, daemons.
 *
 * A sender that means the group as a whole (`timeout`, `kill %1`) makes the build hear it twice, as a user who presses twice. */
#include "run/signals.h"

#include "base/buf.h"
#include "base/mem.h"
#include "sys/fs.h"
#include "sys/loop.h"

#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
	ENVIRON_MAX = 8 << 20 /* bytes of a process's environment */
};

struct signals {
	sigset_t before; /* our mask */
	int fd;
	struct loop_watch *watch;
	pid_t pid; /* of the command; 0: it does not run */
	const char *run;
	int passed; /* the last one that was passed on, or 0 */
};

static bool has_mark(pid_t pid, const char *run)
{
	AUTO_FREE char *path = xasprintf("/proc/%d/environ", (int)pid);
	AUTO_FREE char *mark = xasprintf("MUSTER_RUN=%s", run);
	AUTO_BUF struct buf env = {0};

	return fs_read(path, ENVIRON_MAX, &env, NULL) == 0 && env.len &&
	       memmem(env.data, env.len, mark, strlen(mark) + 1);
}

/* All but the command itself. */
static void signal_marked(const struct signals *s)
{
	DIR *d = opendir("/proc");
	pid_t session = getsid(0);

	for (struct dirent *i; d && (i = readdir(d));) {
		pid_t pid = atoi(i->d_name);

		if (pid > 0 && pid != s->pid && pid != getpid() && getsid(pid) == session &&
		    has_mark(pid, s->run))
			kill(pid, s->passed);
	}
	if (d)
		closedir(d);
}

static void on_signal(void *ctx, unsigned got)
{
	struct signals *s = ctx;
	struct signalfd_siginfo info;

	(void)got;
	if (read(s->fd, &info, sizeof info) != sizeof info)
		return;
	/* By the code, not by the sender's pid: that is 0, too, for a sender outside of our pid namespace. */
	if (info.ssi_code > 0 || !s->pid)
		return;
	s->passed = (int)info.ssi_signo;
	kill(s->pid, s->passed);
	signal_marked(s);
}

struct signals *signals_open(struct loop *l)
{
	struct signals *s = xcalloc(1, sizeof *s);
	sigset_t ours;

	sigemptyset(&ours);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGHUP);
	sigaddset(&ours, SIGQUIT);
	sigprocmask(SIG_BLOCK, &ours, &s->before);
	s->fd = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->fd >= 0)
		s->watch = loop_watch(l, s->fd, LOOP_READ, on_signal, s);
	else
		sigprocmask(SIG_SETMASK, &s->before, NULL);
	return s;
}

void signals_close(struct signals *s)
{
	if (!s)
		return;
	loop_unwatch(s->watch);
	if (s->fd >= 0)
		close(s->fd);
	sigprocmask(SIG_SETMASK, &s->before, NULL);
	free(s);
}

void signals_restore(const struct signals *s)
{
	sigprocmask(SIG_SETMASK, &s->before, NULL);
}

void signals_direct(struct signals *s, pid_t pid, const char *run)
{
	s->pid = pid;
	s->run = run;
}

void signals_sweep(struct signals *s)
{
	s->pid = 0;
	if (s->passed)
		signal_marked(s);
}
