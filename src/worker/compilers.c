/* Each compiler is staged in a folder of its own that is never used again, so that an upgrade, and an
 * upgrade back, leave alone what running jobs read. A compiler that is not this machine's any more is retired:
 * clients who have it may use it and even ask for it again; with the last of them it goes. */
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
#include <utlist.h>

struct compiler {
	struct compiler *prev, *next; /* utlist */
	struct compilers *all;
	struct toolchain *toolchain;
	char *root;
	unsigned holders;
	bool retired;
};

struct compilers {
	char *path, *dir;
	struct known *known;
	struct compiler *list;
	unsigned staged; /* names folders */
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
	DL_DELETE(c->all->list, c);
	fs_remove_tree(c->root, NULL);
	toolchain_free(c->toolchain);
	free(c->root);
	free(c);
}

struct compiler *compiler_hold(struct compiler *c)
{
	c->holders++;
	return c;
}

void compiler_release(struct compiler *c)
{
	if (c && --c->holders == 0 && c->retired)
		compiler_free(c);
}

static void retire(struct compiler *c)
{
	c->retired = true;
	if (c->holders == 0)
		compiler_free(c);
}

void compilers_free(struct compilers *c)
{
	if (!c)
		return;
	while (c->list)
		compiler_free(c->list);
	known_free(c->known);
	free(c->path);
	free(c->dir);
	free(c);
}

const char *compiler_driver(const struct compiler *c)
{
	return c->toolchain->driver;
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
			err_set(e, 0, "its compiler %s (%.100s) has no %s", ours->driver,
				ours->version, w.path);
			return;
		}
		if (o->kind != w.kind ||
		    (w.kind == ENTRY_FILE && !digest_equal(&o->digest, &w.digest)) ||
		    (w.kind == ENTRY_LINK && strcmp(o->target, w.target) != 0)) {
			err_set(e, 0,
				"its compiler %s (%.100s) differs: %s is another file "
				"there",
				ours->driver, ours->version, w.path);
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

/* True when the toolchain's files below PREFIX are as they were probed, as far as stat tells. */
static bool is_as_probed(const struct toolchain *t, const char *prefix)
{
	char target[WIRE_PATH_MAX];

	for (size_t i = 0; i < t->n; i++) {
		const struct entry *en = &t->entries[i];
		AUTO_FREE char *path = xasprintf("%s%s", prefix, en->path);
		struct stat st;

		if (lstat(path, &st))
			return false;
		if (en->kind == ENTRY_FILE &&
		    (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != en->size ||
		     st.st_mtim.tv_sec != en->mtime_s))
			return false;
		if (en->kind != ENTRY_LINK)
			continue;
		ssize_t n = readlink(path, target, sizeof target);

		if (n != (ssize_t)strlen(en->target) ||
		    memcmp(target, en->target, (size_t)n) != 0)
			return false;
	}
	return true;
}

/* True when all its staged files are still there as they were staged: some are links to this machine's own
 * files, which somebody might write into. */
static bool is_whole(const struct compiler *c)
{
	return is_as_probed(c->toolchain, c->root);
}

static struct compiler *add(struct compilers *c, const char *driver, struct err *e)
{
	struct toolchain *t = toolchain_probe(driver, c->path, c->known, e);
	char hex[DIGEST_HEX];

	if (!t)
		return NULL;
	struct compiler *one = xcalloc(1, sizeof *one);

	one->all = c;
	one->toolchain = t;
	one->root = xasprintf("%s/%.32s.%u", c->dir, digest_hex(&t->id, hex), ++c->staged);
	DL_APPEND(c->list, one);
	if (fs_mkdirs(c->dir, 0755, e) || toolchain_stage(t, one->root, e)) {
		compiler_free(one);
		return NULL;
	}
	log_line(LOG_INFO, "compiler=%s version=\"%s\" id=%.12s", driver, t->version, hex);
	return one;
}

/* The one for DRIVER that fits: with ID and whole, or with ID NULL the one that is not retired. */
static struct compiler *find(const struct compilers *c, const char *driver,
			     const struct digest *id)
{
	for (struct compiler *i = c->list; i; i = i->next)
		if (strcmp(i->toolchain->driver, driver) == 0 &&
		    (id ? digest_equal(&i->toolchain->id, id) && is_whole(i) : !i->retired))
			return i;
	return NULL;
}

struct compiler *compilers_find(struct compilers *c, const char *driver,
				const struct digest *id, struct slice entries,
				struct err *e)
{
	struct compiler *one = find(c, driver, id);
	struct stat st;

	if (one)
		return compiler_hold(one);
	one = find(c, driver, NULL);
	if (one && is_current(c, one->toolchain) && is_whole(one)) {
		explain(one->toolchain, entries, e);
		return NULL;
	}
	if (one)
		retire(one);
	if (!is_ours(c, driver)) {
		err_set(e, 0, "%s is not in a folder where it looks for compilers", driver);
		return NULL;
	}
	if (stat(driver, &st)) {
		err_set(e, 0, "it has no %s", driver);
		return NULL;
	}
	one = add(c, driver, e);
	if (!one)
		return NULL;
	if (digest_equal(&one->toolchain->id, id))
		return compiler_hold(one);
	explain(one->toolchain, entries, e);
	return NULL;
}

/* The first program of that name in PATH; malloc'ed. */
static char *search(const struct compilers *c, const char *name)
{
	for (const char *p = c->path; *p; p += strcspn(p, ":"), p += *p == ':') {
		AUTO_FREE char *dir = xstrndup(p, strcspn(p, ":"));
		char *path = xasprintf("%s/%s", dir, name);
		struct stat st;

		if (*path == '/' && stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
		    access(path, X_OK) == 0)
			return path;
		free(path);
	}
	return NULL;
}

char *compilers_driver(const struct compilers *c, const char *name, struct err *e)
{
	char *driver = strchr(name, '/') ? xstrdup(name) : search(c, name);

	if (driver && access(driver, X_OK) == 0)
		return driver;
	err_set(e, ENOENT, "find the compiler %.200s", name);
	free(driver);
	return NULL;
}

struct compiler *compilers_named(struct compilers *c, const char *name, struct err *e)
{
	AUTO_FREE char *driver = compilers_driver(c, name, e);

	if (!driver)
		return NULL;
	struct compiler *one = find(c, driver, NULL);

	/* As a client asks for it with each job, stat must do to tell an upgrade. */
	if (one && is_as_probed(one->toolchain, "") && is_whole(one))
		return compiler_hold(one);
	if (one)
		retire(one);
	one = add(c, driver, e);
	if (!one && e->code == ENOENT)
		e->code = 0; /* it is there, but some part of it is not */
	return one ? compiler_hold(one) : NULL;
}
