#include "agent/compilers.h"

#include "agent/locate.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/path.h"
#include "cas/known.h"
#include "sys/loop.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

/* One that could not be identified: asking costs several processes. But the reason may have been of that moment. */
struct refused {
	char *driver, *path;
	nsec since;
	struct err why;
	struct still_mark mark;
	struct refused *next;
};

enum {
	NAMES_MAX = 1000
};

static const nsec refused_ns = LOOP_MS(5000);

struct named {
	char *key; /* name, self, PATH */
	char *path, *driver;
	bool clang;
	struct still_mark mark;
	UT_hash_handle hh;
};

struct compilers {
	struct known *known;
	struct compiler *list;
	struct refused *refused;
	struct named *named;
	uint32_t next;
};

struct compilers *compilers_new(void)
{
	struct compilers *c = xcalloc(1, sizeof *c);

	c->known = known_new();
	return c;
}

static void forget_names(struct compilers *c)
{
	struct named *n, *after;

	HASH_ITER(hh, c->named, n, after)
	{
		HASH_DEL(c->named, n);
		free(n->key);
		free(n->path);
		free(n->driver);
		free(n);
	}
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
	for (struct refused *r = c->refused, *next; r; r = next) {
		next = r->next;
		free(r->driver);
		free(r->path);
		free(r);
	}
	forget_names(c);
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

static bool is_current(struct compiler *c, struct still *s)
{
	if (still_holds(s, &c->mark))
		return true;
	still_begin(s, &c->mark);
	for (size_t i = 0; i < c->toolchain->n; i++) {
		const struct entry *en = &c->toolchain->entries[i];
		struct stat st;

		if (en->kind == ENTRY_DIR)
			continue; /* its times move whenever anything is installed there */
		still_add(s, &c->mark, en->path);
		if (lstat(en->path, &st) || !same(&st, &c->seen[i])) {
			c->mark.at = 0;
			return false;
		}
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

static void refuse(struct compilers *c, const char *driver, const char *path,
		   struct still_mark asked, const struct err *why)
{
	struct refused *r;

	for (r = c->refused; r; r = r->next)
		if (strcmp(r->driver, driver) == 0 && strcmp(r->path, path) == 0)
			break;
	if (!r) {
		r = xcalloc(1, sizeof *r);
		r->driver = xstrdup(driver);
		r->path = xstrdup(path);
		r->next = c->refused;
		c->refused = r;
	}
	r->mark = asked;
	r->since = loop_now();
	r->why = *why;
}

const struct compiler *compilers_get(struct compilers *c, struct still *s,
				     const char *driver, const char *path, struct err *e)
{
	struct still_mark asked;

	if (!path)
		path = "";
	for (struct compiler *i = c->list; i; i = i->next)
		if (strcmp(i->toolchain->driver, driver) == 0 &&
		    strcmp(i->path, path) == 0) {
			if (is_current(i, s))
				return i;
			break; /* the newest entry for it is out of date */
		}
	for (const struct refused *r = c->refused; r; r = r->next)
		if (still_holds(s, &r->mark) && loop_now() - r->since < refused_ns &&
		    strcmp(r->driver, driver) == 0 && strcmp(r->path, path) == 0) {
			*e = r->why;
			return NULL;
		}
	still_begin(s, &asked);
	still_add(s, &asked, driver);
	const struct compiler *found = probe(c, driver, *path ? path : NULL, e);

	if (!found)
		refuse(c, driver, path, asked, e);
	return found;
}

/* All that decides which of the programs called NAME in PATH it is. False: it depends on CWD, too. */
static bool watch_candidates(struct still *s, struct still_mark *mark, const char *name,
			     const char *path)
{
	const char *base = path_base(name);

	if (base != name && name[0] != '/')
		return false;
	if (base != name)
		still_add(s, mark, name);
	for (const char *p = path ? path : "/usr/local/bin:/usr/bin:/bin"; p;) {
		int n = (int)strcspn(p, ":");
		AUTO_FREE char *file = xasprintf("%.*s/%s", n, p, base);

		if (p[0] != '/')
			return false;
		still_add(s, mark, file);
		p = p[n] ? p + n + 1 : NULL;
	}
	return true;
}

struct program compilers_program(struct compilers *c, struct still *s, struct arena *a,
				 const char *name, const char *path, const char *cwd,
				 const char *self)
{
	AUTO_BUF struct buf key = {0};
	struct named *n;

	buf_add(&key, name, strlen(name) + 1);
	buf_add(&key, self, strlen(self) + 1);
	if (path)
		buf_add(&key, path, strlen(path) + 1);
	HASH_FIND(hh, c->named, key.data, key.len, n);
	if (!n) {
		if (HASH_COUNT(c->named) >= NAMES_MAX)
			forget_names(c);
		n = xcalloc(1, sizeof *n);
		n->key = xmalloc(key.len);
		memcpy(n->key, key.data, key.len);
		HASH_ADD_KEYPTR(hh, c->named, n->key, key.len, n);
	}
	if (!still_holds(s, &n->mark)) {
		still_begin(s, &n->mark);
		if (!watch_candidates(s, &n->mark, name, path))
			n->mark.at = 0;
		const char *found = locate_compiler(a, name, path, cwd, self);
		const char *driver = found ? locate_installed(a, found) : NULL;

		free(n->path);
		free(n->driver);
		n->path = found ? xstrdup(found) : NULL;
		n->driver = driver ? xstrdup(driver) : NULL;
		n->clang = driver && locate_is_clang(driver);
	}
	if (!n->path)
		return (struct program){0};
	return (struct program){arena_strdup(a, n->path), arena_strdup(a, n->driver),
				n->clang};
}
