/* What a compile without a cage still cannot reach. */
#include "base/err.h"
#include "test.h"
#include "worker/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char top[] = "/tmp/landlock-XXXXXX";

static bool opens(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static int confined(void)
{
	const char *const read[] = {"/usr", "/not/there", NULL};
	const char *const write[] = {"mine", "/dev/null", NULL};
	struct err e;

	if (landlock_bare(&(struct landlock_paths){read, write}, &e))
		return 1;
	if (opens("/etc/passwd", O_RDONLY) || opens("other/secret", O_RDONLY))
		return 2;
	if (opens("other/new", O_WRONLY | O_CREAT) || opens("/usr/new", O_WRONLY | O_CREAT))
		return 3;
	if (!opens("/usr/include/stdio.h", O_RDONLY) || !opens("/dev/null", O_WRONLY))
		return 4;
	if (!opens("mine/new", O_WRONLY | O_CREAT) || rename("mine/new", "mine/newer"))
		return 5;
	if (rename("mine/newer", "other/newer") == 0 || mkfifo("other/fifo", 0600) == 0)
		return 6;
	return 0;
}

static void bare(void)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		_exit(confined());
	}
	waitpid(pid, &status, 0);
	if (!CHECK(status == 0))
		printf("# answer %d\n", WEXITSTATUS(status));
}

static const struct test tests[] = {
    {"a compile without a cage", bare}
};

int main(void)
{
	if (landlock_version() == 0) {
		printf("1..0 # SKIP this kernel has no Landlock\n");
		return 0;
	}
	if (!mkdtemp(top) || chdir(top) || mkdir("mine", 0700) || mkdir("other", 0700) ||
	    !opens("other/secret", O_WRONLY | O_CREAT))
		return 1;
	int bad = test_all(tests, 1);

	unlink("mine/newer");
	unlink("other/secret");
	if (rmdir("mine") || rmdir("other") || chdir("/") || rmdir(top))
		printf("# something is left in /tmp\n");
	return bad;
}
