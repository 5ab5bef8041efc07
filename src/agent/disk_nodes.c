/* Nodes are what stat says of canonical names, with the digest of regular files; walks are where spelled paths
 * lead, with every node on the way. A node is looked at once an epoch; what changed gets a new stamp, and what
 * vanished goes to the GONE log, with all that was below it. */
#include "agent/disk_state.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/path.h"
#include "sys/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	LINKS_MAX = 40,
	RACY_NS = 50 * 1000 * 1000,
	TEXT_KEPT = 1 << 20,
	TEXT_MAX = 1 << 30
};

static int64_t time_ns(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

int64_t disk_clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return time_ns(&t);
}

int64_t disk_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return time_ns(&t);
}

bool stat_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_size == b->st_size && a->st_mode == b->st_mode &&
	       time_ns(&a->st_mtim) == time_ns(&b->st_mtim) &&
	       time_ns(&a->st_ctim) == time_ns(&b->st_ctim);
}

/* ST was taken at NOW: a later change within the clock's grain would not show. */
bool stat_is_racy(const struct stat *st, int64_t now)
{
	return time_ns(&st->st_mtim) > now - RACY_NS ||
	       time_ns(&st->st_ctim) > now - RACY_NS;
}

struct node_slot *slot_find(struct disk *d, const char *path)
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

/* All of a file whose size was SIZE lately. */
static int read_bytes(const char *path, size_t size, struct buf *out)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t n;

	if (fd < 0)
		return -1;
	do {
		n = read(fd, buf_room(out, size + 1), size + 1);
		if (n > 0)
			out->len += (size_t)n;
		if (out->len > TEXT_MAX)
			return -1;
	} while (n > 0 || (n < 0 && errno == EINTR));
	*buf_room(out, 1) = 0;
	return n < 0 ? -1 : 0;
}

/* Large files are no sources. */
static int digest_file(struct disk *d, const struct node *n, const struct stat *st,
		       struct digest *digest)
{
	d->of = NULL;
	if (st->st_size > TEXT_KEPT)
		return hash_file(n->path, digest, NULL, NULL);
	d->text.len = 0;
	if (read_bytes(n->path, (size_t)st->st_size, &d->text))
		return -1;
	hash_bytes(d->text.data, d->text.len, digest);
	d->of = n;
	return 0;
}

int node_text(struct disk *d, struct node *n, struct buf *out)
{
	struct digest digest;

	if (d->of == n) {
		*out = d->text;
		d->text = (struct buf){0};
		d->of = NULL;
		return 0;
	}
	if (read_bytes(n->path, (size_t)n->st.st_size, out))
		return -1;
	hash_bytes(out->data, out->len, &digest);
	if (digest_equal(&digest, &n->digest))
		return 0;
	/* It changed since it was looked at. What is learned of this text must never count for those bytes. */
	n->version = ++d->next_version;
	n->racy = true;
	return -1;
}

static void read_file(struct disk *d, struct node *n, const struct stat *st)
{
	struct digest digest;
	bool was_file = n->kind == NODE_FILE;

	if (digest_file(d, n, st, &digest)) {
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
void node_look(struct disk *d, struct node *n)
{
	struct stat st;

	n->looked_ns = d->now_ns; /* or a little later */
	if (lstat(n->path, &st)) {
		node_vanished(d, n);
		return;
	}
	if (n->kind != NODE_GONE && !n->racy && stat_same(&st, &n->st))
		return;
	int64_t now = disk_clock_ns();
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
	n->racy = n->kind != NODE_DIR && stat_is_racy(&st, now);
}

void node_look_once(struct disk *d, struct node *n)
{
	if (n->epoch == d->epoch)
		return;
	/* No look of this epoch: who is to be sure in it looks himself. */
	if (d->believe_ns && !n->racy && n->kind != NODE_GONE &&
	    d->now_ns - n->looked_ns < d->believe_ns)
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
struct walk *walk_to(struct disk *d, const char *path, int links)
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

void walk_look(struct disk *d, const struct walk *w)
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

bool walk_fresh(const struct walk *w, uint64_t stamp)
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
