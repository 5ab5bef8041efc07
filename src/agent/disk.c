/* Happy path of a warm compile: disk_begin stats the folders of the track (nothing changed), the scanner walks
 * its remembered edges and asks version() of each file: one stat each. Everything else happens on change.
 *
 * How changes are found: a folder whose times moved is listed again, and only a name that somebody asked for
 * and that came or went counts (GENERATION moves, so the scanner resolves again); a link that moved makes every
 * walk be walked again (WALKS moves); a file that moved gets a new stamp, and a new version if its bytes
 * differ. */
#include "agent/disk.h"

#include "agent/disk_names.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/path.h"
#include "sys/fs.h"
#include "sys/hash.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uthash.h>

enum {
	LINKS_MAX = 40,
	RACY_NS = 50 * 1000 * 1000
};

static const size_t file_max = 1u << 30;

/* A name that was looked for in a folder. */
struct asked {
	uint64_t hash; /* key */
	bool present;
	struct file *file; /* that was made of it, or NULL */
	UT_hash_handle hh;
};

struct dir {
	char *path; /* key: absolute, as spelled */
	struct dir *parent;
	uint64_t name_hash; /* of its last component, in PARENT */
	bool exists, racy, unlistable;
	struct stat st;
	uint64_t epoch; /* last looked at */
	struct names names;
	struct asked *asked;
	UT_hash_handle hh;
};

struct file {
	struct scan_file scan; /* first: the scanner's pointer is ours */
	struct walk *walk;
	bool awaited; /* among disk->awaited */
	UT_hash_handle hh;
};

/* Where a spelled path leads. */
struct walk {
	char *path;          /* key */
	struct node **nodes; /* folders and links passed, and the end if it exists */
	size_t n;
	char *
	    canonical; /* of the end; GONE: of the first name on the way that is not there */
	enum node_kind kind;
	uint64_t walks;
	uint64_t stamp; /* when it was walked */
	UT_hash_handle hh;
};

struct track {
	uint32_t id; /* from 1, never given twice */
	struct dir **dirs;
	size_t n, cap;
	struct names members; /* by address */
};

/* A node in its folder: what vanishes there is found from above, however the folder is spelled. */
struct node_slot {
	char *path; /* key */
	struct node *node;
	struct node_slot *child, *sibling;
	UT_hash_handle hh;
};

/* A file that was seen with these bytes. */
struct blob {
	struct digest digest; /* key */
	struct node *node;
	UT_hash_handle hh;
};

struct disk {
	struct scan_fs fs;
	struct blob *blobs;
	struct dir *dirs;
	struct file *files;
	struct walk *all_walks;
	struct node_slot *nodes;
	struct node **links; /* every link that a walk passed */
	size_t nlinks;
	struct node **gone;
	size_t ngone;
	struct file **awaited; /* their names are there, but lead to no file (yet) */
	size_t nawaited;
	uint32_t next_file, next_node, next_version, next_track;
	uint64_t epoch, generation, walks, stamp;
	int64_t now_ns; /* CLOCK_REALTIME at the epoch's begin */
	struct track *track;
};

static int64_t time_ns(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

static int64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return time_ns(&t);
}

static bool same_stat(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_size == b->st_size && a->st_mode == b->st_mode &&
	       time_ns(&a->st_mtim) == time_ns(&b->st_mtim) &&
	       time_ns(&a->st_ctim) == time_ns(&b->st_ctim);
}

/* ST was taken at NOW: a later change within the clock's grain would not show. */
static bool is_racy(const struct stat *st, int64_t now)
{
	return time_ns(&st->st_mtim) > now - RACY_NS ||
	       time_ns(&st->st_ctim) > now - RACY_NS;
}

/* -- nodes ----------------------------------------------------------------------------------- */

static struct node_slot *slot_find(struct disk *d, const char *path)
{
	struct node_slot *s;

	HASH_FIND_STR(d->nodes, path, s);
	return s;
}

/* Made when it is new, in its folder's, up to "/". */
static struct node_slot *slot_get(struct disk *d, const char *path)
{
	struct node_slot *s = slot_find(d, path);

	if (s)
		return s;
	s = xcalloc(1, sizeof *s);
	s->node = xcalloc(1, sizeof *s->node);
	s->node->id = d->next_node++;
	s->node->path = s->path = xstrdup(path);
	HASH_ADD_KEYPTR(hh, d->nodes, s->path, strlen(s->path), s);
	size_t above = (size_t)(path_base(path) - path);

