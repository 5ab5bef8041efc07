/* The facts of one text. A fact is written as KIND NAME, with a '-' behind the kind of a leaf. */
#include "base/buf.h"
#include "scan/directive.h"
#include "test.h"

#include <string.h>

static const char *const kinds[] = {
    [FACT_QUOTE] = "quote",
    [FACT_ANGLE] = "angle",
    [FACT_NEXT_QUOTE] = "nextquote",
    [FACT_NEXT_ANGLE] = "nextangle",
    [FACT_CWD] = "cwd",
    [FACT_ASM] = "asm",
    [FACT_COMPUTED] = "computed",
    [FACT_ALIAS] = "alias",
    [FACT_CALL] = "call",
    [FACT_UNDECIDABLE] = "undecidable",
};

static void list(struct buf *out, const struct intern *names, const struct fact *v,
		 size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%s%s%s %s", out->len ? "; " : "", kinds[v[i].kind],
			   v[i].leaf ? "-" : "", intern_text(names, v[i].name));
}

static int facts_are_bytes(const char *text, size_t n, const char *want)
{
	struct intern *names = intern_new();
	struct facts f;
	AUTO_BUF struct buf got = {0};
	char *copy = malloc(n + 1);

	/* Exactly N bytes, so that a sanitizer sees a look behind the end. */
	memcpy(copy, text, n);
	copy = realloc(copy, n ? n : 1);
	facts_read(&f, names, copy, n);
	list(&got, names, f.named, f.nnamed);
	list(&got, names, f.others, f.nothers);
	buf_u8(&got, 0);
	int same = strcmp(got.data, want) == 0;

	if (!same)
		printf("# of: %.*s\n# got  %s\n# want %s\n", (int)n, text, got.data, want);
	facts_free(&f);
	intern_free(names);
	free(copy);
	return same;
}

static int facts_are(const char *text, const char *want)
{
	return facts_are_bytes(text, strlen(text), want);
}

static void plain(void)
{
	CHECK(facts_are("#include \"a.h\"\n#include <b.h>\n", "quote a.h; angle b.h"));
	CHECK(facts_are("#include\"a.h\"", "quote a.h"));
	CHECK(facts_are("  \t#\t include <b//c.h> junk", "angle b//c.h"));
	CHECK(facts_are("#include <a/*b.h>\n#include \"c//d.h\"",
			"angle a/*b.h; quote c//d.h"));
	CHECK(facts_are("#include_next <a.h>\n#include_next \"b.h\"",
			"nextangle a.h; nextquote b.h"));
	CHECK(facts_are("#import <Foundation/F.h>", "angle Foundation/F.h"));
	CHECK(facts_are("#embed \"a.bin\" limit(3)\n#embed <b.bin>",
			"quote- a.bin; angle- b.bin"));
	CHECK(facts_are("#include \"a.h\"\n#include \"a.h\"\n", "quote a.h"));
	CHECK(facts_are(
	    "int x; #include \"a.h\"\n#includes \"b.h\"\n#define include \"c.h\"", ""));
	CHECK(facts_are("#include \"\"\n#include <>\n#include\n", ""));
	CHECK(facts_are("#include \"a\\b.h\"", "quote a\\b.h"));
	CHECK(facts_are("", ""));
}

static void spelling(void)
{
	CHECK(facts_are("#inc\\\nlude \"a.h\"", "quote a.h"));
	CHECK(facts_are("#\\\r\ninclude \"a\\  \n.h\"", "quote a.h"));
	CHECK(facts_are("#include \\\n <a.h>", "angle a.h"));
	CHECK(
	    facts_are("%:include \"a.h\"\n%\\\n:include \"b.h\"", "quote a.h; quote b.h"));
	CHECK(facts_are("?\?=include \"a.h\"", "quote a.h"));
	/* Without trigraphs this is a comment and a directive; with them, a comment of two lines. */
	CHECK(facts_are("// why?\?/\n#include \"a.h\"", "quote a.h"));
	CHECK(facts_are("#incl?\?/\nude \"a.h\"", "quote a.h"));
	CHECK(facts_are("/* x */ # /* y */ include /* z */ <a.h> // w", "angle a.h"));
	CHECK(facts_are("/* x\n y */ #include <a.h>", "angle a.h"));
	CHECK(facts_are("/* x *\\\n/ #include <a.h>", "angle a.h"));
	CHECK(facts_are("#/*\n*/include/*\n*/<a.h>", "angle a.h"));
	CHECK(facts_are("\xef\xbb\xbf#include <a.h>", "angle a.h"));
	CHECK(facts_are("#include <a.h>\r\n#include <b.h>\r#include <c.h>\r",
			"angle a.h; angle b.h; angle c.h"));
	CHECK(facts_are_bytes("\0#include \"a.h\"\0\n#\0include <b.h>", 33,
			      "quote a.h; angle b.h"));
	CHECK(facts_are_bytes("#include \"a\0b.h\"", 16, ""));
}

