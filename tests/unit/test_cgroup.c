/* Control groups of whatever version this machine has, if we may make any. */
#include "base/err.h"
#include "test.h"
#include "worker/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	NOT_FROM_THE_FIRST = 77, /* exit status */
	MEMORY = 32 << 20,
	PIDS = 10
};

static const struct cgroup_limits limits = {
    .memory_bytes = MEMORY, .all_bytes = 256 << 20, .pids = PIDS};

static struct cgroups *groups_open(void)
{
	struct err e = {0};
	struct cgroups *c = cgroups_open(&limits, &e);

	if (!c)
		printf("# nothing to test: %s\n", e.text);
	return c;
}

/* A process in the group, as a job gets there. 0 in the new one; -1: it could not be made. */
static pid_t born_in(const struct cgroup *g)
{
	int files[2];
	bool into;
	unsigned n = cgroup_files(g, files, &into);
	struct clone_args args = {.exit_signal = SIGCHLD};

	if (into) {
		args.flags = CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)files[0];
	}
	pid_t pid = into ? (pid_t)syscall(SYS_clone3, &args, sizeof args) : fork();

	for (unsigned i = into; pid == 0 && i < n; i++)
		if (write(files[i], "0", 1) != 1)
			_exit(99);
	return pid;
}

static int status_of(pid_t pid)
{
	int status = 0;

	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
	return status;
}

static _Noreturn void eat(size_t bytes)
{
	char *p =
	    mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		_exit(98);
	memset(p, 1, bytes);
	_exit(0);
}

static int eats(const struct cgroup *g, size_t bytes)
{
	pid_t pid = born_in(g);

	if (pid == 0)
		eat(bytes);
	return status_of(pid);
}

static void killed_for_memory(void)
{
	struct cgroups *c = groups_open();
	struct cgroup *g = c ? cgroup_take(c) : NULL;

	if (!g)
		return;
	printf("# %s\n", cgroups_kind(c));
	CHECK(eats(g, MEMORY / 4) == 0 && !cgroup_out_of_memory(g));
	int status = eats(g, 4 * (size_t)MEMORY);

	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	CHECK(cgroup_out_of_memory(g) && !cgroup_out_of_pids(g));
	cgroup_give(g);
	/* The next job in it is not told of what befell the last one, and a crash is a crash. */
	CHECK(cgroup_take(c) == g && !cgroup_out_of_memory(g));
	pid_t pid = born_in(g);

	if (pid == 0)
		raise(SIGKILL);
	CHECK(WTERMSIG(status_of(pid)) == SIGKILL && !cgroup_out_of_memory(g));
	cgroup_give(g);
	cgroups_close(c);
}

static void too_many(void)
{
	struct cgroups *c = groups_open();
	struct cgroup *g = c ? cgroup_take(c) : NULL;
	int files[2];
	bool into;

	if (!g)
		return;
	if (!cgroup_files(g, files, &into) ||
	    (!into && cgroup_files(g, files, &into) < 2)) {
		printf("# nothing limits processes here\n");
		return;
	}
	pid_t pid = born_in(g);

	if (pid == 0) {
		int n = 0, hold[2];

		if (pipe(hold))
			_exit(97);
		for (; n < 4 * PIDS; n++) {
			pid_t one = fork();

			if (one < 0)
				break;
			if (one == 0) { /* until the first process is gone */
				close(hold[1]);
				_exit(read(hold[0], &(char){0}, 1) != 0);
			}
		}
		_exit(n);
	}
	int status = status_of(pid);

	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == PIDS - 1);
	CHECK(cgroup_out_of_pids(g) && !cgroup_out_of_memory(g));
	cgroup_give(g);
	cgroups_close(c);
}

/* Handed over by root, a group takes processes and makes groups for the one who got it; what is left, root removes. */
static void another_user(void)
{
	struct cgroups *c = geteuid() == 0 ? groups_open() : NULL;
	pid_t self = getpid();

	if (!c)
		return;
	cgroups_hand_over(c, 12345, 12345);
	pid_t pid = fork();

	if (pid == 0) {
		if (setresgid(12345, 12345, 12345) || setresuid(12345, 12345, 12345))
			_exit(1);
		struct cgroup *a = cgroup_take(c), *b = cgroup_take(c);

		if (!a || !b || a == b)
			_exit(2);
		pid_t job = born_in(a);

		if (job == 0)
			_exit(0);
		if (job < 0)
			_exit(errno == EACCES ? NOT_FROM_THE_FIRST : 3);
		int status = status_of(job) || eats(b, 4096) ? 4 : 0;

		status = status ? status : WTERMSIG(eats(b, 4 * (size_t)MEMORY)) != SIGKILL;
		cgroup_give(a);
		cgroup_give(b);
		cgroups_tidy(self);
		_exit(status);
	}
	int status = status_of(pid);

	/* Version 2, in the group that the machine begins with: that is not given away. */
	if (WEXITSTATUS(status) == NOT_FROM_THE_FIRST)
		printf("# not from the machine's first group\n");
	else if (!CHECK(status == 0))
		printf("# it ended with %d\n", WEXITSTATUS(status));
	cgroups_close(c);
}

static void nothing_stays(void)
{
	struct cgroups *c = groups_open();
	char command[128];

	if (!c)
		return;
	cgroups_close(c);
	snprintf(command, sizeof command,
		 "! find /sys/fs/cgroup -name muster-%d 2>/dev/null | grep -q .", getpid());
	CHECK(system(command) == 0);
}

static void left_by_the_dead(void)
{
	char command[128];
	pid_t pid = fork();

	if (pid == 0) {
		struct err e = {0};

		_exit(cgroups_open(&limits, &e) ? 0 : 1);
	}
	if (status_of(pid) != 0)
		return;
	struct cgroups *c = groups_open(); /* which removes it */

	snprintf(command, sizeof command,
		 "! find /sys/fs/cgroup -name muster-%d 2>/dev/null | grep -q .", pid);
	CHECK(system(command) == 0);
	cgroups_close(c);
}

TESTS({"killed for memory", killed_for_memory}, {"too many processes", too_many},
      {"another user", another_user}, {"nothing stays", nothing_stays},
      {"left by the dead", left_by_the_dead})
