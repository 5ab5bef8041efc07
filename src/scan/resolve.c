/* Search lists and what names mean in them.
 *
 * A target is looked up again when the fs says that an earlier answer may have changed; between that
 * its files are simply there. A name that is found nowhere is a target without files. Beside each file
 * found, and in each folder tried before, a precompiled header NAME.gch counts as well. */
#include "scan/resolve.h"

#include "base/buf.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

struct scan_search *search_new(struct arena *a, const char *const *quote, size_t nquote,
			       const char *const *bracket, size_t nbracket)
{
	struct scan_search *s = arena_alloc(a, sizeof *s);

	s->nquote = nquote;
	s->ndirs = nquote + nbracket;
	s->dirs = arena_alloc(a, (s->ndirs + 1) * sizeof *s->dirs);
	for (size_t i = 0; i < s->ndirs; i++)
		s->dirs[i] = arena_strdup(a, i < nquote ? quote[i] : bracket[i - nquote]);
	s->nslots = 256;
	s->slots = xcalloc(s->nslots, sizeof(struct target *));
	return s;
}

bool search_equal(const struct scan_search *s, const char *const *quote, size_t nquote,
		  const char *const *bracket, size_t nbracket)
{
	if (s->nquote != nquote || s->ndirs != nquote + nbracket)
		return false;
	for (size_t i = 0; i < s->ndirs; i++)
		if (strcmp(s->dirs[i], i < nquote ? quote[i] : bracket[i - nquote]) != 0)
			return false;
	return true;
}

void search_free(struct scan_search *s)
{
	for (size_t i = 0; i < s->nslots; i++)
		for (struct target *t = s->slots[i]; t; t = t->next)
			free(t->files);
	free(s->slots);
	free(s->nodes);
}

static uint64_t target_hash(uint64_t kind, uint64_t folder, uint64_t name)
{
	uint64_t h =
	    (name << 32 | folder) * 0x9e3779b97f4a7c15u + kind * 0xff51afd7ed558ccdu;

	return h ^ h >> 32;
}

static void slots_grow(struct scan_search *s)
{
	size_t n = s->nslots * 2;
	struct target **v = xcalloc(n, sizeof(struct target *));

	for (size_t i = 0; i < s->nslots; i++) {
		for (struct target *t = s->slots[i], *next; t; t = next) {
			size_t k = target_hash(t->kind, t->folder, t->name) & (n - 1);

			next = t->next;
			t->next = v[k];
			v[k] = t;
		}
	}
	free(s->slots);
	s->slots = v;
	s->nslots = n;
}

struct target *search_target(struct scan_search *s, struct arena *a,
			     const struct intern *names, enum target_kind kind,
			     uint32_t folder, uint32_t name)
{
	bool anywhere = kind == TARGET_ANGLE || kind == TARGET_NEXT_ANGLE;

	if (anywhere || *intern_text(names, name) == '/')
		folder = 0;
	uint64_t hash = target_hash(kind, folder, name);
	struct target *t = s->slots[hash & (s->nslots - 1)];

	for (; t; t = t->next)
		if (t->name == name && t->folder == folder && t->kind == kind)
			return t;
	if (s->ntargets++ == s->nslots)
		slots_grow(s);
	t = arena_alloc(a, sizeof *t);
	t->folder = folder;
	t->name = name;
	t->kind = (uint8_t)kind;
	t->next = s->slots[hash & (s->nslots - 1)];
	s->slots[hash & (s->nslots - 1)] = t;
	return t;
}

static void file_add(struct target *t, const struct scan_file *f)
{
	for (uint32_t i = 0; i < t->n; i++)
		if (t->files[i] == f)
			return;
	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 1;
		t->files = xreallocarray(t->files, t->cap, sizeof(struct scan_file *));
	}
	t->files[t->n++] = f;
}

/* One look-up of a target. */
struct look {
	struct target *target;
	const struct scan_fs *fs;
	const char *name;
	struct buf variant; /* NAME with another ending */
};

static const char *variant(struct look *l, const char *suffix)
{
	l->variant.len = 0;
	buf_str(&l->variant, l->name);
	buf_add(&l->variant, suffix, strlen(suffix) + 1);
	return l->variant.data;
}

/* Looks in DIR. True when the name is there and nothing behind counts. */
static bool look_in(struct look *l, const char *dir)
{
	struct target *t = l->target;
	const struct scan_fs *fs = l->fs;
	const struct scan_file *f = fs->find(fs->ctx, dir, l->name);

	if (f)
		file_add(t, f);
	if (t->kind == TARGET_CWD || t->kind == TARGET_ASM)
		return f;
	const char *gch = variant(l, ".gch");
	const struct scan_file *g = fs->find(fs->ctx, dir, gch);

	if (g)
		file_add(t, g);
	else if (fs->is_dir(fs->ctx, dir, gch))
		t->pch_folder = true;
	if (t->kind == TARGET_FORCED && (g = fs->find(fs->ctx, dir, variant(l, ".pch"))))
		file_add(t, g);
	return f && t->kind != TARGET_NEXT_QUOTE && t->kind != TARGET_NEXT_ANGLE;
}

void target_resolve(struct target *t, const struct scan_search *s,
		    const struct intern *names, const struct scan_fs *fs,
		    uint64_t generation)
{
	struct look l = {.target = t, .fs = fs, .name = intern_text(names, t->name)};
	bool from_bracket = t->kind == TARGET_ANGLE || t->kind == TARGET_ASM;

	t->generation = generation;
	t->n = 0;
	t->pch_folder = false;
	if (*l.name == '/') {
		look_in(&l, "/");
	} else if (t->folder == 0 || !look_in(&l, intern_text(names, t->folder))) {
		size_t n = t->kind == TARGET_CWD ? 0 : s->ndirs;

		for (size_t i = from_bracket ? s->nquote : 0; i < n; i++)
			if (look_in(&l, s->dirs[i]))
				break;
	}
	buf_free(&l.variant);
}
