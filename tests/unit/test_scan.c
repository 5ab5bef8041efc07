/* Closures of worlds made of strings. The search list is /q for quotes, then /i1 /i2 for both, the
 * working folder /w, the source /w/x.c unless a test says otherwise. */
#include "base/err.h"
#include "base/path.h"
#include "scan/scan.h"
#include "scan/world.h"
#include "test.h"

#include <stdarg.h>

struct setup {
	struct world *w;
	struct scan *scan;
	struct scan_ask ask;
	struct err err;
	const char *where;
	struct buf got;
};

static struct setup *setup(void)
{
	static const char *const quote[] = {"/q"}, *const bracket[] = {"/i1", "/i2"};
	struct setup *s = xcalloc(1, sizeof *s);

	s->w = xcalloc(1, sizeof *s->w);
	struct scan_fs fs = world_fs(s->w);

	s->scan = scan_new(&fs);
	s->ask.search = scan_search(s->scan, quote, 1, bracket, 2);
	s->ask.cwd = "/w";
	s->ask.source = "x.c";
	s->ask.predefined = "#define __GNUC__ 12\n#define linux 1\n";
	return s;
}

static void teardown(struct setup *s)
{
	scan_free(s->scan);
	world_free(s->w);
	buf_free(&s->got);
	free(s);
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct scan_file *const *)a)->path,
		      (*(const struct scan_file *const *)b)->path);
}

/* The closure as text: the paths, sorted, or "-" and the reason. */
static const char *closure(struct setup *s)
{
	struct scan_result r;

	s->got.len = 0;
	s->where = NULL;
	if (scan_closure(s->scan, &s->ask, &r, &s->where, &s->err) < 0) {
		buf_printf(&s->got, "-%s", s->err.text);
	} else {
		CHECK(strcmp(path_base(r.files[0]->path), path_base(s->ask.source)) == 0);
		qsort(r.files, r.n, sizeof *r.files, by_name);
		for (size_t i = 0; i < r.n; i++)
			buf_printf(&s->got, "%s%s", i ? " " : "", r.files[i]->path);
	}
	buf_u8(&s->got, 0);
	return s->got.data;
}

static bool is(struct setup *s, const char *want)
{
	const char *got = closure(s);
	bool same = strcmp(got, want) == 0;

	if (!same)
		printf("# got  %s\n# want %s\n", got, want);
	return same;
}

/* A world of its own: pairs of path and text, then NULL; the closure must be WANT. */
static bool world_is(const char *want, ...)
{
	struct setup *s = setup();
	va_list ap;

	va_start(ap, want);
	for (const char *path; (path = va_arg(ap, const char *));)
		world_add(s->w, path, va_arg(ap, const char *));
	va_end(ap);
	bool same = is(s, want);

	teardown(s);
	return same;
}

#define END (const char *)NULL

static void order(void)
{
	CHECK(world_is("/w/a.h /w/x.c", "/w/x.c", "#include \"a.h\"\n", "/w/a.h", "",
		       "/q/a.h", "", "/i1/a.h", "", END));
	CHECK(world_is("/q/a.h /w/x.c", "/w/x.c", "#include \"a.h\"\n", "/i1/a.h", "",
		       "/q/a.h", "", END));
	CHECK(world_is("/i1/a.h /w/x.c", "/w/x.c", "#include <a.h>\n", "/w/a.h", "",
		       "/q/a.h", "", "/i2/a.h", "", "/i1/a.h", "", END));
	CHECK(world_is("/i2/a.h /i2/b.h /w/x.c", "/w/x.c", "#include <a.h>\n", "/i2/a.h",
		       "#include \"b.h\"\n", "/w/b.h", "", "/i2/b.h", "", END));
	CHECK(world_is("/i1/s/../t/b.h /i1/s/a.h /w/x.c", "/w/x.c", "#include <s/a.h>\n",
		       "/i1/s/a.h", "#include \"../t/b.h\"\n", "/i1/t/b.h", "", END));
	CHECK(world_is("/w/x.c /z/a.h", "/w/x.c", "#include \"/z/a.h\"\n", "/z/a.h", "",
		       END));
	/* A folder of the header's name is passed over. */
	CHECK(world_is("/i2/a /w/x.c", "/w/x.c", "#include <a>\n", "/i1/a/b.h", "", "/i2/a",
		       "", END));
	CHECK(world_is("/w/x.c", "/w/x.c", "#include <nowhere.h>\n", END));
	CHECK(world_is("-the source cannot be read", "/w/y.c", "", END));
}

