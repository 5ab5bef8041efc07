/* What becomes of the words of a command; that the bytes are equal then is shown by
 * preprocessed_oracle.sh. */
#include "cc/preprocessed.h"
#include "test.h"

#include <string.h>

enum {
	LONGEST = 4096
};

/* The words with a blank between. */
static const char *joined(struct arena *arena, const struct strv *words)
{
	const char *text = "";

	for (size_t i = 0; i < words->n; i++)
		text = arena_printf(arena, "%s%s%s", text, i ? " " : "", words->v[i]);
	return text;
}

/* Parts a command whose words stand in TEXT with a blank between. */
static const struct cc_preprocessed *part(struct arena *arena, const char *text)
{
	struct strv words = {0};
	char *copy = arena_strdup(arena, text);

	for (char *word; (word = strsep(&copy, " "));)
		strv_add(arena, &words, word);

	struct cc_command *cmd = cc_parse(arena, words.v, NULL);

	CHECK(cmd->verdict == CC_REMOTE);
	if (cmd->verdict != CC_REMOTE) {
		printf("# %s: %s\n", text, cmd->why);
		exit(1);
	}
	return cc_preprocess(arena, cmd);
}

static bool same(const char *is, const char *want)
{
	if (strcmp(is, want) == 0)
		return true;
	printf("# is:   %s\n# want: %s\n", is, want);
	return false;
}

/* The three lists of a command that can be parted without loss. */
static void check_parts(const char *command, const char *first, const char *second,
			const char *distcc)
{
	struct arena *arena = arena_new();
	const struct cc_preprocessed *p = part(arena, command);

	CHECK(!p->why && p->loses == 0);
	CHECK(same(joined(arena, &p->first), first));
	CHECK(same(joined(arena, &p->second), second));
	CHECK(same(joined(arena, &p->distcc), distcc));
	arena_free(arena);
}

static void check_why(const char *command, unsigned loses, const char *why)
{
	struct arena *arena = arena_new();
	const struct cc_preprocessed *p = part(arena, command);

	CHECK(p->why && same(p->why, why));
	CHECK(p->loses == loses);
	CHECK((p->second.n > 0) == (loses != 0));
	arena_free(arena);
}

static void test_simple(void)
{
	check_parts("gcc -c dir/a.c", "gcc -E -o  -fpch-preprocess dir/a.c",
		    "gcc -x cpp-output -c a.i -o a.o", "gcc -c a.c -o a.o");
	check_parts("/usr/bin/g++-12 -O2 -S ../a.cc -o out/a.asm",
		    "/usr/bin/g++-12 -E -o  -fpch-preprocess -O2 ../a.cc",
		    "/usr/bin/g++-12 -O2 -x c++-cpp-output -S a.ii -o a.asm",
		    "g++-12 -O2 -S a.cc -o a.asm");
}

static void test_used_up(void)
{
	check_parts("clang -DA -D B=1 -UC -Iinc -I inc -iquote q -isystem s -idirafter z "
		    "-include f.h -imacros m.h -nostdinc --sysroot=/x -isysroot /y -undef "
		    "-Wp,-DX,-I,q -L/l -lm -Wl,-z,now -O1 -std=c11 -m32 -pthread -c a.c",
		    "clang -E -o  -DA -D B=1 -UC -Iinc -I inc -iquote q -isystem s "
		    "-idirafter z -include f.h -imacros m.h -nostdinc --sysroot=/x "
		    "-isysroot /y -undef -Wp,-DX,-I,q -L/l -lm -Wl,-z,now -O1 -std=c11 "
		    "-m32 -pthread a.c",
		    "clang -O1 -std=c11 -m32 -pthread -x cpp-output -c a.i -o a.o",
		    "clang -O1 -std=c11 -m32 -pthread -c a.c -o a.o");
}

static void test_for_second(void)
{
	check_parts("clang -Wa,--noexecstack -Xassembler --noexecstack -c -- a.c",
		    "clang -E -o  -- a.c",
		    "clang -Wa,--noexecstack -Xassembler --noexecstack -x cpp-output -c "
		    "a.i -o a.o",
		    "clang -Wa,--noexecstack -Xassembler --noexecstack -c a.c -o a.o");
}

