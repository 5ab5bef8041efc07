/* Which compiles go to a distccd with their sources. */
#include "agent/compilers.h"
#include "agent/foreign_way.h"
#include "agent/plan.h"
#include "base/path.h"
#include "cc/preprocessed.h"
#include "net/hostlist.h"
#include "test.h"

#include <string.h>

static struct arena *arena;

/* The plan of a command, as far as it is looked at here. */
static struct plan *plan_of(const char *line, const char *variable)
{
	struct plan *p = arena_alloc(arena, sizeof *p);
	struct strv argv = {0};

	for (const char *at = line; *at;) {
		size_t n = strcspn(at, " ");

		strv_add(arena, &argv, arena_strndup(arena, at, n));
		at += n + (at[n] == ' ');
	}
	p->command = cc_parse(arena, argv.v, NULL);
	CHECK(p->command->verdict == CC_REMOTE);
	p->two = cc_preprocess(arena, p->command);
	if (variable)
		strv_add(arena, &p->env, variable);
	return p;
}

static enum foreign_way way(const char *line, const char *variable)
{
	static const struct host host = {.lzo = true, .cpp = true};

	arena_free(arena);
	arena = arena_new();
	return foreign_way(plan_of(line, variable), &host);
}

static void options_of_the_host(void)
{
	arena = arena_new();
	const struct plan *p = plan_of("gcc -c a.c", NULL);

	CHECK(foreign_way(p, &(struct host){0}) == FOREIGN_PLAIN);
	CHECK(foreign_way(p, &(struct host){.lzo = true}) == FOREIGN_PACKED);
	CHECK(foreign_way(p, &(struct host){.lzo = true, .cpp = true}) == FOREIGN_SOURCES);
	CHECK(foreign_way(plan_of("gcc -g -c a.c", NULL),
			  &(struct host){.lzo = true, .cpp = true}) == FOREIGN_PACKED);
}

static void sources(void)
{
	CHECK(way("gcc -O2 -Iinc -DX=1 -c a.c -o o/a.o", NULL) == FOREIGN_SOURCES);
	CHECK(way("g++ -I../inc -std=c++17 -c ../b.cc", NULL) == FOREIGN_SOURCES);
	CHECK(way("gcc -Wall -include inc/a.h -c a.c", NULL) == FOREIGN_SOURCES);
	CHECK(way("gcc -c a.c -o /tmp/a.o", NULL) == FOREIGN_SOURCES);
	CHECK(way("gcc -c a.c", "LANG=C") == FOREIGN_SOURCES);
	CHECK(way("gcc -c a.c", "CPATH=") == FOREIGN_SOURCES);
	CHECK(way("gcc -g0 -c a.c", NULL) == FOREIGN_SOURCES);
}

static void text(void)
{
	static const char *const lines[] = {
	    "gcc -g -c a.c",
	    "gcc -O2 -ggdb3 -c a.c",
	    "gcc -MD -c a.c",
	    "gcc -MMD -MF x.d -c a.c",
	    "gcc -c /p/a.c",
	    "gcc -I/p/inc -c a.c",
	    "gcc -isystem /p/inc -c a.c",
	    "gcc -include /p/a.h -c a.c",
	    "gcc -idirafter inc -c a.c",
	    "gcc -nostdinc -c a.c",
	    "gcc -Wp,-MD,x.d -c a.c",
	    "gcc -fmacro-prefix-map=inc=x -c a.c",
	    "gcc -fstack-usage -c a.c",
	    "gcc -x c -c a.inl",
	    "gcc -c a.i",
	    "clang -c a.c",
	};

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		if (!CHECK(way(lines[i], NULL) == FOREIGN_PACKED))
			printf("# %s\n", lines[i]);
}

static void environment(void)
{
	CHECK(way("gcc -c a.c", "SOURCE_DATE_EPOCH=1") == FOREIGN_PACKED);
	CHECK(way("gcc -c a.c", "CPATH=/p/inc") == FOREIGN_PACKED);
	CHECK(way("g++ -c a.cc", "CPLUS_INCLUDE_PATH=inc") == FOREIGN_PACKED);
}

static void reasons(void)
{
	arena = arena_new();
	CHECK(!foreign_way_forbids(plan_of("gcc -c a.c", NULL)));
	CHECK(strstr(foreign_way_forbids(plan_of("gcc -g -c a.c", NULL)),
		     "debug information"));
	CHECK(strstr(foreign_way_forbids(plan_of("gcc -c /a.c", NULL)), "absolute"));
	CHECK(strstr(foreign_way_forbids(plan_of("gcc -MD -c a.c", NULL)), "line breaks"));
}

TESTS({"what the host asks for", options_of_the_host}, {"as sources", sources},
      {"as text", text}, {"environment does not travel", environment}, {"reasons", reasons})
