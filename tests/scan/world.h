#pragma once
#include "base/buf.h"
#include "base/mem.h"
#include "scan/scan.h"

#include <stdlib.h>
#include <string.h>

/* A scan_fs over strings: a file is a path and a text. Paths are taken as they are spelled, but "/./"
 * and "/x/../" are seen through when a file is looked for. For tests and for the fuzzer. */
enum {
	WORLD_MAX = 4096
};

struct world_file {
	const char *path; /* where it is */
	const char *text; /* NULL: it has vanished */
	size_t n;
	uint32_t version;
};

struct world {
	struct world_file v[WORLD_MAX];
	size_t n;
	struct scan_file *made[WORLD_MAX]; /* by id */
	size_t at[WORLD_MAX];              /* id -> index in V */
	uint32_t nmade;
	uint64_t generation;
	size_t versions, texts, finds; /* how often each was asked */
};

static inline void world_add_bytes(struct world *w, const char *path, const char *text,
				   size_t n)
{
	if (w->n == WORLD_MAX)
		return;
	w->v[w->n++] = (struct world_file){path, text, n, 1};
	w->generation++;
}

static inline void world_add(struct world *w, const char *path, const char *text)
{
	world_add_bytes(w, path, text, strlen(text));
}

static inline struct world_file *world_file(struct world *w, const char *path)
{
	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->v[i].path, path) == 0)
			return &w->v[i];
	return NULL;
}

/* Folds "." and ".." away. */
static inline void world_fold(const char *path, struct buf *out)
{
	for (const char *p = path; *p;) {
		while (*p == '/')
			p++;
		size_t n = strcspn(p, "/");

		if (n == 2 && memcmp(p, "..", 2) == 0) {
			while (out->len > 0 && out->data[--out->len] != '/')
				;
		} else if (n > 0 && !(n == 1 && *p == '.')) {
			buf_u8(out, '/');
			buf_add(out, p, n);
		}
		p += n;
	}
	buf_u8(out, 0);
}

static inline const struct scan_file *world_find(void *ctx, const char *dir,
						 const char *name)
{
	struct world *w = ctx;
	AUTO_BUF struct buf spelled = {0};
	AUTO_BUF struct buf folded = {0};

	w->finds++;
	if (*name != '/')
		buf_printf(&spelled, "%s/", dir);
	buf_add(&spelled, name, strlen(name) + 1);
	world_fold(spelled.data, &folded);
	struct world_file *f = world_file(w, folded.data);

	if (!f || !f->text)
		return NULL;
	for (uint32_t i = 0; i < w->nmade; i++)
		if (strcmp(w->made[i]->path, spelled.data) == 0)
			return w->made[i];
	if (w->nmade == WORLD_MAX)
		return NULL;
	struct scan_file *made = xmalloc(sizeof *made);

	*made = (struct scan_file){w->nmade, xstrdup(spelled.data)};
	w->at[w->nmade] = (size_t)(f - w->v);
	w->made[w->nmade++] = made;
	return made;
}

static inline bool world_is_dir(void *ctx, const char *dir, const char *name)
{
	struct world *w = ctx;
	AUTO_BUF struct buf spelled = {0};
	AUTO_BUF struct buf folded = {0};

	if (*name != '/')
		buf_printf(&spelled, "%s/", dir);
	buf_add(&spelled, name, strlen(name) + 1);
	world_fold(spelled.data, &folded);
	size_t n = strlen(folded.data);

	for (size_t i = 0; i < w->n; i++)
		if (w->v[i].text && strncmp(w->v[i].path, folded.data, n) == 0 &&
		    w->v[i].path[n] == '/')
			return true;
	return false;
}

static inline uint32_t world_version(void *ctx, const struct scan_file *f)
{
	struct world *w = ctx;

	w->versions++;
	return w->v[w->at[f->id]].text ? w->v[w->at[f->id]].version : 0;
}

static inline int world_text(void *ctx, const struct scan_file *f, const char **text,
			     size_t *n)
{
	struct world *w = ctx;

	w->texts++;
	*text = w->v[w->at[f->id]].text;
	*n = w->v[w->at[f->id]].n;
	return *text ? 0 : -1;
}

static inline void world_done(void *ctx, const struct scan_file *f, const char *text,
			      size_t n)
{
	(void)ctx;
	(void)f;
	(void)text;
	(void)n;
}

static inline uint64_t world_generation(void *ctx)
{
	return ((struct world *)ctx)->generation;
}

static inline struct scan_fs world_fs(struct world *w)
{
	return (struct scan_fs){.ctx = w,
				.find = world_find,
				.is_dir = world_is_dir,
				.version = world_version,
				.text = world_text,
				.done = world_done,
				.generation = world_generation};
}

static inline void world_free(struct world *w)
{
	for (uint32_t i = 0; i < w->nmade; i++) {
		free((char *)(uintptr_t)w->made[i]->path);
		free(w->made[i]);
	}
	free(w);
}
