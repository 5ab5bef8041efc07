#include "cc/command.h"
#include "cc/outputs.h"
#include "cc/response.h"
#include "test.h"

#include <string.h>

/* Splits TEXT at its spaces. */
static char **words_of(struct arena *arena, const char *text)
{
	struct strv words = {0};

	while (*text) {
		size_t n = strcspn(text, " ");

		if (n)
			strv_add(arena, &words, arena_strndup(arena, text, n));
		text += n + (text[n] != '\0');
	}
	return words.v;
}

/* Response files of these tests: NAME and what is in it. */
static const char *const files[][2] = {
    {"args",  "-c x.c -o \"out dir/x.o\" -DA='b c' -DB=\\\"q\\\""},
    {"outer", "-O2 @args @missing"                               },
    {"loop",  "-c @loop"					 },
    {"empty", "  \n\t "					  },
    {"odd",   "'' a''b \"c'd\" 'e\"f' 'g\\'h' i\\ j k\\\nl m\\"  },
};

static const char *file_read(void *ctx, struct arena *arena, const char *name)
{
	(void)ctx;
	if (strcmp(name, "many") == 0) {
		char *text = arena_alloc(arena, 2 * RESPONSE_WORDS + 1);

		for (size_t i = 0; i < RESPONSE_WORDS; i++)
			memcpy(text + 2 * i, "a ", 2);
		return text;
	}
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		if (strcmp(files[i][0], name) == 0)
			return files[i][1];
	return NULL;
}

static const struct cc_reader reader = {NULL, file_read};

static struct cc_command *parse(struct arena *arena, const char *text)
{
	return cc_parse(arena, words_of(arena, text), &reader);
}

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static const char *joined(struct arena *arena, const struct strv *list)
{
	const char *text = "";

	for (size_t i = 0; i < list->n; i++)
		text = arena_printf(arena, "%s%s%s", text, i ? " " : "", list->v[i]);
	return text;
}

struct verdict_case {
	const char *words;
	enum cc_verdict verdict;
	const char *why;
	bool cheap;
};

static void check_verdicts(const struct verdict_case *cases, size_t n)
{
	struct arena *arena = arena_new();

	for (size_t i = 0; i < n; i++) {
		const struct verdict_case *c = &cases[i];
		const struct cc_command *cmd = parse(arena, c->words);
		bool fine = cmd->verdict == c->verdict && same(cmd->why, c->why) &&
			    cmd->cheap == c->cheap;

		if (!CHECK(fine))
			printf("# %s: %d, %s\n", c->words, (int)cmd->verdict,
			       cmd->why ? cmd->why : "-");
	}
	arena_free(arena);
}

#define CHECK_VERDICTS(cases) check_verdicts(cases, sizeof(cases) / sizeof((cases)[0]))

static void compiles_that_travel(void)
{
	static const struct verdict_case cases[] = {
	    {"gcc -c x.c",							      CC_REMOTE, NULL, false},
	    {"gcc x.c -c",							      CC_REMOTE, NULL, false},
	    {"g++-12 -std=c++20 -O2 -g -Wall -Wextra -fPIC -pthread -c a/b.cc -o b.o",
	     CC_REMOTE,									    NULL, false},
	    {"clang -S x.c -o -fPIC",						   CC_REMOTE, NULL, false},
	    {"clang -c -- x.c",							 CC_REMOTE, NULL, false},
	    {"clang -c -- -x.c",							CC_REMOTE, NULL, false},
	    {"gcc -c x.s",							      CC_REMOTE, NULL, false},
	    {"gcc -c x.S",							      CC_REMOTE, NULL, false},
	    {"gcc -c x.i",							      CC_REMOTE, NULL, false},
	    {"gcc -c -x c x.weird",						     CC_REMOTE, NULL, false},
	    {"gcc -c -x c -x none x.cc",						CC_REMOTE, NULL, false},
	    {"gcc -c x.c -o /dev/null",						 CC_REMOTE, NULL, false},
	    {"gcc -c x.c -lm -L/lib -Wl,-rpath,/x -Xlinker -z",                         CC_REMOTE, NULL, false},
	    {"gcc -c x.c -Wa,--noexecstack,-mrelax-relocations=no",                     CC_REMOTE, NULL, false},
	    {"gcc -c x.c -Wa,--defsym,a=1",					     CC_REMOTE, NULL, false},
	    {"gcc -c x.c -Xassembler --defsym -Xassembler a=1",                         CC_REMOTE, NULL, false},
	    {"gcc -c x.c -Wp,-Wall,-DA,-U,B",                                           CC_REMOTE, NULL, false},
	    {"gcc -c x.c -Xpreprocessor -fopenmp",                                      CC_REMOTE, NULL, false},
	    {"clang -c x.c -Xclang -fno-pch-timestamp",                                 CC_REMOTE, NULL, false},
	    {"clang -c x.c -mllvm -instcombine-lower-dbg-declare=0",                    CC_REMOTE, NULL,
	     false											    },
	    {"clang -c x.c -Qunused-arguments",                                         CC_REMOTE, NULL, false},
	    {"gcc -c x.c -fanalyzer -flto -fprofile-arcs -fprofile-generate",           CC_REMOTE,
	     NULL,										       false},
	    {"gcc -c x.c -m32 -mno-avx --param max-inline-insns-single=3",              CC_REMOTE, NULL,
	     false											    },
	    {"gcc -c x.c -fno-modules -fno-stack-usage -fno-time-report",               CC_REMOTE, NULL,
	     false											    },
	    {"gcc --compile x.c --output=y.o --define-macro=A --include-directory=inc",
	     CC_REMOTE,									    NULL, false},
	    {"gcc -pipe -pass-exit-codes -c x.c",                                       CC_REMOTE, NULL, false},
	    {"gcc -finput-charset=UTF-8 -c x.c",                                        CC_REMOTE, NULL, false},
	    {"arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -mfloat-abi=hard -c x.c",       CC_REMOTE,
	     NULL,										       false},
	};

	CHECK_VERDICTS(cases);
}

