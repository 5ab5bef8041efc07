/* The driver is asked for its version; the words in it tell which family it is of, and that which
 * questions to ask next (toolchain/parts.h). All files end in one tree; its hash is the id.
 *
 * Not part of it, beside headers: message catalogues and locales (a job that runs in another
 * locale than C needs them too), and what only linking needs.
 *
 * Fails: a script or a wrapper instead of a compiler, another family, a missing part. */
#include "toolchain/toolchain.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/path.h"
#include "sys/hash.h"
#include "toolchain/ask.h"
#include "toolchain/parts.h"
#include "toolchain/tree.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Programs that stand in front of a compiler under its name: what they print is the compiler's, but
 * they are not it. */
static int wrapper_refuse(const char *driver, const char *real, struct err *e)
{
	static const char *const names[] = {"ccache",   "sccache",   "distcc", "icecc",
					    "colorgcc", "muster-cc", "nocc",   "fastbuild"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(path_base(real), names[i]) == 0)
			return err_set(e, 0, "%s is %s, a wrapper around a compiler",
				       driver, names[i]);
	return 0;
}

static char *line_copy(const char *text)
{
	return xstrndup(text, strcspn(text, "\n"));
}

static int not_known(const struct toolchain *tc, struct err *e)
{
	return err_set(e, 0, "it is neither gcc nor clang: \"%.80s\"", tc->version);
}

/* clang says it along with its version, which saves starting it (25 ms) once more. */
static int target_ask(struct toolchain *tc, const char *version, const char *path,
		      struct err *e)
{
	static const char label[] = "\nTarget: ";
	const char *argv[] = {tc->driver, "-dumpmachine", NULL};
	const char *said = strstr(version, label);
	AUTO_BUF struct buf out = {0};
	int r = said ? 0 : ask(argv, path, &out, NULL, e);

	if (r)
		return r < 0 ? -1 : not_known(tc, e);
	tc->target = line_copy(said ? said + sizeof label - 1 : out.data);
	return 0;
}

static int parts_add(struct toolchain *tc, struct tree *t, const char *path, struct err *e)
{
	const char *argv[] = {tc->driver, "--version", NULL};
	AUTO_BUF struct buf out = {0};
	char real[PATH_MAX];
	int r = tree_add(t, tc->driver, real, e);

	if (r <= 0)
		return r ? -1 : err_set(e, ENOENT, "open it");
	if (wrapper_refuse(tc->driver, real, e) || parts_program(t, real, e) < 0)
		return -1;
	r = ask(argv, path, &out, NULL, e);
	if (r)
		return r < 0 ? -1 : err_set(e, 0, "it does not say its version");
	tc->version = line_copy(out.data);
	if (target_ask(tc, out.data, path, e))
		return -1;
	if (strstr(tc->version, "clang version"))
		return parts_clang(t, tc->driver, path, e);
	if (strstr(out.data, "Free Software Foundation"))
		return parts_gcc(t, tc->driver, path, e);
	return not_known(tc, e);
}

static void id_make(struct toolchain *tc)
{
	AUTO_BUF struct buf b = {0};

	buf_str(&b, "toolchain 1");
	buf_sized(&b, tc->driver, strlen(tc->driver));
	buf_sized(&b, tc->version, strlen(tc->version));
	buf_sized(&b, tc->target, strlen(tc->target));
	for (size_t i = 0; i < tc->n; i++) {
		const struct entry *x = &tc->entries[i];

		buf_u8(&b, x->kind);
		buf_sized(&b, x->path, strlen(x->path));
		if (x->kind == ENTRY_LINK)
			buf_sized(&b, x->target, strlen(x->target));
		if (x->kind == ENTRY_FILE)
			buf_add(&b, x->digest.b, sizeof x->digest.b);
	}
	hash_bytes(b.data, b.len, &tc->id);
}

struct toolchain *toolchain_probe(const char *driver, const char *path, struct known *known,
				  struct err *e)
{
	struct tree t = {.known = known};

	if (!path_is_canonical(driver, strlen(driver))) {
		err_set(e, EINVAL, "look at the compiler %s: not an absolute path", driver);
		return NULL;
	}
	struct toolchain *tc = xcalloc(1, sizeof *tc);

	tc->driver = xstrdup(driver);
	if (parts_add(tc, &t, path, e)) {
		err_wrap(e, "look at the compiler %s", driver);
		tree_free(&t);
		toolchain_free(tc);
		return NULL;
	}
	tree_sort(&t);
	tc->entries = t.v;
	tc->n = t.n;
	id_make(tc);
	return tc;
}

void toolchain_free(struct toolchain *tc)
{
	if (!tc)
		return;
	struct tree t = {.v = tc->entries, .n = tc->n};

	tree_free(&t);
	free(tc->driver);
	free(tc->version);
	free(tc->target);
	free(tc);
}