static void next(void)
{
	CHECK(world_is("/i1/a.h /i2/a.h /w/x.c", "/w/x.c", "#include <a.h>\n", "/i1/a.h",
		       "#include_next <a.h>\n", "/i2/a.h", "", END));
	CHECK(world_is("/i1/a.h /i2/a.h /q/a.h /w/a.h /w/x.c", "/w/x.c",
		       "#include \"a.h\"\n", "/w/a.h", "#include_next \"a.h\"\n", "/q/a.h",
		       "", "/i1/a.h", "", "/i2/a.h", "", END));
}

static void leaves(void)
{
	/* What is only asked for is not followed, unless something else includes it. */
	CHECK(world_is("/i1/a.h /w/x.c", "/w/x.c", "#if __has_include(<a.h>)\n#endif\n",
		       "/i1/a.h", "#include <b.h>\n", "/i1/b.h", "", END));
	CHECK(world_is("/i1/a.h /i1/b.h /w/x.c", "/w/x.c",
		       "#if __has_include(<a.h>)\n#include <a.h>\n#endif\n", "/i1/a.h",
		       "#include <b.h>\n", "/i1/b.h", "", END));
	CHECK(world_is("/w/d.y /w/x.c", "/w/x.c",
		       "#pragma GCC dependency \"d.y\"\n#line 3 \"d.y\"", "/w/d.y",
		       "#include <b.h>", "/i1/b.h", "", END));
	CHECK(world_is("/i1/e.bin /w/x.c", "/w/x.c", "#embed <e.bin>\n", "/i1/e.bin", "",
		       END));
}

static void pch(void)
{
	CHECK(world_is("/i1/a.h.gch /i2/a.h /i2/a.h.gch /w/x.c", "/w/x.c",
		       "#include <a.h>\n", "/i2/a.h", "", "/i1/a.h.gch", "", "/i2/a.h.gch",
		       "", END));
	CHECK(world_is("-a folder of precompiled headers", "/w/x.c", "#include <a.h>\n",
		       "/i1/a.h", "", "/i1/a.h.gch/O2", "", END));
}

static void forced(void)
{
	struct setup *s = setup();
	static const char *const names[] = {"f.h", "sub/g.h"};

	world_add(s->w, "/w/src/x.c", "");
	world_add(s->w, "/w/src/f.h", "");
	world_add(s->w, "/w/f.h", "#include \"h.h\"\n");
	world_add(s->w, "/w/h.h", "");
	world_add(s->w, "/w/f.h.pch", "");
	world_add(s->w, "/i2/sub/g.h", "");
	s->ask.source = "src/x.c";
	s->ask.forced = names;
	s->ask.nforced = 2;
	CHECK(is(s, "/i2/sub/g.h /w/f.h /w/f.h.pch /w/h.h /w/src/x.c"));
	teardown(s);
}

/* GNU compilers read it before the source, unasked. */
static void predefined_header(void)
{
	CHECK(world_is("/i2/p.h /i2/stdc-predef.h /w/x.c", "/w/x.c", "",
		       "/i2/stdc-predef.h", "#include \"p.h\"\n", "/i2/p.h", "", END));
}

