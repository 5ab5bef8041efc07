/* What a build's command says about jobs, and how it is told: one row a case. That the tools see it the same way is
 * build_command_oracle.sh's matter. */
#include "run/command.h"
#include "test.h"

#include <string.h>

/* Words of TEXT between blanks; '~' stands for a blank in a word, "''" for an empty word. */
static struct strv words_of(struct arena *arena, const char *text)
{
	struct strv words = {0};

	for (size_t n; *(text += strspn(text, " ")); text += n) {
		n = strcspn(text, " ");
		char *word = arena_strndup(arena, text, n);

		for (char *p = word; (p = strchr(p, '~'));)
			*p = ' ';
		strv_add(arena, &words, strcmp(word, "''") ? word : "");
	}
	return words;
}

/* CTX: NAME=VALUE words. */
static const char *variable(void *ctx, const char *name)
{
	const struct strv *env = ctx;

	for (size_t i = 0; i < env->n; i++) {
		size_t n = strlen(name);

		if (strncmp(env->v[i], name, n) == 0 && env->v[i][n] == '=')
			return env->v[i] + n + 1;
	}
	return NULL;
}

struct row {
	const char *env, *command;
	const char *expect; /* tool@index jobs from; "-" none */
	const char *told;   /* with 40 jobs; NULL: as it was */
};

static const char *joined(struct arena *arena, const struct strv *words)
{
	const char *text = "";

	for (size_t i = 0; i < words->n; i++)
		text = arena_printf(arena, "%s%s%s", text, i ? " " : "",
				    *words->v[i] ? words->v[i] : "''");
	return text;
}

static void check_row(const struct row *row)
{
	static const char *const tools[] = {"unknown", "make",  "bmake", "ninja",
					    "cmake",   "meson", "scons", "cargo"};
	struct arena *arena = arena_new();
	struct strv env = words_of(arena, row->env), argv = words_of(arena, row->command);
	struct strv out = {0};
	struct build_command c;

	build_command_parse(&c, argv.v, variable, &env);
	const char *got = arena_printf(arena, "%s@%zu %d %s", tools[c.tool], c.tool_at,
				       c.jobs, c.jobs_from ? c.jobs_from : "-");
	struct strv told = build_command_tell(arena, &c, argv.v, 40, &out);
	const char *told_text = joined(arena, &told);
	struct strv told_words = words_of(arena, row->told ? row->told : row->command);
	const char *expected = joined(arena, &told_words);
	if (!CHECK(strcmp(got, row->expect) == 0) ||
	    !CHECK(strcmp(told_text, expected) == 0))
		printf("# %s %s: is '%s', expected '%s'; told '%s', expected '%s'\n",
		       row->env, row->command, got, row->expect, told_text, expected);
	CHECK((c.tool == BUILD_UNKNOWN && !c.jobs_from && !c.inside_make ? 2 : 0) == out.n);
	arena_free(arena);
}

#define ROWS(name, ...) \
	static void name(void) \
	{ \
		static const struct row rows[] = {__VA_ARGS__}; \
		for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) \
			check_row(&rows[i]); \
	}
