/* `LOADER --list PROGRAM` prints what `ldd` does, without a shell around it:
 *
 *	libz.so.1 => /lib/x86_64-linux-gnu/libz.so.1 (0x00007f…)
 *	/lib64/ld-linux-x86-64.so.2 (0x00007f…)
 *	linux-vdso.so.1 (0x00007f…)              no path: the kernel's
 *
 * Fails: a library is not found. */
#include "toolchain/libs.h"

#include "base/buf.h"
#include "base/err.h"
#include "toolchain/ask.h"
#include "toolchain/elf.h"
#include "toolchain/tree.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

/* Makes TEXT a sequence of NUL-terminated paths, the last one empty. -1: one is missing. */
static int paths_extract(struct buf *text, const char *program, struct err *e)
{
	struct buf paths = {0};

	for (char *save = NULL, *line = strtok_r(text->data, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char *path = strchr(line, '/');
		char *address = strstr(line, " (0x");

		if (strstr(line, "=> not found")) {
			buf_free(&paths);
			return err_set(e, ENOENT, "%s lacks a library: %s", program,
				       line + strspn(line, "\t "));
		}
		if (strstr(line, " => "))
			path = strstr(line, " => ") + 4;
		if (!path || path[0] != '/' || !address || address < path)
			continue;
		*address = 0;
		buf_add(&paths, path, strlen(path) + 1);
	}
	buf_u8(&paths, 0);
	buf_free(text);
	*text = paths;
	return 0;
}

static int list(const char *loader, const char *option, const char *program,
		struct buf *paths, struct err *e)
{
	const char *plain[] = {loader, "--list", program, NULL};
	const char *with[] = {loader, option, "--list", program, NULL};
	int r = ask(option ? with : plain, NULL, paths, NULL, e);

	if (r)
		return r < 0 ? -1
			     : err_set(e, 0, "ask %s for the libraries of %s", loader,
				       program);
	return paths_extract(paths, program, e);
}

static bool same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

int libs_add(struct tree *t, const char *program, struct err *e)
{
	AUTO_BUF struct buf usual = {0}, bare = {0};
	char loader[PATH_MAX];
	int dynamic = elf_interpreter(program, loader, sizeof loader, e);

	if (dynamic <= 0)
		return dynamic;
	if (list(loader, NULL, program, &usual, e))
		return -1;
	if (tree_add(t, loader, NULL, e) <= 0)
		return err_wrap(e, "add the loader %s", loader);
	for (const char *p = usual.data; *p; p += strlen(p) + 1)
		if (tree_add(t, p, NULL, e) < 0)
			return -1;
	/* The other C library's loader knows no cache. */
	if (strstr(loader, "/ld-musl"))
		return 0;
	if (list(loader, "--inhibit-cache", program, &bare, NULL) == 0 &&
	    same(&usual, &bare))
		return 0;
	return tree_add(t, "/etc/ld.so.cache", NULL, e) < 0 ? -1 : 0;
}