static void compiles_that_stay(void)
{
	static const struct verdict_case cases[] = {
	    {"gcc -c x.c y.c",					      CC_LOCAL, "several sources in one command",                   false},
	    {"gcc -c -",						    CC_LOCAL, "the source is read from standard input",           false},
	    {"gcc -x c -c -",					       CC_LOCAL, "the source is read from standard input",           false},
	    {"gcc -c x.c -o -",					     CC_LOCAL, "-o - writes to standard output",                   false},
	    {"gcc -S x.c -o -",					     CC_LOCAL, "-o - writes to standard output",                   false},
	    {"gcc -c x.c -o a.o -o b.o",                                    CC_LOCAL, "-o is given twice",                                false},
	    {"gcc -c x.c y.o",					      CC_LOCAL, "an input for the linker stands beside the source",
	     false															     },
	    {"gcc -c x.c -o",					       CC_LOCAL, "the command line is incomplete",                   false},
	    {"gcc -c x.c -I",					       CC_LOCAL, "the command line is incomplete",                   false},
	    {"gcc -c x.c -include",					 CC_LOCAL, "the command line is incomplete",                   false},
	    {"gcc -c x.c -fplugin=p.so",                                    CC_LOCAL, "-fplugin loads code of this machine",
	     false															     },
	    {"clang -c x.c -fpass-plugin=p.so",                             CC_LOCAL,
	     "-fplugin loads code of this machine",										       false},
	    {"gcc -c x.c -specs=s",					 CC_LOCAL, "-specs changes what the driver does",              false},
	    {"gcc -c x.c -Bdir",					    CC_LOCAL, "-B chooses other programs and files",              false},
	    {"gcc -c x.c -wrapper gdb",                                     CC_LOCAL, "-wrapper runs another program",                    false},
	    {"clang -c x.c -Xclang -load -Xclang p.so",                     CC_LOCAL,
	     "-Xclang with an option that is not followed",									       false},
	    {"clang -c x.c -mllvm -stats",                                  CC_LOCAL,
	     "-mllvm with an option that is not followed",										false},
	    {"gcc -c x.c -fdump-tree-all",                                  CC_LOCAL,
	     "-fdump- writes files with names of the compiler",									   false},
	    {"gcc -c x.c -da",					      CC_LOCAL, "-d writes dumps with names of the compiler",
	     false															     },
	    {"gcc -c x.c -dumpdir a/",                                      CC_LOCAL, "-dump… names further files",                     false},
	    {"clang -c x.c -ftime-trace",                                   CC_LOCAL, "the time of each part is measured",
	     false															     },
	    {"gcc -c x.c -time=f",					  CC_LOCAL, "-time measures the programs of this machine",
	     false															     },
	    {"gcc -c x.c -v",					       CC_LOCAL, "-v prints what the compiler runs",                 false},
	    {"gcc -c x.c -I-",					      CC_LOCAL, "-I- splits the search path",                       false},
	    {"gcc -fmodules-ts -c x.cc",                                    CC_LOCAL, "modules are compiled here",                        false},
	    {"gcc -c x.c -aux-info f",                                      CC_LOCAL, "-aux-info writes a further file",                  false},
	    {"gcc -c x.c -foffload=nvptx-none",                             CC_LOCAL,
	     "offloading compiles for other devices",										     false},
	    {"gcc -fsyntax-only x.c",				       CC_LOCAL, "-fsyntax-only writes nothing",                     false},
	    {"gcc -fsyntax-only -c x.c",                                    CC_LOCAL, "-fsyntax-only writes nothing",                     false},
	    {"gcc x.h",						     CC_LOCAL, "a precompiled header is made here",                false},
	    {"gcc -c x.hpp -o x.gch",				       CC_LOCAL, "a precompiled header is made here",                false},
	    {"gcc -x c++-header x.h",				       CC_LOCAL, "a precompiled header is made here",                false},
	    {"clang -include-pch p -c x.c",                                 CC_LOCAL, "a precompiled header is named",
	     false															     },
	    {"gcc -c x.f90",						CC_LOCAL, "language Fortran is not distributed",              false},
	    {"gcc -x ada -c x",					     CC_LOCAL, "language Ada is not distributed",                  false},
	    {"clang -c x.cu",					       CC_LOCAL, "language CUDA is not distributed",                 false},
	    {"gcc -x nonsense -c x.c",                                      CC_LOCAL, "the language named by -x is not known",
	     false															     },
	    {"gcc -c x.c -Wp,-M",					   CC_LOCAL,
	     "-Wp, or -Xpreprocessor with an option that is not followed",                                                                false},
	    {"gcc -c x.c -Wp,-MD",					  CC_LOCAL,
	     "-Wp, or -Xpreprocessor with an option that is not followed",                                                                false},
	    {"gcc -c x.c -Wp,-remap",				       CC_LOCAL,
	     "-Wp, or -Xpreprocessor with an option that is not followed",                                                                false},
	    {"gcc -c x.c -Wa,-ahls=x.lst",                                  CC_LOCAL,
	     "-Wa, or -Xassembler with an option that is not followed",                                                                   false},
	    {"gcc -c x.c -Wa,--MD,x.d",                                     CC_LOCAL,
	     "-Wa, or -Xassembler with an option that is not followed",                                                                   false},
	    {"gcc -c x.c -Wa,y.s",					  CC_LOCAL,
	     "-Wa, or -Xassembler with an option that is not followed",                                                                   false},
	    {"gcc -MD -MG -c x.c",					  CC_LOCAL, "-MG lets headers be missing",                      false},
	    {"gcc -MD -MF - -c x.c",					CC_LOCAL,
	     "-MF - writes dependencies to standard output",									      false},
	    {"gcc -MD -c x.c -o /dev/null",                                 CC_LOCAL,
	     "-o /dev/null leaves side files without a name",									     false},
	    {"gcc --coverage -c x.c -o /dev/null",                          CC_LOCAL,
	     "-o /dev/null leaves side files without a name",									     false},
	    {"gcc -S x.s",						  CC_LOCAL, "-S of an assembler source writes nothing",         false},
	    {"gcc -c conftest.c",					   CC_LOCAL, "a configure probe (conftest) is cheaper here",
	     false															     },
	    {"gcc -c ./conftest.cpp -frob",                                 CC_LOCAL,
	     "a configure probe (conftest) is cheaper here",									      false},
	    {"cc -c /b/CMakeFiles/CMakeScratch/TryCompile-a1/src.c -o x.o", CC_LOCAL,
	     "a configure probe (try_compile) is cheaper here",									   false},
	    {"cc -c CMakeFiles/CMakeTmp/src.c -o x.o",                      CC_LOCAL,
	     "a configure probe (try_compile) is cheaper here",									   false},
	    {"gcc -c x.c -frob=1",					  CC_LOCAL, "unknown option -frob",                             false},
	    {"gcc -c x.c -mrob",					    CC_LOCAL, "unknown option -mrob",                             false},
	    {"gcc -c -- x.c",					       CC_LOCAL, "unknown option --",                                false},
	    {"gcc -traditional-cpp -c x.c",                                 CC_LOCAL,
	     "-traditional preprocesses by other rules",										  false},
	    {"clang --gcc-toolchain=/x -c x.c",                             CC_LOCAL,
	     "another GCC installation is looked up",										     false},
	    {"gcc -save-temps=here -c x.c",                                 CC_LOCAL,
	     "-save-temps= with another argument than obj or cwd",									false},
	};

	CHECK_VERDICTS(cases);
}