/* clang-format off */
ROWS(test_make,
	{"", "make", "make@0 0 -", "make -j40"},
	{"", "gmake all", "make@0 0 -", "gmake -j40 all"},
	{"", "/usr/bin/make", "make@0 0 -", "/usr/bin/make -j40"},
	{"", "make-4.4.1", "make@0 0 -", "make-4.4.1 -j40"},
	{"", "mingw32-make", "make@0 0 -", "mingw32-make -j40"},
	{"", "/opt/x86_64-linux-gnu-gmake", "make@0 0 -", "/opt/x86_64-linux-gnu-gmake -j40"},
	{"", "make -j8", "make@0 8 -j8", NULL},
	{"", "make -j 8", "make@0 8 -j", NULL},
	{"", "make -j 08", "make@0 8 -j", NULL},
	{"", "make -j", "make@0 -1 -j", NULL},
	{"", "make -j all", "make@0 -1 -j", NULL},
	{"", "make -j 8k", "make@0 -1 -j", NULL},
	{"", "make -j -k", "make@0 -1 -j", NULL},
	{"", "make --jobs", "make@0 -1 --jobs", NULL},
	{"", "make --jobs=5", "make@0 5 --jobs=5", NULL},
	{"", "make --jobs 5", "make@0 5 --jobs", NULL},
	{"", "make --jobs all", "make@0 -1 --jobs", NULL},
	{"", "make -kj8", "make@0 8 -kj8", NULL},
	{"", "make -kj 8", "make@0 8 -kj", NULL},
	{"", "make all -j8", "make@0 8 -j8", NULL},
	{"", "make A=b -j8", "make@0 8 -j8", NULL},
	{"", "make -j8 -j3", "make@0 3 -j3", NULL},
	{"", "make -j8 -j", "make@0 -1 -j", NULL},
	{"", "make -l 4 -j3", "make@0 3 -j3", NULL},
	{"", "make -l -j3", "make@0 3 -j3", NULL},
	{"", "make -sl4 -j3", "make@0 3 -j3", NULL},
	{"", "make -O -j3", "make@0 3 -j3", NULL},
	/* No numbers of jobs, which make will say */
	{"", "make -j8k", "make@0 0 -j8k", NULL},
	{"", "make -j0", "make@0 0 -j0", NULL},
	{"", "make --jobs=", "make@0 0 --jobs=", NULL},
	{"", "make -j ''", "make@0 0 -j", NULL},
	{"", "make -j99999999999999999999", "make@0 1000000 -j99999999999999999999", NULL},
	/* Values that look like it */
	{"", "make -C -j8", "make@0 0 -", "make -j40 -C -j8"},
	{"", "make -f -j8", "make@0 0 -", "make -j40 -f -j8"},
	{"", "make -kf -j8", "make@0 0 -", "make -j40 -kf -j8"},
	{"", "make -fj8", "make@0 0 -", "make -j40 -fj8"},
	{"", "make -Oj3", "make@0 0 -", "make -j40 -Oj3"},
	{"", "make -I -j8 -o -j8 -W -j8", "make@0 0 -", "make -j40 -I -j8 -o -j8 -W -j8"},
	{"", "make --directory -j8", "make@0 0 -", "make -j40 --directory -j8"},
	{"", "make --dir -j8", "make@0 0 -", "make -j40 --dir -j8"},
	{"", "make --eval=-j8 --file=-j8", "make@0 0 -", "make -j40 --eval=-j8 --file=-j8"},
	{"", "make -- -j8", "make@0 0 -", "make -j40 -- -j8"},
	{"", "make MAKEFLAGS=-j8", "make@0 0 -", "make -j40 MAKEFLAGS=-j8"},
	{"", "make -C", "make@0 0 -", "make -j40 -C"})

