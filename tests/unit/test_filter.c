/* The filter by itself, without a sandbox around it. */
#include "base/err.h"
#include "test.h"
#include "worker/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* In a child: its exit status. */
static int in_child(int (*what)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		_exit(what());
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 100;
}

static int untold(void)
{
	struct err e;
	char byte = 'x';

	if (filter_install(NULL, &e))
		return 1;
	if (socket(AF_INET, SOCK_STREAM, 0) != -1 || errno != EPERM)
		return 2;
	if (unshare(CLONE_NEWUSER) != -1 || errno != EPERM)
		return 3;
	if (ioctl(0, TIOCSTI, &byte) != -1 || errno != EPERM)
		return 4;
	if (syscall(100000) != -1 || errno != ENOSYS)
		return 5;
	/* What no table names is not there. */
	if (syscall(SYS_clone3, NULL, 0) != -1 || errno != ENOSYS)
		return 6;
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		return 7;
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, &byte, 1) == 1 ? 0 : 8;
}

static void refuses_without_a_word(void)
{
	int r = in_child(untold);

	if (!CHECK(r == 0))
		printf("# answer %d\n", r);
}

static int told(void)
{
	uint64_t tried[FILTER_SETS] = {0};
	struct err e;
	char names[200], small[12];
	int listener;

	if (filter_install(&listener, &e))
		return 1;
	pid_t pid = fork();

	if (pid == 0) {
		bool refused = socket(AF_INET, SOCK_STREAM, 0) == -1 && errno == EPERM;

		_exit(refused && unshare(CLONE_NEWNS) == -1 && errno == EPERM ? 0 : 1);
	}
	for (int i = 0; i < 2; i++) {
		struct pollfd p = {.fd = listener, .events = POLLIN};

		if (poll(&p, 1, 30000) != 1)
			return 2;
		filter_answer(listener, tried);
	}
	int status;

	if (waitpid(pid, &status, 0) != pid || status)
		return 3;
	filter_names(tried, names, sizeof names);
	if (strcmp(names, "unshare socket") != 0)
		return 4;
	filter_names(tried, small, sizeof small);
	return strcmp(small, "unshare") == 0 ? 0 : 5;
}

static void tells_who_listens(void)
{
	int r = in_child(told);

	if (!CHECK(r == 0))
		printf("# answer %d\n", r);
}

TESTS({"refuses without a word", refuses_without_a_word},
      {"tells who listens", tells_who_listens})