static void assembler(void)
{
	struct setup *s = setup();
	static const char *const dirs[] = {"/asm"};

	world_add(s->w, "/w/src/x.S",
		  ".incbin \"a.bin\"\n.include \"b.s\"\n.incbin \"c.bin\"\n");
	world_add(s->w, "/w/a.bin", ".include \"no.s\"\n");
	world_add(s->w, "/w/src/c.bin", "");
	world_add(s->w, "/asm/b.s", ".incbin \"d.bin\"");
	world_add(s->w, "/asm/no.s", "");
	world_add(s->w, "/asm/d.bin", "");
	s->ask.source = "src/x.S";
	s->ask.assembler = true;
	s->ask.asm_dirs = dirs;
	s->ask.nasm_dirs = 1;
	CHECK(is(s, "/asm/b.s /asm/d.bin /w/a.bin /w/src/x.S"));
	world_add(s->w, "/w/y.c", "int x;\n\nasm(\".incbin \\\"\" F \"\\\"\");");
	s->ask.source = "y.c";
	CHECK(is(s, "-an .incbin whose file name is computed"));
	CHECK(strcmp(s->where, "/w/y.c:3") == 0);
	teardown(s);
}

static void preprocessed(void)
{
	struct setup *s = setup();

	world_add(s->w, "/w/x.i",
		  "# 1 \"x.c\"\n# 1 \"/i1/a.h\" 1 3\n#include <b.h>\n#include X\n");
	world_add(s->w, "/w/x.c", "#include <b.h>\n");
	world_add(s->w, "/i1/a.h", "");
	world_add(s->w, "/i1/b.h", "");
	s->ask.source = "x.i";
	s->ask.preprocessed = true;
	CHECK(is(s, "/i1/a.h /w/x.c /w/x.i"));
	teardown(s);
}

static void computed(void)
{
	CHECK(world_is("/i1/a.h /w/x.c", "/w/x.c", "#define A <a.h>\n#include A\n",
		       "/i1/a.h", "", END));
	/* All definitions count, wherever they are. */
	CHECK(world_is(
	    "/i1/a.h /i1/b.h /i1/c.h /i1/d.h /w/x.c", "/w/x.c",
	    "#if X\n#define A <a.h>\n#else\n#define A <b.h>\n#endif\n#include <c.h>\n"
	    "#include A\n",
	    "/i1/a.h", "", "/i1/b.h", "", "/i1/c.h", "#undef A\n#define A <d.h>\n",
	    "/i1/d.h", "", END));
	/* A name may be undefined where the directive stands. */
	CHECK(world_is("/i1/s/M.h /i1/s/N.h /w/x.c", "/w/x.c",
		       "#include <s/NAME>\n#define N M\n#define F <s/N.h>\n#include F\n",
		       "/i1/s/N.h", "", "/i1/s/M.h", "", END));
	/* What is found by one definition brings the next. */
	CHECK(world_is("/i1/a.h /i1/b.h /i1/c.h /w/x.c", "/w/x.c",
		       "#define A <a.h>\n#include A\n#include B\n", "/i1/a.h",
		       "#define B <b.h>\n#define CC <c.h>", "/i1/b.h", "#include CC\n",
		       "/i1/c.h", "", END));
	CHECK(world_is("/w/x.c", "/w/x.c", "#include UNDEFINED\n#include 3\n#include (\n",
		       END));
}

