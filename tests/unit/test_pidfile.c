/* A pid file is there exactly while its daemon serves, whoever else meddles. */
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "sys/fs.h"
#include "test.h"
#include "worker/pidfile.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

static char dir[64], path[80], me[24];
static struct err e;

static void bed(void)
{
	snprintf(dir, sizeof dir, "/tmp/muster-pidfile.XXXXXX");
	if (!mkdtemp(dir) || chmod(dir, 0755))
		abort();
	snprintf(path, sizeof path, "%s/pid", dir);
	snprintf(me, sizeof me, "%d\n", (int)getpid());
}

static void put(const char *text)
{
	if (fs_write_file(path, text, strlen(text), 0644, &e))
		abort();
}

static bool holds(const char *want)
{
	AUTO_BUF struct buf got = {0};

	return fs_read(path, 1000, &got, &e) == 0 && got.len == strlen(want) &&
	       memcmp(got.len ? got.data : "", want, got.len) == 0;
}

static bool is_there(void)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static void whole_life(void)
{
	bed();
	struct pidfile *p = pidfile_open(path, &e);
	struct stat st;

	CHECK(p && holds(""));
	CHECK(pidfile_write(p, &e) == 0 && holds(me));
	CHECK(stat(path, &st) == 0 && (st.st_mode & 07777 & ~0644u) == 0);
	pidfile_close(p);
	CHECK(!is_there());
	pidfile_close(NULL);
	fs_remove_tree(dir, NULL);
}

static void relative(void)
{
	bed();
	CHECK(chdir(dir) == 0);
	struct pidfile *p = pidfile_open("pid", &e);

	CHECK(p && chdir("/") == 0 && pidfile_write(p, &e) == 0 && holds(me));
	pidfile_close(p);
	CHECK(!is_there());
	fs_remove_tree(dir, NULL);
}

static void of_another(void)
{
	bed();
	put("12345678 or longer\n");
	struct pidfile *p = pidfile_open(path, &e);

	/* The port was taken: the other daemon's file stays. */
	CHECK(p && holds("12345678 or longer\n"));
	pidfile_close(p);
	CHECK(holds("12345678 or longer\n"));
	/* It was left by one that was killed. */
	p = pidfile_open(path, &e);
	CHECK(p && pidfile_write(p, &e) == 0 && holds(me));
	/* Another one replaces it meanwhile. */
	put("77\n");
	pidfile_close(p);
	CHECK(holds("77\n"));
	fs_remove_tree(dir, NULL);
}

static void never_written(void)
{
	bed();
	pidfile_close(pidfile_open(path, &e));
	CHECK(!is_there());
	fs_remove_tree(dir, NULL);
}

static void traps(void)
{
	bed();
	AUTO_FREE char *target = xasprintf("%s/target", dir);

	CHECK(fs_write_file(target, "precious", 8, 0644, &e) == 0);
	CHECK(symlink(target, path) == 0);
	CHECK(!pidfile_open(path, &e) && e.code == ELOOP && strstr(e.text, path));
	CHECK(unlink(path) == 0 && mkfifo(path, 0644) == 0);
	CHECK(!pidfile_open(path, &e) && e.code == EINVAL);
	CHECK(unlink(path) == 0 && mkdir(path, 0755) == 0);
	CHECK(!pidfile_open(path, &e));
	CHECK(!pidfile_open("/nonexistent/pid", &e) && e.code == ENOENT);
	fs_remove_tree(dir, NULL);
}

static void without_rights(void)
{
	if (geteuid()) {
		printf("# not root: not tried\n");
		return;
	}
	bed();
	struct pidfile *p = pidfile_open(path, &e);

	CHECK(p && setegid(65534) == 0 && seteuid(65534) == 0);
	CHECK(pidfile_write(p, &e) == 0 && holds(me));
	pidfile_close(p);
	CHECK(holds(""));
	CHECK(seteuid(0) == 0);
	fs_remove_tree(dir, NULL);
}

TESTS({"made, written, removed", whole_life}, {"a path from the first folder", relative},
      {"another daemon's file", of_another}, {"opened and no more", never_written},
      {"links and other things are refused", traps},
      {"its folder may not be written to any more", without_rights})