ROWS(test_makeflags,
	{"MAKEFLAGS=j8", "make", "make@0 8 MAKEFLAGS", NULL},
	{"MAKEFLAGS=-j8", "make", "make@0 8 MAKEFLAGS", NULL},
	{"MAKEFLAGS=~-j8", "make", "make@0 8 MAKEFLAGS", NULL},
	{"MAKEFLAGS=kj8", "make", "make@0 8 MAKEFLAGS", NULL},
	{"MAKEFLAGS=k~-j8", "make", "make@0 8 MAKEFLAGS", NULL},
	{"MAKEFLAGS=-k~-j~8", "make", "make@0 8 MAKEFLAGS", NULL},
	{"MAKEFLAGS=--jobs=8", "make", "make@0 8 MAKEFLAGS", NULL},
	{"MAKEFLAGS=j", "make", "make@0 -1 MAKEFLAGS", NULL},
	{"MAKEFLAGS=A=b~-j2", "make", "make@0 2 MAKEFLAGS", NULL},
	{"MAKEFLAGS=k~j8", "make", "make@0 0 -", "make -j40"},
	{"MAKEFLAGS=jobs=8", "make", "make@0 0 -", "make -j40"},
	{"MAKEFLAGS=A=b\\~-j8", "make", "make@0 0 -", "make -j40"},
	{"MAKEFLAGS=k~--~A=-j8", "make", "make@0 0 -", "make -j40"},
	{"MAKEFLAGS=-k~--~-j8", "make", "make@0 0 -", "make -j40"},
	{"MAKEFLAGS=", "make", "make@0 0 -", "make -j40"},
	{"MAKEFLAGS=-j8", "make -j3", "make@0 3 -j3", NULL},
	{"GNUMAKEFLAGS=-j8", "make", "make@0 8 GNUMAKEFLAGS", NULL},
	{"GNUMAKEFLAGS=-j8 MAKEFLAGS=j4", "make", "make@0 4 MAKEFLAGS", NULL},
	/* Inside a make nobody is told another number. */
	{"MAKEFLAGS=~-j8~--jobserver-auth=3,4", "make", "make@0 8 MAKEFLAGS", NULL},
	{"MAKEFLAGS=k~--jobserver-auth=fifo:/x", "make", "make@0 0 -", NULL},
	{"MAKEFLAGS=k~--jobserver-fds=3,4", "cmake --build b", "cmake@0 0 -", NULL},
	{"MAKEFLAGS=k~--jobserver-fds=3,4", "cargo build", "cargo@0 0 -", NULL},
	{"MAKEFLAGS=k~--jobserver-fds=3,4", "./x", "unknown@0 0 -", NULL},
	{"MAKEFLAGS=k~--jobserver-fds=3,4", "ninja", "ninja@0 0 -", "ninja -j40"})

ROWS(test_ninja,
	{"", "ninja", "ninja@0 0 -", "ninja -j40"},
	{"", "ninja-build -C out all", "ninja@0 0 -", "ninja-build -j40 -C out all"},
	{"", "ninja -j8", "ninja@0 8 -j8", NULL},
	{"", "ninja -j 8", "ninja@0 8 -j", NULL},
	{"", "ninja -nvj 8", "ninja@0 8 -nvj", NULL},
	{"", "ninja all -j8", "ninja@0 8 -j8", NULL},
	{"", "ninja -j0", "ninja@0 -1 -j0", NULL},
	{"", "ninja -j x", "ninja@0 0 -j", NULL},
	{"", "ninja -j", "ninja@0 0 -j", NULL},
	{"", "ninja -C -j8", "ninja@0 0 -", "ninja -j40 -C -j8"},
	{"", "ninja -k 0 -l -j8", "ninja@0 0 -", "ninja -j40 -k 0 -l -j8"},
	{"", "ninja -t targets -j8", "ninja@0 0 -", "ninja -j40 -t targets -j8"},
	{"", "ninja -- -j8", "ninja@0 0 -", "ninja -j40 -- -j8"},
	{"MAKEFLAGS=-j8 SAMUFLAGS=-j8", "ninja", "ninja@0 0 -", "ninja -j40"},
	{"", "samu", "ninja@0 0 -", "samu -j40"},
	{"SAMUFLAGS=-v~-j~8", "samu", "ninja@0 8 SAMUFLAGS", NULL},
	{"SAMUFLAGS=-j8", "samu -j9", "ninja@0 9 -j9", NULL})