	if (path[above]) {
		AUTO_FREE char *dir = xstrndup(path, above > 1 ? above - 1 : above);
		struct node_slot *parent = slot_get(d, dir);

		s->sibling = parent->child;
		parent->child = s;
	}
	return s;
}

static void set_gone(struct disk *d, struct node *n)
{
	n->kind = NODE_GONE;
	n->version = 0;
	n->stamp = ++d->stamp;
	d->gone = xreallocarray(d->gone, d->ngone + 1, sizeof(struct node *));
	d->gone[d->ngone++] = n;
}

/* What was below a folder is gone with it, also when the like appears there again. */
static void below_vanished(struct disk *d, const struct node *dir)
{
	for (struct node_slot *s = slot_find(d, dir->path)->child; s; s = s->sibling) {
		if (s->node->kind != NODE_GONE)
			set_gone(d, s->node);
		below_vanished(d, s->node);
	}
}

static void node_vanished(struct disk *d, struct node *n)
{
	if (n->kind == NODE_GONE)
		return;
	bool was_dir = n->kind == NODE_DIR;

	set_gone(d, n);
	d->walks++;
	d->generation++;
	if (was_dir)
		below_vanished(d, n);
}

static void read_link(struct disk *d, struct node *n)
{
	char target[4096];
	ssize_t len = readlink(n->path, target, sizeof target - 1);

	target[len < 0 ? 0 : len] = 0;
	if (n->kind == NODE_LINK && n->target && strcmp(n->target, target) == 0)
		return;
	if (!n->target) {
		d->links = xreallocarray(d->links, d->nlinks + 1, sizeof(struct node *));
		d->links[d->nlinks++] = n;
	}
	free(n->target);
	n->target = xstrdup(target);
	n->stamp = ++d->stamp;
	d->walks++;
	d->generation++;
}

static bool has_bytes(const struct node *n, const struct digest *digest)
{
	return n->kind == NODE_FILE && digest_equal(&n->digest, digest);
}

static void remember_blob(struct disk *d, struct node *n)
{
	struct blob *b;

	HASH_FIND(hh, d->blobs, &n->digest, sizeof n->digest, b);
	if (!b) {
		b = xcalloc(1, sizeof *b);
		b->digest = n->digest;
		HASH_ADD(hh, d->blobs, digest, sizeof b->digest, b);
	} else if (has_bytes(b->node, &b->digest)) {
		return;
	}
	b->node = n;
}

struct node *disk_by_digest(struct disk *d, const struct digest *digest)
{
	struct blob *b;

	HASH_FIND(hh, d->blobs, digest, sizeof *digest, b);
	if (!b || has_bytes(b->node, digest))
		return b ? b->node : NULL;
	/* That one has changed; another may have been its equal. It is rare. */
	for (struct node_slot *s = d->nodes; s; s = s->hh.next)
		if (has_bytes(s->node, digest))
			return b->node = s->node;
	return NULL;
}

static void read_file(struct disk *d, struct node *n, const struct stat *st)
{
	struct digest digest;
	bool was_file = n->kind == NODE_FILE;

	if (hash_file(n->path, &digest, NULL, NULL)) {
		if (n->kind != NODE_OTHER)
			n->stamp = ++d->stamp;
		n->kind = NODE_OTHER; /* unreadable: the compiler here will say so */
		n->version = 0;
		return;
	}
	bool same_bytes = was_file && digest_equal(&digest, &n->digest);

	if (!same_bytes)
		n->version = ++d->next_version;
	if (!same_bytes || n->st.st_mtim.tv_sec != st->st_mtim.tv_sec ||
	    (n->st.st_mode & 0111) != (st->st_mode & 0111))
		n->stamp = ++d->stamp;
	n->digest = digest;
	n->kind = NODE_FILE;
	if (!same_bytes)
		remember_blob(d, n);
}

