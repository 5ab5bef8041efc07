/* The names in the folders that search lists look into: listed once, listed again when the folder's identity or
 * times moved (or were too fresh to tell), unless the kernel has told what came and went. Only a name that
 * somebody asked for moves the generation when it comes or goes. */
#include "agent/disk_state.h"
#include "base/mem.h"
#include "base/path.h"
#include "sys/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

/* -- what the kernel tells of folders ----------------------------------------------------------- */

/* An object that is written beside its source moves the folder's times, and without more the folder would be
 * listed again for every compile: with a thousand files that costs more than all else. So a folder that had to
 * be listed twice is watched by inotify: each name that comes or goes is told, and its listing is kept.
 *
 * Why that is exact: an event is in our queue before the system call that caused it returns, and the queue is
 * emptied at the beginning of each epoch; so whatever happened before a compile was asked for is known to it.
 * The watch is set on the very folder that is then listed (by descriptor), before it is listed. stat goes on
 * telling whether the path still leads to that folder (renamed, re-pointed, mounted over). Only file systems
 * whose changes all pass through this kernel count; on others (NFS, FUSE, overlays, …), when there is no room
 * for watches, or when events were lost, folders are listed again as ever. */
enum {
	WATCHED_MAX = 8192,
	SHARE = 4 /* of what the user may watch; editors want some, too */
};

static size_t limit_of_user(void)
{
	AUTO_FD int fd =
	    open("/proc/sys/fs/inotify/max_user_watches", O_RDONLY | O_CLOEXEC);
	char text[32] = "";

	if (fd < 0 || read(fd, text, sizeof text - 1) <= 0)
		return 0;
	return strtoul(text, NULL, 10);
}

void watch_open(struct disk *d)
{
	size_t most = limit_of_user() / SHARE;

	d->watched_max = most < WATCHED_MAX ? most : WATCHED_MAX;
	d->watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
}

static void forget(struct disk *d, struct watched *w)
{
	for (struct dir *dir = w->dirs, *next; dir; dir = next) {
		next = dir->next_watched;
		dir->watched = NULL;
		dir->racy = true; /* nobody knows what happened since: it is listed again */
	}
	HASH_DEL(d->watched, w);
	free(w);
}

static void forget_all(struct disk *d)
{
	struct watched *w, *next;

	HASH_ITER(hh, d->watched, w, next) forget(d, w);
}

void watch_close(struct disk *d)
{
	forget_all(d);
	if (d->watch_fd >= 0)
		close(d->watch_fd);
	d->watch_fd = -1;
}

static void unwatch_dir(struct disk *d, struct dir *dir)
{
	struct watched *w = dir->watched;

	if (!w)
		return;
	struct dir **at = &w->dirs;

	while (*at != dir)
		at = &(*at)->next_watched;
	*at = dir->next_watched;
	dir->watched = NULL;
	if (w->dirs)
		return;
	inotify_rm_watch(d->watch_fd, w->id);
	HASH_DEL(d->watched, w);
	free(w);
}

static void watch_dir(struct disk *d, struct dir *dir, int fd)
{
	char path[32];
	struct watched *w;

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (d->watch_fd < 0 || HASH_COUNT(d->watched) >= d->watched_max ||
	    !fs_is_local(path))
		return;
	int id = inotify_add_watch(d->watch_fd, path,
				   IN_CREATE | IN_DELETE | IN_MOVE | IN_ONLYDIR);

	if (id < 0)
		return;
	HASH_FIND_INT(d->watched, &id, w);
	if (!w) {
		w = xcalloc(1, sizeof *w);
		w->id = id;
		HASH_ADD_INT(d->watched, id, w);
	}
	dir->watched = w;
	dir->next_watched = w->dirs;
	w->dirs = dir;
}

/* -- names --------------------------------------------------------------------------------------- */