static void superset(void)
{
	/* A '#' in a raw string seems to open a comment; what is behind it still counts. */
	CHECK(facts_are("R\"(\n#if /*\n)\"\n#include \"a.h\"\n", "quote a.h"));
	CHECK(facts_are("/*\n#include \"a.h\"\n*/", "quote a.h"));
	CHECK(facts_are("#if 0\n#include \"a.h\"\n#else\n#include \"b.h\"\n#endif",
			"quote a.h; quote b.h"));
	CHECK(facts_are("#define X 'x \" /*\n#include \"a.h\"\n", "quote a.h"));
}

static void has_include(void)
{
	CHECK(facts_are("#if defined(A) && __has_include(<a.h>)", "angle- a.h"));
	CHECK(facts_are("#elif X || \\\n __has_include ( \"a.h\" )", "quote- a.h"));
	CHECK(facts_are("#if __has_include_next(<a.h>)", "angle- a.h; nextangle- a.h"));
	CHECK(facts_are("#if __has_embed(\"a.bin\" limit(3))", "quote- a.bin"));
	CHECK(facts_are("#if FMT_HAS_INCLUDE(<a//b.h>)", "angle- a//b.h"));
	CHECK(facts_are("#if __has_include(CONF)", "computed- CONF"));
	CHECK(facts_are("#if HAS(CONF(1)) // x", "call- HAS"));
	CHECK(facts_are("#define HAVE(x) __has_include(CONF)",
			"alias- HAVE; computed- CONF"));
	CHECK(facts_are("#if defined(__has_include) && __GNUC_PREREQ(4, 1)", ""));
	CHECK(facts_are("#define HAS(x) __has_include(x)", "alias- HAS"));
	CHECK(facts_are("#define HAS __has_include", "alias- HAS"));
	CHECK(facts_are("#define HAVE_A __has_include(<a.h>)", "angle- a.h"));
	CHECK(facts_are("#define HAVE_A __has_\\\ninclude(\"a.h\")", "quote- a.h"));
	CHECK(facts_are("#define HAVE_A \"b.h\" <c.h>", ""));
	CHECK(facts_are("#define __has_include(x) 0", ""));
}

static void computed(void)
{
	CHECK(facts_are("#include FOO(a, b) // x", "computed FOO(a, b)"));
	CHECK(facts_are("#include_next FOO", "computed FOO"));
	CHECK(facts_are("#include <a FOO", "computed <a FOO"));
	CHECK(facts_are("#embed FOO", "computed- FOO"));
}

static void markers(void)
{
	CHECK(facts_are("# 1 \"a b.c\" 1 3 4", "cwd- a b.c"));
	CHECK(facts_are("#line 7 \"q\\\"\\\\x.y\"", "cwd- q\"\\x.y"));
	CHECK(facts_are("#line 7\n# 8\n#", ""));
	CHECK(facts_are("#pragma GCC dependency \"a.y\" text", "quote- a.y"));
	CHECK(
	    facts_are("#pragma GCC dependency <a.y>\n#pragma GCC poison x", "angle- a.y"));
	CHECK(facts_are("_Pragma(\"GCC dependency \\\"a.y\\\"\")", "quote- a.y"));
	CHECK(facts_are("#pragma GCC pch_preprocess \"x.gch\"", "cwd- x.gch"));
}