static void no_compiles(void)
{
	static const char about[] = "asks the compiler about itself";
	static const struct verdict_case cases[] = {
	    {"gcc x.c",			CC_NOT_A_COMPILE, "links",                           false},
	    {"gcc x.o y.o -o z",               CC_NOT_A_COMPILE, "links",                           false},
	    {"gcc x.c y.c -shared -fplugin=z", CC_NOT_A_COMPILE, "links",                           false},
	    {"gcc -E x.c",                     CC_NOT_A_COMPILE, "only preprocesses (-E)",          false},
	    {"gcc -c -E x.c",                  CC_NOT_A_COMPILE, "only preprocesses (-E)",          false},
	    {"gcc -E -",                       CC_NOT_A_COMPILE, "only preprocesses (-E)",          false},
	    {"gcc -M x.c",                     CC_NOT_A_COMPILE, "lists dependencies (-M)",         false},
	    {"gcc -MM -c x.c",                 CC_NOT_A_COMPILE, "lists dependencies (-M)",         false},
	    {"gcc -MM -MD -c x.c",             CC_NOT_A_COMPILE, "lists dependencies (-M)",         false},
	    {"gcc --version",                  CC_NOT_A_COMPILE, about,                             true },
	    {"gcc -dumpmachine",               CC_NOT_A_COMPILE, about,                             true },
	    {"gcc -dumpversion",               CC_NOT_A_COMPILE, about,                             true },
	    {"gcc -print-file-name=libc.so",   CC_NOT_A_COMPILE, about,                             true },
	    {"gcc -print-search-dirs",         CC_NOT_A_COMPILE, about,                             true },
	    {"gcc --help=warnings -Q",         CC_NOT_A_COMPILE, about,                             true },
	    {"gcc -v",			 CC_NOT_A_COMPILE, about,                             true },
	    {"gcc -c x.c --version",           CC_NOT_A_COMPILE, about,                             true },
	    {"gcc -E --version",               CC_NOT_A_COMPILE, about,                             true },
	    {"clang --print-resource-dir",     CC_NOT_A_COMPILE, about,                             true },
	    {"gcc -### -c x.c",                CC_NOT_A_COMPILE,
	     "only prints the commands it would run (-###)",                                        true },
	    {"gcc",			    CC_NOT_A_COMPILE, "names no source",                 false},
	    {"gcc -c",			 CC_NOT_A_COMPILE, "names no source",                 false},
	    {"gcc -c x.weird",                 CC_NOT_A_COMPILE, "names no source",                 false},
	    {"gcc -c .c",                      CC_NOT_A_COMPILE, "names no source",                 false},
	    {"clang -cc1 -x c a",              CC_NOT_A_COMPILE, "runs the compiler proper (-cc1)",
	     false										       },
	    {"ld -c x.c",                      CC_NOT_A_COMPILE, "is not a compiler that is known", false},
	};

	CHECK_VERDICTS(cases);
}

