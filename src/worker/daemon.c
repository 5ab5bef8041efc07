/* The process side of distccd.
 *
 *   parent   fork ── waits at the pipe ─────────────── a byte: exit 0; its end: the child's status
 *   child         └─ setsid, opens all that can fail ─ daemon_serves
 *
 * The child forks off before anything is opened, so that what it opens is its own (an event
 * loop does not outlive a fork); it keeps the terminal's standard error until it serves, so that
 * whoever started it reads why it could not.
 *
 * Under sshd standard input and output are two pipes, where all else here wants one socket:
 *
 *   stdin ─► carrier ─► socket ◄─► child, which serves
 *   stdout ◄─ parent ◄─┘ */
#include "worker/daemon.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "sys/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	NOBODY = 65534 /* when the system knows no user that we could be */
};

static _Noreturn void end_with(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static _Noreturn void wait_for(pid_t child, int fd)
{
	char byte;
	ssize_t n;

	while ((n = read(fd, &byte, 1)) < 0 && errno == EINTR)
		;
	if (n == 1)
		_exit(0);
	end_with(child);
}

int daemon_detach(struct err *e)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return err_set(e, errno, "make the pipe to a background process");
	fflush(NULL);
	pid_t child = fork();

	if (child < 0) {
		close(ends[0]);
		close(ends[1]);
		return err_set(e, errno, "make a background process");
	}
	if (child > 0) {
		close(ends[1]);
		wait_for(child, ends[0]);
	}
	close(ends[0]);
	setsid();
	return ends[1];
}

void daemon_serves(int detached, bool keep_stderr)
{
	AUTO_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		if (!keep_stderr)
			dup2(null, STDERR_FILENO);
	}
	ssize_t n = write(detached, "", 1);
	(void)n; /* a parent that is gone does not wait */
	close(detached);
}

static void carry(int from, int to)
{
	static char bytes[64 << 10];
	struct err e;
	ssize_t n;

	while ((n = read(from, bytes, sizeof bytes)) != 0)
		if (n < 0 ? errno != EINTR : fs_write_all(to, bytes, (size_t)n, &e))
			break;
}

/* From standard input, in a process of its own: it ends with us, and we with the one that serves. */
static void carry_in(int to)
{
	pid_t child = fork();

	if (child < 0)
		shutdown(to, SHUT_WR); /* nothing comes */
	if (child != 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	carry(STDIN_FILENO, to);
	shutdown(to, SHUT_WR);
	_exit(0);
}

int daemon_join_pipes(struct err *e)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return err_set(e, errno, "make a socket in the place of two pipes");
	fflush(NULL);
	pid_t child = fork();

	if (child == 0) {
		if (dup2(ends[0], STDIN_FILENO) < 0 || dup2(ends[0], STDOUT_FILENO) < 0)
			_exit(1);
	} else if (child > 0) {
		close(ends[0]);
		carry_in(ends[1]);
		carry(ends[1], STDOUT_FILENO);
		end_with(child);
	}
	close(ends[0]);
	close(ends[1]);
	return child < 0 ? err_set(e, errno, "make a process that carries bytes") : 0;
}

void daemon_soften(int by, int oom_score_adj)
{
	static const char path[] = "/proc/self/oom_score_adj";
	struct err e;

	errno = 0;
	if (by && nice(by) == -1 && errno)
		log_line(LOG_WARNING, "cannot change the niceness by %d: %s", by,
			 strerror(errno));
	if (oom_score_adj == INT_MIN)
		return;
	AUTO_FD int fd = open(path, O_WRONLY | O_CLOEXEC);
	char text[16];
	int n = snprintf(text, sizeof text, "%d\n", oom_score_adj);

	if (fd < 0)
		log_line(LOG_WARNING, "cannot set --oom-score-adj %d: open %s: %s",
			 oom_score_adj, path, strerror(errno));
	else if (fs_write_all(fd, text, (size_t)n, &e))
		log_line(LOG_WARNING, "cannot set --oom-score-adj %d: %s", oom_score_adj,
			 e.text);
}

/* The user with this name or number. False: there is none. */
static bool find_user(const char *name, uid_t *uid, gid_t *gid)
{
	const struct passwd *found = getpwnam(name);
	char *end;
	unsigned long number;

	if (!found) {
		errno = 0;
		number = strtoul(name, &end, 10);
		if (*name < '0' || *name > '9' || *end || errno || number >= UINT_MAX)
			return false;
		*uid = (uid_t)number;
		*gid = NOBODY;
		found = getpwuid(*uid);
	}
	if (found) {
		*uid = found->pw_uid;
		*gid = found->pw_gid;
	}
	return true;
}

static int choose_user(const char *user, uid_t *uid, gid_t *gid, struct err *e)
{
	static const char *const usual[] = {"distcc", "distccd", "nobody", "65534"};

	if (user)
		return find_user(user, uid, gid)
			   ? 0
			   : err_set(e, 0, "there is no user '%s' (--user) to become",
				     user);
	for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
		if (find_user(usual[i], uid, gid))
			return 0;
	return err_set(e, 0, "there is no user to become");
}

static int become(uid_t uid, gid_t gid, struct err *e)
{
	if (setgroups(1, &gid) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
		return err_set(e, errno, "become user %u with group %u", (unsigned)uid,
			       (unsigned)gid);
	if (uid && (setuid(0) == 0 || geteuid() == 0))
		return err_set(e, 0, "user %u can become root again", (unsigned)uid);
	/* A process that was root hides its files in /proc from itself, and then it
	 * could not write the identity map of a sandbox. It holds no secrets of root. */
	if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))
		return err_set(e, errno, "see the own files in /proc");
	return 0;
}

int daemon_drop_root(const char *user, struct err *e)
{
	uid_t uid;
	gid_t gid;

	if (geteuid() == 0 && (choose_user(user, &uid, &gid, e) || become(uid, gid, e)))
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return err_set(e, errno, "give up getting new rights");
	return 0;
}

int daemon_move(const char *tmpdir, struct err *e)
{
	if (!tmpdir || !*tmpdir)
		tmpdir = "/tmp";
	return chdir(tmpdir) ? err_set(e, errno, "work in the folder %s", tmpdir) : 0;
}

/* A folder that stands in PATH to put a distributor of compiles in the compilers' place. */
static bool is_masquerade(const char *dir)
{
	static const char *const compilers[] = {"cc",  "gcc",   "c++",
						"g++", "clang", "clang++"};
	static const char *const ours[] = {"distcc", "muster-cc", "muster"};

	for (size_t i = 0; i < sizeof compilers / sizeof *compilers; i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", dir, compilers[i]);
		AUTO_FREE char *real = realpath(path, NULL);

		for (size_t k = 0; real && k < sizeof ours / sizeof *ours; k++)
			if (strcmp(path_base(real), ours[k]) == 0)
				return true;
	}
	return false;
}

char *daemon_path(const char *distccd_path, const char *path)
{
	if (distccd_path)
		return xstrdup(distccd_path);
	AUTO_FREE char *words = xstrdup(path ? path : "/usr/local/bin:/usr/bin:/bin");
	char *out = xcalloc(strlen(words) + 1, 1), *end = out, *rest = words;

	for (const char *dir; (dir = strsep(&rest, ":"));) {
		if (*dir != '/' ||
		    is_masquerade(dir)) /* we stand elsewhere than whom "." is for */
			continue;
		if (end != out)
			*end++ = ':';
		end = stpcpy(end, dir);
	}
	return out;
}
