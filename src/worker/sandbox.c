/* The worker's side: one clone into all the namespaces, a pidfd that tells the end, a socket that
 * holds the report until then. The pidfd is readable only when pid 1 is a zombie, and the kernel
 * lets it become one only after every other process of its pid namespace is gone: so at the end
 * nothing writes any more, whether pid 1 ended by itself or was killed.
 *
 * The worker has one thread, so the clone is a plain fork; signals are blocked across it, so that
 * the worker's handlers do not run in the child, on descriptors the two share.
 *
 * Fails: no process or namespace can be made (sandbox_start), or a later step (sandbox_end.why). */
#include "worker/sandbox.h"

#include "base/err.h"
#include "base/mem.h"
#include "worker/init.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	CHECK_MS = 10000,
	CHECK_BYTES = 1 << 20
};

struct sandbox {
	pid_t pid; /* of its pid 1, as seen from here; 0: reaped */
	int pidfd;
	int report;  /* holds READY, FAILED, ENDED until the end */
	int written; /* upper folder, -1: none (yet) */
	bool ready, failed, ended;
	struct sandbox_end end;
};

static pid_t clone_all(int *pidfd)
{
	struct clone_args args = {
	    .flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET |
		     CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP | CLONE_PIDFD,
	    .pidfd = (uintptr_t)pidfd,
	    .exit_signal = SIGCHLD,
	};
	long pid = syscall(SYS_clone3, &args, sizeof args);

	if (pid < 0 && errno == EINVAL) { /* a kernel without cgroups */
		args.flags &= ~(__u64)CLONE_NEWCGROUP;
		pid = syscall(SYS_clone3, &args, sizeof args);
	}
	return (pid_t)pid;
}

static struct sandbox *start(const struct sandbox_spec *spec, int (*instead)(struct err *),
			     struct err *e)
{
	sigset_t all, before;
	int ends[2], pidfd = -1;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends)) {
		err_set(e, errno, "start a sandbox: make a socket pair");
		return NULL;
	}
	const struct init init = {spec, ends[1], instead, geteuid(), getegid()};

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid_t pid = clone_all(&pidfd);

	if (pid == 0)
		init_run(&init);
	int code = errno;

	sigprocmask(SIG_SETMASK, &before, NULL);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		err_set(e, code, "start a sandbox: make a process in new namespaces");
		return NULL;
	}
	struct sandbox *s = xcalloc(1, sizeof *s);

	s->pid = pid;
	s->pidfd = pidfd;
	s->report = ends[0];
	s->written = -1;
	return s;
}

struct sandbox *sandbox_start(const struct sandbox_spec *spec, struct err *e)
{
	return start(spec, NULL, e);
}

int sandbox_fd(const struct sandbox *s)
{
	return s->pidfd;
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
		break;
	}
	if (fd >= 0)
		close(fd);
}