static void operators(void)
{
	CHECK(world_is(
	    "/i1/lib/v2.h /w/x.c", "/w/x.c",
	    "#define S(x) #x\n#define T(x) S(x)\n#define V 2\n#define C(a,b) a##b\n"
	    "#define D(a,b) C(a,b)\n#include T(lib/D(v,V).h)\n",
	    "/i1/lib/v2.h", "", END));
	CHECK(world_is("/i1/b.h /w/x.c", "/w/x.c",
		       "#define PICK(a, b, ...) b\n#define P(...) PICK(__VA_ARGS__)\n"
		       "#include P(<a.h>, <b.h>, <c.h>)\n",
		       "/i1/a.h", "", "/i1/b.h", "", "/i1/c.h", "", END));
	CHECK(world_is(
	    "/i1/a.h /w/x.c", "/w/x.c",
	    "#define F(x, ...) G(x, ## __VA_ARGS__)\n#define G(...) <__VA_ARGS__.h>\n"
	    "#include F(a)\n",
	    "/i1/a.h", "", END));
	CHECK(world_is("/i1/a.h /w/x.c", "/w/x.c",
		       "#define F(x, y...) <x##y.h>\n#define G F\n#include G (a)\n",
		       "/i1/a.h", "", END));
	CHECK(world_is("/i1/ab.h /w/x.c", "/w/x.c",
		       "#define F(x, ...) <x##__VA_OPT__(b).h>\n#include F(a, 1)\n",
		       "/i1/ab.h", "", END));
	/* A function's name that came out of an argument is called later. */
	CHECK(world_is(
	    "/i1/a.h /w/x.c", "/w/x.c",
	    "#define ONE(a) <a.h>\n#define PICK(a, b, c, ...) c\n"
	    "#define P(...) PICK(__VA_ARGS__, TWO, ONE, x)(__VA_ARGS__)\n#include P(a)\n",
	    "/i1/a.h", "", END));
	/* A macro is not expanded inside itself, and nothing loops. */
	CHECK(world_is(
	    "/i1/A /w/x.c", "/w/x.c",
	    "#define A B\n#define B A\n#define H <A>\n#include H\n#define f(x) f(f)(x)\n"
	    "#include f(f)(f(f))\n",
	    "/i1/A", "", END));
	CHECK(world_is("/i1/a/b.h /w/x.c", "/w/x.c", "#define X < a / b.h >\n#include X\n",
		       "/i1/a/b.h", "", END));
}

static void command_line(void)
{
	struct setup *s = setup();
	static const char *const macros[] = {"CONF=\"conf.h\"", "F(x)=<x.h>",
					     "linux_=linux"};

	s->ask.macros = macros;
	s->ask.nmacros = 3;
	world_add(s->w, "/w/x.c", "#include CONF\n#include F(a)\n#include F(linux_)\n");
	world_add(s->w, "/w/conf.h", "");
	world_add(s->w, "/i1/a.h", "");
	world_add(s->w, "/i1/1.h", "");
	world_add(s->w, "/i1/linux.h", "");
	CHECK(is(s, "/i1/1.h /i1/a.h /w/conf.h /w/x.c"));
	/* The same words, another command line. */
	s->ask.nmacros = 0;
	CHECK(is(s, "/w/x.c"));
	teardown(s);
}

static void dynamic(void)
{
	CHECK(world_is("-an #include is computed from __COUNTER__", "/w/x.c",
		       "#define C(a,b) a##b\n#define D(a,b) C(a,b)\n#define X0 <a.h>\n"
		       "#include D(X,__COUNTER__)\n",
		       END));
	CHECK(world_is("-an #include is computed from __INCLUDE_LEVEL__", "/w/x.c",
		       "#define F(x) <x.h>\n#include F(__INCLUDE_LEVEL__)\n", END));
	CHECK(world_is("/i1/s/a.h /w/x.c", "/w/x.c", "#include <s/a.h>\n", "/i1/s/a.h",
		       "#include __FILE__\n", END));
	CHECK(world_is("/w/in/a.h /w/in/w2.h /w/x.c", "/w/x.c", "#include \"in/a.h\"\n",
		       "/w/in/a.h", "#line 1 \"w2.h\"\n#include __FILE__\n", "/w/in/w2.h",
		       "", END));
}

static void has_macros(void)
{
	CHECK(world_is("/i1/a.h /w/x.c", "/w/x.c",
		       "#define A <a.h>\n#if __has_include(A)\n#endif\n", "/i1/a.h",
		       "#include <b.h>", "/i1/b.h", "", END));
	CHECK(world_is(
	    "/i1/a.h /w/x.c", "/w/x.c",
	    "#define HAS(x) __has_include(x)\n#define A <a.h>\n#if HAS(A) || OTHER(A)\n"
	    "#endif\n#ifndef __has_include\n#define __has_include(x) 0\n#endif\n",
	    "/i1/a.h", "", END));
	CHECK(world_is("/i1/a.h /w/x.c", "/w/x.c",
		       "#define HAS(x) __has_include(<x>)\n#if HAS(a.h)\n#endif\n",
		       "/i1/a.h", "", END));
}