struct outputs_case {
	const char *words;
	const char
	    *outputs; /* DIR|STEM|SUFFIX, with '!' before those that must be written */
	const char *depfile;
};

static const char *outputs_text(struct arena *arena, const struct cc_command *cmd)
{
	const char *text = "";

	for (size_t i = 0; i < cmd->noutputs; i++) {
		const struct cc_output *o = &cmd->outputs[i];

		text = arena_printf(arena, "%s%s%s%s|%s|%s", text, i ? " " : "",
				    o->must ? "!" : "", o->dir, o->stem, o->suffix);
	}
	return text;
}

static void check_outputs(const struct outputs_case *cases, size_t n)
{
	struct arena *arena = arena_new();

	for (size_t i = 0; i < n; i++) {
		const struct outputs_case *c = &cases[i];
		const struct cc_command *cmd = parse(arena, c->words);
		const char *text = outputs_text(arena, cmd);

		if (!CHECK(cmd->verdict == CC_REMOTE && same(text, c->outputs) &&
			   same(cmd->depfile, c->depfile)))
			printf("# %s: %s, %s\n", c->words, text,
			       cmd->depfile ? cmd->depfile : "-");
	}
	arena_free(arena);
}

#define CHECK_OUTPUTS(cases) check_outputs(cases, sizeof(cases) / sizeof((cases)[0]))

