/* A client's disk below a folder of ours, and nothing outside of it. */
#include "base/err.h"
#include "base/log.h"
#include "cas/store.h"
#include "sys/fs.h"
#include "sys/hash.h"
#include "test.h"
#include "worker/own.h"
#include "worker/view.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

static char top[64];
static struct store *store;
static struct own *own;
static struct view *view;
static struct err err;

static const char *at(const char *name)
{
	static char paths[4][8192];
	static unsigned turn;
	char *p = paths[turn++ % 4];

	snprintf(p, sizeof paths[0], "%s%s", view_root(view), name);
	return p;
}

static void begin(void)
{
	char dir[128];

	log_setup("test", LOG_ERROR);
	umask(022);
	strcpy(top, "/tmp/muster-view-XXXXXX");
	if (!mkdtemp(top))
		abort();
	snprintf(dir, sizeof dir, "%s/store", top);
	store = store_open(dir, 0, &err);
	own = own_new();
	snprintf(dir, sizeof dir, "%s/view", top);
	view = view_new(dir, store, own, &err);
	if (!store || !view)
		abort();
}

static void end(void)
{
	char dir[128];
	struct stat st;

	view_free(view);
	snprintf(dir, sizeof dir, "%s/view", top);
	CHECK(lstat(dir, &st) == -1 && errno == ENOENT);
	own_free(own);
	store_close(store);
	fs_remove_tree(top, NULL);
}

static void have(const char *text)
{
	struct digest d;

	hash_bytes(text, strlen(text), &d);
	struct store_writer *w = store_write(store, &d, strlen(text), &err);

	if (!w || store_writer_add(w, text, strlen(text), &err) ||
	    store_writer_commit(w, &err))
		abort();
}

static int apply(enum entry_kind kind, const char *path, const char *target)
{
	err = (struct err){0};
	return view_apply(
	    view, &(struct entry){.kind = kind, .path = path, .target = target}, &err);
}

static int dir(const char *path)
{
	return apply(ENTRY_DIR, path, NULL);
}

static int gone(const char *path)
{
	return apply(ENTRY_GONE, path, NULL);
}

static int link_(const char *path, const char *target)
{
	return apply(ENTRY_LINK, path, target);
}

static int file_as(const char *path, const char *text, int64_t mtime_s, unsigned mode)
{
	struct entry en = {.kind = ENTRY_FILE,
			   .path = path,
			   .size = strlen(text),
			   .mtime_s = mtime_s,
			   .mode = mode};

	err = (struct err){0};
	hash_bytes(text, strlen(text), &en.digest);
	return view_apply(view, &en, &err);
}

static int file(const char *path, const char *text)
{
	return file_as(path, text, 1234567890, 0644);
}

static bool holds(const char *path, const char *text)
{
	AUTO_BUF struct buf b = {0};
	struct stat st;

	return lstat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	       fs_read(path, 1 << 20, &b, NULL) == 0 && b.len == strlen(text) &&
	       memcmp(b.data, text, b.len) == 0;
}

/* What stands at PATH: '-' nothing, 'd', 'f', 'l'. */
static char kind(const char *path)
{
	struct stat st;

	if (lstat(path, &st))
		return '-';
	return S_ISDIR(st.st_mode)   ? 'd'
	       : S_ISREG(st.st_mode) ? 'f'
	       : S_ISLNK(st.st_mode) ? 'l'
				     : '?';
}

static void in_order(void)
{
	char target[64] = {0};

	begin();
	have("int x;");
	CHECK(dir("/") == 1 && dir("/p") == 1 && dir("/p/src") == 1);
	CHECK(file("/p/src/a.c", "int x;") == 1 && holds(at("/p/src/a.c"), "int x;"));
	CHECK(link_("/p/l", "src/a.c") == 1 && kind(at("/p/l")) == 'l');
	CHECK(readlink(at("/p/l"), target, sizeof target) == 7 &&
	      strcmp(target, "src/a.c") == 0);
	CHECK(dir("/p/src") == 1 &&
	      holds(at("/p/src/a.c"), "int x;")); /* said again: nothing */
	CHECK(file("/q/a.c", "int x;") == -1 &&
	      strstr(err.text, "/q/a.c")); /* its folder first */
	CHECK(dir("/q/r") == -1 && kind(at("/q")) == '-');
	end();
}

