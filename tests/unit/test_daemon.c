/* Becoming a daemon: what the starter sees, and what the daemon is then. */
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "sys/fs.h"
#include "test.h"
#include "worker/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

static struct err e;
static int ends[2]; /* the daemon tells the test through it */

static void tell(const char *word)
{
	if (write(ends[1], word, strlen(word)) < 0)
		abort();
}

static bool is_null(int fd)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat("/dev/null", &b) == 0 && a.st_rdev == b.st_rdev &&
	       S_ISCHR(a.st_mode);
}

static void serve(int detached)
{
	tell(getsid(0) == getpid() ? "session " : "no session ");
	tell(is_null(STDOUT_FILENO) ? "early " : "");
	daemon_serves(detached, true);
	tell(is_null(STDIN_FILENO) && is_null(STDOUT_FILENO) ? "quiet " : "");
	tell(is_null(STDERR_FILENO) ? "" : "stderr ");
	tell(fcntl(detached, F_GETFD) < 0 ? "closed" : "open");
}

static void serve_quietly(int detached)
{
	daemon_serves(detached, false);
	tell(is_null(STDERR_FILENO) ? "silent" : "loud");
}

static void fail(int detached)
{
	(void)detached;
	_exit(102);
}

static void crash(int detached)
{
	(void)detached;
	raise(SIGKILL);
}

/* The status of the process that started a daemon which does RUN; what the daemon told
 * is in TOLD. */
