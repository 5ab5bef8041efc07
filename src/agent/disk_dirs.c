/* The names in the folders that search lists look into: listed once, listed again when the folder's identity or
 * times moved (or were too fresh to tell). Only a name that somebody asked for moves the generation when it
 * comes or goes. */
#include "agent/disk_state.h"
#include "base/mem.h"
#include "base/path.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

static void dir_list(struct dir *dir)
{
	DIR *list = opendir(dir->path);

	names_clear(&dir->names);
	dir->unlistable = !list;
	if (!list)
		return;
	for (struct dirent *i; (i = readdir(list));)
		names_add(&dir->names, names_hash(i->d_name, strlen(i->d_name)));
	closedir(list);
}

/* DIR was just listed. A file that was found by another spelling of the same folder, and told to workers,
 * may be missing here: nobody asks for it by this spelling, so it is looked at now. */
static void dir_miss(struct disk *d, const struct dir *dir)
{
	struct walk *w = walk_to(d, dir->path, 0);

	if (w->kind != NODE_DIR) { /* as remembered: it has just become one */
		for (size_t i = 0; i < w->n; i++)
			node_look(d, w->nodes[i]);
		d->walks++;
		w = walk_to(d, dir->path, 0);
	}
	struct node_slot *s = w->kind == NODE_DIR ? slot_find(d, w->canonical) : NULL;

	for (s = s ? s->child : NULL; s; s = s->sibling) {
		const char *name = path_base(s->path);

		if (s->node->kind != NODE_GONE &&
		    (dir->unlistable ||
		     !names_has(&dir->names, names_hash(name, strlen(name)))))
			node_look(d, s->node);
	}
}

/* The names that were asked for: have any come or gone? */
static void dir_compare(struct disk *d, struct dir *dir)
{
	for (struct asked *a = dir->asked; a; a = a->hh.next) {
		bool present =
		    dir->exists && (dir->unlistable || names_has(&dir->names, a->hash));

		if (present != a->present)
			d->generation++;
		else if (!dir->unlistable)
			continue;
		a->present = present;
		if ((!present || dir->unlistable) && a->file && a->file->walk) {
			struct walk *w = a->file->walk;
			struct node *end = w->n ? w->nodes[w->n - 1] : NULL;

			if (end && w->kind == NODE_FILE)
				node_look(d, end);
		}
	}
}

/* No folder is there (any more). What the worker was told of the way to it, by this spelling or another, is
 * looked at: it must not find there what is not here. */
static void dir_absent(struct disk *d, struct dir *dir)
{
	struct walk *w = walk_to(d, dir->path, 0);

	for (size_t i = 0; i < w->n; i++)
		node_look(d, w->nodes[i]);
	if (!dir->exists)
		return;
	dir->exists = false;
	names_clear(&dir->names);
	d->generation++;
	d->walks++;
	dir_compare(d, dir);
}

void dir_look(struct disk *d, struct dir *dir)
{
	struct stat st;
	bool existed = dir->exists;

	if (dir->epoch == d->epoch)
		return;
	if (stat(dir->path, &st) || !S_ISDIR(st.st_mode)) {
		dir_absent(d, dir);
		return;
	}
	if (existed && !dir->racy && stat_same(&st, &dir->st))
		return;
	int64_t now = disk_clock_ns();

	if (existed && (st.st_dev != dir->st.st_dev || st.st_ino != dir->st.st_ino))
		d->walks++; /* another folder under the same name */
	dir->exists = true;
	dir->st = st;
	dir->racy = stat_is_racy(&st, now);
	dir_list(dir);
	if (!existed)
		d->generation++;
	dir_compare(d, dir);
	dir_miss(d, dir);
}

struct asked *dir_ask(struct dir *dir, uint64_t hash)
{
	struct asked *a;

	HASH_FIND(hh, dir->asked, &hash, sizeof hash, a);
	if (a)
		return a;
	a = xcalloc(1, sizeof *a);
	a->hash = hash;
	a->present = dir->exists && (dir->unlistable || names_has(&dir->names, hash));
	HASH_ADD(hh, dir->asked, hash, sizeof a->hash, a);
	return a;
}

static void track_add(struct disk *d, struct dir *dir)
{
	struct track *t = d->track;
	uint64_t key = (uint64_t)(uintptr_t)dir * 0x9e3779b97f4a7c15u;

	if (!t || names_has(&t->members, key))
		return;
	names_add(&t->members, key);
	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 64;
		t->dirs = xreallocarray(t->dirs, t->cap, sizeof(struct dir *));
	}
	t->dirs[t->n++] = dir;
}

/* Its parent, which is tracked in its stead, has no such name. */
static bool dir_ruled_out(struct dir *dir)
{
	if (!dir->parent)
		return false;
	return !dir_ask(dir->parent, dir->name_hash)->present;
}

/* Looks at DIR and has it tracked, or in its stead the one above whose listing rules it out, which costs no
 * system call of its own. Tracked is also a name that stands there but is no folder yet (a link). */
static void dir_settle(struct disk *d, struct dir *dir)
{
	if (!dir->exists && dir->parent) {
		dir_settle(d, dir->parent);
		if (dir_ruled_out(dir))
			return;
	}
	dir_look(d, dir);
	track_add(d, dir);
}

static struct dir *dir_make(struct disk *d, const char *path, size_t len)
{
	struct dir *dir = xcalloc(1, sizeof *dir);

	dir->path = xstrndup(path, len);
	HASH_ADD_KEYPTR(hh, d->dirs, dir->path, len, dir);
	const char *base = path_base(dir->path);

	dir->name_hash = names_hash(base, strlen(base));
	return dir;
}

/* A folder by its spelling. */
struct dir *dir_get(struct disk *d, const char *path)
{
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	struct dir *dir;

	HASH_FIND(hh, d->dirs, path, len, dir);
	if (!dir)
		dir = dir_make(d, path, len);
	dir_settle(d, dir);
	return dir;
}

/* DIR/NAME, where NAME is one component. */
static struct dir *dir_child(struct disk *d, struct dir *dir, const char *name, size_t n)
{
	AUTO_FREE char *path = xasprintf("%s%s%.*s", dir->path,
					 strcmp(dir->path, "/") ? "/" : "", (int)n, name);
	bool dots = name[0] == '.' && (n == 1 || (n == 2 && name[1] == '.'));
	struct dir *child;

	HASH_FIND_STR(d->dirs, path, child);
	if (!child)
		child = dir_make(d, path, strlen(path));
	if (!dots)
		child->parent = dir;
	dir_settle(d, child);
	return child;
}

/* DIR/PREFIX, whose parents are asked first. */
struct dir *dir_below(struct disk *d, struct dir *dir, const char *prefix, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t end = i;

		while (end < n && prefix[end] != '/')
			end++;
		if (end > i)
			dir = dir_child(d, dir, prefix + i, end - i);
		i = end + 1;
	}
	return dir;
}
