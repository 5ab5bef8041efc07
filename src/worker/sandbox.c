/* The worker's side: a cage that clones pid 1 for us, a socket for its report, a pidfd.
 *
 * Invariant: at the end nothing writes any more. Pid 1 says ENDED only when it has no child left, and what
 * loses its parent in its pid namespace becomes its child: it was the last. Killed, it says nothing, but its
 * pidfd is readable only when it is a zombie, and the kernel lets it become one only after all others of its pid
 * namespace are gone. Its word comes milliseconds earlier, since the kernel takes namespaces down in between.
 *
 * Fails: no process or namespace can be made (sandbox_start), or a later step (sandbox_end.why). */
#include "worker/sandbox.h"

#include "base/err.h"
#include "base/mem.h"
#include "worker/cage.h"
#include "worker/init.h"
#include "worker/parcel.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct sandbox {
	pid_t pid; /* of its pid 1, as seen from here; 0: reaped */
	int pidfd;
	int report;                /* brings READY, FAILED, ENDED */
	int written;               /* upper folder, -1: none (yet) */
	bool ready, failed, ended; /* what it said */
	bool over;                 /* END is whole */
	struct sandbox_end end;
};

struct sandbox *sandbox_start(struct cage *cage, const struct sandbox_spec *spec,
			      struct err *e)
{
	int ends[2], pidfd;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends)) {
		err_set(e, errno, "start a sandbox: make a socket pair");
		return NULL;
	}
	int r = cage_run(cage, spec, ends[1], &pid, &pidfd, e);

	close(ends[1]);
	if (r) {
		close(ends[0]);
		err_wrap(e, "start a sandbox");
		return NULL;
	}
	struct sandbox *s = xcalloc(1, sizeof *s);

	s->pid = pid;
	s->pidfd = pidfd;
	s->report = ends[0];
	s->written = -1;
	return s;
}

int sandbox_fd(const struct sandbox *s)
{
	return s->pidfd;
}

int sandbox_report_fd(const struct sandbox *s)
{
	return s->report;
}

int sandbox_written(const struct sandbox *s)
{
	return s->written;
}

static void report_take(struct sandbox *s, const struct report *r, int fd)
{
	switch (r->kind) {
	case REPORT_READY:
		s->ready = true;
		if (s->written < 0) {
			s->written = fd;
			fd = -1;
		}
		break;
	case REPORT_FAILED:
		s->failed = true;
		memcpy(s->end.why, r->end.why, sizeof s->end.why - 1);
		break;
	case REPORT_ENDED:
		s->ended = true;
		s->end.status = r->end.status;
		s->end.user_us = r->end.user_us;
		s->end.sys_us = r->end.sys_us;
		s->end.maxrss_kb = r->end.maxrss_kb;
		memcpy(s->end.tried, r->end.tried, sizeof s->end.tried);
		break;
	}
	if (fd >= 0)
		close(fd);
}

/* False when nothing more can come. */
static bool report_read(struct sandbox *s)
{
	for (;;) {
		struct report r;
		int fd;
		long n = parcel_receive(s->report, &r, sizeof r, MSG_DONTWAIT, &fd);

		if (n <= 0)
			return n < 0 && errno == EAGAIN;
		if (n == sizeof r)
			report_take(s, &r, fd);
		else if (fd >= 0)
			close(fd);
	}
}

/* The zombie's status goes to *STATUS; false: it has not ended. */
static bool reap(struct sandbox *s, int flags, int *status)
{
	pid_t pid;

	while ((pid = waitpid(s->pid, status, flags)) < 0 && errno == EINTR)
		;
	if (pid == 0)
		return false;
	s->pid = 0;
	return true;
}

int sandbox_end(struct sandbox *s, struct sandbox_end *end)
{
	int status = 0;

	if (!s->over) {
		bool gone = !s->ended && reap(s, WNOHANG, &status);

		report_read(s);
		if (!gone && !s->ended)
			return 0;
		s->over = true;
		/* Without a last word pid 1 was killed, and the compiler with it. */
		bool killed = !s->ended && WIFSIGNALED(status);

		s->end.started = s->ready && !s->failed && (s->ended || killed);
		if (killed)
			s->end.status = status;
		if (!s->end.started && !s->failed)
			snprintf(s->end.why, sizeof s->end.why, "the sandbox ended %s",
				 s->ready ? "without a report"
					  : "before the compiler started");
	}
	*end = s->end;
	return 1;
}

bool sandbox_hear(struct sandbox *s)
{
	return report_read(s) && !s->ended;
}

bool sandbox_let_go(struct sandbox *s)
{
	int status;

	if (s->written >= 0)
		close(s->written);
	s->written = -1;
	return !s->pid || reap(s, WNOHANG, &status);
}

void sandbox_kill(struct sandbox *s)
{
	if (s->pid)
		kill(s->pid, SIGKILL); /* not reaped, so the id is still its own */
}

void sandbox_free(struct sandbox *s)
{
	int status;

	if (!s)
		return;
	if (s->pid) {
		sandbox_kill(s);
		reap(s, 0, &status);
		report_read(s); /* a descriptor may be waiting in there */
	}
	if (s->written >= 0)
		close(s->written);
	close(s->report);
	close(s->pidfd);
	free(s);
}
