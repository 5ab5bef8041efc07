/* A little world from the input: NUL-separated, in turn a name and a text. The first file is the source;
 * the first byte of the input chooses how it is asked for. Each closure is computed twice: the second,
 * from memory, must be the same. */
#include "base/err.h"
#include "scan/scan.h"
#include "scan/world.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	FILES_MAX = 64
};

static void split(struct world *w, char *p, char *end, char **copies)
{
	for (size_t i = 0; p < end && i < FILES_MAX; i++) {
		char *name = p, *text = memchr(p, 0, (size_t)(end - p));

		if (!text)
			return;
		text++;
		char *stop = memchr(text, 0, (size_t)(end - text));

		stop = stop ? stop : end;
		/* The text gets a block of its own, so that a look beyond it is seen. */
		copies[2 * i] = xasprintf("/%s", name);
		copies[2 * i + 1] = xmalloc((size_t)(stop - text));
		memcpy(copies[2 * i + 1], text, (size_t)(stop - text));
		world_add_bytes(w, copies[2 * i], copies[2 * i + 1], (size_t)(stop - text));
		p = stop < end ? stop + 1 : end;
	}
}

static void closures(struct world *w, unsigned mode)
{
	static const char *const dirs[] = {"/i", "/j"}, *const macros[] = {"A=<a.h>",
									   "F(x)=x"};
	struct scan_fs fs = world_fs(w);
	struct scan *s = scan_new(&fs);
	struct scan_result r;
	struct err err;
	const char *where;
	struct scan_ask ask = {.search = scan_search(s, dirs, 1, dirs, 2),
			       .cwd = "/w",
			       .source = w->v[0].path,
			       .macros = macros,
			       .nmacros = mode & 1 ? 2 : 0,
			       .predefined = mode & 2 ? "#define __GNUC__ 12\n" : NULL,
			       .forced = dirs,
			       .nforced = mode & 4 ? 1 : 0,
			       .asm_dirs = dirs,
			       .nasm_dirs = 1,
			       .preprocessed = mode & 8};
	int first = scan_closure(s, &ask, &r, &where, &err);
	size_t n = r.n;

	assert(first == 0 ? n > 0 && strcmp(r.files[0]->path, ask.source) == 0
			  : where && err.text[0]);
	int second = scan_closure(s, &ask, &r, &where, &err);

	assert(first == second && r.n == n);
	scan_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copies[2 * FILES_MAX] = {0};

	if (size < 2)
		return 0;
	struct world *w = xcalloc(1, sizeof *w);
	char *bytes = xmalloc(size);

	memcpy(bytes, data, size);
	split(w, bytes + 1, bytes + size, copies);
	if (w->n > 0)
		closures(w, data[0]);
	for (size_t i = 0; i < 2 * FILES_MAX; i++)
		free(copies[i]);
	free(bytes);
	world_free(w);
	return 0;
}