static int start(void (*run)(int), char told[100])
{
	size_t n = 0;
	int status;

	if (pipe2(ends, O_CLOEXEC))
		abort();
	fflush(stdout);
	pid_t starter = fork();

	if (starter == 0) {
		int fd = daemon_detach(&e);

		if (fd < 0)
			_exit(99);
		run(fd);
		_exit(0);
	}
	close(ends[1]);
	if (waitpid(starter, &status, 0) != starter)
		abort();
	for (ssize_t got; (got = read(ends[0], told + n, 99 - n)) > 0;)
		n += (size_t)got;
	told[n] = 0;
	close(ends[0]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void detach(void)
{
	char told[100];

	CHECK(start(serve, told) == 0);
	CHECK(strcmp(told, "session quiet stderr closed") == 0);
	CHECK(start(serve_quietly, told) == 0);
	CHECK(strcmp(told, "silent") == 0);
}

static void no_start(void)
{
	char told[100];

	CHECK(start(fail, told) == 102);
	CHECK(start(crash, told) == 128 + SIGKILL);
}

static bool skipped(void)
{
	if (geteuid() == 0)
		return false;
	printf("# not root: not tried\n");
	return true;
}

static void drop_root(void)
{
	struct stat st;
	gid_t groups[10];
	uid_t uid, saved;

	if (skipped())
		return;
	CHECK(daemon_drop_root(NULL, &e) == 0);
	CHECK(getresuid(&uid, &uid, &saved) == 0 && uid && saved == uid && getuid() == uid);
	CHECK(getgroups(10, groups) == 1 && groups[0] == getegid() && getgid() &&
	      getegid());
	CHECK(setuid(0) == -1 && seteuid(0) == -1 && setgid(0) == -1);
	CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	/* Else the sandbox could not write its maps. */
	CHECK(stat("/proc/self/status", &st) == 0 && st.st_uid == uid);
	/* Who is not root any more stays what he is. */
	CHECK(daemon_drop_root("root", &e) == 0 && geteuid() == uid);
}

static void named_user(void)
{
	if (skipped())
		return;
	const struct passwd *nobody = getpwnam("nobody");

	if (!nobody)
		return;
	gid_t gid = nobody->pw_gid;
	uid_t uid = nobody->pw_uid;

	CHECK(daemon_drop_root("nobody", &e) == 0 && geteuid() == uid && getegid() == gid);
}

static void numbered_user(void)
{
	if (skipped())
		return;
	CHECK(daemon_drop_root("54321", &e) == 0 && geteuid() == 54321 &&
	      getegid() == 65534);
}

static void no_user(void)
{
	static const char *const names[] = {
	    "no-such-user", "", "-1", "1x", "4294967295", "99999999999999999999"};

	if (skipped())
		return;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		e.text[0] = 0;
		CHECK(daemon_drop_root(names[i], &e) == -1 && geteuid() == 0);
		CHECK(strstr(e.text, "--user"));
	}
}

static void no_new_rights(void)
{
	if (geteuid() == 0 && seteuid(12345))
		abort();
	CHECK(daemon_drop_root("no-such-user", &e) == 0);
	CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
}

static char logged[1000];

static void keep(enum log_level level, const char *name, const char *text)
{
	(void)name;
	if (level == LOG_WARNING)
		snprintf(logged, sizeof logged, "%s", text);
}

static int oom_score_adj(void)
{
	int v = INT_MIN;
	FILE *f = fopen("/proc/self/oom_score_adj", "r");

	if (f && fscanf(f, "%d", &v) != 1)
		v = INT_MIN;
	if (f)
		fclose(f);
	return v;
}

static void soften(void)
{
	int before = getpriority(PRIO_PROCESS, 0), adj = oom_score_adj();

	log_to(keep);
	daemon_soften(0, INT_MIN);
	CHECK(getpriority(PRIO_PROCESS, 0) == before && oom_score_adj() == adj);
	daemon_soften(3, 900);
	CHECK(getpriority(PRIO_PROCESS, 0) == (before + 3 > 19 ? 19 : before + 3));
	CHECK(oom_score_adj() == 900);
	CHECK(!*logged);
}

static void soften_not_allowed(void)
{
	log_to(keep);
	CHECK(daemon_drop_root(NULL, &e) == 0);
	daemon_soften(-30, INT_MIN);
	CHECK(strstr(logged, "niceness by -30"));
	daemon_soften(0, -999);
	CHECK(strstr(logged, "--oom-score-adj -999"));
}

static void move(void)
{
	char here[PATH_MAX];

	CHECK(daemon_move("/usr", &e) == 0 && getcwd(here, sizeof here));
	CHECK(strcmp(here, "/usr") == 0);
	CHECK(daemon_move("/nonexistent", &e) == -1 && e.code == ENOENT);
	CHECK(strstr(e.text, "/nonexistent"));
	CHECK(daemon_move("", &e) == 0 && getcwd(here, sizeof here));
	CHECK(strcmp(here, "/tmp") == 0);
	CHECK(daemon_move(NULL, &e) == 0);
}

static bool path_is(const char *got, const char *want)
{
	if (strcmp(got, want) == 0)
		return true;
	printf("# %s\n", got);
	return false;
}

static void path(void)
{
	char dir[] = "/tmp/muster-daemon.XXXXXX";

	if (!mkdtemp(dir) || chdir(dir) || mkdir("bin", 0755) || mkdir("farm", 0755) ||
	    mkdir("cross", 0755) || mkdir("cached", 0755) || symlink("gcc-12", "bin/gcc") ||
	    symlink("../bin/distcc", "farm/clang++") || symlink("distcc", "cross/other") ||
	    symlink("../bin/ccache", "cached/gcc") ||
	    fs_write_file("bin/distcc", "", 0, 0755, &e) ||
	    fs_write_file("bin/ccache", "", 0, 0755, &e) ||
	    fs_write_file("bin/gcc-12", "", 0, 0755, &e))
		abort();
	AUTO_FREE char *given = xasprintf(
	    "%s/farm:%s/bin:.::%s/cross:%s/cached:/nonexistent", dir, dir, dir, dir);
	AUTO_FREE char *want =
	    xasprintf("%s/bin:%s/cross:%s/cached:/nonexistent", dir, dir, dir);

	CHECK(path_is(daemon_path(NULL, given), want));
	CHECK(path_is(daemon_path("/a:.:", given), "/a:.:"));
	CHECK(path_is(daemon_path("", given), ""));
	AUTO_FREE char *farm = xasprintf("%s/farm", dir);

	CHECK(path_is(daemon_path(NULL, farm), ""));
	CHECK(path_is(daemon_path(NULL, ""), ""));
	CHECK(strlen(daemon_path(NULL, NULL)) > 0);
	fs_remove_tree(dir, NULL);
}

TESTS({"the starter waits until it serves", detach},
      {"the starter ends as it did", no_start}, {"root is given up", drop_root},
      {"a user by name", named_user}, {"a user by number", numbered_user},
      {"no such user", no_user}, {"no new rights for anybody", no_new_rights},
      {"niceness and memory", soften},
      {"what is not allowed is logged", soften_not_allowed}, {"its folder", move},
      {"where compilers are looked for", path})