/* The shape of Boost.Preprocessor's iteration over a file that includes itself. */
static void self_iteration(void)
{
	struct setup *s = setup();

	world_add(s->w, "/i1/pp/cat.h",
		  "#ifndef CAT_H\n#define CAT_H\n#if FLAGS() & MWCC()\n"
		  "#define CAT(a, b) CAT_OO((a, b))\n#define CAT_OO(p) CAT_I ## p\n#else\n"
		  "#define CAT(a, b) CAT_I(a, b)\n#endif\n#if FLAGS() & MSVC()\n"
		  "#define CAT_I(a, b) CAT_II(~, a ## b)\n#define CAT_II(p, r) r\n#else\n"
		  "#define CAT_I(a, b) a ## b\n#endif\n#endif\n");
	world_add(
	    s->w, "/i1/pp/tuple.h",
	    "#ifndef TUPLE_H\n#define TUPLE_H\n#include <pp/cat.h>\n#if VARIADICS\n"
	    "#define TUPLE_ELEM(...) OVERLOAD(TUPLE_ELEM_O_, __VA_ARGS__)(__VA_ARGS__)\n"
	    "#define OVERLOAD(p, ...) CAT(p, SIZE(__VA_ARGS__))\n"
	    "#define SIZE(...) SIZE_I(__VA_ARGS__, 5, 4, 3, 2, 1,)\n"
	    "#define SIZE_I(a, b, c, d, e, size, ...) size\n"
	    "#define TUPLE_ELEM_O_3(s, n, t) CAT(TUPLE_ELEM_, n) t\n"
	    "#define TUPLE_ELEM_0(a, ...) a\n#define TUPLE_ELEM_1(a, b, ...) b\n"
	    "#define TUPLE_ELEM_2(a, b, c, ...) c\n#else\n"
	    "#define TUPLE_ELEM(s, n, t) CAT(CAT(CAT(ELEM_, s), _), n) t\n"
	    "#define ELEM_2_0(a, b) a\n#define ELEM_2_1(a, b) b\n"
	    "#define ELEM_3_2(a, b, c) c\n#define ELEM_4_2(a, b, c, d) c\n#endif\n"
	    "#define ARRAY_SIZE(a) TUPLE_ELEM(2, 0, a)\n"
	    "#define ARRAY_DATA(a) TUPLE_ELEM(2, 1, a)\n"
	    "#define ARRAY_ELEM(i, a) TUPLE_ELEM(ARRAY_SIZE(a), i, ARRAY_DATA(a))\n#endif\n");
	world_add(
	    s->w, "/i1/pp/iterate.h",
	    "#ifndef ITERATE_H\n#define ITERATE_H\n#include <pp/tuple.h>\n"
	    "#define DEPTH() 0\n#define INC(x) INC_I(x)\n#define INC_I(x) INC_ ## x\n"
	    "#define INC_0 1\n#define INC_1 2\n#define INC_2 3\n"
	    "#define ITERATE() CAT(ITERATE_, INC(DEPTH()))\n"
	    "#define ITERATE_1 <pp/forward1.h>\n#define ITERATE_2 <pp/forward2.h>\n#endif\n");
	world_add(
	    s->w, "/i1/pp/forward1.h",
	    "#if defined(PARAMS_1)\n#define FILENAME_1 ARRAY_ELEM(2, PARAMS_1)\n#endif\n"
	    "#undef DEPTH\n#define DEPTH() 1\n#define ITERATION_1 0\n#include FILENAME_1\n"
	    "#define ITERATION_1 1\n#include FILENAME_1\n#undef DEPTH\n#define DEPTH() 0\n");
	world_add(s->w, "/i1/pp/forward2.h", "#include OTHER_2\n");
	world_add(s->w, "/w/self.h",
		  "#if !IS_ITERATING\n#include <pp/iterate.h>\n"
		  "#define PARAMS_1 (4, (0, 9, \"self.h\", 7))\n#include ITERATE()\n#else\n"
		  "#include \"inner.h\"\n#endif\n");
	world_add(s->w, "/w/inner.h", "#define PARAMS_1 (3, (1, 3, <body.h>))\n");
	world_add(s->w, "/i2/body.h", "");
	world_add(s->w, "/w/x.c", "#include \"self.h\"\n");
	CHECK(is(s, "/i1/pp/cat.h /i1/pp/forward1.h /i1/pp/forward2.h /i1/pp/iterate.h "
		    "/i1/pp/tuple.h /i2/body.h /w/inner.h /w/self.h /w/x.c"));
	teardown(s);
}