static void check_first(const char *command, const char *first)
{
	struct arena *arena = arena_new();
	const struct cc_preprocessed *p = part(arena, command);

	CHECK(same(joined(arena, &p->first), first));
	CHECK(strstr(joined(arena, &p->second), "-M") == NULL);
	arena_free(arena);
}

static void test_dependencies(void)
{
	check_first("gcc -MD -c d/a.c -o obj/x.o",
		    "gcc -E -o  -fpch-preprocess -MF obj/x.d -MQ obj/x.o -MD d/a.c");
	check_first("gcc -MMD -MP -c d/a.c",
		    "gcc -E -o  -fpch-preprocess -MF a.d -MQ a.o -MMD -MP d/a.c");
	check_first("gcc -MD -MF f -MT t -c a.c",
		    "gcc -E -o  -fpch-preprocess -MD -MF f -MT t a.c");
	/* The driver names no target for the preprocessor's own -MD. */
	check_first("gcc -Wp,-MD,f.d -c d/a.c -o obj/x.o",
		    "gcc -E -o  -fpch-preprocess -MQ a.o -Wp,-MD,f.d d/a.c");
	check_first("clang -Wp,-MD,f.d -c d/a.c -o obj/x.o",
		    "clang -E -o  -MQ obj/x.o -Wp,-MD,f.d d/a.c");
}

static void test_language(void)
{
	check_parts("gcc -x c++ -c a.c -x none",
		    "gcc -E -o  -fpch-preprocess -x c++ a.c -x none",
		    "gcc -x c++-cpp-output -c a.ii -o a.o", "gcc -c a.ii -o a.o");
	check_parts("g++ -x c -c a.c", "g++ -E -o  -fpch-preprocess -x c a.c",
		    "g++ -x cpp-output -c a.i -o a.o", "");
	check_parts("gcc -c a.CPP", "gcc -E -o  -fpch-preprocess a.CPP",
		    "gcc -x c++-cpp-output -c a.ii -o a.o", "gcc -c a.ii -o a.o");
	check_parts("g++ -c a.c", "g++ -E -o  -fpch-preprocess a.c",
		    "g++ -x c++-cpp-output -c a.ii -o a.o", "g++ -c a.ii -o a.o");
	check_parts("gcc -c a.i", "", "gcc -x cpp-output -c a.i -o a.o",
		    "gcc -c a.i -o a.o");
	check_parts("g++ -DX -c a.ii", "", "g++ -x c++-cpp-output -c a.ii -o a.o",
		    "g++ -c a.ii -o a.o");
}

static void test_places(void)
{
	struct arena *arena = arena_new();
	const struct cc_preprocessed *p = part(arena, "g++ -O2 -c d/a.cc -o obj/x.o -DX");

	CHECK(strcmp(p->first.v[p->first_output - 1], "-o") == 0);
	CHECK(strcmp(p->second.v[p->second_source], "a.ii") == 0);
	CHECK(strcmp(p->second.v[p->second_object - 1], "-o") == 0);
	CHECK(strcmp(p->second.v[p->second_object], "x.o") == 0);
	CHECK(strcmp(p->suffix, ".ii") == 0 && strcmp(p->language, "c++-cpp-output") == 0);
	CHECK(p->second.v[p->second.n] == NULL && p->distcc.v[p->distcc.n] == NULL);
	arena_free(arena);
}

