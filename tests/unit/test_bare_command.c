/* What a worker without a sandbox refuses: whatever is not the compile of one text to one object. */
#include "base/arena.h"
#include "test.h"
#include "wire/message.h"
#include "worker/bare_command.h"

#include <string.h>

static const char *judge(const char *more)
{
	static struct arena *a;
	static const char *const words[] = {"gcc", "-O2",  "-Wall", "-g",
					    "-c",  "/7.i", "-o",    "x.o"};
	char *argv[16] = {0};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		argv[i] = (char *)(uintptr_t)words[i];
	arena_free(a);
	a = arena_new();
	if (more)
		argv[8] = arena_printf(a, "%s", more);
	struct message_job m = {
	    .flags = WIRE_JOB_PREPROCESSED, .argv = argv, .source = 5, .object = 7};

	CHECK(bare_is_wellformed(&m));
	return bare_refuses(a, &m);
}

static void takes_a_text(void)
{
	CHECK(judge(NULL) == NULL);
	CHECK(judge("-fno-common") == NULL);
	CHECK(judge("-march=x86-64-v2") == NULL);
}

static void refuses_the_rest(void)
{
	static const char *const evil[] = {
	    "-fplugin=/tmp/x.so",
	    "-B/tmp/",
	    "-wrapper",
	    "-specs=/tmp/x",
	    "@/etc/passwd",
	    "-I/etc",
	    "-include=x",
	    "--include=/etc/passwd",
	    "-MD",
	    "-save-temps",
	    "-fdump-tree-all",
	    "-Wa,-I/etc",
	    "-Wp,-MD,/tmp/x",
	    "/etc/passwd",
	    "-E",
	    "-dumpbase=/tmp/x",
	    "-DX=1",
	    "--coverage",
	    "-no-such-option",
	    "-fprofile-use=/tmp",
	    "-gsplit-dwarf",
	    "-x",
	    "-o",

	    "-iplugindir=/tmp",
	    "-dumpdir=/tmp/",
	    "-fuse-ld=/tmp/x",
	    "-Xassembler",
	    "-Wa,-a=/tmp/x",
	    "-Wa,--MD=/tmp/x",
	    "-Wl,-x",

	};
	int missed = 0;

	for (size_t i = 0; i < sizeof evil / sizeof *evil; i++)
		if (!judge(evil[i])) {
			printf("# not refused: %s\n", evil[i]);
			missed++;
		}
	CHECK(missed == 0);
}

static void wants_its_words(void)
{
	char *argv[] = {(char[]){"gcc"}, (char[]){"-c"},  (char[]){"/7.i"},
			(char[]){"-o"},  (char[]){"x.o"}, NULL};
	struct message_job m = {
	    .flags = WIRE_JOB_PREPROCESSED, .argv = argv, .source = 2, .object = 4};
	struct arena *a = arena_new();

	CHECK(bare_is_wellformed(&m) && bare_refuses(a, &m) == NULL);
	m.object = 3;
	CHECK(!bare_is_wellformed(&m));
	m.object = 5;
	CHECK(!bare_is_wellformed(&m));
	m.object = 4;
	m.source = 0;
	CHECK(!bare_is_wellformed(&m));
	m.source = 9;
	CHECK(!bare_is_wellformed(&m));
	m.source = 2;
	argv[2] = (char[]){"7.i"};
	CHECK(!bare_is_wellformed(&m));
	argv[2] = (char[]){"/7.c"};
	CHECK(bare_refuses(a, &m) != NULL);
	argv[2] = (char[]){"/7.i"};
	m.flags = 0;
	CHECK(bare_is_wellformed(&m) && bare_refuses(a, &m) != NULL);
	arena_free(a);
}

TESTS({"takes a text", takes_a_text}, {"refuses the rest", refuses_the_rest},
      {"wants its two words", wants_its_words})
