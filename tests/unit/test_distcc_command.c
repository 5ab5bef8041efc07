/* What an old client's command may do here, and the words that are run for it. */
#include "test.h"
#include "worker/distcc_command.h"

#include <string.h>

enum {
	WORDS = 64
};

static struct arena *arena;

/* The command of the blank-separated words LINE. */
static struct distcc_command *command(enum distcc_form form, const char *line)
{
	char *argv[WORDS + 1] = {0}, *text = arena_strdup(arena, line);
	size_t n = 0;

	for (char *p = strtok(text, " "); p && n < WORDS; p = strtok(NULL, " "))
		argv[n++] = p;
	return distcc_command_read(arena, argv, form, "/d");
}

static const char *joined(const struct distcc_command *c)
{
	const char *out = "";

	for (size_t i = 0; i < c->argv.n; i++)
		out = arena_printf(arena, "%s%s%s", out, i ? " " : "", c->argv.v[i]);
	return out;
}

static void same(enum distcc_form form, const char *line, const char *want)
{
	const struct distcc_command *c = command(form, line);

	if (!CHECK(!c->refused))
		printf("# %s: %s\n", line, c->refused);
	else if (!CHECK(strcmp(joined(c), want) == 0))
		printf("# %s\n# became %s\n# and not %s\n", line, joined(c), want);
}

static void refused(enum distcc_form form, const char *line, const char *why)
{
	const struct distcc_command *c = command(form, line);

	if (!CHECK(c->refused && strstr(c->refused, why)))
		printf("# %s: %s\n", line, c->refused ? c->refused : joined(c));
}

static void texts(void)
{
	arena = arena_new();
	same(DISTCC_TEXT, "gcc -O2 -c a/x.c -o obj/y.o",
	     "gcc -O2 -c /d/x.i -o /d/muster-object.o");
	same(DISTCC_TEXT, "gcc -c x.c", "gcc -c /d/x.i -o /d/muster-object.o");
	same(DISTCC_TEXT, "gcc -oy.o -S x.cc", "gcc -o/d/muster-object.o -S /d/x.ii");
	same(DISTCC_TEXT, "g++ -c x.c -o x.o", "g++ -c /d/x.ii -o /d/muster-object.o");
	same(DISTCC_TEXT, "gcc -c x.m -o x.o", "gcc -c /d/x.mi -o /d/muster-object.o");
	same(DISTCC_TEXT, "gcc -c x.mm -o x.o", "gcc -c /d/x.mii -o /d/muster-object.o");
	same(DISTCC_TEXT, "gcc -c x.i -o x.o", "gcc -c /d/x.i -o /d/muster-object.o");
	same(DISTCC_TEXT, "gcc -c x.ii -o x.o", "gcc -c /d/x.ii -o /d/muster-object.o");
	same(DISTCC_TEXT, "gcc -c x.mii -o x.o", "gcc -c /d/x.mii -o /d/muster-object.o");
	same(DISTCC_TEXT, "gcc -c .x.c -o x.o", "gcc -c /d/.x.i -o /d/muster-object.o");
	same(DISTCC_TEXT, "gcc -c x.c -o /dev/null", "gcc -c /d/x.i -o /d/muster-object.o");
	CHECK(strcmp(command(DISTCC_TEXT, "gcc -c a/x.y.c")->text_name, "x.y.i") == 0);
	CHECK(strcmp(command(DISTCC_TEXT, "gcc -c a/x.c")->source, "a/x.c") == 0);
	arena_free(arena);
}

