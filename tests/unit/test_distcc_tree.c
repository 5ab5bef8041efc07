/* A client's files below a folder of ours, and nothing outside of it. */
#include "base/err.h"
#include "base/mem.h"
#include "sys/fs.h"
#include "test.h"
#include "worker/distcc_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define UP   "../../../../../../../../../../../../../../../../../../../.."
#define HOLD "forcing_technique_271828"

static char top[64], root[80];
static struct distcc_tree *tree;
static struct err err;

static void begin(void)
{
	umask(022);
	strcpy(top, "/tmp/muster-tree-XXXXXX");
	if (!mkdtemp(top))
		abort();
	snprintf(root, sizeof root, "%s/root", top);
	tree = distcc_tree_new(root, &err);
	if (!tree)
		abort();
}

static void end(void)
{
	distcc_tree_free(tree);
	fs_remove_tree(top, NULL);
}

static bool file(const char *name, const char *text)
{
	err = (struct err){0};
	return distcc_tree_file(tree, name, text, strlen(text), &err) == 0;
}

static bool symlink_to(const char *name, const char *target)
{
	err = (struct err){0};
	return distcc_tree_link(tree, name, target, &err) == 0;
}

static bool refused(bool placed, const char *why)
{
	if (!placed && strstr(err.text, why))
		return true;
	printf("# %s\n", placed ? "it was placed" : err.text);
	return false;
}

/* NAME below the root holds TEXT. */
static bool holds(const char *name, const char *text)
{
	AUTO_FREE char *path = xasprintf("%s%s", root, name);
	AUTO_BUF struct buf b = {0};
	struct stat st;

	return lstat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	       (st.st_mode & 0777) == 0644 && fs_read(path, 1 << 20, &b, NULL) == 0 &&
	       b.len == strlen(text) && (b.len == 0 || memcmp(b.data, text, b.len) == 0);
}

static bool is(const char *name, mode_t type)
{
	AUTO_FREE char *path = xasprintf("%s%s", root, name);
	struct stat st;

	return lstat(path, &st) == 0 && (st.st_mode & S_IFMT) == type;
}

static void files(void)
{
	begin();
	CHECK(file("/home/u/x.c", "int x;"));
	CHECK(file("/home/u/inc/y.h", "y"));
	CHECK(file("/z.h", ""));
	CHECK(file("//home/./u//deep/er/" HOLD, ""));
	CHECK(holds("/home/u/x.c", "int x;") && holds("/home/u/inc/y.h", "y"));
	CHECK(holds("/z.h", "") && holds("/home/u/deep/er/" HOLD, ""));
	CHECK(file("/home/u/x.c", "int"));
	CHECK(holds("/home/u/x.c", "int"));
	CHECK(refused(file("/home/u", "x"), "place /home/u"));
	CHECK(refused(file("/home/u/x.c/y", "x"), "folder of /home/u/x.c/y"));
	CHECK(file("/a/..b/c..", "x") && holds("/a/..b/c..", "x"));
	end();
}

static void names_that_lead_out(void)
{
	static const char *const names[] = {
	    "/../evil", "/a/../../evil", "/..", "/a/..", "evil", "", "/", "//", "/.", "./x",
	};
	AUTO_FREE char *evil = NULL;
	char longest[DISTCC_PATH_MAX + 3];
	struct stat st;

	begin();
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		CHECK(refused(file(names[i], "x"), "place '"));
		CHECK(refused(symlink_to(names[i], "x"), "place '"));
	}
	evil = xasprintf("%s/evil", top);
	CHECK(lstat(evil, &st) && errno == ENOENT);
	memset(longest, 'a', sizeof longest);
	longest[0] = '/';
	longest[sizeof longest - 1] = '\0';
	CHECK(refused(file(longest, "x"), "4098 bytes"));
	CHECK(refused(symlink_to("/l", longest), "4098 bytes"));
	longest[300] = '\0';
	CHECK(refused(file(longest, "x"), "File name too long"));
	end();
}

static void links(void)
{
	begin();
	CHECK(file("/p/real/a.h", "a"));
	CHECK(symlink_to("/p/l", "real") && is("/p/l", S_IFLNK));
	CHECK(symlink_to("/p/l", "real")); /* with each job anew */
	CHECK(refused(symlink_to("/p/l", "other"), "File exists"));
	CHECK(symlink_to("/p/q/absolute", "/etc/passwd")); /* of the job's own root */
	CHECK(symlink_to("/p/up", "../p/real/../real/./a.h"));
	CHECK(symlink_to("/to-root", "..") == false);
	CHECK(symlink_to("/p/to-root", ".."));
	CHECK(refused(symlink_to("/p/none", ""), "0 bytes"));
	/* nothing goes through them */
	CHECK(refused(file("/p/l/b.h", "b"), "symbolic links"));
	CHECK(refused(file("/p/l", "b"), "symbolic links"));
	CHECK(refused(symlink_to("/p/l/c", "a.h"), "symbolic links"));
	CHECK(!is("/p/real/b.h", S_IFREG) && holds("/p/real/a.h", "a"));
	end();
}