/* Definitions in an arm that can never be taken do not count; those that may, do. */
static void conditionals(void)
{
	CHECK(
	    world_is("/i1/b.h /w/x.c", "/w/x.c",
		     "#pragma once\n#ifdef _MSC_VER\n#define A <a.h>\n#elif __GNUC__ >= 4\n"
		     "#define A <b.h>\n#else\n#define A <c.h>\n#endif\n#include A\n",
		     "/i1/a.h", "", "/i1/b.h", "", "/i1/c.h", "", END));
	CHECK(world_is(
	    "/i1/a.h /i1/b.h /i1/d.h /w/x.c", "/w/x.c",
	    "#pragma once\n#ifdef M\n#define A <a.h>\n#elif __GNUC__ >= 4\n"
	    "#define A <b.h>\n#else\n#define A <c.h>\n#endif\n#include A\n#include <d.h>\n",
	    "/i1/a.h", "", "/i1/b.h", "", "/i1/c.h", "", "/i1/d.h", "#define M\n", END));
	/* A new definition, found through what the old ones name, changes the verdict. */
	CHECK(world_is(
	    "/i1/a.h /i1/b.h /w/x.c", "/w/x.c",
	    "#pragma once\n#if M + 1 == 3\n#define A <a.h>\n#else\n#define A <b.h>\n"
	    "#endif\n#include A\n",
	    "/i1/a.h", "", "/i1/b.h", "#define M 2\n", END));
}

static void too_many(void)
{
	struct setup *s = setup();
	AUTO_BUF struct buf text = {0};

	for (int i = 0; i < 40; i++)
		buf_printf(&text, "#define A%d a\n#define A%d b\n#define A%d c(\n", i, i,
			   i);
	buf_str(&text, "#define H <");
	for (int i = 0; i < 40; i++)
		buf_printf(&text, "A%d.", i);
	buf_str(&text, ">\n#include H\n");
	buf_u8(&text, 0);
	world_add(s->w, "/w/x.c", text.data);
	CHECK(is(s, "-an #include is computed from too many macros"));
	CHECK(strcmp(s->where, "/w/x.c:122") == 0);
	teardown(s);
}

static void memory(void)
{
	struct setup *s = setup();

	world_add(s->w, "/w/x.c",
		  "#include <a.h>\n#include <b.h>\n#define N <c.h>\n#include N\n");
	world_add(s->w, "/i2/a.h", "#include <b.h>\n");
	world_add(s->w, "/i1/b.h", "x = __DATE__;\n");
	world_add(s->w, "/i1/c.h", "");
	CHECK(is(s, "/i1/b.h /i1/c.h /i2/a.h /w/x.c"));
	CHECK(s->w->versions == 4);
	size_t texts = s->w->texts, finds = s->w->finds;

	CHECK(is(s, "/i1/b.h /i1/c.h /i2/a.h /w/x.c"));
	CHECK(s->w->texts == texts && s->w->versions == 8);
	CHECK(s->w->finds == finds + 1); /* the source */
	/* Other bytes. */
	struct world_file *b = world_file(s->w, "/i1/b.h");

	b->text = "#include <d.h>\n#define N <e.h>\n";
	b->n = strlen(b->text);
	b->version++;
	world_add(s->w, "/i1/d.h", "");
	world_add(s->w, "/i1/e.h", "");
	CHECK(is(s, "/i1/b.h /i1/c.h /i1/d.h /i1/e.h /i2/a.h /w/x.c"));
	/* A file that comes to stand before another. */
	world_add(s->w, "/i1/a.h", "");
	CHECK(is(s, "/i1/a.h /i1/b.h /i1/c.h /i1/d.h /i1/e.h /w/x.c"));
	/* One that goes: the next in the list is found, though the generation is the old one. */
	world_file(s->w, "/i1/a.h")->text = NULL;
	CHECK(is(s, "/i1/b.h /i1/c.h /i1/d.h /i1/e.h /i2/a.h /w/x.c"));
	world_file(s->w, "/w/x.c")->text = NULL;
	CHECK(is(s, "-the source cannot be read"));
	teardown(s);
}

