#include "agent/compilers.h"

#include "base/err.h"
#include "base/mem.h"
#include "cas/known.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct compilers {
	struct known *known;
	struct compiler *list;
	uint32_t next;
};

struct compilers *compilers_new(void)
{
	struct compilers *c = xcalloc(1, sizeof *c);

	c->known = known_new();
	return c;
}

void compilers_free(struct compilers *c)
{
	if (!c)
		return;
	for (struct compiler *i = c->list, *next; i; i = next) {
		next = i->next;
		toolchain_free(i->toolchain);
		free(i->path);
		free(i->seen);
		free(i);
	}
	known_free(c->known);
	free(c);
}

const struct compiler *compilers_by_ref(const struct compilers *c, uint64_t ref)
{
	for (const struct compiler *i = c->list; i; i = i->next)
		if (i->ref == ref)
			return i;
	return NULL;
}

/* Not ctime: that moves with every hard link, and a worker on this machine stages compilers so. A package
 * manager's upgrade is another inode. */
static bool same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev &&
	       a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static bool is_current(const struct compiler *c)
{
	for (size_t i = 0; i < c->toolchain->n; i++) {
		const struct entry *en = &c->toolchain->entries[i];
		struct stat st;

		if (en->kind == ENTRY_DIR)
			continue; /* its times move whenever anything is installed there */
		if (lstat(en->path, &st) || !same(&st, &c->seen[i]))
			return false;
	}
	return true;
}

static struct compiler *probe(struct compilers *c, const char *driver, const char *path,
			      struct err *e)
{
	struct toolchain *t =
	    toolchain_probe(driver, path ? path : "/usr/bin:/bin", c->known, e);

	if (!t)
		return NULL;
	struct compiler *one = xcalloc(1, sizeof *one);

	/* The same compiler found by another PATH is the same to workers and scheduler. */
	one->ref = UINT32_MAX;
	for (const struct compiler *i = c->list; i; i = i->next)
		if (digest_equal(&i->toolchain->id, &t->id))
			one->ref = i->ref;
	if (one->ref == UINT32_MAX)
		one->ref = c->next++;
	one->path = xstrdup(path ? path : "");
	one->toolchain = t;
	one->seen = xcalloc(t->n, sizeof *one->seen);
	for (size_t i = 0; i < t->n; i++)
		lstat(t->entries[i].path, &one->seen[i]);
	one->next = c->list;
	c->list = one;
	return one;
}

const struct compiler *compilers_get(struct compilers *c, const char *driver,
				     const char *path, struct err *e)
{
	for (const struct compiler *i = c->list; i; i = i->next)
		if (strcmp(i->toolchain->driver, driver) == 0 &&
		    strcmp(i->path, path ? path : "") == 0) {
			if (is_current(i))
				return i;
			break; /* the newest entry for it is out of date */
		}
	return probe(c, driver, path, e);
}