/* An evil link first, then a file through it: the classical way out. */
static void link_then_file(void)
{
	AUTO_FREE char *out = NULL, *target = NULL;
	struct stat st;

	begin();
	target = xasprintf("%s/outside", top);
	if (mkdir(target, 0755))
		abort();
	CHECK(symlink_to("/evil", target)); /* it is of the job's root */
	CHECK(refused(file("/evil/x", "x"), "symbolic links"));
	CHECK(distcc_tree_folder(tree, "/evil/dir", &err) == 0);
	out = xasprintf("%s/x", target);
	CHECK(lstat(out, &st) && errno == ENOENT);
	CHECK(rmdir(target) == 0); /* it is empty */
	end();
}

static const struct sandbox_bind *bind_at(size_t i, size_t want)
{
	size_t n;
	const struct sandbox_bind *b = distcc_tree_binds(tree, &n);

	return CHECK(n == want) && i < n ? &b[i] : NULL;
}

static void system_links(void)
{
	begin();
	CHECK(symlink_to("/usr/include", UP "/usr/include"));
	const struct sandbox_bind *b = bind_at(0, 1);

	CHECK(b && strcmp(b->to, "/usr/include") == 0 &&
	      strcmp(b->from, "/usr/include") == 0);
	CHECK(symlink_to("/usr/include", UP "/usr/include"));
	CHECK(symlink_to("/usr/include/linux", UP "/usr/include/linux"));
	CHECK(bind_at(0, 1));
	CHECK(refused(symlink_to("/usr/include/linux", UP "/usr/include/asm-generic"),
		      "contradicts"));
	CHECK(refused(symlink_to("/usr", UP "/usr/share"), "contradicts"));
	CHECK(symlink_to("/w/inc", "../" UP "/usr/include")); /* by another name */
	CHECK(bind_at(0, 2));
	/* what is not here is not there either */
	CHECK(symlink_to("/usr/share/muster-no-such", UP "/usr/share/muster-no-such"));
	CHECK(bind_at(0, 2) && !is("/usr/share/muster-no-such", S_IFLNK));
	/* placeholders in it are not needed, other files are not the client's to place */
	CHECK(file("/usr/include/x/" HOLD, ""));
	CHECK(refused(file("/usr/include/x/y.h", ""), "system folder"));
	CHECK(symlink_to("/usr/include/l", "sys"));
	CHECK(distcc_tree_folder(tree, "/usr/include/linux", &err) == 0);
	CHECK(!is("/usr", S_IFDIR)); /* nothing is there yet */
	CHECK(distcc_tree_finish(tree, &err) == 0);
	CHECK(is("/usr/include", S_IFDIR) && is("/w/inc", S_IFDIR));
	CHECK(!is("/usr/include/x", S_IFDIR));
	end();
}

static void larger_system_links(void)
{
	begin();
	CHECK(symlink_to("/usr/share/doc", UP "/usr/share/doc"));
	CHECK(symlink_to("/usr/include/linux", UP "/usr/include/linux"));
	CHECK(bind_at(0, 2));
	CHECK(symlink_to("/usr/share", UP "/usr/share"));
	const struct sandbox_bind *b = bind_at(0, 2);

	CHECK(b &&
	      (strcmp(b[0].to, "/usr/share") == 0 || strcmp(b[1].to, "/usr/share") == 0));
	end();
	begin();
	CHECK(file("/usr/include/mine.h", "x"));
	CHECK(refused(symlink_to("/usr/include", UP "/usr/include"), "File exists"));
	CHECK(bind_at(0, 0) == NULL);
	end();
}

static void links_out(void)
{
	static const char *const targets[] = {
	    UP "/etc",
	    UP "/",
	    UP "/usr",
	    UP "/home",
	    UP "/usr/include/../../etc",
	    UP "/usr/includes",
	    UP "/usr/bin",
	    "/../etc",
	    "/a/../../etc",
	    UP "/usr/include/stdio.h", /* not a folder */
	};

	begin();
	for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
		if (!CHECK(
			refused(symlink_to("/w/x", targets[i]), "out of the job's root")))
			printf("# %s\n", targets[i]);
	CHECK(bind_at(0, 0) == NULL && !is("/w/x", S_IFLNK));
	end();
}

static void many_system_links(void)
{
	begin();
	for (int i = 0; i < DISTCC_TREE_BINDS; i++) {
		AUTO_FREE char *name = xasprintf("/w/%d", i);

		CHECK(symlink_to(name, UP "/usr/include"));
	}
	CHECK(refused(symlink_to("/w/more", UP "/usr/include"), "too many links"));
	end();
}

static void folders(void)
{
	begin();
	CHECK(distcc_tree_folder(tree, "/home/u/build", &err) == 0);
	CHECK(is("/home/u/build", S_IFDIR));
	CHECK(distcc_tree_folder(tree, "/", &err) == 0);
	CHECK(distcc_tree_folder(tree, "/home/u/", &err) == 0);
	CHECK(distcc_tree_folder(tree, "/home/../..", &err) == -1);
	CHECK(distcc_tree_folder(tree, "home", &err) == -1);
	CHECK(distcc_tree_folder(tree, "", &err) == -1);
	end();
}

TESTS({"files", files}, {"names that lead out", names_that_lead_out}, {"links", links},
      {"a link, then a file through it", link_then_file}, {"system links", system_links},
      {"larger system links", larger_system_links}, {"links out", links_out},
      {"many system links", many_system_links}, {"folders", folders})
