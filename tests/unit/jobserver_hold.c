/* jobserver_hold [--fifo DIR] LIMIT: holds a jobserver and does what standard input says, a line each:
 *
 *   jobs N           so many may run: answers "=T", T the tokens that are out or idle, each time that it has taken some
 *                    away and when it is done
 *   start COMMAND    by the shell, with the jobserver in MAKEFLAGS and in its descriptors
 *   kill SIGNAL      to that command
 *   wait             until it has ended: answers "?STATUS" (128 + N for a signal)
 *   forget           nothing runs any more
 *   idle             answers "idle N": tokens that nobody holds
 *
 * Answers go to standard output, each in one write, so that they stay in order with what others write there. */
#include "base/err.h"
#include "run/jobserver.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct jobserver *js;
static unsigned jobs = 1;
static bool pending; /* not all tokens are taken yet */
static pid_t pid = -1;

static void start(const char *command)
{
	int in, out;

	jobserver_fds(js, &in, &out);
	pid = fork();
	if (pid != 0)
		return;
	if (in >= 0) {
		fcntl(in, F_SETFD, 0);
		fcntl(out, F_SETFD, 0);
	}
	setenv("MAKEFLAGS", jobserver_makeflags(js), 1);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

static void ended(void)
{
	int status = 0;

	waitpid(pid, &status, 0);
	dprintf(1, "?%d\n",
		WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static void follow(void)
{
	bool was = pending;
	unsigned before = jobserver_idle(js);

	pending = !jobserver_set(js, jobs);
	if (!pending)
		dprintf(1, "=%u\n", jobs - 1);
	else if (!was || before)
		dprintf(1, "=more\n");
}

static void obey(const char *line)
{
	if (sscanf(line, "jobs %u", &jobs) == 1)
		follow();
	else if (strncmp(line, "start ", 6) == 0)
		start(line + 6);
	else if (strncmp(line, "kill ", 5) == 0)
		kill(pid, atoi(line + 5));
	else if (strcmp(line, "wait") == 0)
		ended();
	else if (strcmp(line, "forget") == 0)
		jobserver_forget(js);
	else if (strcmp(line, "idle") == 0)
		dprintf(1, "idle %u\n", jobserver_idle(js));
	else
		dprintf(2, "jobserver_hold: what is '%s'?\n", line);
}

static void serve(void)
{
	char line[8000];
	size_t n = 0;

	for (;;) {
		struct pollfd p[2] = {
		    {.fd = 0,                      .events = POLLIN},
		    {.fd = jobserver_watch_fd(js), .events = POLLIN}
                };

		poll(p, pending ? 2 : 1, -1);
		if (pending && p[1].revents)
			follow();
		if (!p[0].revents)
			continue;
		if (read(0, line + n, 1) != 1)
			return;
		if (line[n] == '\n') {
			line[n] = '\0';
			n = 0;
			obey(line);
		} else if (n + 2 < sizeof line) {
			n++;
		}
	}
}

int main(int argc, char **argv)
{
	bool fifo = argc > 2 && strcmp(argv[1], "--fifo") == 0;
	struct err err = {0};

	if (argc != (fifo ? 4 : 2)) {
		fprintf(stderr, "usage: jobserver_hold [--fifo DIR] LIMIT\n");
		return 2;
	}
	js = jobserver_new(fifo ? argv[2] : NULL, (unsigned)atoi(argv[argc - 1]), &err);
	if (!js) {
		fprintf(stderr, "jobserver_hold: %s\n", err.text);
		return 1;
	}
	serve();
	jobserver_free(js);
	return 0;
}
