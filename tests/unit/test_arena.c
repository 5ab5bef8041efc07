/* Memory that is freed at once. Run with a sanitizer this also finds overlaps and leaks. */
#include "base/arena.h"
#include "test.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

static void pieces(void)
{
	struct arena *a = arena_new();
	char *v[2000];
	int ok = 1;

	for (size_t i = 0; i < 2000; i++) {
		v[i] = arena_alloc(a, i);
		ok &= (uintptr_t)v[i] % alignof(max_align_t) == 0;
		for (size_t k = 0; k < i; k++)
			ok &= v[i][k] == 0;
		memset(v[i], (int)(i & 0xff), i);
	}
	for (size_t i = 0; i < 2000; i++)
		for (size_t k = 0; k < i; k++)
			ok &= (unsigned char)v[i][k] == (i & 0xff);
	CHECK(ok);
	arena_free(a);
	arena_free(NULL);
}

static void big(void)
{
	struct arena *a = arena_new();
	char *small = arena_strdup(a, "small");
	char *large = arena_alloc(a, 10 << 20);

	memset(large, 'x', 10 << 20);
	char *after = arena_strdup(a, "after");

	CHECK(strcmp(small, "small") == 0 && strcmp(after, "after") == 0);
	CHECK(large[(10 << 20) - 1] == 'x');
	arena_free(a);
}

static void strings(void)
{
	struct arena *a = arena_new();
	char many[20000];

	memset(many, 'm', sizeof many);
	many[sizeof many - 1] = 0;
	CHECK(!arena_strdup(a, NULL));
	CHECK(strcmp(arena_strndup(a, "abcdef", 3), "abc") == 0);
	CHECK(memcmp(arena_strndup(a, "a\0b", 3), "a\0b", 4) == 0);
	CHECK(strcmp(arena_printf(a, "%s/%d", "x", 7), "x/7") == 0);
	CHECK(strcmp(arena_printf(a, "%s", ""), "") == 0);
	CHECK(strcmp(arena_printf(a, "%s", many), many) == 0);
	arena_free(a);
}

static void lists(void)
{
	struct arena *a = arena_new();
	struct strv l = {0};
	static const char one[] = "one";
	int ok = 1;

	CHECK(!l.v);
	for (size_t i = 0; i < 1000; i++) {
		strv_add(a, &l, i % 2 ? one : arena_printf(a, "%zu", i));
		ok &= l.n == i + 1 && !l.v[l.n];
	}
	CHECK(ok);
	CHECK(l.v[1] == one && strcmp(l.v[998], "998") == 0);
	arena_free(a);
}

TESTS({"pieces are zeroed, aligned and apart", pieces},
      {"a large piece among small ones", big}, {"strings", strings},
      {"a list stays NULL-terminated while it grows", lists})
