/* Errors as sentences: the outermost first, cut at their end, never overrun. */
#include "base/err.h"
#include "test.h"

#include <errno.h>
#include <string.h>

static void sentence(void)
{
	struct err e;

	CHECK(err_set(&e, ENOENT, "open %s", "/x") == -1);
	CHECK(e.code == ENOENT &&
	      strcmp(e.text, "open /x: No such file or directory") == 0);
	CHECK(err_set(&e, 0, "no errno fits") == -1);
	CHECK(e.code == 0 && strcmp(e.text, "no errno fits") == 0);
	CHECK(err_set(&e, -3, "a code of our own") == -1);
	CHECK(e.code == -3 && strcmp(e.text, "a code of our own") == 0);
}

static void wrapping(void)
{
	struct err e;

	err_set(&e, EACCES, "open %s", "/x");
	CHECK(err_wrap(&e, "read %s", "the key") == -1);
	CHECK(err_wrap(&e, "start") == -1);
	CHECK(strcmp(e.text, "start: read the key: open /x: Permission denied") == 0);
	CHECK(e.code == EACCES);
}

static void nobody_asks(void)
{
	CHECK(err_set(NULL, ENOENT, "x") == -1);
	CHECK(err_wrap(NULL, "x") == -1);
}

static void too_long(void)
{
	char name[2000];

	struct {
		struct err e;
		char guard[16];
	} box;

	memset(box.guard, 'G', sizeof box.guard);
	memset(name, 'n', sizeof name);
	name[sizeof name - 1] = 0;
	CHECK(err_set(&box.e, ENOSPC, "write %s", name) == -1);
	CHECK(strlen(box.e.text) == sizeof box.e.text - 1);
	CHECK(strncmp(box.e.text, "write nnn", 9) == 0 && box.e.code == ENOSPC);
	CHECK(err_wrap(&box.e, "outer") == -1);
	CHECK(strlen(box.e.text) == sizeof box.e.text - 1);
	CHECK(strncmp(box.e.text, "outer: write nnn", 16) == 0);
	CHECK(err_wrap(&box.e, "%s", name) == -1);
	CHECK(strlen(box.e.text) == sizeof box.e.text - 1 && box.e.text[0] == 'n');
	CHECK(box.e.code == ENOSPC);
	for (size_t i = 0; i < sizeof box.guard; i++)
		CHECK(box.guard[i] == 'G');
}

/* Every length around the size of the text: always ended, never longer. */
static void every_edge(void)
{
	char name[600];

	for (size_t n = 480; n < sizeof name - 1; n++) {
		struct err e, w;

		memset(name, 'x', n);
		name[n] = 0;
		err_set(&e, EIO, "%s", name);
		CHECK(memchr(e.text, 0, sizeof e.text));
		err_set(&w, 0, "%s", "inner");
		err_wrap(&w, "%s", name);
		CHECK(memchr(w.text, 0, sizeof w.text));
		CHECK(strlen(w.text) ==
		      (n + 7 < sizeof w.text ? n + 7 : sizeof w.text - 1));
	}
}

TESTS({"a sentence with its errno", sentence}, {"the outermost comes first", wrapping},
      {"NULL is fine", nobody_asks}, {"a long story loses its end", too_long},
      {"all lengths around the limit", every_edge})
