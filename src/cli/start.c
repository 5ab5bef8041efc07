/* What the first compile does too (shim/ask): the agent in a session of its own, its words in agent.log, a
 * byte on descriptor 3 when it listens. Two starts at a time do no harm: the second agent finds the first
 * one's lock and leaves, which is heard as an end without the byte; so in the end the socket is asked. */
#include "cli/start.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "cli/ask.h"
#include "sys/fs.h"
#include "wire/local.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	START_MS = 2000,
	READY_FD = 3,
	ABOVE = 10 /* where descriptors are out of the way of the agent's first four */
};

static const char *env_of_process(const char *name)
{
	return getenv(name);
}

/* MUSTER_AGENT, or what was installed with us; malloc'ed. */
static char *agent_program(void)
{
	static const char *const beside[] = {"muster-agent",
					     "../libexec/muster/muster-agent"};
	const char *named = getenv("MUSTER_AGENT");
	AUTO_FREE char *dir = fs_program_dir();

	if (named && *named)
		return xstrdup(named);
	for (size_t i = 0; dir && i < sizeof beside / sizeof *beside; i++) {
		char *path = xasprintf("%s/%s", dir, beside[i]);

		if (access(path, X_OK) == 0)
			return path;
		free(path);
	}
	return xasprintf("%s/muster-agent", dir ? dir : "/usr/bin");
}

/* True when the folder is ours, and nobody else can put a socket into it. */
static bool is_ours(const char *dir)
{
	struct stat st;

	return lstat(dir, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
	       (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* In the agent's process. Returns only when it cannot be. */
static void agent_exec(const char *dir, const char *program, int ready)
{
	AUTO_FREE char *file = xasprintf("%s/agent.log", dir);
	char name[] = "muster-agent", option[] = "--ready-fd", fd[] = {'0' + READY_FD, 0};
	char *argv[] = {name, option, fd, NULL};
	sigset_t none;
	int null = open("/dev/null", O_RDWR);
	int log = open(file, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0600);

	if (log < 0)
		log = null;
	if (dup2(null, STDIN_FILENO) < 0 || dup2(log, STDOUT_FILENO) < 0 ||
	    dup2(log, STDERR_FILENO) < 0 || dup2(ready, READY_FD) < 0)
		return;
	closefrom(READY_FD + 1);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (program[0] == '/' && chdir("/"))
		return;
	execv(program, argv);
}

/* Waits for the byte, or for its end. */
static void wait_ready(int fd)
{
	struct pollfd p = {fd, POLLIN, 0};

	while (poll(&p, 1, START_MS) < 0 && errno == EINTR)
		;
}

static int spawn_agent(const char *dir, struct err *e)
{
	AUTO_FREE char *program = agent_program();
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return err_set(e, errno, "make a pipe");
	AUTO_FD int heard = fds[0];
	int ready = fcntl(fds[1], F_DUPFD_CLOEXEC, ABOVE);
	pid_t pid = fork();

	if (pid == 0) {
		setsid();
		if (fork() == 0)
			agent_exec(dir, program, ready);
		_exit(0);
	}
	close(fds[1]);
	close(ready);
	if (pid < 0)
		return err_set(e, errno, "start %s", program);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	wait_ready(heard);
	return 0;
}

int start_agent(char *dir, size_t size, struct err *e)
{
	AUTO_BUF struct buf answer = {0};

	dir[0] = 0;
	if (local_socket_dir(dir, size, getuid(), env_of_process)) {
		dir[0] = 0;
		return err_set(e, 0,
			       "the state folder's path is too long, or not absolute");
	}
	if (mkdir(dir, 0700) && errno != EEXIST)
		return err_set(e, errno, "make the state folder %s", dir);
	if (!is_ours(dir))
		return err_set(
		    e, 0, "%s is not a folder of yours that only you can write to", dir);
	int r = ask_agent("status", &answer, e);

	if (r <= 0)
		return r;
	if (spawn_agent(dir, e))
		return -1;
	r = ask_agent("status", &answer, e);
	return r > 0 ? err_set(e, 0, "the agent does not start (its log is %s/agent.log)",
			       dir)
		     : r;
}