/* Looks at N now. */
static void node_look(struct disk *d, struct node *n)
{
	struct stat st;

	if (lstat(n->path, &st)) {
		node_vanished(d, n);
		return;
	}
	if (n->kind != NODE_GONE && !n->racy && same_stat(&st, &n->st))
		return;
	int64_t now = clock_ns();
	enum node_kind before = n->kind;

	if (S_ISDIR(st.st_mode)) {
		n->kind = NODE_DIR;
		if (before != NODE_DIR)
			n->stamp = ++d->stamp;
	} else if (S_ISLNK(st.st_mode)) {
		read_link(d, n);
		n->kind = NODE_LINK;
	} else if (S_ISREG(st.st_mode)) {
		read_file(d, n, &st);
	} else {
		n->kind = NODE_OTHER;
		if (before != NODE_OTHER)
			n->stamp = ++d->stamp;
	}
	if (before != NODE_GONE && n->kind != before) {
		d->walks++;
		d->generation++;
		if (before == NODE_DIR)
			below_vanished(d, n);
	}
	n->st = st;
	n->racy = n->kind != NODE_DIR && is_racy(&st, now);
}

static void node_look_once(struct disk *d, struct node *n)
{
	if (n->epoch == d->epoch)
		return;
	n->epoch = d->epoch;
	node_look(d, n);
}

bool disk_node_same(struct disk *d, struct node *n)
{
	uint64_t stamp = n->stamp;

	node_look(d, n);
	return n->stamp == stamp;
}

struct node *disk_gone(const struct disk *d, size_t i)
{
	return i < d->ngone ? d->gone[i] : NULL;
}

uint64_t disk_stamp(const struct disk *d)
{
	return d->stamp;
}

/* -- walks ----------------------------------------------------------------------------------- */

static void walk_add(struct walk *w, struct node *n)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->nodes[i] == n)
			return;
	w->nodes = xreallocarray(w->nodes, w->n + 1, sizeof(struct node *));
	w->nodes[w->n++] = n;
}

static void walk_add_all(struct walk *w, const struct walk *other)
{
	for (size_t i = 0; i < other->n; i++)
		walk_add(w, other->nodes[i]);
}

static struct walk *walk_to(struct disk *d, const char *path, int links);

static void walk_end(struct walk *w, enum node_kind kind, const char *canonical)
{
	w->kind = kind;
	w->canonical = xstrdup(canonical);
}

/* One step: NAME in the folder where PARENT leads. */
static void walk_step(struct disk *d, struct walk *w, const struct walk *parent,
		      const char *name, int links)
{
	const char *base = strcmp(parent->canonical, "/") == 0 ? "" : parent->canonical;

	walk_add_all(w, parent);
	if (parent->kind != NODE_DIR) {
		walk_end(w, NODE_GONE, parent->canonical);
		return;
	}
	if (strcmp(name, "..") == 0) {
		AUTO_FREE char *up = xstrndup(base, (size_t)(path_base(base) - base));

		if (strlen(up) > 1)
			up[strlen(up) - 1] = 0;
		walk_end(w, NODE_DIR, *up ? up : "/");
		return;
	}
	AUTO_FREE char *path = xasprintf("%s/%s", base, name);
	struct stat st;

	if (lstat(path, &st)) {
		struct node_slot *s = slot_find(d, path);

		if (s)
			node_vanished(d, s->node);
		walk_end(w, NODE_GONE, path);
		return;
	}
	struct node *n = slot_get(d, path)->node;

	if (n->epoch != d->epoch || n->kind == NODE_GONE)
		node_look(d, n);
	n->epoch = d->epoch;
	walk_add(w, n);
	if (n->kind != NODE_LINK) {
		walk_end(w, n->kind, path);
		return;
	}
	AUTO_FREE char *target =
	    n->target[0] == '/' ? xstrdup(n->target) : xasprintf("%s/%s", base, n->target);
	struct walk *end = links < LINKS_MAX ? walk_to(d, target, links + 1) : NULL;

	if (end)
		walk_add_all(w, end);
	/* Links that go round in circles: something is there, but nobody can read it. */
	walk_end(w, end ? end->kind : NODE_OTHER, end ? end->canonical : "/");
}

/* Recursion is bounded by the path's depth and LINKS_MAX. */
static struct walk *walk_to(struct disk *d, const char *path, int links)
{
	size_t len = strlen(path);

	while (len > 1 &&
	       (path[len - 1] == '/' || (path[len - 1] == '.' && path[len - 2] == '/')))
		len--;
	AUTO_FREE char *key = xstrndup(path, len);
	struct walk *w;

