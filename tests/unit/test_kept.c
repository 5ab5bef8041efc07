/* Programs that are kept running: their lines, their ends, and being let go. */
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "sys/kept.h"
#include "sys/loop.h"
#include "test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static struct loop *loop;
static char lines[1024];
static size_t longest;
static int ends, stop_after_lines, stop_after_ends, warnings;
static char warning[512];

static void on_line(void *ctx, const char *line, size_t n)
{
	(void)ctx;
	if (n > longest)
		longest = n;
	if (n < 64)
		snprintf(lines + strlen(lines), sizeof lines - strlen(lines), "%.*s|",
			 (int)n, line);
	if (--stop_after_lines == 0)
		loop_stop(loop, 0);
}

static void on_ended(void *ctx)
{
	(void)ctx;
	if (++ends == stop_after_ends)
		loop_stop(loop, 0);
}

static void on_log(enum log_level level, const char *name, const char *text)
{
	(void)name;
	warnings += level == LOG_WARNING;
	snprintf(warning, sizeof warning, "%s", text);
}

static struct kept *sh(const char *script, struct err *e)
{
	char *const argv[] = {(char[]){"sh"}, (char[]){"-c"}, (char *)(uintptr_t)script,
			      NULL};
	struct kept_spec spec = {
	    .argv = argv, .loss = "nothing is done", .line = on_line, .ended = on_ended};

	loop = loop_new();
	log_to(on_log);
	return kept_start(loop, &spec, e);
}

static void takes_lines(void)
{
	struct err e = {0};

	stop_after_lines = 4;
	struct kept *k =
	    sh("printf 'one\\n\\ntwo\\npart'; printf 'ed\\nlost'; sleep 1000", &e);

	CHECK(k);
	loop_run(loop);
	CHECK(strcmp(lines, "one||two|parted|") == 0);
	CHECK(ends == 0 && warnings == 0);
	kept_free(k);
	loop_free(loop);
}

static void leaves_out_long_lines(void)
{
	struct err e = {0};

	stop_after_lines = 3;
	struct kept *k =
	    sh("head -c 65537 /dev/zero; echo; echo a; head -c 65536 /dev/zero; "
	       "echo; echo b; sleep 1000",
	       &e);

	CHECK(k);
	loop_run(loop);
	CHECK(strcmp(lines, "a|b|") == 0 && longest == KEPT_LINE);
	kept_free(k);
	loop_free(loop);
}

/* It says why it ends; what it printed just before is heard, and it is started again. */
static void starts_again(void)
{
	struct err e = {0};

	stop_after_ends = 2;
	struct kept *k = sh("echo here; echo first >&2; echo 'no daemon' >&2; exit 3", &e);

	CHECK(k);
	loop_run(loop);
	CHECK(strcmp(lines, "here|here|") == 0);
	CHECK(warnings == 1);
	CHECK(strcmp(warning,
		     "sh ended with status 3 (no daemon): nothing is done until it "
		     "runs again") == 0);
	kept_free(k);
	loop_free(loop);
}

/* A pipe that only the program and what it started hold open: its end says that none of them is left. */
static void dies_with_its_owner(void)
{
	struct err e = {0};
	AUTO_FREE char *script = NULL;
	char dir[] = "/tmp/kept-XXXXXX", byte;

	if (!CHECK(mkdtemp(dir)))
		return;
	AUTO_FREE char *fifo = xasprintf("%s/fifo", dir);

	CHECK(mkfifo(fifo, 0600) == 0);
	AUTO_FD int ours = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	script = xasprintf("exec 9>'%s'; sleep 1000 & echo up; wait", fifo);
	stop_after_lines = 1;
	struct kept *k = sh(script, &e);

	CHECK(k);
	loop_run(loop);
	CHECK(read(ours, &byte, 1) == -1); /* held open */
	kept_free(k);
	fcntl(ours, F_SETFL, 0);
	CHECK(read(ours, &byte, 1) == 0);
	CHECK(ends == 0);
	loop_free(loop);
	unlink(fifo);
	rmdir(dir);
}

static void is_not_installed(void)
{
	struct err e = {0};
	char *const argv[] = {(char[]){"no-such-program"}, NULL};
	struct kept_spec spec = {.argv = argv, .loss = "nothing is done"};

	loop = loop_new();
	CHECK(!kept_start(loop, &spec, &e));
	CHECK(strcmp(e.text, "no-such-program is not on PATH") == 0);
	kept_free(NULL);
	loop_free(loop);
}

TESTS({"takes lines", takes_lines}, {"leaves out long lines", leaves_out_long_lines},
      {"starts again", starts_again}, {"dies with its owner", dies_with_its_owner},
      {"is not installed", is_not_installed})
