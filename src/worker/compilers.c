#include "worker/compilers.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "cas/known.h"
#include "sys/fs.h"
#include "toolchain/toolchain.h"
#include "wire/entries.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct compiler {
	struct compiler *next;
	struct toolchain *toolchain;
	char *root;
};

struct compilers {
	char *path, *dir;
	struct known *known;
	struct compiler *list;
};

struct compilers *compilers_new(const char *path, const char *dir)
{
	struct compilers *c = xcalloc(1, sizeof *c);

	c->path = xstrdup(path);
	c->dir = xstrdup(dir);
	c->known = known_new();
	return c;
}

static void compiler_free(struct compiler *c)
{
	fs_remove_tree(c->root, NULL);
	toolchain_free(c->toolchain);
	free(c->root);
	free(c);
}

void compilers_free(struct compilers *c)
{
	if (!c)
		return;
	for (struct compiler *i = c->list, *next; i; i = next) {
		next = i->next;
		compiler_free(i);
	}
	known_free(c->known);
	free(c->path);
	free(c->dir);
	free(c);
}

const char *compiler_root(const struct compiler *c)
{
	return c->root;
}

/* DRIVER lies directly in one of the folders of PATH. */
static bool is_ours(const struct compilers *c, const char *driver)
{
	const char *slash = strrchr(driver, '/');
	size_t n = slash ? (size_t)(slash - driver) : 0;

	for (const char *p = c->path; n && *p; p += strcspn(p, ":"), p += *p == ':') {
		size_t len = strcspn(p, ":");

		if (len == n && memcmp(p, driver, n) == 0)
			return true;
	}
	return false;
}

static const struct entry *entry_at(const struct toolchain *t, const char *path)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->entries[i].path, path) == 0)
			return &t->entries[i];
	return NULL;
}

/* Why the two lists differ: the first file that does. */
static void explain(const struct toolchain *ours, struct slice theirs, struct err *e)
{
	struct cursor c = {theirs.p, theirs.p + theirs.n, 0};
	char path[WIRE_PATH_MAX], target[WIRE_PATH_MAX];
	struct wire_entry w;

	while (wire_entry_get(&c, &w, path, target) > 0) {
		const struct entry *o = entry_at(ours, w.path);

		if (!o) {
			err_set(e, 0, "its compiler %s has no %s", ours->driver, w.path);
			return;
		}
		if (o->kind != w.kind ||
		    (w.kind == ENTRY_FILE && !digest_equal(&o->digest, &w.digest)) ||
		    (w.kind == ENTRY_LINK && strcmp(o->target, w.target) != 0)) {
			err_set(e, 0, "its compiler %s differs: %s is another file there",
				ours->driver, w.path);
			return;
		}
	}
	err_set(e, 0, "its compiler %s differs: it is '%s' there", ours->driver,
		ours->version);
}

/* True when the driver and all its parts are still the files that were probed. */
static bool is_current(struct compilers *c, const struct toolchain *t)
{
	struct toolchain *now = toolchain_probe(t->driver, c->path, c->known, NULL);
	bool same = now && digest_equal(&now->id, &t->id);

	toolchain_free(now);
	return same;
}

static struct compiler *add(struct compilers *c, const char *driver, struct err *e)
{
	struct toolchain *t = toolchain_probe(driver, c->path, c->known, e);
	char hex[DIGEST_HEX];

	if (!t)
		return NULL;
	struct compiler *one = xcalloc(1, sizeof *one);

	one->toolchain = t;
	one->root = xasprintf("%s/%.32s", c->dir, digest_hex(&t->id, hex));
	fs_remove_tree(one->root, NULL);
	if (fs_mkdirs(c->dir, 0755, e) || toolchain_stage(t, one->root, e)) {
		compiler_free(one);
		return NULL;
	}
	log_line(LOG_INFO, "compiler=%s version=\"%s\" id=%.12s", driver, t->version, hex);
	one->next = c->list;
	c->list = one;
	return one;
}

const struct compiler *compilers_find(struct compilers *c, const char *driver,
				      const struct digest *id, struct slice entries,
				      struct err *e)
{
	struct stat st;

	for (struct compiler **p = &c->list; *p; p = &(*p)->next) {
		struct compiler *one = *p;

		if (strcmp(one->toolchain->driver, driver) != 0)
			continue;
		if (digest_equal(&one->toolchain->id, id))
			return one;
		if (is_current(c, one->toolchain)) {
			explain(one->toolchain, entries, e);
			return NULL;
		}
		*p =
		    one->next; /* an upgrade since: jobs under way keep their folder until they end */
		break;
	}
	if (!is_ours(c, driver)) {
		err_set(e, 0, "%s is not in a folder where it looks for compilers", driver);
		return NULL;
	}
	if (stat(driver, &st)) {
		err_set(e, 0, "it has no %s", driver);
		return NULL;
	}
	struct compiler *one = add(c, driver, e);

	if (!one)
		return NULL;
	if (digest_equal(&one->toolchain->id, id))
		return one;
	explain(one->toolchain, entries, e);
	return NULL;
}