/* The names as gcc 12 and clang 14 give them alike, found by running both. */
static void outputs_of_both(void)
{
	static const struct outputs_case cases[] = {
	    {"gcc -c x.c",				     "!|x|.o",                           NULL        },
	    {"gcc -c dir/x.c",				 "!|x|.o",                           NULL        },
	    {"gcc -c x.c -o out/y",                            "!out|y|",                          NULL        },
	    {"gcc -c x.c -o /t/y.o",                           "!/t|y|.o",                         NULL        },
	    {"gcc -c x.c -o /y.o",                             "!/|y|.o",                          NULL        },
	    {"gcc -S dir/x.c",				 "!|x|.s",                           NULL        },
	    {"gcc -c -S x.c",				  "!|x|.s",                           NULL        },
	    {"gcc -c x.b.c",				   "!|x.b|.o",                         NULL        },
	    {"gcc -c x.c -o /dev/null",                        "",                                 NULL        },
	    {"gcc -MD -c x.c",				 "!|x|.o |x|.d",                     "x.d"       },
	    {"gcc -MD -c dir/x.c",                             "!|x|.o |x|.d",                     "x.d"       },
	    {"gcc -MMD -c x.c -o y.o",                         "!|y|.o |y|.d",                     "y.d"       },
	    {"gcc -MD -c x.c -o out/y.o",                      "!out|y|.o out|y|.d",               "out/y.d"   },
	    {"gcc -MD -c x.c -o out/y",                        "!out|y| out|y|.d",                 "out/y.d"   },
	    {"gcc -MD -c x.c -o y.foo.o",                      "!|y.foo|.o |y.foo|.d",             "y.foo.d"   },
	    {"gcc -MD -c x.c -o out/y.",                       "!out|y|. out|y|.d",                "out/y.d"   },
	    {"gcc -MD -S x.c",				 "!|x|.s |x|.d",                     "x.d"       },
	    {"gcc -MD -S dir/x.c -o out/y.s",                  "!out|y|.s out|y|.d",               "out/y.d"   },
	    {"gcc -MD -c x.c -o out/.hid",                     "!out|.hid| out||.d",               "out/.d"    },
	    {"gcc -MD -c x.c -o out/.hid.o",                   "!out|.hid|.o out|.hid|.d",         "out/.hid.d"},
	    {"gcc -MD -MF d/n.d -c x.c -o out/y.o",            "!out|y|.o d|n.d|",                 "d/n.d"     },
	    {"gcc -MD -MFn.d -c x.c",                          "!|x|.o |n.d|",                     "n.d"       },
	    {"gcc -MD -MF a.d -MF b.d -c x.c",                 "!|x|.o |b.d|",                     "b.d"       },
	    {"gcc -MD -MF /dev/null -c x.c",                   "!|x|.o",                           NULL        },
	    {"gcc -MF a.d -c x.c",                             "!|x|.o",                           NULL        },
	    {"gcc -MD -MT t -MQ q -MP -c x.c",                 "!|x|.o |x|.d",                     "x.d"       },
	    {"gcc -MD -c x.i",				 "!|x|.o",                           NULL        },
	    {"gcc -MD -c x.s",				 "!|x|.o",                           NULL        },
	    {"gcc -MD -c x.S",				 "!|x|.o |x|.d",                     "x.d"       },
	    {"gcc -c x.c -MD -MF a.d -o /dev/null",            "|a.d|",                            "a.d"       },
	    {"gcc -g -gsplit-dwarf -c x.c -o out/y.o",         "!out|y|.o out|y|.dwo",             NULL        },
	    {"gcc --coverage -c dir/x.c",                      "!|x|.o |x|.gcno",                  NULL        },
	    {"gcc -ftest-coverage -c x.c -o out/y",            "!out|y| out|y|.gcno",              NULL        },
	    {"gcc -fprofile-arcs -c x.c",                      "!|x|.o",                           NULL        },
	    {"gcc -fstack-usage -S x.c",                       "!|x|.s |x|.su",                    NULL        },
	    {"gcc -fstack-usage -c x.c -o out/.hid",           "!out|.hid| out|.hid|.su out||.su",
	     NULL											      },
	    {"gcc -fno-stack-usage -fno-test-coverage -c x.c", "!|x|.o",                           NULL        },
	    {"gcc -Wp,-MD,.x.o.d -c x.c -o a/x.o",             "!a|x|.o |.x.o.d|",                 ".x.o.d"    },
	    {"gcc --write-dependencies --compile x.c",         "!|x|.o |x|.d",                     "x.d"       },
	};

	CHECK_OUTPUTS(cases);
}