ROWS(test_cmake,
	{"", "cmake --build b", "cmake@0 0 -", "cmake --build b -j40"},
	{"", "cmake3 --build b -t x", "cmake@0 0 -", "cmake3 --build b -t x -j40"},
	{"", "cmake --build b -- -k", "cmake@0 0 -", "cmake --build b -j40 -- -k"},
	{"", "cmake --build b --", "cmake@0 0 -", "cmake --build b -j40 --"},
	{"", "cmake --build --preset p", "cmake@0 0 -", "cmake --build --preset p -j40"},
	{"", "cmake --build b -j8", "cmake@0 8 -j8", NULL},
	{"", "cmake --build b -j 8", "cmake@0 8 -j", NULL},
	{"", "cmake --build b -j=8", "cmake@0 8 -j=8", NULL},
	{"", "cmake --build b -j -v", "cmake@0 -1 -j", NULL},
	{"", "cmake --build b --parallel", "cmake@0 -1 --parallel", NULL},
	{"", "cmake --build b --parallel 8", "cmake@0 8 --parallel", NULL},
	{"", "cmake --build b --parallel=8", "cmake@0 8 --parallel=8", NULL},
	{"", "cmake --build b --parallel8", "cmake@0 8 --parallel8", NULL},
	{"", "cmake --build b -j8 -- -j3", "cmake@0 3 -j3", NULL},
	{"", "cmake --build b -- -j", "cmake@0 -1 -j", NULL},
	{"", "cmake --build b -- -l 3 -j 5", "cmake@0 5 -j", NULL},
	{"", "cmake --build b --target -j8", "cmake@0 0 -", "cmake --build b --target -j8 -j40"},
	{"CMAKE_BUILD_PARALLEL_LEVEL=7", "cmake --build b", "cmake@0 7 CMAKE_BUILD_PARALLEL_LEVEL", NULL},
	{"CMAKE_BUILD_PARALLEL_LEVEL=", "cmake --build b", "cmake@0 0 -", "cmake --build b -j40"},
	{"CMAKE_BUILD_PARALLEL_LEVEL=x", "cmake --build b", "cmake@0 0 CMAKE_BUILD_PARALLEL_LEVEL", NULL},
	{"CMAKE_BUILD_PARALLEL_LEVEL=7", "cmake --build b -j3", "cmake@0 3 -j3", NULL},
	/* It is the size wanted, but a ninja below would not hear of it. */
	{"MAKEFLAGS=-j8", "cmake --build b", "cmake@0 8 MAKEFLAGS", "cmake --build b -j40"},
	/* Not a build */
	{"", "cmake -S . -B b -j8", "unknown@0 0 -", NULL},
	{"", "cmake", "unknown@0 0 -", NULL},
	{"", "cmake --install b", "unknown@0 0 -", NULL})