/* Else the compiler would take the text for a source, and read it by other rules. */
static void language(void)
{
	arena = arena_new();
	same(DISTCC_TEXT, "gcc -x c -c x.h -o x.o",
	     "gcc -x cpp-output -c /d/x.i -o /d/muster-object.o");
	same(DISTCC_TEXT, "gcc -xc++ -c x.inl -o x.o",
	     "gcc -xc++-cpp-output -c /d/x.ii -o /d/muster-object.o");
	same(DISTCC_TEXT, "gcc -x objective-c++ -c x.y -o x.o",
	     "gcc -x objective-c++-cpp-output -c /d/x.mii -o /d/muster-object.o");
	same(DISTCC_TEXT, "gcc -x cpp-output -c x.c -o x.o",
	     "gcc -x cpp-output -c /d/x.i -o /d/muster-object.o");
	same(DISTCC_TEXT, "gcc -x c++ -x none -c x.c -o x.o",
	     "gcc -x c++-cpp-output -x none -c /d/x.i -o /d/muster-object.o");
	refused(DISTCC_TEXT, "gcc -x assembler -c x.c", "assembler");
	refused(DISTCC_TEXT, "gcc -x assembler-with-cpp -c x.c", "assembler");
	refused(DISTCC_TEXT, "gcc -x ada -c x.c", "Ada");
	refused(DISTCC_TEXT, "gcc -x klingon -c x.c", "-x is not known");
	arena_free(arena);
}

static void used_up_by_the_preprocessor(void)
{
	arena = arena_new();
	for (int bare = 0; bare < 2; bare++)
		same(
		    bare ? DISTCC_TEXT_BARE : DISTCC_TEXT,
		    "gcc -iquote . -I a -Ib -DX=1 -U Y -include z.h -isystem c -MD -MP -MT t "
		    "-MF d -Wp,-DQ -Xpreprocessor -DR -O1 -c x.c -o x.o",
		    "gcc -O1 -c /d/x.i -o /d/muster-object.o");
	arena_free(arena);
}

/* The names of a try_compile must not matter: the client sends it, because it wants it done here. */
static void probes(void)
{
	arena = arena_new();
	same(DISTCC_TEXT,
	     "gcc -c /b/CMakeFiles/CMakeScratch/TryCompile-x/a.c -o "
	     "/b/CMakeFiles/CMakeScratch/TryCompile-x/a.o",
	     "gcc -c /d/a.i -o /d/muster-object.o");
	same(DISTCC_TEXT, "gcc -c conftest.c",
	     "gcc -c /d/conftest.i -o /d/muster-object.o");
	arena_free(arena);
}

static void files(void)
{
	arena = arena_new();
	same(DISTCC_FILES, "gcc -I inc -DX -c x.c -o obj/x.o",
	     "gcc -I inc -DX -c x.c -o /d/muster-object.o -MMD -MQ obj/x.o -MF "
	     "/d/muster-deps.d");
	same(DISTCC_FILES, "gcc -MD -MF a/b.d -MT t -c /p/x.c -ox.o",
	     "gcc -MD -MT t -c /p/x.c -o/d/muster-object.o -MF /d/muster-deps.d");
	same(DISTCC_FILES, "gcc -MMD -MFb.d -MQ t -MP -c x.cc",
	     "gcc -MMD -MQ t -MP -c x.cc -o /d/muster-object.o -MF /d/muster-deps.d");
	same(DISTCC_FILES, "gcc -S p/x.cc",
	     "gcc -S p/x.cc -o /d/muster-object.o -MMD -MQ x.s -MF /d/muster-deps.d");
	same(DISTCC_FILES, "gcc -x c++ -c x.h -o x.o",
	     "gcc -x c++ -c x.h -o /d/muster-object.o -MMD -MQ x.o -MF /d/muster-deps.d");
	same(
	    DISTCC_FILES, "gcc -c /t/CMakeScratch/TryCompile-1/x.c -o x.o",
	    "gcc -c /t/CMakeScratch/TryCompile-1/x.c -o /d/muster-object.o -MMD -MQ x.o -MF "
	    "/d/muster-deps.d");
	refused(DISTCC_FILES, "gcc -Wp,-MD,x.d -c x.c -o x.o", "dependency file");
	refused(DISTCC_FILES, "gcc -MG -MD -c x.c -o x.o", "-MG");
	arena_free(arena);
}