static void outputs_of_each(void)
{
	static const struct outputs_case cases[] = {
	    {"gcc -fcallgraph-info=su -c x.c -o out/y.o",         "!out|y|.o out|y|.ci",          NULL },
	    {"gcc -save-temps -c x.c -o out/y.o",                 "!out|y|.o out|y|.i out|y|.s",  NULL },
	    {"gcc -save-temps=obj -c x.cc -o out/y.o",            "!out|y|.o out|y|.ii out|y|.s",
	     NULL										      },
	    {"gcc -save-temps=cwd -c x.c -o out/y.o",             "!out|y|.o |y|.i |y|.s",        NULL },
	    {"gcc -save-temps -c z.S -o out/y.o",                 "!out|y|.o out|y|.s",           NULL },
	    {"gcc -save-temps -c v.s",                            "!|v|.o",                       NULL },
	    {"gcc -save-temps -c u.i",                            "!|u|.o |u|.s",                 NULL },
	    {"gcc -gsplit-dwarf -S x.c -o out/y.s",               "!out|y|.s out|y|.dwo",         NULL },
	    {"clang -save-temps -c x.c -o out/y.o",               "!out|y|.o |x|.i |x|.s |x|.bc", NULL },
	    {"clang -save-temps=obj -c dir/x.m -o out/y.o",
	     "!out|y|.o out|x|.mi out|x|.s out|x|.bc",                                            NULL },
	    {"clang -save-temps=cwd -c x.c -o out/y.o",           "!out|y|.o |x|.i |x|.s |x|.bc",
	     NULL										      },
	    {"clang -gsplit-dwarf -S dir/x.c -o out/y.s",         "!out|y|.s out|y|.dwo |x|.dwo",
	     NULL										      },
	    {"clang -emit-llvm -c x.c",                           "!|x|.bc",                      NULL },
	    {"clang -emit-llvm -S x.c",                           "!|x|.ll",                      NULL },
	    {"clang -flto -c x.c",                                "!|x|.o",                       NULL },
	    {"clang -MJ db.json -c x.c",                          "!|x|.o |db.json|",             NULL },
 /* gcc's preprocessor sees -Wp, last; clang reads both in their order. */
	    {"gcc -Wp,-MD,b.d -MD -MF a.d -c x.c",                "!|x|.o |b.d|",                 "b.d"},
	    {"clang -Wp,-MD,b.d -MD -MF a.d -c x.c",              "!|x|.o |a.d|",                 "a.d"},
	    {"clang -MD -MF a.d -Wp,-MD,b.d -c x.c",              "!|x|.o |b.d|",                 "b.d"},
	    {"gcc -Xpreprocessor -MMD -Xpreprocessor b.d -c x.c", "!|x|.o |b.d|",                 "b.d"},
	};

	CHECK_OUTPUTS(cases);
}

static void languages(void)
{
	static const struct {
		const char *words;
		enum cc_language language;
	} cases[] = {
	    {"gcc -c x.c",                      CC_LANG_C      },
	    {"g++ -c x.c",                      CC_LANG_CXX    },
	    {"clang++-14 -c x.c",               CC_LANG_CXX    },
	    {"g++ -x c -c x.c",                 CC_LANG_C      },
	    {"g++ -c x.i",                      CC_LANG_CXX_CPP},
	    {"g++ -c x.s",                      CC_LANG_ASM    },
	    {"gcc -c x.C",                      CC_LANG_CXX    },
	    {"gcc -c x.cpp",                    CC_LANG_CXX    },
	    {"gcc -c x.c++",                    CC_LANG_CXX    },
	    {"gcc -c x.m",                      CC_LANG_OBJC   },
	    {"gcc -c x.mm",                     CC_LANG_OBJCXX },
	    {"gcc -c x.M",                      CC_LANG_OBJCXX },
	    {"gcc -c x.mi",                     CC_LANG_C_CPP  },
	    {"gcc -c x.mii",                    CC_LANG_CXX_CPP},
	    {"gcc -c x.i",                      CC_LANG_C_CPP  },
	    {"gcc -c x.ii",                     CC_LANG_CXX_CPP},
	    {"gcc -c x.s",                      CC_LANG_ASM    },
	    {"gcc -c x.S",                      CC_LANG_ASM_CPP},
	    {"gcc -c x.sx",                     CC_LANG_ASM_CPP},
	    {"gcc -xassembler-with-cpp -c x.c", CC_LANG_ASM_CPP},
	    {"gcc -x c++ -c x.c",               CC_LANG_CXX    },
	    {"gcc -c x.c -x c++",               CC_LANG_C      },
	    {"gcc --language=c++ -c x.c",       CC_LANG_CXX    },
	};
	struct arena *arena = arena_new();

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (!CHECK(parse(arena, cases[i].words)->language == cases[i].language))
			printf("# %s\n", cases[i].words);
	arena_free(arena);
}