	HASH_FIND_STR(d->all_walks, key, w);
	if (w && w->walks == d->walks && (w->kind == NODE_FILE || w->kind == NODE_DIR))
		return w;
	struct walk fresh = {.path = w ? w->path : xstrdup(key)};

	if (len == 1) {
		walk_end(&fresh, NODE_DIR, "/");
	} else {
		const char *name = path_base(key);
		AUTO_FREE char *dir = xstrndup(key, (size_t)(name - key));

		walk_step(d, &fresh, walk_to(d, dir, links), name, links);
	}
	/* The map may have moved on below us; the entry itself stays. */
	HASH_FIND_STR(d->all_walks, key, w);
	if (!w) {
		w = xcalloc(1, sizeof *w);
		w->path = fresh.path;
		HASH_ADD_KEYPTR(hh, d->all_walks, w->path, strlen(w->path), w);
	} else if (w->path != fresh.path) {
		free(fresh.path);
	}
	free(w->nodes);
	free(w->canonical);
	w->nodes = fresh.nodes;
	w->n = fresh.n;
	w->canonical = fresh.canonical;
	w->kind = fresh.kind;
	w->walks = d->walks;
	w->stamp = ++d->stamp;
	return w;
}

static void walk_look(struct disk *d, const struct walk *w)
{
	for (size_t i = 0; i < w->n; i++)
		node_look_once(d, w->nodes[i]);
}

/* Where PATH leads, with all that it passes looked at in this epoch. */
static struct walk *walk_anew(struct disk *d, const char *path)
{
	walk_look(d, walk_to(d, path, 0));
	return walk_to(d, path, 0); /* the same, unless something on the way has changed */
}

enum node_kind disk_walk(struct disk *d, const char *path,
			 void (*each)(void *ctx, struct node *), void *ctx)
{
	struct walk *w = walk_anew(d, path);

	for (size_t i = 0; each && i < w->n; i++)
		if (w->nodes[i]->kind != NODE_GONE)
			each(ctx, w->nodes[i]);
	return w->kind;
}

static bool walk_fresh(const struct walk *w, uint64_t stamp)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->nodes[i]->stamp > stamp)
			return false;
	return true;
}

bool disk_place_fresh(struct disk *d, const char *path, uint64_t stamp)
{
	struct walk *w = walk_anew(d, path);

	if (!walk_fresh(w, stamp))
		return false;
	if (w->kind != NODE_GONE)
		return true;
	struct node_slot *s = slot_find(d, w->canonical);

	return !s || s->node->stamp <= stamp; /* it was not there before, either */
}

/* -- folders --------------------------------------------------------------------------------- */

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

static void dir_look(struct disk *d, struct dir *dir)
{
	struct stat st;
	bool existed = dir->exists;

	if (dir->epoch == d->epoch)
		return;
	if (stat(dir->path, &st) || !S_ISDIR(st.st_mode)) {
		dir_absent(d, dir);
		return;
	}
	if (existed && !dir->racy && same_stat(&st, &dir->st))
		return;
	int64_t now = clock_ns();

	if (existed && (st.st_dev != dir->st.st_dev || st.st_ino != dir->st.st_ino))
		d->walks++; /* another folder under the same name */
	dir->exists = true;
	dir->st = st;
	dir->racy = is_racy(&st, now);
	dir_list(dir);
	if (!existed)
		d->generation++;
	dir_compare(d, dir);
	dir_miss(d, dir);
}

static struct asked *dir_ask(struct dir *dir, uint64_t hash)
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
static struct dir *dir_get(struct disk *d, const char *path)
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
static struct dir *dir_below(struct disk *d, struct dir *dir, const char *prefix, size_t n)
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

/* -- the scanner's file system ----------------------------------------------------------------- */

static struct file *file_get(struct disk *d, const char *path)
{
	struct file *f;

	HASH_FIND(hh, d->files, path, strlen(path), f);
	if (f)
		return f;
	f = xcalloc(1, sizeof *f);
	f->scan.path = xstrdup(path);
	f->scan.id = d->next_file++;
	HASH_ADD_KEYPTR(hh, d->files, f->scan.path, strlen(f->scan.path), f);
	return f;
}