static void kinds_change(void)
{
	static const char order[] = "fdlfldfdlldff";

	begin();
	have("1");
	CHECK(dir("/p") == 1);
	for (size_t i = 0; i < sizeof order - 1; i++) {
		if (order[i] == 'f') {
			CHECK(file("/p/x", "1") == 1 && holds(at("/p/x"), "1"));
		} else if (order[i] == 'l') {
			CHECK(link_("/p/x", "y") == 1);
		} else {
			CHECK(dir("/p/x") == 1 && dir("/p/x/deep") == 1);
			CHECK(file("/p/x/deep/a", "1") == 1); /* not empty */
		}
		CHECK(kind(at("/p/x")) == order[i]);
	}
	end();
}

static void times_and_modes(void)
{
	struct stat st;

	begin();
	have("1");
	CHECK(file_as("/a", "1", 86400, 0644) == 1 && stat(at("/a"), &st) == 0);
	CHECK(st.st_mtim.tv_sec == 86400 && st.st_mtim.tv_nsec == 0 &&
	      (st.st_mode & 07777) == 0644);
	CHECK(file_as("/a", "1", -86400, 0755) == 1 && stat(at("/a"), &st) == 0);
	CHECK(st.st_mtim.tv_sec == -86400 && (st.st_mode & 07777) == 0755);
	CHECK(file_as("/a", "1", 5000000000, 0644) == 1 && stat(at("/a"), &st) == 0);
	CHECK(st.st_mtim.tv_sec == 5000000000 && (st.st_mode & 07777) == 0644);
	CHECK(file_as("/b", "1", 0, 06777) == 1 && stat(at("/b"), &st) == 0);
	CHECK((st.st_mode & 07777) == 0755); /* never more */
	/* What an earlier, missing file was to be has no influence. */
	CHECK(file_as("/c", "missing", 0, 0755) == 0);
	CHECK(file_as("/d", "1", 0, 0644) == 1 && stat(at("/d"), &st) == 0);
	CHECK((st.st_mode & 07777) == 0644);
	CHECK(file_as("/c", "missing", 0, 0644) == 0);
	CHECK(file_as("/d", "1", 0, 0755) == 1 && stat(at("/d"), &st) == 0);
	CHECK((st.st_mode & 07777) == 0755);
	end();
}

static void two_names_are_two_files(void)
{
	struct stat a, b;

	begin();
	have("1");
	CHECK(file("/a", "1") == 1 && file("/b", "1") == 1);
	CHECK(stat(at("/a"), &a) == 0 && stat(at("/b"), &b) == 0 && a.st_ino != b.st_ino);
	CHECK(a.st_nlink == 1);
	end();
}

static void missing(void)
{
	begin();
	have("old");
	CHECK(file("/a", "old") == 1);
	CHECK(file("/a", "new") == 0);
	CHECK(holds(at("/a"), "old")); /* until the other is there */
	CHECK(file("/b", "new") == 0 && kind(at("/b")) == '-');
	have("new");
	CHECK(file("/a", "new") == 1 && holds(at("/a"), "new"));
	CHECK(file("/b", "new") == 1 && holds(at("/b"), "new"));
	CHECK(file("/empty", "") == 0);
	have("");
	CHECK(file("/empty", "") == 1 && holds(at("/empty"), ""));
	end();
}

static void trees_go(void)
{
	begin();
	have("1");
	CHECK(dir("/p") == 1 && dir("/p/q") == 1 && dir("/p/q/r") == 1 &&
	      file("/p/q/r/a", "1") == 1);
	CHECK(link_("/p/q/l", "../../keep") == 1 && dir("/keep") == 1 &&
	      file("/keep/a", "1") == 1);
	CHECK(gone("/p/q/r/a") == 1 && kind(at("/p/q/r/a")) == '-');
	CHECK(gone("/p") == 1 && kind(at("/p")) == '-');
	CHECK(holds(at("/keep/a"), "1"));                /* links are not followed */
	CHECK(gone("/p") == 1 && gone("/p/q/r/a") == 1); /* said again */
	CHECK(gone("/keep/a/below/a/file") == 1 && holds(at("/keep/a"), "1"));
	end();
}