ROWS(test_others,
	{"", "bmake", "bmake@0 0 -", "bmake -j40"},
	{"", "bmake -kj8 all", "bmake@0 8 -kj8", NULL},
	{"", "bmake -j 8", "bmake@0 8 -j", NULL},
	{"", "bmake -j0", "bmake@0 0 -j0", NULL},
	{"", "bmake -C -j8 -m -j8", "bmake@0 0 -", "bmake -j40 -C -j8 -m -j8"},
	{"MAKEFLAGS=-k~-j~8", "bmake", "bmake@0 8 MAKEFLAGS", NULL},
	{"MAKEFLAGS=j8", "bmake", "bmake@0 0 -", "bmake -j40"},
	{"", "meson compile", "meson@0 0 -", "meson compile -j40"},
	{"", "meson compile -C b x", "meson@0 0 -", "meson compile -j40 -C b x"},
	{"", "meson compile -j8", "meson@0 8 -j8", NULL},
	{"", "meson compile -j 8", "meson@0 8 -j", NULL},
	{"", "meson compile --jobs=8", "meson@0 8 --jobs=8", NULL},
	{"", "meson compile --jobs 8", "meson@0 8 --jobs", NULL},
	{"", "meson compile --ninja-args=-j8", "meson@0 8 --ninja-args=-j8", NULL},
	{"", "meson compile --ninja-args=['-v','-j','7']", "meson@0 7 --ninja-args=['-v','-j','7']", NULL},
	{"", "meson compile --ninja-args=-v", "meson@0 0 -", "meson compile -j40 --ninja-args=-v"},
	{"", "meson test -j8", "unknown@0 0 -", NULL},
	{"", "meson", "unknown@0 0 -", NULL},
	{"", "scons", "scons@0 0 -", "scons -j40"},
	{"", "scons -kj8 x", "scons@0 8 -kj8", NULL},
	{"", "scons --jobs=8", "scons@0 8 --jobs=8", NULL},
	{"", "scons --jobs 8", "scons@0 8 --jobs", NULL},
	{"", "scons -Y -j8 A=b", "scons@0 0 -", "scons -j40 -Y -j8 A=b"},
	{"SCONSFLAGS=-k~-j~8", "scons", "scons@0 8 SCONSFLAGS", NULL},
	{"SCONSFLAGS=-j8", "scons -j2", "scons@0 2 -j2", NULL},
	{"SCONSFLAGS=j8", "scons", "scons@0 0 -", "scons -j40"},
	{"", "cargo build", "cargo@0 0 -", "cargo build -j40"},
	{"", "cargo +nightly -v --color never t -p x", "cargo@0 0 -", "cargo +nightly -v --color never t -j40 -p x"},
	{"", "cargo build -j8", "cargo@0 8 -j8", NULL},
	{"", "cargo run --jobs 8 -- -j3", "cargo@0 8 --jobs", NULL},
	{"", "cargo run -- -j3", "cargo@0 0 -", "cargo run -j40 -- -j3"},
	{"", "cargo build -j -2", "cargo@0 0 -j", NULL},
	{"CARGO_BUILD_JOBS=8", "cargo build", "cargo@0 8 CARGO_BUILD_JOBS", NULL},
	{"CARGO_BUILD_JOBS=-2", "cargo build", "cargo@0 0 CARGO_BUILD_JOBS", NULL},
	{"", "cargo fmt -j8", "unknown@0 0 -", NULL},
	{"", "cargo", "unknown@0 0 -", NULL})

