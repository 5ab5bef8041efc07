#include "base/buf.h"
#include "base/err.h"
#include "sys/spawn.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>

static char path_word[] = "PATH=/usr/bin:/bin", word[] = "WORD=hello";
static char *const env[] = {path_word, word, NULL};

static int shell(const char *script, size_t limit, int timeout_ms, struct buf *out,
		 struct buf *err_out, int *status, struct err *e)
{
	char copy[512];

	snprintf(copy, sizeof copy, "%s", script);
	char *argv[] = {(char[]){"/bin/sh"}, (char[]){"-c"}, copy, NULL};

	return spawn_capture(argv, env, "/", limit, timeout_ms, out, err_out, status, e);
}

static int is(const struct buf *b, const char *text)
{
	return b->len == strlen(text) && memcmp(b->data, text, b->len) == 0;
}

static void both_streams(void)
{
	AUTO_BUF struct buf out = {0}, err_out = {0};
	struct err e = {0};
	int status = -1;

	CHECK(!shell("pwd; echo $WORD; echo oops >&2; exit 3", 100, 60000, &out, &err_out,
		     &status, &e));
	CHECK(is(&out, "/\nhello\n"));
	CHECK(is(&err_out, "oops\n"));
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);
}

static void exact_environment(void)
{
	AUTO_BUF struct buf out = {0};
	struct err e;
	int status;

	setenv("FOREIGN", "1", 1);
	CHECK(!shell("echo ${FOREIGN-unset}; cat", 100, 60000, &out, NULL, &status, &e));
	CHECK(is(&out, "unset\n"));
}

static void missing_program(void)
{
	char *argv[] = {(char[]){"/no/such/program"}, NULL};
	struct err e = {0};
	int status = -1;

	CHECK(spawn_capture(argv, env, NULL, 10, 1000, NULL, NULL, &status, &e) == -1);
	CHECK(e.code == ENOENT && strstr(e.text, "/no/such/program"));
}

static void killed_by_signal(void)
{
	struct err e;
	int status = 0;

	CHECK(!shell("kill -SEGV $$", 100, 60000, NULL, NULL, &status, &e));
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static void limit_of_output(void)
{
	AUTO_BUF struct buf out = {0};
	struct err e = {0};
	int status = 0;

	CHECK(!shell("printf 1234567890", 10, 60000, &out, NULL, &status, &e));
	CHECK(out.len == 10);
	CHECK(shell("printf 12345678901", 10, 60000, NULL, NULL, &status, &e) == -1);
	CHECK(e.code == EFBIG);
	CHECK(shell("while :; do echo endless; done >&2", 100000, 60000, NULL, NULL,
		    &status, &e) == -1);
	CHECK(e.code == EFBIG);
	CHECK(WIFSIGNALED(status));
}

static void limit_of_time(void)
{
	struct err e = {0};
	int status = 0;

	CHECK(shell("sleep 1000", 100, 20, NULL, NULL, &status, &e) == -1);
	CHECK(e.code == ETIMEDOUT);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* A child left in the background keeps the pipe open: it is neither waited for nor left alive. */
static void background_child(void)
{
	AUTO_BUF struct buf out = {0};
	struct err e;
	int status = -1, hold[2];

	CHECK(!pipe(hold)); /* not close-on-exec: the background process inherits it */
	CHECK(!shell("sleep 1000 & echo done", 100, 60000, &out, NULL, &status, &e));
	CHECK(is(&out, "done\n"));
	CHECK(status == 0);
	close(hold[1]);
	CHECK(read(hold[0], &(char){0}, 1) == 0); /* ends only when no process holds it */
	close(hold[0]);
}

static void large_output(void)
{
	AUTO_BUF struct buf out = {0};
	struct err e;
	int status = -1;

	CHECK(!shell("head -c 1000000 /dev/zero; head -c 300000 /dev/zero >&2", 2000000,
		     60000, &out, NULL, &status, &e));
	CHECK(out.len == 1000000 && status == 0);
}

static void closed_stdio(void)
{
	AUTO_BUF struct buf out = {0}, err_out = {0};
	struct err e;
	int status = -1;

	fflush(stdout);
	int saved[3] = {fcntl(0, F_DUPFD_CLOEXEC, 10), fcntl(1, F_DUPFD_CLOEXEC, 10),
			fcntl(2, F_DUPFD_CLOEXEC, 10)};

	for (int i = 0; i < 3; i++)
		close(i);
	int r = shell("echo a; echo b >&2", 100, 60000, &out, &err_out, &status, &e);

	for (int i = 0; i < 3; i++)
		dup2(saved[i], i);
	CHECK(r == 0 && is(&out, "a\n") && is(&err_out, "b\n"));
}

TESTS({"both streams, cwd, status", both_streams},
      {"environment is exactly ENV", exact_environment},
      {"missing program", missing_program}, {"killed by a signal", killed_by_signal},
      {"limit of output", limit_of_output}, {"limit of time", limit_of_time},
      {"background child", background_child}, {"large output", large_output},
      {"works with stdio closed", closed_stdio})