static struct walk *file_walk(struct disk *d, struct file *f)
{
	if (!f->walk || f->walk->walks != d->walks || f->walk->kind != NODE_FILE)
		f->walk = walk_to(d, f->scan.path, 0);
	return f->walk;
}

/* The listing of its folder will not tell when F comes to lead to a file: a link whose target appears. */
static void await_file(struct disk *d, struct file *f)
{
	if (f->awaited)
		return;
	f->awaited = true;
	d->awaited = xreallocarray(d->awaited, d->nawaited + 1, sizeof(struct file *));
	d->awaited[d->nawaited++] = f;
}

static void look_at_awaited(struct disk *d)
{
	for (size_t i = 0; i < d->nawaited;) {
		struct file *f = d->awaited[i];
		struct walk *w = file_walk(d, f);

		if (w->n)
			node_look_once(d, w->nodes[w->n - 1]);
		enum node_kind kind = file_walk(d, f)->kind;

		if (kind != NODE_FILE && kind != NODE_OTHER) {
			i++;
			continue;
		}
		f->awaited = false;
		d->awaited[i] = d->awaited[--d->nawaited];
		d->generation++;
	}
}

static const struct scan_file *find_in(struct disk *d, struct dir *dir, const char *name)
{
	const char *base = path_base(name);

	if (base != name)
		dir = dir_below(d, dir, name, (size_t)(base - name) - 1);
	if (!dir->exists || !*base)
		return NULL;
	struct asked *a = dir_ask(dir, names_hash(base, strlen(base)));

	if (!a->present)
		return NULL;
	if (!a->file) {
		AUTO_FREE char *path =
		    xasprintf("%s%s%s", dir->path, strcmp(dir->path, "/") ? "/" : "", base);

		a->file = file_get(d, path);
	}
	/* What is there but cannot be read counts as found: its user must not take it for absent. */
	enum node_kind kind = file_walk(d, a->file)->kind;

	if (kind == NODE_FILE || kind == NODE_OTHER)
		return &a->file->scan;
	await_file(d, a->file);
	return NULL;
}

static const struct scan_file *fs_find(void *ctx, const char *dir, const char *name)
{
	struct disk *d = ctx;

	if (name[0] == '/')
		return find_in(d, dir_get(d, "/"), name + 1 + strspn(name + 1, "/"));
	return find_in(d, dir_get(d, dir), name);
}

const struct scan_file *disk_find(struct disk *d, const char *path)
{
	return fs_find(d, "/", path);
}

static bool fs_is_dir(void *ctx, const char *dir, const char *name)
{
	struct disk *d = ctx;
	struct dir *in = dir_get(d, name[0] == '/' ? "/" : dir);
	const char *base = path_base(name);
	size_t slash = (size_t)(base - name);

	if (slash > 1 || (slash == 1 && name[0] != '/'))
		in = dir_below(d, in, name, slash - 1);
	if (!in->exists || !dir_ask(in, names_hash(base, strlen(base)))->present)
		return false;
	return dir_below(d, in, base, strlen(base))->exists;
}

struct node *disk_file_node(struct disk *d, const struct scan_file *file)
{
	struct walk *w = file_walk(d, (struct file *)(uintptr_t)file);

	return w->kind == NODE_FILE ? w->nodes[w->n - 1] : NULL;
}

static uint32_t fs_version(void *ctx, const struct scan_file *file)
{
	struct disk *d = ctx;
	struct node *n = disk_file_node(d, file);

	if (!n)
		return file_walk(d, (struct file *)(uintptr_t)file)->kind == NODE_OTHER
			   ? UINT32_MAX
			   : 0;
	node_look_once(d, n);
	return n->kind == NODE_FILE ? n->version : n->kind == NODE_OTHER ? UINT32_MAX : 0;
}

static int fs_text(void *ctx, const struct scan_file *file, const char **text, size_t *n)
{
	struct buf b = {0};

	if (disk_file_node(ctx, file) && fs_read(file->path, file_max, &b, NULL)) {
		buf_free(&b);
		return -1;
	}
	*buf_room(&b, 1) = 0;
	*text = b.data;
	*n = b.len;
	return 0;
}

static void fs_done(void *ctx, const struct scan_file *file, const char *text, size_t n)
{
	(void)ctx;
	(void)file;
	(void)n;
	free((char *)(uintptr_t)text);
}

