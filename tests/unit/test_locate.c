/* Which program a compiler's name means, on real folders. */
#include "agent/locate.h"
#include "sys/fs.h"
#include "test.h"

#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

static char top[64];
static struct arena *a;

static const char *at(const char *name)
{
	return arena_printf(a, "%s/%s", top, name);
}

static void program(const char *name, mode_t mode)
{
	if (fs_write_file(at(name), "#!/bin/sh\n", 10, mode, NULL) || chmod(at(name), mode))
		abort();
}

static void begin(void)
{
	static const char *const dirs[] = {"shims", "wrap", "one", "two", "two/gcc"};

	strcpy(top, "/tmp/muster-locate-XXXXXX");
	a = arena_new();
	if (!mkdtemp(top))
		abort();
	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
		if (mkdir(at(dirs[i]), 0755))
			abort();
	program("muster", 0755);
	program("one/ccache", 0755);
	program("one/gcc", 0755);
	program("one/plain", 0644);
	if (symlink("../muster", at("shims/gcc")) ||
	    symlink("../one/ccache", at("wrap/gcc")) || symlink("gcc", at("one/cc")) ||
	    symlink("nothing", at("wrap/cc")))
		abort();
}

static void end(void)
{
	fs_remove_tree(top, NULL);
	arena_free(a);
}

static bool finds(const char *name, const char *path, const char *want)
{
	const char *got = locate_compiler(a, name, path, at("one"), at("muster"));

	if (want ? got && strcmp(got, want) == 0 : !got)
		return true;
	printf("# %s on %s is %s\n", name, path, got ? got : "nothing");
	return false;
}

static void on_path(void)
{
	begin();
	const char *all = arena_printf(a, "%s/shims:%s/none:%s/wrap:%s/two:%s/one", top,
				       top, top, top, top);

	/* neither the shim, nor a wrapper, nor a folder */
	CHECK(finds("gcc", all, at("one/gcc")));
	CHECK(finds("cc", all,
		    at("one/cc"))); /* dangling links are none; the link itself is named */
	CHECK(finds("plain", all, NULL));
	CHECK(finds("absent", all, NULL));
	CHECK(finds("gcc", at("shims"), NULL));
	end();
}

static void here(void)
{
	begin();
	/* an empty or relative element of PATH is seen from the current folder */
	CHECK(finds("gcc", arena_printf(a, "%s/shims:", top), at("one/gcc")));
	CHECK(finds("gcc", ":/nowhere", at("one/gcc")));
	CHECK(finds("gcc", ".", at("one/./gcc")));
	CHECK(finds("./gcc", "/nowhere", at("one/./gcc")));
	CHECK(finds(at("one/gcc"), "/nowhere", at("one/gcc")));
	CHECK(finds("../shims/gcc", "/nowhere", NULL));
	end();
}

static void environment(void)
{
	char *env[] = {(char[]){"PATHS=no"}, (char[]){"PATH"},    (char[]){"PATH=/a"},
		       (char[]){"E="},       (char[]){"PATH=/b"}, NULL};

	CHECK(strcmp(env_get(env, "PATH"), "/a") == 0);
	CHECK(strcmp(env_get(env, "E"), "") == 0);
	CHECK(!env_get(env, "PAT") && !env_get(env, "") && !env_get(NULL, "PATH"));
}

static void installed(void)
{
	begin();
	if (symlink("/usr/bin/some-compiler", at("link")) ||
	    symlink("link", at("further")) || symlink("circle", at("circle")))
		abort();
	CHECK(strcmp(locate_installed(a, at("further")), "/usr/bin/some-compiler") == 0);
	CHECK(strcmp(locate_installed(a, "/usr/bin/gcc"), "/usr/bin/gcc") == 0);
	CHECK(strcmp(locate_installed(a, at("one/gcc")), at("one/gcc")) == 0);
	CHECK(strcmp(locate_installed(a, at("one/cc")), at("one/cc")) == 0);
	CHECK(strcmp(locate_installed(a, at("circle")), at("circle")) == 0);
	end();
}

TESTS({"the first on PATH that is a compiler", on_path}, {"names seen from here", here},
      {"the environment", environment}, {"behind links", installed})
