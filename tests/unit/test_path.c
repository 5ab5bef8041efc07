/* Paths as text. */
#include "base/path.h"
#include "test.h"

#include <string.h>

static struct arena *a;

static int is(const char *got, const char *want)
{
	if (strcmp(got, want) == 0)
		return 1;
	printf("# got '%s', want '%s'\n", got, want);
	return 0;
}

static void join(void)
{
	a = arena_new();
	CHECK(is(path_join(a, "/a", "b"), "/a/b"));
	CHECK(is(path_join(a, "/a/", "b"), "/a/b"));
	CHECK(is(path_join(a, "/", "b"), "/b"));
	CHECK(is(path_join(a, "", "b"), "b"));
	CHECK(is(path_join(a, "/a", "/b"), "/b"));
	CHECK(is(path_join(a, "a", "../b"), "a/../b"));
	CHECK(is(path_join(a, "/a", ""), "/a/"));
	arena_free(a);
}

static void parts(void)
{
	a = arena_new();
	CHECK(is(path_dir(a, "/a/b.c"), "/a"));
	CHECK(is(path_dir(a, "/a"), "/"));
	CHECK(is(path_dir(a, "a"), ""));
	CHECK(is(path_dir(a, "a/b/"), "a/b"));
	CHECK(is(path_base("/a/b.c"), "b.c"));
	CHECK(is(path_base("b"), "b"));
	CHECK(is(path_base("a/"), ""));
	CHECK(is(path_suffix("/a.d/b"), ""));
	CHECK(is(path_suffix("a.tar.gz"), ".gz"));
	CHECK(is(path_suffix("/x/.hidden"), ""));
	CHECK(is(path_suffix(".hidden.c"), ".c"));
	CHECK(is(path_suffix("a."), "."));
	CHECK(is(path_stem(a, "/a.d/b.c"), "/a.d/b"));
	CHECK(is(path_stem(a, "/a.d/b"), "/a.d/b"));
	CHECK(is(path_stem(a, ".c"), ".c"));
	arena_free(a);
}

static void canonical(void)
{
	static const char *const good[] = {"/",    "/a",         "/a/b",
					   "/...", "/.a/..b/c.", "/a b/\n"};
	static const char *const bad[] = {
	    "",    "a",    "a/b",   "//",   "/a/",   "/a//b",   "//a", "/.",
	    "/..", "/./a", "/a/..", "/a/.", "/../a", "/a/../b", "./a", "/a/./b"};

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		if (!CHECK(path_is_canonical(good[i], strlen(good[i]))))
			printf("# '%s'\n", good[i]);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (!CHECK(!path_is_canonical(bad[i], strlen(bad[i]))))
			printf("# '%s'\n", bad[i]);
	CHECK(!path_is_canonical("/a\0b", 4));
	CHECK(path_is_canonical("/a/..", 2)); /* the length decides, not the NUL */
	CHECK(!path_is_canonical("/a", 3));
}

TESTS({"joining", join}, {"folder, base name, suffix, stem", parts},
      {"what is canonical", canonical})