static void assembler(void)
{
	CHECK(facts_are("asm(\".incbin \\\"a.bin\\\"\\n\");", "asm- a.bin"));
	CHECK(facts_are("asm(\"x:\\n\\t.incbin\\t\\\"a.bin\\\", 3\");", "asm- a.bin"));
	CHECK(facts_are("asm(R\"(\n.incbin \"a.bin\"\n)\");", "asm- a.bin"));
	CHECK(
	    facts_are("\t.INCBIN \"a.bin\"\n\t.include \"b.s\"\n", "asm- a.bin; asm b.s"));
	CHECK(facts_are("STR(.incbin \"a.bin\")", "asm- a.bin"));
	CHECK(facts_are("asm(\".incbin \\\"\" FILE \"\\\"\");",
			"undecidable an .incbin whose file name is computed"));
	CHECK(facts_are("asm(\".incbin \" STR(FILE));",
			"undecidable an .incbin whose file name is computed"));
	CHECK(facts_are("asm(\".incbin %0\" : : \"i\"(x));",
			"undecidable an .incbin whose file name is computed"));
	CHECK(facts_are(" .incbin FILE\n",
			"undecidable an .incbin whose file name is computed"));
	CHECK(facts_are(".macro m f\n .include \"\\f\"\n.endm\n",
			"undecidable an .include whose file name is computed"));
	/* Words, not directives. */
	CHECK(facts_are("/* .incbin FILE */ // .incbin \"x\"\n", ""));
	CHECK(facts_are("{\".incbin\", INCBIN}, {\".include\", 3}", ""));
	CHECK(facts_are("\"the .include directive\"; x.incbin = 3; y.incbin(z); incbin z",
			""));
	CHECK(facts_are("obj.include \"x\"", ""));
}

static void times(void)
{
	static const struct {
		const char *text;
		bool date_time, timestamp;
	} v[] = {
	    {"x = __DATE__;",                      true,  false},
	    {"__TIME__",			   true,  false},
	    {"a __TIMESTAMP__ b",                  false, true },
	    {"__TIME___ x__DATE__ __TIMESTAMP__x", false, false},
	    {"__DA\\\nTE__",                       true,  false},
	    {"__TI?\?/\nME__",                     true,  false},
	    {"__TIMEST\\\\\nAMP__",                false, false},
	};

	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		struct intern *names = intern_new();
		struct facts f;

		facts_read(&f, names, v[i].text, strlen(v[i].text));
		if (!CHECK(f.date_time == v[i].date_time && f.timestamp == v[i].timestamp))
			printf("# %s\n", v[i].text);
		facts_free(&f);
		intern_free(names);
	}
}

static void lines(void)
{
	struct intern *names = intern_new();
	struct facts f;
	const char *text = "\n\n#include A\n/*\n*/ #include B\n%:include C\n";
	unsigned sum = 0;

	facts_read(&f, names, text, strlen(text));
	CHECK(f.nothers == 3);
	for (size_t i = 0; i < f.nothers; i++)
		sum += f.others[i].line;
	CHECK(f.others[0].line == 3 && f.others[1].line == 5 && sum == 3 + 5 + 6);
	facts_free(&f);
	intern_free(names);
}

static void many(void)
{
	struct intern *names = intern_new();
	struct facts f;
	AUTO_BUF struct buf text = {0};

	for (int i = 0; i < 1000 * 1000; i++)
		buf_printf(&text, "#include \"h%d.h\"\n", i % 500000);
	facts_read(&f, names, text.data, text.len);
	CHECK(f.nnamed == 500000 && f.nothers == 0);
	facts_free(&f);
	intern_free(names);
}

/* Each line seems to open a comment that goes to the end: read again for each, up to a limit. */
static void entangled(void)
{
	struct intern *names = intern_new();
	struct facts f;
	AUTO_BUF struct buf text = {0};

	for (int i = 0; i < 100 * 1000; i++)
		buf_str(&text, "#if /*\n");
	facts_read(&f, names, text.data, text.len);
	CHECK(f.undecidable);
	facts_free(&f);
	intern_free(names);
}

TESTS({"plain", plain}, {"spelling", spelling}, {"superset", superset},
      {"has_include", has_include}, {"computed", computed}, {"markers", markers},
      {"assembler", assembler}, {"times", times}, {"lines", lines}, {"many", many},
      {"entangled", entangled})
