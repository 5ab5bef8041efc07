/* Happy path: fork, exec; then the loop until the child has ended, with the agent's lines, the output on its way to the terminal,
 * and a timer for the live line.
 *
 * Output passes through a pseudo-terminal only where a live line is drawn, and only what was bound for a terminal: the rest is
 * the child's own. Raw, so that the bytes arrive as they were written.
 *
 * Signals that would end us are run/signals': they end the build, and we end with it. */
#include "run/build.h"

#include "base/err.h"
#include "base/mem.h"
#include "run/agentwatch.h"
#include "run/jobserver.h"
#include "run/liveline.h"
#include "run/signals.h"
#include "sys/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum {
	EXIT_CANNOT_RUN = 126,
	EXIT_NOT_FOUND = 127,
	EXIT_SIGNAL = 128,
	LIVE_MS = 500,
	GRACE_MS =
	    100, /* for what the agent has still to tell when the command has ended */
};

struct cpu_times {
	uint64_t busy, all; /* of all cores, in ticks */
};

struct session {
	struct build *b;
	pid_t pid;
	int pidfd, terminal; /* our side of the pseudo-terminal, or -1 */
	int status;
	nsec began;
	struct loop_watch *on_end, *on_output, *on_token, *on_size;
	struct signals *signals;
	struct loop_timer *timer;
	struct agentwatch *watch;
	struct liveline *line;
	struct agentwatch_now now;
	char slowest[256];
	uint64_t agent_ms;
	uint64_t up_before, down_before; /* the agent's bytes when the build began */
	nsec sampled;
	struct cpu_times cpu;
};

/* -- the story ------------------------------------------------------------------------------- */

static struct cpu_times read_cpu(void)
{
	struct cpu_times t = {0};
	unsigned long long v[8] = {0};
	FILE *f = fopen("/proc/stat", "re");

	if (f && fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &v[0], &v[1],
			&v[2], &v[3], &v[4], &v[5], &v[6], &v[7]) == 8) {
		for (int i = 0; i < 8; i++)
			t.all += v[i];
		t.busy = t.all - v[3] - v[4]; /* idle, iowait */
	}
	if (f)
		fclose(f);
	return t;
}

static void on_job(void *ctx, const struct progress_job *job)
{
	struct session *s = ctx;
	struct progress_job mine = *job;

	mine.start -= s->began;
	mine.end -= s->began;
	if (mine.start < 0)
		mine.start = 0;
	progress_job(s->b->progress, &mine);
}

static void grow(struct session *s);

static void on_token(void *ctx, unsigned got)
{
	(void)got;
	grow(ctx);
}

/* Follows what the farm can take; a token that is to be taken away is caught when it comes back. */
static void grow(struct session *s)
{
	unsigned jobs = s->now.now.slots + s->b->preparation;
	struct jobserver *js = s->b->jobserver;

	if (!js)
		return;
	bool settled = jobserver_set(js, jobs > s->b->jobs ? jobs : s->b->jobs);

	if (settled) {
		loop_unwatch(s->on_token);
		s->on_token = NULL;
	} else if (!s->on_token) {
		s->on_token =
		    loop_watch(s->b->loop, jobserver_watch_fd(js), LOOP_READ, on_token, s);
	}
}

static void on_now(void *ctx, const struct agentwatch_now *n)
{
	struct session *s = ctx;
	struct progress_now now = n->now;
	struct cpu_times cpu = read_cpu();
	nsec since = s->sampled ? n->at - s->sampled : 0;

	now.jobs = s->b->jobserver ? 0 : s->b->jobs;
	if (!s->sampled) {
		s->up_before = now.bytes_up;
		s->down_before = now.bytes_down;
	}
	now.bytes_up -= s->up_before;
	now.bytes_down -= s->down_before;
	if (since > 0)
		now.agent_cpu =
		    (double)(n->agent_cpu_ms - s->agent_ms) * 1e6 / (double)since;
	if (cpu.all > s->cpu.all)
		now.machine_cpu =
		    (double)(cpu.busy - s->cpu.busy) / (double)(cpu.all - s->cpu.all);
	s->cpu = cpu;
	s->agent_ms = n->agent_cpu_ms;
	s->sampled = n->at;
	s->now = *n;
	snprintf(s->slowest, sizeof s->slowest, "%s", n->slowest ? n->slowest : "");
	progress_sample(s->b->progress, n->at - s->began, &now);
	grow(s);
}

static void on_lost(void *ctx)
{
	struct session *s = ctx;

	s->b->lost = true; /* the build goes on without its story */
}

static void on_time(void *ctx)
{
	struct session *s = ctx;
	AUTO_BUF struct buf b = {0};
	unsigned width = s->line ? liveline_width(s->line) : 0;

	if (width) {
		progress_live(&b, s->b->progress, loop_now() - s->began, width,
			      *s->slowest ? s->slowest : NULL,
			      s->now.slowest_since - s->began);
		liveline_show(s->line, b.data, b.len);
	}
	loop_timer_set(s->timer, LOOP_MS(LIVE_MS));
}

/* -- the child ------------------------------------------------------------------------------- */

/* Takes what there is, at most one piece. False when there is nothing, now or for good. */
static bool take_output(struct session *s)
{
	char bytes[16384];
	ssize_t n;

	while ((n = read(s->terminal, bytes, sizeof bytes)) < 0 && errno == EINTR)
		;
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0) { /* EIO: nobody has it open any more */
		loop_unwatch(s->on_output);
		s->on_output = NULL;
		return false;
	}
	progress_output(s->b->progress, bytes, (size_t)n);
	liveline_output(s->line, bytes, (size_t)n);
	return true;
}

static void on_output(void *ctx, unsigned got)
{
	(void)got;
	take_output(ctx);
}