static void searches(void)
{
	struct setup *s = setup();
	static const char *const one[] = {"/i1"}, *const two[] = {"/i2"};
	struct scan_search *a = scan_search(s->scan, NULL, 0, one, 1);

	CHECK(a == scan_search(s->scan, NULL, 0, one, 1));
	CHECK(a != scan_search(s->scan, one, 1, NULL, 0));
	world_add(s->w, "/w/x.c", "#include <a.h>\n");
	world_add(s->w, "/i1/a.h", "");
	world_add(s->w, "/i2/a.h", "");
	s->ask.search = a;
	CHECK(is(s, "/i1/a.h /w/x.c"));
	s->ask.search = scan_search(s->scan, NULL, 0, two, 1);
	CHECK(is(s, "/i2/a.h /w/x.c"));
	s->ask.search = a;
	CHECK(is(s, "/i1/a.h /w/x.c"));
	teardown(s);
}

static void times(void)
{
	struct setup *s = setup();
	struct scan_result r;
	static const char *const macros[] = {"NOW=__TIMESTAMP__"};

	world_add(s->w, "/w/x.c", "#include <a.h>\n#if __has_include(<b.h>)\n#endif\n");
	world_add(s->w, "/i1/a.h", "__TIME__");
	world_add(s->w, "/i1/b.h", "__TIMESTAMP__");
	CHECK(scan_closure(s->scan, &s->ask, &r, NULL, &s->err) == 0);
	CHECK(r.n == 3 && r.uses_date_time && !r.uses_timestamp);
	s->ask.macros = macros;
	s->ask.nmacros = 1;
	CHECK(scan_closure(s->scan, &s->ask, &r, NULL, NULL) == 0 && r.uses_timestamp);
	teardown(s);
}

static void deep(void)
{
	struct setup *s = setup();

	enum {
		DEPTH = 2000
	};
	struct scan_result r;
	char *paths[DEPTH], *texts[DEPTH];

	world_add(s->w, "/w/x.c", "#include <0.h>\n#include \"x.c\"\n");
	for (int i = 0; i < DEPTH; i++) {
		paths[i] = xasprintf("/i1/%d.h", i);
		texts[i] = xasprintf("#include <%d.h>\n", (i + 1) % DEPTH);
		world_add(s->w, paths[i], texts[i]);
	}
	CHECK(scan_closure(s->scan, &s->ask, &r, NULL, &s->err) == 0 && r.n == DEPTH + 1);
	teardown(s);
	for (int i = 0; i < DEPTH; i++) {
		free(paths[i]);
		free(texts[i]);
	}
}

TESTS({"order", order}, {"next", next}, {"leaves", leaves}, {"pch", pch},
      {"forced", forced}, {"predefined_header", predefined_header},
      {"assembler", assembler}, {"preprocessed", preprocessed}, {"computed", computed},
      {"operators", operators}, {"command_line", command_line}, {"dynamic", dynamic},
      {"has_macros", has_macros}, {"self_iteration", self_iteration},
      {"conditionals", conditionals}, {"too_many", too_many}, {"memory", memory},
      {"searches", searches}, {"times", times}, {"deep", deep})