static void what_is_read(void)
{
	struct arena *arena = arena_new();
	const struct cc_command *cmd = parse(
	    arena,
	    "gcc -Ia -I b -iquote q -isystem s -idirafter d -DA=1 -U B -D C -Wp,-DD,-UE "
	    "-Wp,-I,p -include i.h -imacros m.h --include=j.h -Wa,-I,w -Wa,-Iv "
	    "-Xassembler -I -Xassembler u --include-directory=c -O2 -std=c11 -Wall "
	    "-g -fPIC -march=native -MD -fdiagnostics-color -isysroot r -x c -c x.c -o y.o");
	const char *macros = "", *forced = "";

	for (size_t i = 0; i < cmd->nmacros; i++)
		macros =
		    arena_printf(arena, "%s%s%s ", macros,
				 cmd->macros[i].undef ? "-U" : "-D", cmd->macros[i].text);
	for (size_t i = 0; i < cmd->nforced; i++)
		forced =
		    arena_printf(arena, "%s%s%s ", forced,
				 cmd->forced[i].imacros ? "#" : "", cmd->forced[i].name);
	CHECK(cmd->verdict == CC_REMOTE);
	CHECK(same(joined(arena, &cmd->dirs), "a b q s d c p"));
	CHECK(same(joined(arena, &cmd->asm_dirs), "a b c w v u"));
	CHECK(same(macros, "-DA=1 -UB -DC -DD -UE "));
	CHECK(same(forced, "i.h #m.h j.h "));
	CHECK(same(
	    joined(arena, &cmd->probe_args),
	    "-Ia -I b -iquote q -isystem s -idirafter d --include-directory=c -O2 -std=c11 "
	    "-fPIC -march=native -isysroot r -x c -Xpreprocessor -I -Xpreprocessor p"));
	CHECK(cmd->march_native);
	CHECK(!cmd->wants_time);
	CHECK(same(cmd->source, "x.c") && same(cmd->object, "y.o"));
	CHECK(!parse(arena, "gcc -march=core2 -c x.c")->march_native);
	CHECK(parse(arena, "gcc -mtune=native -c x.c")->march_native);
	arena_free(arena);
}

static void many_macros_and_headers(void)
{
	struct arena *arena = arena_new();
	const char *text = "gcc -c x.c";

	for (int i = 0; i < 100; i++)
		text = arena_printf(arena, "%s -DN%d -include h%d", text, i, i);
	const struct cc_command *cmd = parse(arena, text);

	CHECK(cmd->nmacros == 100 && cmd->nforced == 100);
	CHECK(same(cmd->macros[0].text, "N0") && same(cmd->macros[99].text, "N99"));
	CHECK(same(cmd->forced[0].name, "h0") && same(cmd->forced[99].name, "h99"));
	arena_free(arena);
}

static void profiles(void)
{
	static const struct {
		const char *words, *use, *inputs, *name;
	} cases[] = {
	    {"gcc -c x.c",						  NULL, "",                     NULL           },
	    {"gcc -fprofile-dir=d -c x.c",                                  NULL, "",                     NULL           },
	    {"gcc -fprofile-use -c x.c",                                    "",   "x.gcda",               "/w/x.gcda"    },
	    {"gcc -fprofile-use -c x.c -o out/y.o",                         "",   "out/y.gcda",           "/w/out/y.gcda"},
	    {"gcc -fprofile-use=d -c x.c -o out/y.o",                       "d",  "d d/out/y.gcda",
	     "d/#w#out#y.gcda"											   },
	    {"gcc -fprofile-use=d -c x.c -o ../p/./y.o",                    "d",  "d d/../p/./y.gcda",
	     "d/#w#^#p#.#y.gcda"											 },
	    {"gcc -fprofile-use=/d -c x.c -o /o/y.o",                       "/d", "/d /d//o/y.gcda",
	     "/d//o/y.gcda"											      },
	    {"gcc -fprofile-use -fprofile-dir=d -c x.c",                    "d",  "d d/x.gcda",           "d/#w#x.gcda"  },
	    {"clang -fprofile-use -c x.c",                                  "",   "default.profdata",     NULL           },
	    {"clang -fprofile-use=d -c x.c",                                "d",  "d d/default.profdata", NULL           },
	    {"clang -fprofile-instr-use=f -c x.c",                          "f",  "f f/default.profdata", NULL           },
	    {"clang -fsanitize=address -fsanitize-ignorelist=l.txt -c x.c", NULL, "l.txt",
	     NULL													},
	};
	struct arena *arena = arena_new();

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct cc_command *cmd = parse(arena, cases[i].words);
		const char *inputs = joined(arena, &cmd->inputs);
		const char *name = cc_profile_name(arena, cmd, "/w");

		if (!CHECK(cmd->verdict == CC_REMOTE &&
			   same(cmd->profile_use, cases[i].use) &&
			   cmd->profile_use_given == (cases[i].use != NULL) &&
			   same(inputs, cases[i].inputs) && same(name, cases[i].name)))
			printf("# %s: %s, %s\n", cases[i].words, inputs, name ? name : "-");
	}
	arena_free(arena);
}