static void test_losses(void)
{
	const char *debug = "-g tells of columns and files that preprocessing moves";
	const char *indentation = "-Wmisleading-indentation needs the sources";

	check_why("gcc -g -c a.c", CC_LOSES_DEBUG, debug);
	check_why("clang -ggdb3 -c a.c", CC_LOSES_DEBUG, debug);
	check_why("gcc -g0 -gdwarf-4 -gno-column-info -c a.c", CC_LOSES_DEBUG, debug);
	check_why("gcc -Wall -c a.c", CC_LOSES_WARNINGS, indentation);
	check_why("gcc -Wall -Wno-misleading-indentation -c a.c", CC_LOSES_WARNINGS,
		  indentation);
	check_why("g++ -Werror=multistatement-macros -c a.cc", CC_LOSES_WARNINGS,
		  indentation);
	check_why("clang -Wdocumentation -c a.c", CC_LOSES_WARNINGS,
		  "-Wdocumentation needs the comments");
	check_why("gcc -Wall -c a.i", CC_LOSES_WARNINGS, indentation);
	check_why("gcc -g -Wall -c a.c", CC_LOSES_DEBUG | CC_LOSES_WARNINGS, debug);
}

static void test_no_losses(void)
{
	static const char *const commands[] = {
	    "gcc -g -g0 -c a.c",
	    "gcc -gz -gno-column-info -c a.c",
	    "gcc -Wall -w -c a.c",
	    "gcc -Wall -Wno-all -Wextra -Werror -c a.c",
	    "gcc -Wall -Wno-misleading-indentation -Wno-multistatement-macros -c a.c",
	    "clang -Wall -Wextra -Werror -c a.c",
	};

	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		struct arena *arena = arena_new();
		const struct cc_preprocessed *p = part(arena, commands[i]);

		if (!CHECK(!p->why && p->loses == 0))
			printf("# %s: %s\n", commands[i], p->why);
		arena_free(arena);
	}
}

static void test_never(void)
{
	check_why("gcc -save-temps -g -c a.c", 0, "the compile writes a further file");
	check_why("gcc -Wall --coverage -c a.c", 0, "the compile writes a further file");
	check_why("gcc -fprofile-generate -c a.c", 0,
		  "profiling and coverage name files of this machine");
	check_why("gcc -flto -c a.c", 0, "the object tells of columns of the source");
	check_why("gcc -fsanitize=thread,address -c a.c", 0,
		  "the object tells of columns of the source");
	check_why("gcc -march=native -c a.c", 0,
		  "native means the processor of this machine");
	check_why("gcc -Wp,-MD,f,-MT,x -c a.c", 0,
		  "-Wp, with an option that is not parted into two steps");
	check_why("gcc -Wp,-w -c a.c", 0,
		  "-Wp, with an option that is not parted into two steps");
	check_why("gcc -Wa,-Iinc -c a.c", 0, "-Wa, with folders or debug information");
	check_why("gcc -Xpreprocessor -DX -c a.c", 0,
		  "an option that is not parted into two steps");
	check_why("gcc -c a.S", 0, "assembler is not preprocessed here");
	check_why("gcc -c a.mm", 0, "Objective-C is not preprocessed here");
	check_why("gcc -x objective-c-cpp-output -c a.i", 0,
		  "Objective-C is not preprocessed here");
	check_why("clang -DX -c a.i", 0, "clang complains of options of the preprocessor");
}

static void test_switched_off(void)
{
	check_parts(
	    "gcc -fno-lto -fno-sanitize=all -fno-profile-arcs -fno-verbose-asm "
	    "-fno-working-directory -c a.c",
	    "gcc -E -o  -fpch-preprocess -fno-lto -fno-sanitize=all -fno-profile-arcs "
	    "-fno-verbose-asm a.c",
	    "gcc -fno-lto -fno-sanitize=all -fno-profile-arcs -fno-verbose-asm "
	    "-x cpp-output -c a.i -o a.o",
	    "gcc -fno-lto -fno-sanitize=all -fno-profile-arcs -fno-verbose-asm "
	    "-c a.c -o a.o");
}

static void test_distcc_refuses(void)
{
	struct arena *arena = arena_new();

	CHECK(part(arena, "clang -flto -c a.c")->distcc.n == 0);
	CHECK(part(arena, "gcc -c tmp.conftest.c -o x.o")->distcc.n == 0);
	CHECK(part(arena, "clang -c -- -a.c")->distcc.n == 0);
	arena_free(arena);
}

