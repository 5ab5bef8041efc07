/* Outputs on their way to their places. */
#include "agent/outputs.h"
#include "base/err.h"
#include "sys/fs.h"
#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

static char top[64];
static struct outputs *all;
static struct err err;

static const char *at(const char *name)
{
	static char paths[4][512];
	static unsigned turn;
	char *p = paths[turn++ % 4];

	snprintf(p, sizeof paths[0], "%s/%s", top, name);
	return p;
}

static void begin(void)
{
	strcpy(top, "/tmp/muster-outputs-XXXXXX");
	if (!mkdtemp(top))
		abort();
	all = outputs_new();
}

/* How many names are in the folder. */
static int names(void)
{
	DIR *d = opendir(top);
	int n = -2;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void end(void)
{
	outputs_free(all);
	fs_remove_tree(top, NULL);
}

static int add(const char *name, unsigned mode, uint64_t offset, const char *text)
{
	err = (struct err){0};
	return outputs_add(all, at(name), mode, offset, text, strlen(text), &err);
}

static int place(void)
{
	err = (struct err){0};
	return outputs_place(all, &err);
}

static bool holds(const char *name, const char *text)
{
	AUTO_BUF struct buf b = {0};

	return fs_read(at(name), 1 << 20, &b, NULL) == 0 && b.len == strlen(text) &&
	       memcmp(b.data ? b.data : "", text, b.len) == 0;
}

static void put(const char *name, const char *text, mode_t mode)
{
	if (fs_write_file(at(name), text, strlen(text), mode, NULL) ||
	    chmod(at(name), mode))
		abort();
}

static struct stat stat_of(const char *name)
{
	struct stat st = {0};

	if (lstat(at(name), &st))
		st.st_mode = 0;
	return st;
}

static void placed(void)
{
	begin();
	put("x.o", "old object", 0600);
	ino_t old = stat_of("x.o").st_ino;

	CHECK(add("x.o", 0644, 0, "new ") == 0 && add("x.o", 0644, 4, "object") == 0);
	CHECK(add("x.su", 0644, 0, "usage") == 0 && add("x.gcno", 0755, 0, "") == 0);
	CHECK(holds("x.o", "old object") &&
	      stat_of("x.su").st_mode == 0); /* nothing is seen yet */
	CHECK(place() == 0);
	CHECK(holds("x.o", "new object") && holds("x.su", "usage") && holds("x.gcno", ""));
	CHECK(stat_of("x.o").st_ino !=
	      old); /* another file: who had the old one open keeps it */
	CHECK((stat_of("x.o").st_mode & 07777) == 0644 &&
	      (stat_of("x.gcno").st_mode & 07777) == 0755);
	CHECK(names() == 3);
	outputs_free(all);
	all = NULL;
	CHECK(names() == 3 && holds("x.o", "new object"));
	end();
}

static void given_up(void)
{
	begin();
	put("x.o", "old", 0644);
	CHECK(add("x.o", 0644, 0, "new") == 0 && add("x.d", 0644, 0, "x.o: x.c") == 0);
	CHECK(names() == 3);
	outputs_free(all);
	all = NULL;
	CHECK(names() == 1 && holds("x.o", "old"));
	outputs_free(NULL);
	end();
}

static void modes(void)
{
	umask(0777);
	begin();
	CHECK(add("a.o", 0751, 0, "1") == 0 && add("b.o", 07777, 0, "1") == 0 &&
	      place() == 0);
	CHECK((stat_of("a.o").st_mode & 07777) ==
	      0751); /* as the worker's compiler left it */
	CHECK((stat_of("b.o").st_mode & 07777) == 0777); /* but no more than that */
	end();
}

static void out_of_order(void)
{
	begin();
	CHECK(add("a.o", 0644, 1, "x") == -1 && err.code == EPROTO &&
	      strstr(err.text, "a.o"));
	CHECK(add("b.o", 0644, 0, "abc") == 0);
	CHECK(add("b.o", 0644, 2, "x") == -1 && add("b.o", 0644, 4, "x") == -1);
	CHECK(add("b.o", 0644, UINT64_MAX, "x") == -1);
	CHECK(add("b.o", 0644, 3, "d") == 0);
	end();
}

static int add_over(const char *name, const char *text)
{
	int r = add(name, 0644, 0, text);

	outputs_write_over(all);
	return r;
}

/* Written over: the name, its mode and its other names stay. */
static void written_over(void)
{
	char target[16] = {0};

	begin();
	put("plain.d", "old", 0640);
	put("real", "old old old old", 0644);
	put("hard.d", "old old old old", 0604);
	CHECK(symlink("real", at("link.d")) == 0 && link(at("hard.d"), at("other")) == 0);
	ino_t hard = stat_of("hard.d").st_ino;

	CHECK(add_over("plain.d", "new plain") == 0 && add_over("link.d", "new link") == 0);
	CHECK(add_over("hard.d", "new ") == 0 && add("hard.d", 0644, 4, "hard") == 0);
	CHECK(add_over("fresh.d", "fresh") == 0);
	CHECK(holds("plain.d", "old") && holds("other", "old old old old")); /* not yet */
	CHECK(place() == 0);
	CHECK(holds("plain.d", "new plain") &&
	      (stat_of("plain.d").st_mode & 07777) == 0640);
	CHECK(holds("real", "new link") && S_ISLNK(stat_of("link.d").st_mode));
	CHECK(readlink(at("link.d"), target, sizeof target) == 4);
	CHECK(holds("other", "new hard") && stat_of("hard.d").st_ino == hard);
	CHECK((stat_of("hard.d").st_mode & 07777) == 0604);
	CHECK(holds("fresh.d", "fresh") && (stat_of("fresh.d").st_mode & 07777) == 0644);
	outputs_free(all);
	all = NULL;
	CHECK(names() == 6);
	end();
}

/* Not written over: a link gives way, what it led to stays. */
static void replaced(void)
{
	begin();
	put("real", "old", 0600);
	put("hard.o", "old", 0600);
	CHECK(symlink("real", at("link.o")) == 0 && link(at("hard.o"), at("other")) == 0);
	CHECK(add("link.o", 0644, 0, "new") == 0 && add("hard.o", 0644, 0, "new") == 0);
	CHECK(place() == 0 && holds("real", "old") && holds("other", "old"));
	CHECK(S_ISREG(stat_of("link.o").st_mode) && holds("link.o", "new") &&
	      holds("hard.o", "new"));
	CHECK((stat_of("hard.o").st_mode & 07777) == 0644);
	end();
}

static void over_a_device(void)
{
	struct stat st;

	begin();
	CHECK(symlink("/dev/null", at("x.d")) == 0);
	CHECK(add_over("x.d", "away with it") == 0 && place() == 0);
	CHECK(S_ISLNK(stat_of("x.d").st_mode));
	CHECK(stat("/dev/null", &st) == 0 && S_ISCHR(st.st_mode));
	end();
}

static void long_names(void)
{
	char name[300];

	begin();
	memset(name, 'x', 255);
	strcpy(name + 253, ".o");
	CHECK(add(name, 0644, 0, "long") == 0 && place() == 0 && holds(name, "long"));
	memset(name, 'x', 256);
	strcpy(name + 254, ".o");
	CHECK(add(name, 0644, 0, "longer") == 0 && place() == -1 &&
	      err.code == ENAMETOOLONG);
	end();
}

static void no_folder(void)
{
	begin();
	CHECK(add("nowhere/x.o", 0644, 0, "1") == -1 && err.code == ENOENT);
	CHECK(strstr(err.text, "nowhere/"));
	CHECK(names() == 0);
	CHECK(mkdir(at("x.o"), 0755) == 0);
	CHECK(add("x.o", 0644, 0, "1") == 0 && place() == -1 && strstr(err.text, "x.o"));
	outputs_free(all);
	all = NULL;
	CHECK(names() == 1);
	end();
}

/* A disk that takes no more, played by the limit on a file's size. */
static void full(void)
{
	struct rlimit limit = {10, 10};

	begin();
	put("x.o", "old", 0644);
	signal(SIGXFSZ, SIG_IGN);
	CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	CHECK(add("x.o", 0644, 0, "12345678") == 0);
	CHECK(add("x.o", 0644, 8, "90abcdef") == -1 && err.code == EFBIG &&
	      strstr(err.text, "x.o"));
	outputs_free(all);
	all = NULL;
	CHECK(names() == 1 && holds("x.o", "old"));
	end();
}

/* The object is what make looks at: when it is there, all else is. */
static void objects_last(void)
{
	begin();
	CHECK(mkdir(at("x.gcno"), 0755) == 0); /* cannot be placed */
	CHECK(add("x.gcno", 0644, 0, "1") == 0 && add("x.o", 0644, 0, "1") == 0);
	CHECK(add("x.su", 0644, 0, "1") == 0);
	CHECK(place() == -1 && stat_of("x.o").st_mode == 0);
	end();
}

TESTS({"placed at once", placed}, {"given up, nothing stays", given_up}, {"modes", modes},
      {"pieces out of order", out_of_order}, {"written over", written_over},
      {"replaced", replaced}, {"written over a device", over_a_device},
      {"long names", long_names},
      {"a folder that is not there, a target that is one", no_folder},
      {"a full disk", full}, {"objects come last", objects_last})