/* AGAIN: it was listed before, so it may be worth watching. */
static void dir_list(struct disk *d, struct dir *dir, bool again)
{
	DIR *list = opendir(dir->path);

	names_clear(&dir->names);
	unwatch_dir(d, dir);
	dir->unlistable = !list;
	if (!list)
		return;
	if (again)
		watch_dir(d, dir, dirfd(list));
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

static void asked_set(struct disk *d, const struct dir *dir, struct asked *a, bool present)
{
	if (present != a->present)
		d->generation++;
	else if (!dir->unlistable)
		return;
	a->present = present;
	if ((!present || dir->unlistable) && a->file && a->file->walk) {
		struct walk *w = a->file->walk;
		struct node *end = w->n ? w->nodes[w->n - 1] : NULL;

		if (end && w->kind == NODE_FILE)
			node_look(d, end);
	}
}

/* The names that were asked for: have any come or gone? */
static void dir_compare(struct disk *d, struct dir *dir)
{
	for (struct asked *a = dir->asked; a; a = a->hh.next)
		asked_set(d, dir, a,
			  dir->exists &&
			      (dir->unlistable || names_has(&dir->names, a->hash)));
}

/* NAME came or went: what does that mean to who asked for it? */
static void dir_changed(struct disk *d, struct dir *dir, const char *name, bool present)
{
	uint64_t hash = names_hash(name, strlen(name));
	struct asked *a;

	if (present)
		names_add(&dir->names, hash);
	else
		names_remove(&dir->names, hash);
	HASH_FIND(hh, dir->asked, &hash, sizeof hash, a);
	if (a)
		asked_set(d, dir, a, present);
	if (present)
		return;
	/* As in dir_miss. Where the folder leads now, dir_look will see. */
	const struct walk *w = walk_to(d, dir->path, 0);
	AUTO_FREE char *path =
	    xasprintf("%s/%s", strcmp(w->canonical, "/") ? w->canonical : "", name);
	struct node_slot *s = w->kind == NODE_DIR ? slot_find(d, path) : NULL;

	if (s && s->node->kind != NODE_GONE)
		node_look(d, s->node);
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
	unwatch_dir(d, dir);
	names_clear(&dir->names);
	d->generation++;
	d->walks++;
	dir_compare(d, dir);
}

/* … and whoever could list it can still do so. */
static bool same_folder(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_mode == b->st_mode && a->st_uid == b->st_uid && a->st_gid == b->st_gid;
}

void dir_look(struct disk *d, struct dir *dir)
{
	struct stat st;
	bool existed = dir->exists;

	if (dir->epoch == d->epoch)
		return;
	dir->epoch = d->epoch;
	if (stat(dir->path, &st) || !S_ISDIR(st.st_mode)) {
		dir_absent(d, dir);
		return;
	}
	if (existed && !dir->racy && stat_same(&st, &dir->st))
		return;
	if (existed && dir->watched && same_folder(&st, &dir->st)) {
		dir->st = st; /* what came and went was told */
		return;
	}
	int64_t now = disk_clock_ns();

	if (existed && (st.st_dev != dir->st.st_dev || st.st_ino != dir->st.st_ino))
		d->walks++; /* another folder under the same name */
	dir->exists = true;
	dir->st = st;
	dir_list(d, dir, existed);
	dir->racy = !dir->watched && stat_is_racy(&st, now);
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

static void take(struct disk *d, const struct inotify_event *e)
{
	struct watched *w;

	if (e->mask & IN_Q_OVERFLOW) {
		forget_all(d);
		return;
	}
	HASH_FIND_INT(d->watched, &e->wd, w);
	if (!w)
		return;
	if (e->mask & (IN_IGNORED | IN_UNMOUNT)) {
		forget(d, w);
		return;
	}
	for (struct dir *dir = w->dirs; dir; dir = dir->next_watched)
		dir_changed(d, dir, e->name, e->mask & (IN_CREATE | IN_MOVED_TO));
}

void watch_take(struct disk *d)
{
	alignas(struct inotify_event) char events[16384];
	ssize_t n;

	if (!d->watched)
		return;
	while ((n = read(d->watch_fd, events, sizeof events)) > 0 ||
	       (n < 0 && errno == EINTR))
		for (char *p = events; n > 0 && p < events + n;) {
			const struct inotify_event *e = (const void *)p;

			take(d, e);
			p += sizeof *e + e->len;
		}
}
