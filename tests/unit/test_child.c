/* Programs beside the loop: their end, their status, what they leave behind, and being freed early. */
#include "base/err.h"
#include "sys/child.h"
#include "sys/loop.h"
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct loop *loop;
static int seen = -1;

static void on_done(void *ctx, int status)
{
	(void)ctx;
	seen = status;
	loop_stop(loop, 0);
}

static struct child *sh(const char *script, int out, struct err *e)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	char *const argv[] = {(char[]){"/bin/sh"}, (char[]){"-c"},
			      (char *)(uintptr_t)script, NULL};
	char *const env[] = {NULL};
	struct child *c =
	    child_start(loop, argv, env, "/", (int[3]){null, out, null}, on_done, NULL, e);

	close(null);
	return c;
}

static void ends(void)
{
	struct err e = {0};
	char text[16] = "";
	int ends[2];

	CHECK(pipe2(ends, O_CLOEXEC) == 0);
	loop = loop_new();
	struct child *c = sh("pwd; exit 3", ends[1], &e);

	close(ends[1]);
	CHECK(c);
	loop_run(loop);
	CHECK(WIFEXITED(seen) && WEXITSTATUS(seen) == 3);
	CHECK(read(ends[0], text, sizeof text) == 2 && memcmp(text, "/\n", 2) == 0);
	child_free(c);
	loop_free(loop);
	close(ends[0]);
}

/* What it left in the background holds the pipe: its end says that this was killed too. */
static void takes_its_group_along(void)
{
	struct err e = {0};
	char c1;
	int ends[2];

	CHECK(pipe2(ends, O_CLOEXEC) == 0);
	loop = loop_new();
	struct child *c = sh("sleep 1000 & exit 0", ends[1], &e);

	close(ends[1]);
	loop_run(loop);
	CHECK(seen == 0);
	CHECK(read(ends[0], &c1, 1) == 0);
	child_free(c);
	c = sh("kill -TERM $$", ends[0], &e);
	loop_run(loop);
	CHECK(WIFSIGNALED(seen) && WTERMSIG(seen) == SIGTERM);
	child_free(c);
	loop_free(loop);
	close(ends[0]);
}

static void is_freed_early(void)
{
	struct err e = {0};
	char c1;
	int ends[2];

	CHECK(pipe2(ends, O_CLOEXEC) == 0);
	loop = loop_new();
	seen = -1;
	struct child *c = sh("sleep 1000; :", ends[1], &e);

	close(ends[1]);
	child_free(c);
	CHECK(read(ends[0], &c1, 1) == 0 && seen == -1);
	loop_free(loop);
	close(ends[0]);
}

static void says_why_not(void)
{
	struct err e = {0};
	char *const argv[] = {(char[]){"/nonexistent/program"}, NULL}, *const env[] = {
									   NULL};

	loop = loop_new();
	CHECK(!child_start(loop, argv, env, NULL, (int[3]){0, 1, 2}, on_done, NULL, &e));
	CHECK(strstr(e.text, "/nonexistent/program"));
	loop_free(loop);
}

/* Who starts it is killed; that the pipe ends says that it is gone too. */
static void ends_with_us(void)
{
	char *const argv[] = {(char[]){"/bin/sleep"}, (char[]){"1000"}, NULL};
	int ends[2], started[2];
	char c;

	CHECK(pipe2(ends, O_CLOEXEC) == 0 && pipe2(started, O_CLOEXEC) == 0);
	pid_t us = fork();

	if (us == 0) {
		int null = fcntl(open("/dev/null", O_RDWR), F_DUPFD_CLOEXEC, 3);
		struct err e = {0};

		loop = loop_new();
		if (child_start_bound(loop, argv, (int[3]){null, ends[1], null}, on_done,
				      NULL, &e))
			(void)!write(started[1], "", 1);
		for (;;)
			pause();
	}
	close(ends[1]);
	close(started[1]);
	CHECK(read(started[0], &c, 1) == 1);
	CHECK(kill(us, SIGKILL) == 0 && waitpid(us, NULL, 0) == us);
	CHECK(read(ends[0], &c, 1) == 0);
	close(ends[0]);
	close(started[0]);
}

static void bound_says_why_not(void)
{
	char *const argv[] = {(char[]){"/nonexistent/program"}, NULL};
	int null = fcntl(open("/dev/null", O_RDWR), F_DUPFD_CLOEXEC, 3), ends[2];
	struct err e = {0};
	char text[64] = "";

	CHECK(pipe2(ends, O_CLOEXEC) == 0);
	loop = loop_new();
	struct child *c =
	    child_start_bound(loop, argv, (int[3]){null, null, ends[1]}, on_done, NULL, &e);

	close(ends[1]);
	loop_run(loop);
	CHECK(WIFEXITED(seen) && WEXITSTATUS(seen) == 127);
	CHECK(read(ends[0], text, sizeof text - 1) > 0 &&
	      strstr(text, "/nonexistent/program"));
	child_free(c);
	loop_free(loop);
	close(ends[0]);
	close(null);
}

TESTS({"ends", ends}, {"takes its group along", takes_its_group_along},
      {"is freed early", is_freed_early}, {"says why not", says_why_not},
      {"ends with us", ends_with_us}, {"bound, says why not", bound_says_why_not})
