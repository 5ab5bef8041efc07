#include "worker/order.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

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
		put_text(b, s->lower[i]);
	buf_varint(b, s->nbinds);
	for (size_t i = 0; i < s->nbinds; i++) {
		put_text(b, s->binds[i].from);
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

/* A list of EACH texts an item, behind the others in o->texts: returns where it begins. */
static size_t get_list(struct cursor *c, struct order *o, size_t *used, size_t each,
		       size_t *count)
{
	uint64_t n = cursor_varint(c);
	size_t begin = *used;

	*count = 0;
	if (c->bad || n > TEXTS_MAX) {
		c->bad = 1;
		return begin;
	}
	o->texts = xreallocarray(o->texts, *used + (size_t)n * each + 1, sizeof *o->texts);
	for (size_t i = 0; i < n * each && !c->bad; i++)
		o->texts[(*used)++] = get_text(c);
	o->texts[(*used)++] = NULL;
	*count = c->bad ? 0 : (size_t)n;
	return begin;
}

int order_get(struct order *o, const char *p, size_t n)
{
	struct cursor c = {p, p + n, 0};
	size_t used = 0, count;

	*o = (struct order){0};
	o->spec.memory_bytes = cursor_u64(&c);
	o->spec.scratch_bytes = cursor_u64(&c);
	o->spec.cpu_s = cursor_u32(&c);
	o->spec.umask = cursor_u32(&c);
	o->spec.cwd = get_text(&c);
	o->spec.program = get_text(&c);
	size_t argv = get_list(&c, o, &used, 1, &count);
	size_t env = get_list(&c, o, &used, 1, &count);
	size_t lower = get_list(&c, o, &used, 1, &o->spec.nlower);
	size_t binds = get_list(&c, o, &used, 2, &o->spec.nbinds);

	if (c.bad || c.p != c.end || o->spec.nlower == 0) {
		order_free(o);
		return -1;
	}
	o->spec.argv = (char *const *)(uintptr_t)(o->texts + argv);
	o->spec.env = (char *const *)(uintptr_t)(o->texts + env);
	o->spec.lower = o->texts + lower;
	o->binds = xcalloc(o->spec.nbinds + 1, sizeof *o->binds);
	for (size_t i = 0; i < o->spec.nbinds; i++)
		o->binds[i] = (struct sandbox_bind){o->texts[binds + 2 * i],
						    o->texts[binds + 2 * i + 1]};
	o->spec.binds = o->binds;
	return 0;
}

void order_free(struct order *o)
{
	free(o->texts);
	free(o->binds);
	*o = (struct order){0};
}
