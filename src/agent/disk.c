/* Happy path of a warm compile: disk_begin stats the folders of the track (nothing changed), the scanner walks
 * its remembered edges and asks version() of each file: one stat each. Everything else happens on change.
 *
 * How changes are found: a folder whose times moved is listed again (or has told what came and went), and only a name that somebody asked for
 * and that came or went counts (GENERATION moves, so the scanner resolves again); a link that moved makes every
 * walk be walked again (WALKS moves); a file that moved gets a new stamp, and a new version if its bytes
 * differ. */
#include "agent/disk.h"

#include "agent/disk_state.h"
#include "agent/still.h"
#include "base/mem.h"
#include "base/path.h"

#include <stdlib.h>
#include <string.h>

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

const struct scan_file *disk_known(const struct disk *d, const char *path)
{
	struct file *f;

	HASH_FIND(hh, d->files, path, strlen(path), f);
	return f ? &f->scan : NULL;
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
	struct node *node = disk_file_node(ctx, file);

	if (node && node_text(ctx, node, &b)) {
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
	watch_open(d);
	d->still = still_new();
	return d;
}

const struct scan_fs *disk_scan_fs(struct disk *d)
{
	return &d->fs;
}

struct still *disk_still(struct disk *d)
{
	return d->still;
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

void disk_believe(struct disk *d, int64_t ns)
{
	d->believe_ns = ns;
}

static void epoch_begin(struct disk *d)
{
	d->epoch++;
	d->now_ns = disk_now_ns();
	watch_take(d);
	for (size_t i = 0; i < d->nlinks; i++)
		if (d->links[i]->kind == NODE_LINK) {
			d->links[i]->epoch = d->epoch;
			node_look(d, d->links[i]);
		}
}

void disk_share(struct disk *d, bool on)
{
	d->shared = on;
	if (on)
		epoch_begin(d);
}

void disk_begin(struct disk *d, struct track *t)
{
	if (!d->shared)
		epoch_begin(d);
	d->track = t;
	d->believe_ns = 0;
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

	watch_close(d);
	still_free(d->still);
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
	buf_free(&d->text);
	free(d->links);
	free(d->gone);
	free(d->awaited);
	free(d);
}