static void response_files(void)
{
	struct arena *arena = arena_new();
	const struct cc_command *cmd = parse(arena, "gcc @outer");

	CHECK(cmd->verdict ==
	      CC_LOCAL); /* "@missing" stays a word: an input for the linker */
	CHECK(cmd->argv.n == 9 && same(cmd->argv.v[1], "-O2") &&
	      same(cmd->argv.v[5], "out dir/x.o"));
	CHECK(same(cmd->argv.v[6], "-DA=b c") && same(cmd->argv.v[7], "-DB=\"q\""));
	CHECK(same(cmd->argv.v[8], "@missing"));

	cmd = parse(arena, "gcc @args @empty");
	CHECK(cmd->verdict == CC_REMOTE && cmd->argv.n == 7 && !cmd->argv.v[7]);
	CHECK(same(cmd->object, "out dir/x.o"));

	cmd = parse(arena, "gcc @loop");
	CHECK(cmd->verdict == CC_LOCAL &&
	      same(cmd->why, "the response files nest too deeply"));
	CHECK(cmd->argv.n == 2 && same(cmd->argv.v[1], "@loop"));

	cmd = parse(arena, "gcc -c x.c @many");
	CHECK(cmd->verdict == CC_LOCAL &&
	      same(cmd->why, "the response files hold too many words"));
	CHECK(cmd->argv.n == 4);

	cmd = cc_parse(arena, words_of(arena, "gcc -c x.c @args"), NULL);
	CHECK(cmd->verdict == CC_LOCAL && same(cmd->why, "a response file was not read"));
	cmd = cc_parse(arena, words_of(arena, "gcc -c x.c @"), NULL);
	CHECK(cmd->verdict == CC_LOCAL && cmd->argv.n == 4);

	cmd = cc_parse(arena, words_of(arena, "gcc -c x.c"), NULL);
	CHECK(cmd->verdict == CC_REMOTE);
	arena_free(arena);
}

static void response_file_quotes(void)
{
	static const char *const expected[] = {
	    "gcc", "", "ab", "c'd", "e\"f", "g'h", "i j", "k\nl", "m",
	};
	struct arena *arena = arena_new();
	struct strv words = {0};

	CHECK(!cc_response_expand(arena, words_of(arena, "gcc @odd"), &reader, &words));
	CHECK(words.n == sizeof expected / sizeof expected[0]);
	for (size_t i = 0; i < words.n && i < sizeof expected / sizeof expected[0]; i++)
		if (!CHECK(same(words.v[i], expected[i])))
			printf("# word %zu: %s\n", i, words.v[i]);
	arena_free(arena);
}

static void nothing_at_all(void)
{
	struct arena *arena = arena_new();
	char *none[] = {NULL};
	char gcc[] = "gcc", empty[] = "", c[] = "-c";
	char *blank[] = {gcc, c, empty, NULL};

	CHECK(cc_parse(arena, none, &reader)->verdict == CC_NOT_A_COMPILE);
	CHECK(cc_parse(arena, blank, &reader)->verdict != CC_REMOTE);
	arena_free(arena);
}

TESTS({"compiles that travel", compiles_that_travel},
      {"compiles that stay", compiles_that_stay},
      {"commands that compile nothing", no_compiles},
      {"outputs of both compilers", outputs_of_both},
      {"outputs of each compiler", outputs_of_each}, {"languages", languages},
      {"what is read", what_is_read}, {"many macros and headers", many_macros_and_headers},
      {"profiles", profiles}, {"response files", response_files},
      {"quotes in response files", response_file_quotes},
      {"nothing at all", nothing_at_all})
