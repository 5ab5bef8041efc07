/* Happy path: the text goes to a temporary file, the compiler makes an object beside it, and the bytes stay in memory. That is
 * waited for: once a compiler, as long as it takes to ask it for its search list. */
#include "agent/sample.h"

#include "agent/compilers.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/path.h"
#include "cc/language.h"
#include "sys/fs.h"
#include "sys/spawn.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utlist.h>

enum {
	OBJECT_MAX = 1 << 20,
	SAID_MAX = 64 << 10,
	TIMEOUT_MS = 30 * 1000
};

struct sample {
	struct sample *next;
	uint32_t ref;
	struct buf object;
	struct err why; /* there is none */
};

/* The second line names the folder of the compile, for the debug information. */
static const char text_c[] =
    "# 0 \"sample.c\"\n"
    "# 1 \"/muster//\"\n"
    "# 1 \"sample.c\"\n"
    "typedef unsigned long size_t;\n"
    "extern int printf(const char *, ...);\n"
    "extern void *memcpy(void *, const void *, size_t);\n"
    "extern double floor(double);\n"
    "struct point { double x, y; int kind : 3; char name[24]; };\n"
    "static const int table[] = {2, 3, 5, 7, 11, 13, 17, 19};\n"
    "const char *sample_words[] = {\"one\", \"two\", 0};\n"
    "_Thread_local int sample_calls;\n"
    "static int weigh(const struct point *p, int n)\n"
    "{\n"
    "\tint sum = 0;\n"
    "\tfor (int i = 0; i < n; i++)\n"
    "\t\tsum += table[i & 7] * (int)floor(p[i].x * p[i].y + 0.5);\n"
    "\treturn sum;\n"
    "}\n"
    "int sample_sum(const struct point *p, int n, const char *name)\n"
    "{\n"
    "\tchar copy[64];\n"
    "\tsample_calls++;\n"
    "\tmemcpy(copy, name, sizeof copy);\n"
    "\tswitch (p->kind) {\n"
    "\tcase 0: return weigh(p, n);\n"
    "\tcase 1: return printf(\"%s %d\\n\", copy, weigh(p, n));\n"
    "\tcase 2: return n / table[n & 7] + n % 10;\n"
    "\tdefault: return __builtin_popcount((unsigned)n) + copy[n & 63];\n"
    "\t}\n"
    "}\n";

static const char text_cxx[] =
    "# 0 \"sample.cc\"\n"
    "# 1 \"/muster//\"\n"
    "# 1 \"sample.cc\"\n"
    "extern \"C\" int printf(const char *, ...);\n"
    "extern double scale;\n"
    "namespace sample {\n"
    "struct shape {\n"
    "\tvirtual ~shape();\n"
    "\tvirtual double area() const = 0;\n"
    "};\n"
    "struct box : shape {\n"
    "\tdouble w, h;\n"
    "\tbox(double a, double b) : w(a), h(b) {}\n"
    "\tdouble area() const { return w * h * scale; }\n"
    "};\n"
    "shape::~shape() {}\n"
    "template <class T, int N> struct ring {\n"
    "\tT v[N];\n"
    "\tunsigned at;\n"
    "\tring() : v(), at(0) {}\n"
    "\tvoid put(T x) { v[at++ % N] = x; }\n"
    "\tT sum() const { T s = T(); for (int i = 0; i < N; i++) s += v[i]; return s; }\n"
    "};\n"
    "static ring<double, 5> areas;\n"
    "int total(const shape *const *s, int n)\n"
    "{\n"
    "\tbox unit(1, n);\n"
    "\ttry {\n"
    "\t\tfor (int i = 0; i < n; i++) {\n"
    "\t\t\tif (!s[i]) throw i;\n"
    "\t\t\tareas.put(s[i]->area() / unit.area());\n"
    "\t\t}\n"
    "\t} catch (int where) {\n"
    "\t\treturn printf(\"%d of %d\\n\", where, n);\n"
    "\t}\n"
    "\treturn int(areas.sum());\n"
    "}\n"
    "}\n";

static bool is_cxx(const struct compiler *c)
{
	return cc_driver_is_cxx(c->toolchain->driver);
}

