/* Whatever is done to a place that is watched, the mark does not hold afterwards; and it holds while nothing is. */
#include "agent/still.h"
#include "sys/fs.h"
#include "test.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static char top[64];
static struct still *still;
static struct still_mark mark;

static const char *at(const char *name)
{
	static char paths[4][256];
	static unsigned turn;
	char *p = paths[turn++ % 4];

	snprintf(p, sizeof paths[0], "%s/%s", top, name);
	return p;
}

static void put(const char *name, const char *text)
{
	int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC, 0755);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
	close(fd);
}

static bool holds(void)
{
	still_take(still);
	return still_holds(still, &mark);
}

/* NAME is looked at anew. False: this machine cannot tell, and no mark ever holds. */
static bool looked(const char *name)
{
	still_take(still);
	still_begin(still, &mark);
	still_add(still, &mark, at(name));
	return mark.at != 0;
}

/* usr/bin/gcc -> gcc-12, reached through a link to usr. */
static bool begin(void)
{
	strcpy(top, "/tmp/muster-still-XXXXXX");
	if (!mkdtemp(top))
		abort();
	mkdir(at("usr"), 0755);
	mkdir(at("usr/bin"), 0755);
	put("usr/bin/gcc-12", "one");
	if (symlink("gcc-12", at("usr/bin/gcc")) || symlink("usr", at("way")))
		abort();
	still = still_new();
	CHECK(!holds());
	return looked("way/bin/gcc");
}

static void end(void)
{
	still_free(still);
	fs_remove_tree(top, NULL);
}

static void nothing_happens(void)
{
	bool tells = begin();
	char text[8];
	int fd = open(at("way/bin/gcc"), O_RDONLY);

	CHECK(read(fd, text, sizeof text) == 3);
	close(fd);
	put("beside", "x");
	put("usr/beside", "x");
	put("usr/bin/beside", "x");
	CHECK(holds() == tells && holds() == tells);
	end();
}

static void the_file(void)
{
	if (begin()) {
		int fd = open(at("usr/bin/gcc-12"), O_WRONLY);

		CHECK(pwrite(fd, "t", 1, 0) == 1);
		CHECK(!holds() && looked("way/bin/gcc"));
		close(fd);
		CHECK(!holds() && looked("way/bin/gcc"));
		chmod(at("usr/bin/gcc-12"), 0700);
		CHECK(!holds() && looked("way/bin/gcc"));
		put("usr/bin/new", "two");
		CHECK(holds());
		rename(at("usr/bin/new"), at("usr/bin/gcc-12"));
		CHECK(!holds() && looked("way/bin/gcc"));
		link(at("usr/bin/gcc-12"), at("other"));
		CHECK(!holds() && looked("way/bin/gcc"));
		put("other", "by its other name");
		CHECK(!holds() && looked("way/bin/gcc"));
		unlink(at("usr/bin/gcc-12"));
		CHECK(!holds());
	}
	end();
}

static void times_set_back(void)
{
	if (begin()) {
		const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};

		utimensat(AT_FDCWD, at("usr/bin/gcc-12"), old, 0);
		CHECK(!holds() && looked("way/bin/gcc"));
		put("usr/bin/gcc-12", "two");
		utimensat(AT_FDCWD, at("usr/bin/gcc-12"), old, 0);
		CHECK(!holds());
	}
	end();
}

/* What is written through a mapping is told when it ends. */
static void mapped(void)
{
	if (begin()) {
		int fd = open(at("usr/bin/gcc-12"), O_RDWR);
		char *p = mmap(NULL, 3, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

		close(fd);
		p[0] = 'X';
		munmap(p, 3);
		CHECK(!holds());
	}
	end();
}

static void links_and_folders(void)
{
	if (begin()) {
		unlink(at("usr/bin/gcc"));
		CHECK(symlink("gcc-13", at("usr/bin/gcc")) == 0);
		CHECK(!holds() && looked("way/bin/gcc")); /* dangles now */
		put("usr/bin/gcc-13", "13");
		CHECK(!holds() && looked("way/bin/gcc"));
		rename(at("usr/bin"), at("usr/old"));
		CHECK(!holds() && looked("way/bin/gcc"));
		rename(at("usr/old"), at("usr/bin"));
		CHECK(!holds() && looked("way/bin/gcc"));
		rename(at("usr"), at("usr.old"));
		CHECK(!holds() && looked("way/bin/gcc"));
		mkdir(at("opt"), 0755);
		unlink(at("way"));
		CHECK(symlink("opt", at("way")) == 0);
		CHECK(!holds());
		/* A link that lives on under another name; where it led to is as it was. */
		unlink(at("way"));
		CHECK(symlink("usr.old", at("way")) == 0);
		CHECK(symlink("opt", at("way.new")) == 0);
		CHECK(link(at("way"), at("way.old")) == 0 && looked("way/bin/gcc"));
		CHECK(rename(at("way.new"), at("way")) == 0);
		CHECK(!holds());
	}
	end();
}

/* An earlier folder of PATH gets a gcc. */
static void what_was_missing(void)
{
	if (begin()) {
		mkdir(at("early"), 0755);
		CHECK(looked("early/gcc"));
		put("early/other", "x");
		CHECK(!holds() && looked("early/gcc")); /* it might have been that one */
		put("early/gcc", "x");
		CHECK(!holds() && looked("none/at/all"));
		mkdir(at("none"), 0755);
		CHECK(!holds() && looked("none/at/all"));
		mkdir(at("none/at"), 0755);
		CHECK(!holds());
		/* a folder that somebody stands in */
		CHECK(looked("none/at/all"));
		int held = open(at("none/at"), O_RDONLY | O_DIRECTORY);

		rmdir(at("none/at"));
		mkdir(at("none/at"), 0755);
		put("none/at/all", "x");
		CHECK(!holds());
		close(held);
	}
	end();
}

static void mounted_over(void)
{
	if (begin() && unshare(CLONE_NEWNS) == 0 &&
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0) {
		still_free(still);
		still = still_new();
		CHECK(looked("way/bin/gcc") && holds());
		mkdir(at("over"), 0755);
		put("over/gcc", "x");
		if (mount(at("over"), at("usr/bin"), NULL, MS_BIND, NULL) == 0) {
			CHECK(!holds() && looked("way/bin/gcc"));
			put("over/gcc", "y"); /* seen through the mount */
			CHECK(!holds() && looked("way/bin/gcc"));
			CHECK(umount(at("usr/bin")) == 0);
			CHECK(!holds());
		}
	}
	end();
}

static void cannot_be_told(void)
{
	begin();
	CHECK(!still_watch(still, "/proc/self/status") && !still_watch(still, "relative"));
	still_begin(still, &mark);
	still_add(still, &mark, "/sys/kernel/mm");
	still_add(still, &mark, at("usr"));
	CHECK(!holds());
	CHECK(symlink("loop", at("loop")) == 0);
	CHECK(!still_watch(still, at("loop")));
	end();
}

TESTS({"nothing happens", nothing_happens}, {"the file changes", the_file},
      {"times set back", times_set_back}, {"a mapping ends", mapped},
      {"links and folders on the way", links_and_folders},
      {"what was missing", what_was_missing}, {"mounts", mounted_over},
      {"where nothing can be told", cannot_be_told})