ROWS(test_through,
	{"", "env make", "make@1 0 -", "env make -j40"},
	{"", "env A=b C=-j8 /x/make -k", "make@3 0 -", "env A=b C=-j8 /x/make -j40 -k"},
	{"", "env -u X -C d --chdir=e --unset Y -v make", "make@9 0 -", "env -u X -C d --chdir=e --unset Y -v make -j40"},
	{"", "env MAKEFLAGS=-j8 make", "make@2 8 MAKEFLAGS", NULL},
	{"MAKEFLAGS=-j8", "env -u MAKEFLAGS make", "make@3 0 -", "env -u MAKEFLAGS make -j40"},
	{"MAKEFLAGS=-j8", "env -uMAKEFLAGS make", "make@2 0 -", "env -uMAKEFLAGS make -j40"},
	{"MAKEFLAGS=-j8", "env -i make", "make@2 0 -", "env -i make -j40"},
	{"MAKEFLAGS=-j8", "env - make", "make@2 0 -", "env - make -j40"},
	{"", "env -i MAKEFLAGS=-j3 make", "make@3 3 MAKEFLAGS", NULL},
	{"", "env MAKEFLAGSX=-j3 make", "make@2 0 -", "env MAKEFLAGSX=-j3 make -j40"},
	{"", "env -S make~-j8 all", "unknown@0 0 -", NULL},
	{"", "env -- make", "make@2 0 -", "env -- make -j40"},
	{"", "env", "unknown@0 0 -", NULL},
	{"", "nice", "unknown@0 0 -", NULL},
	{"", "nice make", "make@1 0 -", "nice make -j40"},
	{"", "nice -n -5 make -j8", "make@3 8 -j8", NULL},
	{"", "nice -10 make", "make@2 0 -", "nice -10 make -j40"},
	{"", "nice --adjustment 3 make", "make@3 0 -", "nice --adjustment 3 make -j40"},
	{"", "time -p ninja", "ninja@2 0 -", "time -p ninja -j40"},
	{"", "time -f %e -o make ninja", "ninja@5 0 -", "time -f %e -o make ninja -j40"},
	{"", "nohup make", "make@1 0 -", "nohup make -j40"},
	{"", "ionice -c 3 make", "make@3 0 -", "ionice -c 3 make -j40"},
	{"", "ionice -c2 -n7 -t make", "make@4 0 -", "ionice -c2 -n7 -t make -j40"},
	{"", "taskset ff make", "make@2 0 -", "taskset ff make -j40"},
	{"", "taskset -c 0-3 make", "make@3 0 -", "taskset -c 0-3 make -j40"},
	{"", "taskset", "unknown@0 0 -", NULL},
	{"", "chrt -b 0 make", "make@3 0 -", "chrt -b 0 make -j40"},
	{"", "chrt -b make", "make@2 0 -", "chrt -b make -j40"},
	{"", "setsid -w make", "make@2 0 -", "setsid -w make -j40"},
	{"", "stdbuf -oL -e 0 make", "make@4 0 -", "stdbuf -oL -e 0 make -j40"},
	{"", "timeout -k 5 1h make", "make@4 0 -", "timeout -k 5 1h make -j40"},
	{"", "fakeroot -- make", "make@2 0 -", "fakeroot -- make -j40"},
	{"", "bear --output c.json -- make", "make@4 0 -", "bear --output c.json -- make -j40"},
	{"", "schroot -c sid -p -- make -j4", "make@5 4 -j4", NULL},
	{"", "schroot --chroot sid -pd /x -- make", "make@6 0 -", "schroot --chroot sid -pd /x -- make -j40"},
	{"MAKEFLAGS=-j8", "schroot -c sid -- make", "make@4 0 -", "schroot -c sid -- make -j40"},
	{"", "env A=b nice -n 3 time -p schroot -p -- env make", "make@11 0 -",
	    "env A=b nice -n 3 time -p schroot -p -- env make -j40"},
	{"", "nice cmake --build b -- -k", "cmake@1 0 -", "nice cmake --build b -j40 -- -k"},
	{"", "nice nice", "unknown@0 0 -", NULL})

ROWS(test_unknown,
	{"", "./build.sh -j8", "unknown@0 0 -", NULL},
	{"", "bash -c make~-j8", "unknown@0 0 -", NULL},
	{"", "nice sh build.sh", "unknown@1 0 -", NULL},
	{"", "sudo -E make", "unknown@0 0 -", NULL},
	{"", "ccache make", "unknown@0 0 -", NULL},
	{"", "qmake", "unknown@0 0 -", NULL},
	{"", "automake", "unknown@0 0 -", NULL},
	{"", "makeinfo", "unknown@0 0 -", NULL},
	{"", "make/x", "unknown@0 0 -", NULL},
	{"", "''", "unknown@0 0 -", NULL},
	{"MAKEFLAGS=-j8", "./build.sh", "unknown@0 8 MAKEFLAGS", NULL},
	{"CMAKE_BUILD_PARALLEL_LEVEL=8", "./build.sh", "unknown@0 8 CMAKE_BUILD_PARALLEL_LEVEL", NULL})

/* clang-format on */

static struct build_command parsed(struct arena *arena, const char *env,
				   const char *command)
{
	struct strv *variables = arena_alloc(arena, sizeof *variables);
	struct strv argv = words_of(arena, command);
	struct build_command c;

	*variables = words_of(arena, env);
	build_command_parse(&c, argv.v, variable, variables);
	return c;
}