/* A name that went with the folder it was in; now a link stands there. */
static void gone_behind_a_link(void)
{
	begin();
	have("1");
	CHECK(dir("/e") == 1 && file("/e/a", "1") == 1 && link_("/d", "e") == 1);
	CHECK(gone("/d/a") == 1);
	CHECK(holds(at("/e/a"), "1") && kind(at("/d")) == 'l');
	end();
}

static void senseless(void)
{
	static const char *const paths[] = {"",
					    "a",
					    "/a/../b",
					    "/..",
					    "/../x",
					    "/./a",
					    "/a/",
					    "//a",
					    "/a//b",
					    "/a/.",
					    "/a/..",
					    "../../x",
					    "/../../../../../../tmp/x"};

	begin();
	have("1");
	CHECK(dir("/a") == 1);
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		for (int k = ENTRY_DIR; k <= ENTRY_GONE; k++)
			CHECK(apply((enum entry_kind)k, paths[i], "x") == -1 &&
			      err.code == EINVAL);
		CHECK(file(paths[i], "1") == -1 && err.code == EINVAL);
	}
	CHECK(apply((enum entry_kind)0, "/x", "x") == -1 && err.code == EINVAL);
	CHECK(apply((enum entry_kind)9, "/x", "x") == -1 && err.code == EINVAL);
	CHECK(kind(at("/x")) == '-' && kind(at("/a")) == 'd');
	end();
}

/* Links of the client's lead wherever they like; nothing is ever placed through them. */
static void escapes(void)
{
	char outside[128], inside[200], text[200];
	static const char *const names[] = {"/absolute", "/dots", "/own", "/top", "/proc"};

	begin();
	have("evil");
	snprintf(outside, sizeof outside, "%s/outside", top);
	snprintf(inside, sizeof inside, "%s/victim", outside);
	CHECK(mkdir(outside, 0755) == 0 &&
	      fs_write_file(inside, "mine", 4, 0644, &err) == 0);
	CHECK(dir("/own.d") == 1);
	CHECK(link_(names[0], outside) == 1);
	CHECK(link_(names[1], "../../outside") == 1);
	CHECK(link_(names[2], "own.d") == 1); /* not even within the view */
	CHECK(link_(names[3], "/") == 1);
	CHECK(link_(names[4], "/proc/self/cwd") == 1);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(text, sizeof text, "%s/new", names[i]);
		CHECK(file(text, "evil") == -1 && dir(text) == -1 &&
		      link_(text, "x") == -1);
		snprintf(text, sizeof text, "%s/victim", names[i]);
		CHECK(file(text, "evil") == -1 && kind(at(names[i])) == 'l');
		CHECK(gone(text) == 1);
		snprintf(text, sizeof text, "%s/a/b", names[i]);
		CHECK(file(text, "evil") == -1 && dir(text) == -1);
	}
	CHECK(holds(inside, "mine"));
	snprintf(text, sizeof text, "%s/new", outside);
	CHECK(kind(text) == '-' && kind(at("/own.d/new")) == '-');
	/* a file in the place of the link replaces the link, not what it leads to */
	snprintf(text, sizeof text, "%s/victim", outside);
	CHECK(link_("/v", text) == 1 && file("/v", "evil") == 1);
	CHECK(holds(at("/v"), "evil") && holds(inside, "mine"));
	CHECK(dir("/absolute") == 1 && kind(at("/absolute")) == 'd' &&
	      holds(inside, "mine"));
	CHECK(gone("/dots") == 1 && kind(at("/dots")) == '-' && kind(outside) == 'd');
	end();
}