const char *sample_text(const struct compiler *c, size_t *n)
{
	*n = is_cxx(c) ? sizeof text_cxx - 1 : sizeof text_c - 1;
	return is_cxx(c) ? text_cxx : text_c;
}

const char *sample_source(const struct compiler *c)
{
	return is_cxx(c) ? "sample.ii" : "sample.i";
}

void sample_command(struct arena *a, const struct compiler *c, const char *source,
		    const char *object, struct strv *argv)
{
	strv_add(a, argv, c->toolchain->driver);
	strv_add(a, argv, "-O2");
	/* Clang's debug information names the file it was given, and that is never the same. */
	if (!strstr(path_base(c->toolchain->driver), "clang"))
		strv_add(a, argv, "-g");
	strv_add(a, argv, "-c");
	strv_add(a, argv, source);
	strv_add(a, argv, "-o");
	strv_add(a, argv, object);
}

/* -- the local one --------------------------------------------------------------------------- */

static int compile(const struct compiler *c, struct arena *a, const char *dir,
		   struct buf *object, struct err *e)
{
	size_t n;
	const char *text = sample_text(c, &n);
	const char *source = path_join(a, dir, sample_source(c));
	const char *out = path_join(a, dir, "sample.o");
	struct strv argv = {0};
	AUTO_BUF struct buf said = {0};
	struct strv env = {0};
	int status = 0;

	strv_add(a, &env, arena_printf(a, "PATH=%s", *c->path ? c->path : "/usr/bin:/bin"));
	strv_add(a, &env, "LC_ALL=C");
	sample_command(a, c, source, out, &argv);
	if (fs_write_file(source, text, n, 0600, e) ||
	    spawn_capture(argv.v, env.v, dir, SAID_MAX, TIMEOUT_MS, NULL, &said, &status,
			  e))
		return -1;
	if (status)
		return err_set(e, 0, "%s fails here: %.*s", argv.v[0], (int)said.len,
			       said.data ? said.data : "");
	return fs_read(out, OBJECT_MAX, object, e);
}

const struct buf *sample_object(struct sample **all, const struct compiler *c,
				const char *scratch, struct err *e)
{
	struct sample *s;

	LL_SEARCH_SCALAR(*all, s, ref, c->ref);
	if (!s) {
		AUTO_FREE char *dir = xasprintf("%s/sample.XXXXXX", scratch);
		struct arena *a = arena_new();

		s = xcalloc(1, sizeof *s);
		s->ref = c->ref;
		LL_PREPEND(*all, s);
		if (!mkdtemp(dir))
			err_set(&s->why, 0, "no temporary folder %s", dir);
		else if (compile(c, a, dir, &s->object, &s->why))
			buf_free(&s->object);
		fs_remove_tree(dir, NULL);
		arena_free(a);
	}
	if (s->object.len)
		return &s->object;
	err_set(e, 0, "%s", s->why.text);
	return NULL;
}

void sample_free(struct sample *all)
{
	struct sample *s, *next;

	LL_FOREACH_SAFE(all, s, next)
	{
		buf_free(&s->object);
		free(s);
	}
}

/* -- what differs ---------------------------------------------------------------------------- */

/* What the compiler calls itself in its object's comment: "GCC: (Debian 12.2.0-14) 12.2.0". */
static const char *version_in(struct arena *a, const struct buf *object)
{
	static const char *const marks[] = {"GCC: (", "clang version "};

	for (size_t i = 0; object->len && i < sizeof marks / sizeof *marks; i++) {
		const char *at =
		    memmem(object->data, object->len, marks[i], strlen(marks[i]));

		if (at)
			return arena_strndup(
			    a, at, strnlen(at, (size_t)(object->data + object->len - at)));
	}
	return NULL;
}

const char *sample_difference(struct arena *a, const struct buf *own,
			      const struct buf *other)
{
	const char *ours = version_in(a, own), *theirs = version_in(a, other);

	if (!theirs)
		return "what it gives is no object of such a compiler";
	if (ours && strcmp(ours, theirs) != 0)
		return arena_printf(a, "it is \"%s\", and the one here is \"%s\"", theirs,
				    ours);
	return "both call themselves the same version, but they are built or set up in "
	       "different ways";
}
