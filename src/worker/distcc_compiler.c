#include "worker/distcc_compiler.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "sys/fs.h"
#include "worker/compilers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct distcc_compilers {
	struct compilers *all;
	bool stage, insecure;
	unsigned numwords;
	struct buf list; /* lines, each ended by NUL */
	bool listed;     /* only what is in LIST runs */
};

enum {
	LIST_MAX = 1 << 20,
	NUMWORDS_MAX = 100
};

static unsigned parse_numwords(const char *text)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (end != text && !*end && *text != '-' && v >= 1 && v <= NUMWORDS_MAX)
		return (unsigned)v;
	log_line(LOG_WARNING, "DISTCC_CMDLIST_NUMWORDS is no number from 1 to %d: %s",
		 NUMWORDS_MAX, text);
	return 1;
}

struct distcc_compilers *distcc_compilers_new(struct compilers *all, bool stage,
					      bool insecure, const char *list,
					      const char *numwords)
{
	struct distcc_compilers *c = xcalloc(1, sizeof *c);
	struct err e = {0};

	c->all = all;
	c->stage = stage;
	c->insecure = insecure;
	c->numwords = numwords ? parse_numwords(numwords) : 1;
	c->listed = list && *list;
	if (c->listed && fs_read(list, LIST_MAX, &c->list, &e))
		log_line(LOG_ERROR, "no compiler may be run: DISTCC_CMDLIST: %s", e.text);
	if (c->listed)
		buf_u8(&c->list, '\n');
	for (size_t i = 0; i < c->list.len; i++)
		if (c->list.data[i] == '\n')
			c->list.data[i] = '\0';
	return c;
}

void distcc_compilers_free(struct distcc_compilers *c)
{
	if (!c)
		return;
	buf_free(&c->list);
	free(c);
}

/* The last COUNT parts of PATH; NULL when it has fewer. */
static const char *last_parts(const char *path, unsigned count)
{
	const char *p = path + strlen(path);

	while (p > path && (p[-1] != '/' || --count > 0))
		p--;
	return p > path || count <= 1 ? p : NULL;
}

/* The path of the list that WORD means, or NULL. */
static const char *listed_as(const struct distcc_compilers *c, const char *word)
{
	const char *want = last_parts(word, c->numwords);

	for (size_t i = 0; want && i < c->list.len; i += strlen(c->list.data + i) + 1) {
		const char *path = c->list.data + i;
		const char *have = last_parts(path, c->numwords);

		if (*path == '/' && have && strcmp(have, want) == 0)
			return path;
	}
	return NULL;
}

/* NAME without "/usr/bin/" or "/bin/". */
static const char *without_bin(const char *name)
{
	static const char *const bins[] = {"/usr/bin/", "/bin/"};

	for (size_t i = 0; i < sizeof bins / sizeof *bins; i++)
		if (strncmp(name, bins[i], strlen(bins[i])) == 0)
			return name + strlen(bins[i]);
	return name;
}

enum distcc_found distcc_compilers_find(const struct distcc_compilers *c, const char *word,
					struct distcc_compiler *out, struct err *e)
{
	const char *name = c->listed ? listed_as(c, word) : without_bin(word);

	*out = (struct distcc_compiler){.argv0 = name};
	if (!name) {
		err_set(e, 0, "the compiler '%.200s' is not in the list of DISTCC_CMDLIST",
			word);
		return DISTCC_REFUSED;
	}
	if (!c->listed && strchr(name, '/') && (!c->insecure || *name != '/')) {
		err_set(e, 0,
			"the compiler '%.200s' is named by a path, which only "
			"--enable-tcp-insecure lets clients do",
			word);
		return DISTCC_REFUSED;
	}
	out->driver = compilers_driver(c->all, name, e);
	if (out->driver && !c->stage)
		return DISTCC_FOUND;
	out->compiler = out->driver ? compilers_named(c->all, out->driver, e) : NULL;
	if (out->compiler)
		return DISTCC_FOUND;
	free(out->driver);
	out->driver = NULL;
	return e->code == ENOENT ? DISTCC_MISSING : DISTCC_REFUSED;
}