/* A file of the system that is the same here need not come. */
static void own_files(void)
{
	static const char path[] = "/usr/include/stdio.h";
	struct entry en = {.kind = ENTRY_FILE, .path = path, .mtime_s = 77, .mode = 0644};
	struct stat st;
	off_t size;

	begin();
	if (hash_file(path, &en.digest, &size, NULL) == 0) {
		en.size = (uint64_t)size;
		CHECK(dir("/usr") == 1 && dir("/usr/include") == 1);
		CHECK(view_apply(view, &en, &err) == 1);
		CHECK(stat(at(path), &st) == 0 && st.st_size == size &&
		      st.st_mtim.tv_sec == 77);
		CHECK(st.st_nlink == 1);
		en.digest.b[0] ^= 1;
		CHECK(view_apply(view, &en, &err) == 0);
		en.digest.b[0] ^= 1;
		en.size++;
		CHECK(view_apply(view, &en, &err) == 0);
		/* the same bytes under a path that is no system's */
		en.size--;
		en.path = "/stdio.h";
		CHECK(view_apply(view, &en, &err) == 0);
	}
	end();
}

static void long_names(void)
{
	char name[300] = "/", deep[6000] = "";

	begin();
	have("1");
	memset(name + 1, 'x', 255);
	CHECK(file(name, "1") == 1 && holds(at(name), "1"));
	CHECK(gone(name) == 1 && dir(name) == 1 && gone(name) == 1);
	memset(name + 1, 'x', 256);
	CHECK(file(name, "1") == -1 && err.code == ENAMETOOLONG);
	for (int i = 0; i < 15; i++) {
		size_t n = strlen(deep);

		snprintf(deep + n, sizeof deep - n, "/%.200s", name + 1);
		CHECK(dir(deep) == 1);
	}
	strcat(deep, "/a");
	CHECK(file(deep, "1") == 1 && holds(at(deep), "1"));
	end();
}

/* A client's path that is longer below our folder than PATH_MAX, in a tree deeper than there are descriptors. */
static void deep_trees(void)
{
	struct rlimit few = {.rlim_cur = 40, .rlim_max = 40};
	char path[4096] = "";
	size_t n = 0;

	begin();
	have("1");
	for (; n < sizeof path - 3; n += 2) {
		memcpy(path + n, "/d", 3);
		CHECK(dir(path) == 1);
	}
	CHECK(strlen(view_root(view)) + n > 4096);
	CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
	path[n - 1] = 'f';
	CHECK(file(path, "1") == 1);
	/* a file in the place of the whole tree, and another tree for end() */
	CHECK(file("/d", "1") == 1 && holds(at("/d"), "1"));
	for (size_t i = 2; i < n; i += 2) {
		path[n - 1] = 'd';
		char kept = path[i];

		path[i] = 0;
		CHECK(dir(path) == 1);
		path[i] = kept;
	}
	end();
}

/* Whether the folder of a path is still there, which tells a late file from one that cannot be placed. */
static void folders_of_paths(void)
{
	begin();
	have("1");
	CHECK(dir("/a") == 1 && dir("/a/b") == 1);
	CHECK(view_has_folder(view, "/f") && view_has_folder(view, "/a/f") &&
	      view_has_folder(view, "/a/b/f"));
	CHECK(!view_has_folder(view, "/c/f"));
	CHECK(gone("/a/b") == 1 && !view_has_folder(view, "/a/b/f"));
	CHECK(file("/a/b", "1") == 1 && !view_has_folder(view, "/a/b/f"));
	CHECK(link_("/a/b", ".") == 1 && !view_has_folder(view, "/a/b/f"));
	CHECK(view_has_folder(view, "/a/f"));
	end();
}

TESTS({"names in order", in_order}, {"a name of another kind", kinds_change},
      {"times and modes", times_and_modes},
      {"two names are two files", two_names_are_two_files},
      {"a file whose bytes are to come", missing}, {"trees go", trees_go},
      {"gone behind what is a link now", gone_behind_a_link},
      {"paths that make no sense", senseless}, {"nothing gets outside", escapes},
      {"what this machine has anyway", own_files}, {"long names", long_names},
      {"deep trees", deep_trees}, {"folders of paths", folders_of_paths})