static void test_names(void)
{
	struct arena *arena = arena_new();

	CHECK(strcmp(parsed(arena, "", "/usr/bin/gmake").name, "make") == 0);
	CHECK(strcmp(parsed(arena, "", "cmake --build b").name, "cmake --build") == 0);
	CHECK(strcmp(parsed(arena, "", "cmake -B b").name, "cmake") == 0);
	CHECK(strcmp(parsed(arena, "", "nice ./a/build.sh").name, "build.sh") == 0);
	CHECK(strcmp(parsed(arena, "", "env A=b").name, "env") == 0);
	arena_free(arena);
}

static void test_environment(void)
{
	struct arena *arena = arena_new();

	CHECK(!parsed(arena, "", "env A=b make").own_environment);
	CHECK(parsed(arena, "", "env -i make").own_environment);
	CHECK(parsed(arena, "", "env --ignore-environment make").own_environment);
	CHECK(parsed(arena, "", "env - make").own_environment);
	CHECK(parsed(arena, "", "env PATH=/bin make").own_environment);
	CHECK(!parsed(arena, "", "env XPATH=/bin make").own_environment);
	CHECK(parsed(arena, "", "schroot -c x -- make").own_environment);
	CHECK(!parsed(arena, "", "schroot -pc x -- make").own_environment);
	CHECK(!parsed(arena, "", "schroot --preserve-environment -- make").own_environment);
	CHECK(parsed(arena, "MAKEFLAGS=k~--jobserver-auth=3,4", "make").inside_make);
	CHECK(parsed(arena, "MAKEFLAGS=k~--jobserver-fds=3,4", "./x").inside_make);
	CHECK(!parsed(arena, "MAKEFLAGS=k", "make").inside_make);
	CHECK(!parsed(arena, "MAKEFLAGS=--jobserver-fds=3,4", "env -u MAKEFLAGS make")
		   .inside_make);
	arena_free(arena);
}

static void test_joined_flags(void)
{
	static const char *const rows[][2] = {
	    {"",			     "-j8"                   },
	    {"MAKEFLAGS=",                   "-j8"                   },
	    {"MAKEFLAGS=k",                  "k -j8"                 },
	    {"MAKEFLAGS=~-j3~",              " -j3 -j8"              },
	    {"MAKEFLAGS=k~--~A=b~B=c",       "k -j8 -- A=b B=c"      },
	    {"MAKEFLAGS=--~A=b",             "-j8 -- A=b"            },
	    {"MAKEFLAGS=--trace~--~A=--~B=", "--trace -j8 -- A=-- B="},
	    {"MAKEFLAGS=A=b\\~c",            "A=b\\ c -j8"           },
	};
	struct arena *arena = arena_new();

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct build_command c = parsed(arena, rows[i][0], "make");
		const char *got = build_command_makeflags(arena, &c, "-j8");

		if (!CHECK(strcmp(got, rows[i][1]) == 0))
			printf("# '%s' gives '%s'\n", rows[i][0], got);
	}
	arena_free(arena);
}

static void test_unknown_variables(void)
{
	struct arena *arena = arena_new();
	struct strv argv = words_of(arena, "./build.sh"), env = {0};
	struct build_command c = parsed(arena, "MAKEFLAGS=k", "./build.sh");

	build_command_tell(arena, &c, argv.v, 40, &env);
	CHECK(env.n == 2 && strcmp(env.v[0], "MAKEFLAGS=k -j40") == 0 &&
	      strcmp(env.v[1], "CMAKE_BUILD_PARALLEL_LEVEL=40") == 0);
	env = (struct strv){0};
	build_command_tell(arena, &c, argv.v, 0, &env);
	CHECK(env.n == 0);
	arena_free(arena);
}

TESTS({"make", test_make}, {"make by its variables", test_makeflags}, {"ninja", test_ninja},
      {"cmake", test_cmake}, {"bmake, meson, scons, cargo", test_others},
      {"through other programs", test_through}, {"unknown tools", test_unknown},
      {"names for people", test_names}, {"what reaches the tool", test_environment},
      {"flags joined", test_joined_flags}, {"what a script gets", test_unknown_variables})
