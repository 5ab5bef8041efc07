/* The walk: AT is the folder reached, a path without links; REST is what is still to go. A link
 * puts its target in front of REST and, if absolute, starts at the root again. Thus every entry has
 * a path whose parents are real folders, as cas/entry.h wants it. */
#include "toolchain/tree.h"

#include "base/err.h"
#include "base/mem.h"
#include "cas/known.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	ENTRIES_LIMIT = 20000,
	LINKS_LIMIT = 40
};

struct walk {
	char at[PATH_MAX]; /* "" is the root */
	char rest[PATH_MAX];
	int links;
};

bool tree_has(const struct tree *t, const char *path)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->v[i].path, path) == 0)
			return true;
	return false;
}

/* The new entry, for the caller to complete; NULL: it was there. */
static struct entry *entry_new(struct tree *t, enum entry_kind kind, const char *path)
{
	if (tree_has(t, path))
		return NULL;
	if (t->n == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 64;
		t->v = xreallocarray(t->v, t->cap, sizeof *t->v);
	}
	struct entry *x = &t->v[t->n++];

	*x = (struct entry){.kind = kind, .path = xstrdup(path)};
	return x;
}

static int link_follow(struct tree *t, struct walk *w, const char *path, struct err *e)
{
	char target[PATH_MAX], rest[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof target - 1);

	if (n <= 0)
		return err_set(e, n ? errno : ENOENT, "read the link %s", path);
	target[n] = 0;
	if (++w->links > LINKS_LIMIT)
		return err_set(e, ELOOP, "follow %s", path);
	memcpy(rest, w->rest, strlen(w->rest) + 1);
	if (snprintf(w->rest, sizeof w->rest, "%s/%s", target, rest) >= (int)sizeof w->rest)
		return err_set(e, ENAMETOOLONG, "follow %s", path);
	if (target[0] == '/')
		w->at[0] = 0;
	struct entry *x = entry_new(t, ENTRY_LINK, path);

	if (x)
		x->target = xstrdup(target);
	return 1;
}

static int file_add(struct tree *t, const char *path, struct err *e)
{
	struct digest digest;
	struct stat st;

	if (tree_has(t, path))
		return 1;
	if (known_digest(t->known, path, &st, &digest, e))
		return -1;
	struct entry *x = entry_new(t, ENTRY_FILE, path);

	x->digest = digest;
	x->size = (uint64_t)st.st_size;
	x->mtime_s = st.st_mtim.tv_sec;
	x->mode = st.st_mode & 0111 ? 0755 : 0644;
	return 1;
}

/* One component NAME further. */
static int step(struct tree *t, struct walk *w, const char *name, struct err *e)
{
	char next[PATH_MAX];
	struct stat st;

	if (strcmp(name, ".") == 0)
		return 1;
	if (strcmp(name, "..") == 0) {
		char *slash = strrchr(w->at, '/');

		if (slash) {
			entry_new(t, ENTRY_DIR, w->at);
			*slash = 0;
		}
		return 1;
	}
	if (snprintf(next, sizeof next, "%s/%s", w->at, name) >= (int)sizeof next)
		return err_set(e, ENAMETOOLONG, "look at %s", w->at);
	if (lstat(next, &st))
		return errno == ENOENT || errno == ENOTDIR
			   ? 0
			   : err_set(e, errno, "look at %s", next);
	if (S_ISLNK(st.st_mode))
		return link_follow(t, w, next, e);
	if (S_ISREG(st.st_mode) && w->rest[strspn(w->rest, "/")] != 0)
		return 0;
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return err_set(e, 0, "%s is neither a file nor a folder", next);
	memcpy(w->at, next, strlen(next) + 1);
	return S_ISREG(st.st_mode) ? file_add(t, next, e) : 1;
}

int tree_add(struct tree *t, const char *path, char *real, struct err *e)
{
	struct walk w = {0};

	assert(path[0] == '/');
	if (snprintf(w.rest, sizeof w.rest, "%s", path) >= (int)sizeof w.rest)
		return err_set(e, ENAMETOOLONG, "look at %s", path);
	for (;;) {
		char name[NAME_MAX + 1];
		size_t skip = strspn(w.rest, "/"), n = strcspn(w.rest + skip, "/");

		if (n == 0)
			break;
		if (n > NAME_MAX)
			return 0;
		memcpy(name, w.rest + skip, n);
		name[n] = 0;
		memmove(w.rest, w.rest + skip + n, strlen(w.rest + skip + n) + 1);
		int r = step(t, &w, name, e);

		if (r <= 0)
			return r;
		if (t->n > ENTRIES_LIMIT)
			return err_set(e, 0, "more than %d files", ENTRIES_LIMIT);
	}
	if (w.at[0] && !tree_has(t, w.at))
		entry_new(t, ENTRY_DIR, w.at);
	if (real)
		memcpy(real, w.at, strlen(w.at) + 1);
	return 1;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->path, ((const struct entry *)b)->path);
}

void tree_sort(struct tree *t)
{
	if (t->n)
		qsort(t->v, t->n, sizeof *t->v, by_path);
}

void tree_free(struct tree *t)
{
	for (size_t i = 0; i < t->n; i++) {
		free((char *)(uintptr_t)t->v[i].path);
		free((char *)(uintptr_t)t->v[i].target);
	}
	free(t->v);
	*t = (struct tree){0};
}
