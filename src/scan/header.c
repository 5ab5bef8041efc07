/* Header names among expanded tokens. */
#include "base/buf.h"
#include "base/mem.h"
#include "scan/engine.h"

#include <stdlib.h>
#include <string.h>

bool header_operator(const struct engine *e, const struct token *t)
{
	return e->ask->operand &&
	       strncmp(intern_text(e->names, t->spelling), "__has_", 6) == 0;
}

static void header_add(struct expansion *x, struct header h)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->v[i].name == h.name && x->v[i].angle == h.angle)
			return;
	if (x->n == x->cap) {
		x->cap = x->cap ? x->cap * 2 : 8;
		x->v = xreallocarray(x->v, x->cap, sizeof *x->v);
	}
	x->v[x->n++] = h;
}

static void angle_add(struct engine *e, const char *name, size_t n)
{
	header_add(e->result, (struct header){true, intern_add(e->names, name, n)});
}

/* The header name that V begins with, if it does. Compilers differ about blanks between the tokens of
 * <...>: the names with and without them all count. */
static void header_read(struct engine *e, const struct token *v, size_t n)
{
	AUTO_BUF struct buf spaced = {0};
	AUTO_BUF struct buf tight = {0};

	if (n > 0 && v[0].kind == TOKEN_STRING) {
		const char *s = intern_text(e->names, v[0].spelling);
		size_t len = intern_len(e->names, v[0].spelling) - 2;

		if (len > 0)
			header_add(e->result, (struct header){
						  false, intern_add(e->names, s + 1, len)});
		return;
	}
	if (n == 0 || v[0].spelling != e->less)
		return;
	size_t i = 1;

	for (; i < n && v[i].spelling != e->greater; i++) {
		const char *s = intern_text(e->names, v[i].spelling);

		if (v[i].space)
			buf_u8(&spaced, ' ');
		buf_str(&spaced, s);
		buf_str(&tight, s);
	}
	if (i == n || tight.len == 0)
		return;
	size_t lead = spaced.data[0] == ' ';

	angle_add(e, spaced.data, spaced.len);
	angle_add(e, spaced.data + lead, spaced.len - lead);
	angle_add(e, tight.data, tight.len);
}

static void operands_read(struct engine *e, struct token_seq s)
{
	for (size_t i = 0; i + 2 < s.n; i++) {
		if (s.v[i + 1].spelling == e->open && header_operator(e, &s.v[i]))
			header_read(e, s.v + i + 2, s.n - i - 2);
	}
}

void header_answer(struct engine *e, struct token_seq s)
{
	if (e->ask->operand)
		operands_read(e, s);
	else
		header_read(e, s.v, s.n);
}

void expansion_free(struct expansion *x)
{
	free(x->v);
	free(x->used);
	*x = (struct expansion){0};
}
