/* Lines in a file and on standard error, in distccd's shape. */
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "sys/fs.h"
#include "sys/logsink.h"
#include "test.h"

#include <errno.h>
#include <regex.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define STAMP \
	"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}[+-][0-9]{2}:[0-9]{2} "

static char dir[64], path[80];

static void bed(void)
{
	snprintf(dir, sizeof dir, "/tmp/muster-logsink.XXXXXX");
	if (!mkdtemp(dir))
		abort();
	snprintf(path, sizeof path, "%s/log", dir);
	log_setup("distccd", LOG_NOTICE);
}

static int matches(const char *text, const char *pattern)
{
	regex_t r;

	if (regcomp(&r, pattern, REG_EXTENDED | REG_NOSUB))
		abort();
	int hit = regexec(&r, text, 0, NULL, 0) == 0;

	regfree(&r);
	return hit;
}

static void file(void)
{
	char want[600];
	AUTO_BUF struct buf got = {0};
	struct err e;

	bed();
	CHECK(fs_write_file(path, "before\n", 7, 0644, &e) == 0);
	CHECK(logsink_file(path, &e) == 0);
	log_line(LOG_NOTICE, "job %s", "a\nb");
	log_line(LOG_ERROR, "bad");
	log_line(LOG_WARNING, "odd");
	log_line(LOG_CRITICAL, "dead");
	log_line(LOG_INFO, "unheard");
	CHECK(fs_read(path, 10000, &got, &e) == 0);
	buf_u8(&got, 0);
	snprintf(want, sizeof want,
		 "^before\n" STAMP "distccd\\[%d\\] job a\\\\x0ab\n" STAMP
		 "distccd\\[%d\\] ERROR: bad\n" STAMP "distccd\\[%d\\] Warning: odd\n" STAMP
		 "distccd\\[%d\\] CRITICAL! dead\n$",
		 getpid(), getpid(), getpid(), getpid());
	CHECK(matches(got.data, want));
	fs_remove_tree(dir, NULL);
}

static void zone(void)
{
	AUTO_BUF struct buf got = {0};
	struct err e;

	bed();
	setenv("TZ", "XXX-05:30", 1);
	tzset();
	CHECK(logsink_file(path, &e) == 0);
	log_line(LOG_ERROR, "x");
	CHECK(fs_read(path, 10000, &got, &e) == 0);
	buf_u8(&got, 0);
	CHECK(strstr(got.data, "+05:30 distccd["));
	fs_remove_tree(dir, NULL);
}

static void no_file(void)
{
	AUTO_BUF struct buf got = {0};
	struct err e;

	bed();
	CHECK(logsink_file(path, &e) == 0);
	CHECK(logsink_file("/nonexistent/log", &e) == -1);
	CHECK(e.code == ENOENT && strstr(e.text, "/nonexistent/log"));
	log_line(LOG_ERROR, "still here");
	CHECK(fs_read(path, 10000, &got, &e) == 0);
	buf_u8(&got, 0);
	CHECK(strstr(got.data, "still here"));
	fs_remove_tree(dir, NULL);
}

static void on_stderr(void)
{
	char want[100], said[200] = "";
	int ends[2], saved = dup(STDERR_FILENO);
	struct err e;

	bed();
	CHECK(logsink_file(path, &e) == 0);
	if (pipe(ends))
		abort();
	dup2(ends[1], STDERR_FILENO);
	logsink_stderr();
	log_line(LOG_WARNING, "odd");
	dup2(saved, STDERR_FILENO);
	CHECK(read(ends[0], said, sizeof said - 1) > 0);
	snprintf(want, sizeof want, "distccd[%d] Warning: odd\n", getpid());
	CHECK(strcmp(said, want) == 0);
	struct stat st;
	CHECK(stat(path, &st) == 0 && st.st_size == 0);
	fs_remove_tree(dir, NULL);
}

TESTS({"a file gets lines with time, name and pid", file},
      {"the time tells its zone", zone},
      {"a file that cannot be opened changes nothing", no_file},
      {"standard error", on_stderr})
