/* Substitution, as in the C standard: an operand of # or ## is the argument as written, any other is
 * its expansion; an empty operand of ## vanishes; ", ## __VA_ARGS__" drops the comma (GNU). */
#include "scan/subst.h"

#include "base/buf.h"
#include "base/mem.h"
#include "scan/token.h"

#include <stdlib.h>
#include <string.h>

void call_free(struct call *c)
{
	token_list_free(&c->tokens);
	free(c->ends);
}

static void call_end_arg(struct call *c)
{
	if (c->n == c->cap) {
		c->cap = c->cap ? c->cap * 2 : 8;
		c->ends = xreallocarray(c->ends, c->cap, sizeof *c->ends);
	}
	c->ends[c->n++] = c->tokens.n;
}

static bool call_fits(struct call *c, const struct macro_def *d)
{
	size_t want = (size_t)d->nparams;

	if (want == 0)
		return c->n == 1 && c->tokens.n == 0;
	if (d->variadic && c->n + 1 == want)
		call_end_arg(c);
	return c->n == want;
}

bool call_read(struct intern *names, struct token_list *in, const struct macro_def *d,
	       struct call *c)
{
	int depth = 0;

	while (in->n > 0) {
		struct token t = in->v[--in->n];
		const char *text =
		    t.kind == TOKEN_OTHER ? intern_text(names, t.spelling) : "x";
		char mark = text[1] ? 0 : *text;
		bool rest = d->variadic && c->n + 1 == (size_t)d->nparams;

		if (t.kind == TOKEN_END || t.kind == TOKEN_ARM ||
		    (mark == '(' && depth++ == 0))
			continue;
		if (mark == ')' && --depth == 0) {
			call_end_arg(c);
			return call_fits(c, d);
		}
		if (mark == ',' && depth == 1 && !rest)
			call_end_arg(c);
		else
			token_add(&c->tokens, t);
	}
	return false;
}

struct token_seq call_arg(const struct call *c, size_t i)
{
	size_t from = i == 0 ? 0 : c->ends[i - 1];

	return (struct token_seq){c->tokens.v ? c->tokens.v + from : NULL,
				  c->ends[i] - from};
}

bool subst_expands(const struct macro_def *d, size_t param)
{
	for (size_t i = 0; i < d->nbody; i++) {
		if (d->body[i].kind == TOKEN_OPTIONAL && d->variadic &&
		    param == (size_t)d->nparams - 1)
			return true;
		if (d->body[i].kind != TOKEN_PARAM || d->body[i].spelling != param)
			continue;
		bool after = i > 0 && d->body[i - 1].kind == TOKEN_PASTE;
		bool before = i + 1 < d->nbody && d->body[i + 1].kind == TOKEN_PASTE;

		/* ", ## __VA_ARGS__" takes the expansion. */
		if ((!after && !before) || (after && i > 1 && d->variadic))
			return true;
	}
	return false;
}

static struct token needed(struct token later)
{
	later.kind = TOKEN_NEEDED;
	return later;
}

static struct token stringify(struct intern *names, struct token_seq s, bool space)
{
	AUTO_BUF struct buf text = {0};

	buf_u8(&text, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.v[i].kind == TOKEN_LATER)
			return needed(s.v[i]);
		const char *t = intern_text(names, s.v[i].spelling);
		bool literal = *t == '"' || *t == '\'';

		if (i > 0 && s.v[i].space)
			buf_u8(&text, ' ');
		for (; *t; t++) {
			if (literal && (*t == '"' || *t == '\\'))
				buf_u8(&text, '\\');
			buf_u8(&text, (unsigned char)*t);
		}
	}
	buf_u8(&text, '"');
	return (struct token){.spelling = intern_add(names, text.data, text.len),
			      .kind = TOKEN_STRING,
			      .space = space};
}

/* Replaces OUT's last token by it and T joined (which may be several tokens, where compilers only
 * warn). */
static void paste(struct intern *names, struct token_list *out, struct token t)
{
	struct token left = out->v[--out->n];
	AUTO_BUF struct buf text = {0};
	size_t at = out->n;

	if (left.kind == TOKEN_LATER || t.kind == TOKEN_LATER) {
		token_add(out, needed(left.kind == TOKEN_LATER ? left : t));
		return;
	}
	buf_str(&text, intern_text(names, left.spelling));
	buf_str(&text, intern_text(names, t.spelling));
	token_read(out, names, text.data, text.len);
	if (out->n > at)
		out->v[at].space = left.space;
}

/* The body while it is written out. */
struct writer {
	struct intern *names;
	struct token_list *out;
	size_t
	    operand; /* where the last operand begins in OUT: it may become the left one of ## */
	bool pasting; /* a ## was met: the next operand joins the last */
};

static void operand_write(struct writer *w, struct token_seq s, bool space)
{
	size_t i = 0;

	if (!w->pasting)
		w->operand = w->out->n;
	if (w->pasting && s.n > 0 && w->out->n > w->operand)
		paste(w->names, w->out, s.v[i++]);
	for (bool first = i == 0; i < s.n; i++, first = false) {
		struct token t = s.v[i];

		if (first)
			t.space = space;
		token_add(w->out, t);
	}
	w->pasting = false;
}

/* ", ## __VA_ARGS__": true when it is that, and then it is done. */
static bool comma_paste(struct writer *w, const struct macro_def *d, size_t i,
			const struct subst_arg *arg)
{
	bool last = d->variadic && d->body[i].spelling == (uint32_t)d->nparams - 1;

	if (!w->pasting || !last || i < 2 || d->body[i - 2].kind != TOKEN_OTHER ||
	    w->out->n == w->operand ||
	    strcmp(intern_text(w->names, d->body[i - 2].spelling), ",") != 0)
		return false;
	if (arg->raw.n == 0)
		w->out->n--;
	w->pasting = false;
	operand_write(w, arg->expanded, d->body[i].space);
	return true;
}

void subst_body(struct intern *names, const struct macro_def *d,
		const struct subst_arg *args, bool space, struct token_list *out)
{
	struct writer w = {.names = names, .out = out, .operand = out->n};
	size_t start = out->n;

	for (size_t i = 0; i < d->nbody; i++) {
		const struct token *t = &d->body[i];
		const struct subst_arg *arg =
		    t->kind == TOKEN_PARAM || t->kind == TOKEN_STRINGIFY
			? &args[t->spelling]
			: NULL;
		bool before_paste = i + 1 < d->nbody && d->body[i + 1].kind == TOKEN_PASTE;
		struct token one = *t;

		if (t->kind == TOKEN_PASTE) {
			w.pasting = i > 0;
		} else if (t->kind == TOKEN_OPTIONAL) {
			if (args[d->nparams - 1].expanded.n == 0)
				i += t->spelling;
		} else if (t->kind == TOKEN_STRINGIFY) {
			one = stringify(names, arg->raw, t->space);
			operand_write(&w, (struct token_seq){&one, 1}, t->space);
		} else if (t->kind != TOKEN_PARAM) {
			operand_write(&w, (struct token_seq){&one, 1}, t->space);
		} else if (!comma_paste(&w, d, i, arg)) {
			operand_write(&w,
				      w.pasting || before_paste ? arg->raw : arg->expanded,
				      t->space);
		}
	}
	if (out->n > start)
		out->v[start].space = space;
}