static const char *unfit(enum cc_family family, const char *text)
{
	const char *why;
	/* A copy without a NUL behind, for the sanitizers. */
	size_t n = strlen(text);
	char *copy = malloc(n ? n : 1);

	memcpy(copy, text, n);
	why = cc_preprocessed_text_unfit(family, copy, n);
	free(copy);
	return why;
}

#define MARK "# 1 \"a.c\"\n"

static void test_text(void)
{
	CHECK(!unfit(CC_GCC, MARK "int x;\n"));
	CHECK(!unfit(CC_GCC, "# 0 \"a.c\"\n"));
	CHECK(unfit(CC_GCC, ""));
	CHECK(unfit(CC_GCC, "# 0"));
	CHECK(unfit(CC_GCC, "int x;\n"));
	CHECK(unfit(CC_GCC, MARK "asm(\".incbin \\\"x\\\"\");"));
	CHECK(unfit(CC_GCC, MARK "asm(\".include\\t\\\"x\\\"\");"));
	CHECK(!unfit(CC_GCC, MARK "set.include(x);"));
	CHECK(!unfit(CC_GCC, MARK "x = set.include"));
	CHECK(unfit(CC_GCC, MARK "#pragma GCC pch_preprocess \"x.gch\"\n"));
	CHECK(unfit(CC_CLANG, MARK "s = \"?"
				   "?=\";"));
	CHECK(!unfit(CC_CLANG, MARK "a ?b : c; \"?"
				    "?\""));
	CHECK(!unfit(CC_CLANG, MARK "s = \"?"
				    "?"));
	CHECK(unfit(CC_CLANG, MARK "int l = __builtin_LINE();"));
	CHECK(unfit(CC_GCC, MARK "auto l = __builtin_source_location();"));
}

static void test_empty_body(void)
{
	static const char *const empty[] = {
	    "if (a);",
	    "if (f(')') && \"(\")  ;",
	    "x = 1'000; while (a(b)) ; c();",
	    "for (;;);",
	    "if constexpr (a) ;",
	    "switch (a);",
	    "if (a\n# 2 \"s.h\" 3 4\n)\n# 1 \"a.c\"\n  ;",
	    "s = R\"x(')\" )x\"; if (R\"y()\" \")y\" == a);",
	    "# 3 \"s.h\" 1 3\nint y;\n# 2 \"a.c\" 2\nif (a);",
	};

	static const char *const full[] = {
	    "if (a) b;",
	    "do { } while (a);",
	    "while (a)\n  ;",
	    "if (a); else b();",
	    "f(\"if (a);\");",
	    "c = 'i'; iff (a); _if(a); if_(a);",
	    "s = R\"(\" if (a); )\";",
	    "\n# 3 \"s.h\" 1 3\nif (a);\n# 2 \"a.c\" 2\n",
	    "if (a",
	    "if",
	    "R\"unterminated(",
	    "'",
	};

	for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
		char text[LONGEST];

		snprintf(text, sizeof text, MARK "%s", empty[i]);
		if (!CHECK(unfit(CC_CLANG, text)))
			printf("# %s\n", empty[i]);
		CHECK(!unfit(CC_GCC, text));
	}
	for (size_t i = 0; i < sizeof full / sizeof full[0]; i++) {
		char text[LONGEST];

		snprintf(text, sizeof text, MARK "%s", full[i]);
		if (!CHECK(!unfit(CC_CLANG, text)))
			printf("# %s\n", full[i]);
	}
}

TESTS({"a simple command", test_simple}, {"what the preprocessor uses up", test_used_up},
      {"what only the second step heeds", test_for_second},
      {"dependency files", test_dependencies}, {"languages", test_language},
      {"places of the words to fill in", test_places}, {"losses", test_losses},
      {"no losses", test_no_losses}, {"what is never parted", test_never},
      {"options switched off", test_switched_off},
      {"what a distccd refuses", test_distcc_refuses}, {"unfit texts", test_text},
      {"empty bodies", test_empty_body})