static void refusals(void)
{
	static const struct {
		const char *line, *why;
	} cases[] = {
	    {"rm -c x.c",			    "not a compiler"            },
	    {"gcc x.c -o x",                         "links"                     },
	    {"gcc -E x.c -o x.i",                    "only preprocesses"         },
	    {"gcc -M -c x.c",                        "dependencies"              },
	    {"gcc -c -o x.o",                        "names no source"           },
	    {"gcc --version",                        "asks the compiler"         },
	    {"gcc -c x.c y.c",                       "several sources"           },
	    {"gcc -c x.c y.o",                       "linker"                    },
	    {"gcc -c x.c -o -",                      "-o -"                      },
	    {"gcc -c x.c -o x.o -o y.o",             "-o is given twice"         },
	    {"gcc -c -",			     "standard input"            },
	    {"gcc -c x.s",			   "assembler"                 },
	    {"gcc -c x.S",			   "assembler"                 },
	    {"gcc -c x.h",			   "precompiled header"        },
	    {"gcc @flags -c x.c",                    "response file"             },
	    {"gcc -fplugin=/tmp/evil.so -c x.c",     "-fplugin"                  },
	    {"gcc -specs=/tmp/evil -c x.c",          "-specs"                    },
	    {"gcc -specs /tmp/evil -c x.c",          "-specs"                    },
	    {"gcc -B /tmp/evil -c x.c",              "-B"                        },
	    {"gcc -B/tmp/evil -c x.c",               "-B"                        },
	    {"gcc -wrapper /tmp/evil -c x.c",        "-wrapper"                  },
	    {"gcc -no-integrated-cpp -c x.c",        ""                          },
	    {"clang -Xclang -load -Xclang y -c x.c", "-Xclang"                   },
	    {"gcc -Wa,-al=/tmp/x -c x.c",            ""                          },
	    {"gcc -march=native -c x.c",             "-march=native"             },
	    {"gcc -mtune=native -c x.c",             "native"                    },
	    {"gcc -fprofile-use -c x.c",             "profile"                   },
	    {"gcc -fprofile-use=x.gcda -c x.c",      "profile"                   },
	    {"gcc -fprofile-generate -c x.c",        "profile"                   },
	    {"gcc -fprofile-arcs -c x.c",            "profile"                   },
	    {"gcc --coverage -c x.c",                "profile"                   },
	    {"gcc -ftest-coverage -c x.c",           "profile"                   },
	    {"gcc -g -gsplit-dwarf -c x.c",          "cannot bring back"         },
	    {"gcc -fstack-usage -c x.c",             "cannot bring back"         },
	    {"gcc -save-temps -c x.c",               "cannot bring back"         },
	    {"gcc -fdump-tree-all -c x.c",           ""                          },
	    {"gcc -fnever-heard-of -c x.c",          "unknown option"            },
	    {"gcc -c x.c -o",                        "incomplete"                },
	    {"clang -fsanitize-ignorelist=f -c x.c", "the protocol does not carr"},
	};

	arena = arena_new();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (enum distcc_form form = DISTCC_TEXT; form <= DISTCC_FILES; form++)
			refused(form, cases[i].line, cases[i].why);
	arena_free(arena);
}

/* What is fine stays fine. */
static void harmless(void)
{
	arena = arena_new();
	same(DISTCC_TEXT_BARE,
	     "x86_64-linux-gnu-gcc-12 -pipe -Wall -std=gnu17 -g -fPIC -march=x86-64-v3 "
	     "-fprofile-prefix-map=/a=/b -flto -c x.c -o x.o",
	     "x86_64-linux-gnu-gcc-12 -pipe -Wall -std=gnu17 -g -fPIC -march=x86-64-v3 "
	     "-fprofile-prefix-map=/a=/b -flto -c /d/x.i -o /d/muster-object.o");
	same(DISTCC_TEXT, "clang++ -target x86_64-linux-gnu -c x.cpp -o x.o",
	     "clang++ -target x86_64-linux-gnu -c /d/x.ii -o /d/muster-object.o");
	arena_free(arena);
}

TESTS({"texts", texts}, {"the language of a text", language},
      {"what the preprocessor has used up", used_up_by_the_preprocessor},
      {"configure probes", probes}, {"files", files}, {"refusals", refusals},
      {"harmless options", harmless})