static void on_grace(void *ctx)
{
	loop_stop(ctx, 0);
}

static void on_end(void *ctx, unsigned got)
{
	struct session *s = ctx;

	(void)got;
	if (waitpid(s->pid, &s->status, WNOHANG) != s->pid)
		return;
	signals_sweep(s->signals);
	s->b->total = loop_now() - s->began;
	loop_unwatch(s->on_end);
	s->on_end = NULL;
	loop_timer_free(s->timer);
	s->timer = loop_timer_new(s->b->loop, on_grace, s->b->loop);
	loop_timer_set(s->timer, s->watch ? LOOP_MS(GRACE_MS) : 0);
}

static void on_winch(struct session *s)
{
	struct winsize size;

	if (s->terminal >= 0 && ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0)
		ioctl(s->terminal, TIOCSWINSZ, &size);
	if (s->line)
		liveline_resized(s->line);
}

static void on_resize(void *ctx, unsigned got)
{
	(void)got;
	on_winch(ctx);
}

/* Our side goes to TERMINAL; returns the child's, or -1. */
static int open_terminal(struct session *s)
{
	struct termios raw;
	char name[128];

	s->terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (s->terminal < 0 || grantpt(s->terminal) || unlockpt(s->terminal) ||
	    ptsname_r(s->terminal, name, sizeof name))
		return -1;
	int child = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (child >= 0 && tcgetattr(child, &raw) == 0) {
		cfmakeraw(&raw);
		tcsetattr(child, TCSANOW, &raw);
	}
	return child;
}

static _Noreturn void become(const struct session *s, int terminal, int failed)
{
	int tokens[2] = {-1, -1};
	struct stat here, line;

	signals_restore(s->signals);
	signal(SIGPIPE, SIG_DFL);

	/* Only what is bound for the terminal that has the line. */
	if (terminal >= 0 && fstat(STDERR_FILENO, &line) == 0)
		for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++)
			if (isatty(fd) && fstat(fd, &here) == 0 &&
			    here.st_rdev == line.st_rdev)
				dup2(terminal, fd);
	if (s->b->jobserver)
		jobserver_fds(s->b->jobserver, &tokens[0], &tokens[1]);
	for (int i = 0; i < 2; i++)
		if (tokens[i] >= 0)
			fcntl(tokens[i], F_SETFD, 0);
	environ = s->b->env;
	execvp(s->b->argv[0], s->b->argv);
	int code = errno;

	(void)!write(failed, &code, sizeof code);
	_exit(code == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN);
}

/* 0; else the exit status, when it could not be run. */
static int start(struct session *s, struct err *e)
{
	int failed[2], code = 0, terminal = s->line ? open_terminal(s) : -1;

	if (pipe2(failed, O_CLOEXEC)) {
		err_set(e, errno, "make a pipe");
		return EXIT_CANNOT_RUN;
	}
	on_winch(s);
	s->pid = fork();
	if (s->pid == 0)
		become(s, terminal, failed[1]);
	if (terminal >= 0)
		close(terminal);
	close(failed[1]);
	if (s->pid < 0 || read(failed[0], &code, sizeof code) == sizeof code) {
		err_set(e, s->pid < 0 ? errno : code, "run %s", s->b->argv[0]);
		close(failed[0]);
		if (s->pid > 0)
			waitpid(s->pid, NULL, 0);
		return code == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN;
	}
	close(failed[0]);
	s->pidfd = (int)syscall(SYS_pidfd_open, s->pid, 0);
	signals_direct(s->signals, s->pid, s->b->run);
	return 0;
}

static void watch_all(struct session *s)
{
	static const struct agentwatch_handler handler = {
	    .job = on_job, .now = on_now, .lost = on_lost};
	struct loop *l = s->b->loop;

	s->on_end = loop_watch(l, s->pidfd, LOOP_READ, on_end, s);
	if (s->terminal >= 0)
		s->on_output = loop_watch(l, s->terminal, LOOP_READ, on_output, s);
	s->on_size = loop_signal(l, SIGWINCH, on_resize, s);
	if (s->b->agent_dir)
		s->watch =
		    agentwatch_open(l, s->b->agent_dir, s->b->run, &handler, s, NULL);
	s->timer = loop_timer_new(l, on_time, s);
	loop_timer_set(s->timer, LOOP_MS(LIVE_MS));
}

static void let_go(struct session *s)
{
	while (s->on_output && take_output(s))
		; /* what the terminal still holds */
	liveline_free(s->line);
	agentwatch_close(s->watch);
	loop_timer_free(s->timer);
	loop_unwatch(s->on_end);
	loop_unwatch(s->on_output);
	loop_unwatch(s->on_token);
	loop_unwatch(s->on_size);
	signals_close(s->signals);
	if (s->terminal >= 0)
		close(s->terminal);
	if (s->pidfd >= 0)
		close(s->pidfd);
}

int build_run(struct build *b, struct err *e)
{
	struct session s = {.b = b, .pidfd = -1, .terminal = -1, .cpu = read_cpu()};
	bool wanted = b->live && liveline_is_wanted(isatty(STDERR_FILENO), getenv("TERM"),
						    getenv("CI"));

	if (wanted)
		s.line = liveline_new(STDERR_FILENO, true);
	s.signals = signals_open(b->loop);
	s.began = loop_now();
	int failed = start(&s, e);

	if (failed) {
		let_go(&s);
		return failed;
	}
	watch_all(&s);
	loop_run(b->loop);
	let_go(&s);
	b->killed_by = WIFSIGNALED(s.status) ? WTERMSIG(s.status) : 0;
	return b->killed_by ? EXIT_SIGNAL + b->killed_by : WEXITSTATUS(s.status);
}
