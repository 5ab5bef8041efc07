#include "worker/order.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	TEXTS_MAX = 1 << 18
};

static void put_text(struct buf *b, const char *text)
{
	buf_sized(b, text, strlen(text) + 1);
}

static void put_list(struct buf *b, char *const *list)
{
	size_t n = 0;

	while (list[n])
		n++;
	buf_varint(b, n);
	for (size_t i = 0; i < n; i++)
		put_text(b, list[i]);
}

/* A folder that is not there has no numbers, and whoever opens it says so. */
static void put_folder(struct buf *b, const char *path)
{
	struct stat st = {0};

	if (stat(path, &st))
		st = (struct stat){0};
	buf_u64(b, st.st_dev);
	buf_u64(b, st.st_ino);
	put_text(b, path);
}

void order_put(struct buf *b, const struct sandbox_spec *s)
{
	buf_u64(b, s->memory_bytes);
	buf_u64(b, s->scratch_bytes);
	buf_u32(b, s->cpu_s);
	buf_u32(b, s->umask);
	put_text(b, s->cwd);
	put_text(b, s->program);
	put_list(b, s->argv);
	put_list(b, s->env);
	buf_varint(b, s->nlower);
	for (size_t i = 0; i < s->nlower; i++)
		put_folder(b, s->lower[i]);
	buf_varint(b, s->nbinds);
	for (size_t i = 0; i < s->nbinds; i++) {
		put_folder(b, s->binds[i].from);
		put_text(b, s->binds[i].to);
	}
}

static const char *get_text(struct cursor *c)
{
	struct slice s = cursor_sized(c, SIZE_MAX);

	if (c->bad || s.n == 0 || s.p[s.n - 1] != 0) {
		c->bad = 1;
		return "";
	}
	return s.p;
}

static size_t get_count(struct cursor *c)
{
	uint64_t n = cursor_varint(c);

	if (n > TEXTS_MAX)
		c->bad = 1;
	return c->bad ? 0 : (size_t)n;
}

/* A list of texts, behind the others in o->texts: returns where it begins. */
static size_t get_list(struct cursor *c, struct order *o, size_t *used)
{
	size_t n = get_count(c), begin = *used;

	o->texts = xreallocarray(o->texts, *used + n + 1, sizeof *o->texts);
	for (size_t i = 0; i < n && !c->bad; i++)
		o->texts[(*used)++] = get_text(c);
	o->texts[(*used)++] = NULL;
	return begin;
}

static struct ground_folder get_folder(struct cursor *c)
{
	dev_t dev = cursor_u64(c);
	ino_t ino = cursor_u64(c);

	return (struct ground_folder){get_text(c), dev, ino};
}

static void get_lower(struct cursor *c, struct order *o)
{
	o->spec.nlower = get_count(c);
	o->lower = xcalloc(o->spec.nlower + 1, sizeof *o->lower);
	for (size_t i = 0; i < o->spec.nlower && !c->bad; i++)
		o->lower[i] = get_folder(c);
}

static void get_binds(struct cursor *c, struct order *o)
{
	size_t n = get_count(c);

	o->spec.nbinds = n;
	o->froms = xcalloc(n + 1, sizeof *o->froms);
	o->binds = xcalloc(n + 1, sizeof *o->binds);
	o->spec.binds = o->binds;
	for (size_t i = 0; i < n && !c->bad; i++) {
		o->froms[i] = get_folder(c);
		o->binds[i] = (struct sandbox_bind){o->froms[i].path, get_text(c)};
	}
}

int order_get(struct order *o, const char *p, size_t n)
{
	struct cursor c = {p, p + n, 0};
	size_t used = 0;

	*o = (struct order){0};
	o->spec.memory_bytes = cursor_u64(&c);
	o->spec.scratch_bytes = cursor_u64(&c);
	o->spec.cpu_s = cursor_u32(&c);
	o->spec.umask = cursor_u32(&c);
	o->spec.cwd = get_text(&c);
	o->spec.program = get_text(&c);
	size_t argv = get_list(&c, o, &used);
	size_t env = get_list(&c, o, &used);

	get_lower(&c, o);
	get_binds(&c, o);
	if (c.bad || c.p != c.end || o->spec.nlower == 0) {
		order_free(o);
		return -1;
	}
	o->spec.argv = (char *const *)(uintptr_t)(o->texts + argv);
	o->spec.env = (char *const *)(uintptr_t)(o->texts + env);
	return 0;
}

void order_free(struct order *o)
{
	free(o->texts);
	free(o->lower);
	free(o->froms);
	free(o->binds);
	*o = (struct order){0};
}