/* Told apart by track: what was looked up for one search list is never believed for another, whose track may
 * lack the folders that it depends on (lists of the assembler are shared by many). So every answer that is
 * believed was looked up while its folders were added to the track that this epoch has looked at. */
static uint64_t fs_generation(void *ctx)
{
	const struct disk *d = ctx;

	return d->generation << 32 | (d->track ? d->track->id : 0);
}

void disk_file_walk(struct disk *d, const struct scan_file *file,
		    void (*each)(void *ctx, struct node *), void *ctx)
{
	struct walk *w = file_walk(d, (struct file *)(uintptr_t)file);

	if (w->kind == NODE_FILE)
		node_look_once(d, w->nodes[w->n - 1]);
	for (size_t i = 0; i < w->n; i++)
		if (w->nodes[i]->kind != NODE_GONE)
			each(ctx, w->nodes[i]);
}

bool disk_file_fresh(struct disk *d, const struct scan_file *file, uint64_t stamp)
{
	struct file *f = (struct file *)(uintptr_t)file;

	walk_look(d, file_walk(d, f));
	const struct walk *w = file_walk(d, f);

	return w->kind == NODE_FILE && walk_fresh(w, stamp);
}

uint64_t disk_file_stamp(struct disk *d, const struct scan_file *file)
{
	struct walk *w = file_walk(d, (struct file *)(uintptr_t)file);
	uint64_t newest = w->stamp;

	for (size_t i = 0; i < w->n; i++)
		if (w->nodes[i]->stamp > newest)
			newest = w->nodes[i]->stamp;
	return newest;
}

/* -- life ------------------------------------------------------------------------------------ */

struct disk *disk_new(void)
{
	struct disk *d = xcalloc(1, sizeof *d);

	d->fs = (struct scan_fs){.ctx = d,
				 .find = fs_find,
				 .is_dir = fs_is_dir,
				 .version = fs_version,
				 .text = fs_text,
				 .done = fs_done,
				 .generation = fs_generation};
	d->epoch = d->generation = d->walks = 1;
	return d;
}

const struct scan_fs *disk_scan_fs(struct disk *d)
{
	return &d->fs;
}

struct track *track_new(struct disk *d)
{
	struct track *t = xcalloc(1, sizeof *t);

	t->id = ++d->next_track;
	return t;
}

void track_free(struct track *t)
{
	if (!t)
		return;
	free(t->dirs);
	names_clear(&t->members);
	free(t);
}

void disk_begin(struct disk *d, struct track *t)
{
	d->epoch++;
	d->track = t;
	for (size_t i = 0; i < d->nlinks; i++)
		if (d->links[i]->kind == NODE_LINK) {
			d->links[i]->epoch = d->epoch;
			node_look(d, d->links[i]);
		}
	for (size_t i = 0; t && i < t->n; i++)
		dir_look(d, t->dirs[i]);
	look_at_awaited(d);
}

static void dirs_free(struct disk *d)
{
	struct dir *dir, *next;

	HASH_ITER(hh, d->dirs, dir, next)
	{
		struct asked *a, *after;

		HASH_ITER(hh, dir->asked, a, after)
		{
			HASH_DEL(dir->asked, a);
			free(a);
		}
		HASH_DEL(d->dirs, dir);
		names_clear(&dir->names);
		free(dir->path);
		free(dir);
	}
}

void disk_free(struct disk *d)
{
	struct file *f, *next_f;
	struct walk *w, *next_w;
	struct node_slot *s, *next_s;

	dirs_free(d);
	HASH_ITER(hh, d->files, f, next_f)
	{
		HASH_DEL(d->files, f);
		free((char *)(uintptr_t)f->scan.path);
		free(f);
	}
	HASH_ITER(hh, d->all_walks, w, next_w)
	{
		HASH_DEL(d->all_walks, w);
		free(w->path);
		free(w->nodes);
		free(w->canonical);
		free(w);
	}
	HASH_ITER(hh, d->nodes, s, next_s)
	{
		HASH_DEL(d->nodes, s);
		free(s->node->target);
		free(s->node);
		free(s->path);
		free(s);
	}
	struct blob *b, *next_b;

	HASH_ITER(hh, d->blobs, b, next_b)
	{
		HASH_DEL(d->blobs, b);
		free(b);
	}
	free(d->links);
	free(d->gone);
	free(d->awaited);
	free(d);
}