static void report_read(struct sandbox *s)
{
	for (;;) {
		struct report r;
		struct iovec part = {.iov_base = &r, .iov_len = sizeof r};

		union {
			struct cmsghdr align;
			char room[CMSG_SPACE(sizeof(int))];
		} control;
		struct msghdr m = {.msg_iov = &part,
				   .msg_iovlen = 1,
				   .msg_control = control.room,
				   .msg_controllen = sizeof control.room};
		ssize_t n = recvmsg(s->report, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		int fd = -1;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
			if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
				memcpy(&fd, CMSG_DATA(c), sizeof fd);
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

	if (s->pid) {
		if (!reap(s, WNOHANG, &status))
			return 0;
		report_read(s);
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

/* What follows is sandbox_check: the same world around a function of our own. */

static int only_lo(struct err *e)
{
	struct if_nameindex *all = if_nameindex();
	int foreign = 0;

	if (!all)
		return err_set(e, errno, "list the network interfaces");
	for (const struct if_nameindex *i = all; i->if_index; i++)
		foreign += strcmp(i->if_name, "lo") != 0;
	if_freenameindex(all);
	return foreign ? err_set(e, 0, "the network is not cut off") : 0;
}

static int self_test(struct err *e)
{
	static const char text[] = "written";
	struct stat st;
	AUTO_FD int fd = open("/check", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, text, sizeof text) != sizeof text)
		return err_set(e, errno, "write a file");
	if (stat("/etc", &st) == 0 || stat("/usr", &st) == 0)
		return err_set(e, 0, "the machine's own files are visible");
	if (stat("/tmp", &st) || (st.st_mode & 07777) != 01777)
		return err_set(e, 0, "/tmp is not there for all");
	AUTO_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || write(null, text, 1) != 1)
		return err_set(e, errno, "write to /dev/null");
	if (stat("/proc/self/exe", &st))
		return err_set(e, errno, "look at /proc/self/exe");
	if (getppid() != 1)
		return err_set(e, 0, "the process ids are not its own");
	return only_lo(e);
}

/* The number in the file PATH, or OTHERWISE when there is none. */
static long sysctl_number(const char *path, long otherwise)
{
	char text[32] = "";
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof text - 1) <= 0)
		return otherwise;
	return strtol(text, NULL, 10);
}

static const char *advice(void)
{
	if (sysctl_number("/proc/sys/user/max_user_namespaces", 1) == 0)
		return "set the sysctl user.max_user_namespaces above 0";
	if (geteuid() &&
	    sysctl_number("/proc/sys/kernel/unprivileged_userns_clone", 1) == 0)
		return "set the sysctl kernel.unprivileged_userns_clone to 1, or run the worker "
		       "as root";
	if (geteuid() &&
	    sysctl_number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 0) == 1)
		return "give the worker an AppArmor profile that allows userns, or set the sysctl "
		       "kernel.apparmor_restrict_unprivileged_userns to 0";
	return "a worker needs Linux 5.11 or newer, and inside a container the right to make "
	       "user namespaces and to mount (seccomp, and a /proc that is not masked)";
}

static int check_in(const char *dir, struct err *e)
{
	const struct sandbox_spec spec = {
	    .lower = &dir,
	    .nlower = 1,
	    .cwd = "/",
	    .stdio = {0, 1, 2},
	    .scratch_bytes = CHECK_BYTES,
	    .umask = 022
        };
	struct sandbox_end end = {0};
	AUTO_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct sandbox_spec quiet = spec;

	for (int i = 0; i < 3; i++)
		quiet.stdio[i] = null;
	struct sandbox *s = null < 0 ? NULL : start(&quiet, self_test, e);

	if (!s)
		return null < 0 ? err_set(e, errno, "open /dev/null") : -1;
	struct pollfd p = {.fd = sandbox_fd(s), .events = POLLIN};
	int result = 0;

	while (poll(&p, 1, CHECK_MS) < 0 && errno == EINTR)
		;
	if (!sandbox_end(s, &end))
		result = err_set(e, ETIMEDOUT, "wait for the sandbox");
	else if (!end.started)
		result = err_set(e, 0, "%s", end.why);
	else if (end.status)
		result =
		    err_set(e, 0, "the sandbox's program ended with status %d", end.status);
	else if (faccessat(sandbox_written(s), "check", R_OK, 0))
		result = err_set(e, errno, "read what was written in the sandbox");
	sandbox_free(s);
	return result;
}

int sandbox_check(const char *scratch_dir, struct err *e)
{
	AUTO_FREE char *dir = xasprintf("%s/check-XXXXXX", scratch_dir);

	if (!mkdtemp(dir))
		return err_set(e, errno, "try a sandbox: make %s", dir);
	int result = check_in(dir, e);

	if (rmdir(dir) && result == 0)
		result = err_set(e, errno, "try a sandbox: remove %s", dir);
	else if (result) {
		char why[sizeof e->text];

		snprintf(why, sizeof why, "%s", e->text);
		err_set(e, 0, "try a sandbox: %.300s (%s)", why, advice());
	}
	return result;
}
