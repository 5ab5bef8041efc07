/* sandbox_check: the same world around a function of our own, which tries the doors. What it finds open is a sentence, and
 * then this machine cannot confine compiles. */
#include "base/err.h"
#include "base/mem.h"
#include "worker/cage.h"
#include "worker/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	CHECK_MS = 10000,
	CHECK_BYTES = 1 << 20
};

/* The machine's interfaces as the kernel lists them: sockets, by which one asks as a rule, are refused here. */
static int only_lo(struct err *e)
{
	char text[4096], *line = text;
	AUTO_FD int fd = open("/proc/self/net/dev", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

	if (n < 0)
		return err_set(e, errno, "list the network interfaces");
	text[n] = 0;
	for (char *end; (end = strchr(line, '\n')); line = end + 1) {
		char *colon = memchr(line, ':', (size_t)(end - line));

		if (colon && (colon - line < 2 || strncmp(colon - 2, "lo", 2) != 0))
			return err_set(e, 0, "the network is not cut off");
	}
	return 0;
}

/* What must not work, however far the files are shut. */
static int doors_shut(struct err *e)
{
	if (socket(AF_UNIX, SOCK_STREAM, 0) >= 0 || socket(AF_INET, SOCK_STREAM, 0) >= 0)
		return err_set(e, 0, "sockets can be made");
	if (unshare(CLONE_NEWUSER) == 0)
		return err_set(e, 0, "user namespaces can be made");
	if (mount("none", "/tmp", "tmpfs", 0, NULL) == 0)
		return err_set(e, 0, "file systems can be mounted");
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return err_set(e, 0, "new privileges can be had");
	for (int fd = 3; fd < 64; fd++)
		if (fcntl(fd, F_GETFD) >= 0 && !(fcntl(fd, F_GETFD) & FD_CLOEXEC))
			return err_set(e, 0, "the descriptor %d is inherited", fd);
	return 0;
}

int sandbox_self_test(struct err *e)
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
	return doors_shut(e) || only_lo(e) ? -1 : 0;
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

static int check_in(const char *dir, const struct sandbox_spec *like, struct err *e)
{
	const struct sandbox_spec spec = {
	    .lower = &dir,
	    .nlower = 1,
	    .cwd = "/",
	    .stdio = {0,    1, 2},
	    .scratch_bytes = CHECK_BYTES,
	    .program = "",
	    .argv = (char *[]){NULL  },
	    .env = (char *[]){NULL},
	    .umask = 022,
	    .self_test = true,
	};
	struct sandbox_end end = {0};
	AUTO_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct sandbox_spec quiet = spec;

	for (int i = 0; i < 3; i++)
		quiet.stdio[i] = null;
	if (like) {
		memcpy(quiet.groups, like->groups, sizeof quiet.groups);
		quiet.ngroups = like->ngroups;
		quiet.into_group = like->into_group;
	}
	if (null < 0)
		return err_set(e, errno, "open /dev/null");
	struct cage *cage = cage_new(e);
	struct sandbox *s = cage ? sandbox_start(cage, &quiet, e) : NULL;

	cage_free(cage);
	if (!s)
		return -1;
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

int sandbox_check(const char *scratch_dir, const struct sandbox_spec *like, struct err *e)
{
	AUTO_FREE char *dir = xasprintf("%s/check-XXXXXX", scratch_dir);

	if (!mkdtemp(dir))
		return err_set(e, errno, "try a sandbox: make %s", dir);
	int result = check_in(dir, like, e);

	if (rmdir(dir) && result == 0)
		result = err_set(e, errno, "try a sandbox: remove %s", dir);
	else if (result) {
		char why[sizeof e->text];

		snprintf(why, sizeof why, "%s", e->text);
		err_set(e, 0, "try a sandbox: %.300s (%s)", why, advice());
	}
	return result;
}
