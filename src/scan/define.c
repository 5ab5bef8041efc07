/* The index of definitions. A definition lives in the arena of its text and hangs in the list of its
 * name; a text that is freed takes its definitions out of the lists. */
#include "scan/define.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "scan/line.h"

#include <stdlib.h>
#include <string.h>

struct macro_text {
	struct arena *arena;
	uint64_t epoch; /* counts when it is that of the macros */
	uint32_t *names;
	size_t nnames, cap;
};

/* The definitions of one name. */
struct head {
	struct macro_def *first;
	uint64_t epoch; /* SIGNATURE is of this one */
	uint64_t signature;
};

struct macros {
	struct intern *names;
	struct head *heads; /* by name */
	size_t nheads;
	uint64_t epoch;
	uint32_t groups; /* counts the conditionals */
};

struct macros *macros_new(struct intern *names)
{
	struct macros *m = xcalloc(1, sizeof *m);

	m->names = names;
	m->epoch = 1;
	return m;
}

void macros_free(struct macros *m)
{
	if (!m)
		return;
	free(m->heads);
	free(m);
}

struct intern *macros_names(const struct macros *m)
{
	return m->names;
}

static bool spelled(const struct macros *m, const struct token *t, const char *text)
{
	return strcmp(intern_text(m->names, t->spelling), text) == 0;
}

static void def_link(struct macros *m, uint32_t name, struct macro_def *d)
{
	struct macro_text *t = d->owner;

	if (name >= m->nheads) {
		size_t n = m->nheads ? m->nheads : 1024;

		while (n <= name)
			n *= 2;
		m->heads = xreallocarray(m->heads, n, sizeof *m->heads);
		memset(m->heads + m->nheads, 0, (n - m->nheads) * sizeof *m->heads);
		m->nheads = n;
	}
	d->next = m->heads[name].first;
	m->heads[name].first = d;
	if (t->nnames == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 16;
		t->names = xreallocarray(t->names, t->cap, sizeof *t->names);
	}
	t->names[t->nnames++] = name;
}

/* "(a, b, ...)" from *AT (at the bracket) into PARAMS. False when it is none. */
static bool params_read(const struct macros *m, struct macro_def *d,
			const struct token_list *l, size_t *at, struct token_list *params)
{
	size_t i = *at + 1;

	for (; i < l->n && !spelled(m, &l->v[i], ")"); i++) {
		struct token t = l->v[i];

		if (spelled(m, &t, ","))
			continue;
		if (spelled(m, &t, "...")) {
			bool named = i > 0 && l->v[i - 1].kind == TOKEN_NAME;

			d->variadic = true;
			if (named)
				continue;
			t.spelling = intern_str(m->names, "__VA_ARGS__");
		} else if (t.kind != TOKEN_NAME) {
			return false;
		}
		token_add(params, t);
	}
	*at = i + 1;
	d->nparams = (int)params->n;
	return i < l->n;
}

static bool param_index(const struct token_list *params, struct token *t,
			enum token_kind kind)
{
	if (t->kind != TOKEN_NAME)
		return false;
	for (size_t i = 0; i < params->n; i++) {
		if (params->v[i].spelling == t->spelling) {
			t->kind = (uint8_t)kind;
			t->spelling = (uint32_t)i;
			return true;
		}
	}
	return false;
}

/* Copies the body L[AT..] to the definition, its parameters and operators made out. */
static void body_read(const struct macros *m, struct macro_def *d,
		      const struct token_list *l, size_t at,
		      const struct token_list *params)
{
	bool function = d->nparams >= 0;

	d->body = arena_alloc(d->owner->arena, (l->n - at + 1) * sizeof *d->body);
	for (size_t i = at; i < l->n; i++) {
		struct token t = l->v[i];

		if (spelled(m, &t, "##") || spelled(m, &t, "%:%:"))
			t.kind = TOKEN_PASTE;
		else if (function && (spelled(m, &t, "#") || spelled(m, &t, "%:")) &&
			 i + 1 < l->n) {
			struct token operand = l->v[i + 1];

			if (param_index(params, &operand, TOKEN_STRINGIFY)) {
				operand.space = t.space;
				t = operand;
				i++;
			}
		} else {
			param_index(params, &t, TOKEN_PARAM);
		}
		d->body[d->nbody++] = t;
	}
}

/* Turns "__VA_OPT__ ( tokens )" into a TOKEN_OPTIONAL with the tokens behind it. */
static void optional_read(const struct macros *m, struct macro_def *d)
{
	for (size_t i = 0; i + 1 < d->nbody; i++) {
		if (d->body[i].kind != TOKEN_NAME ||
		    !spelled(m, &d->body[i], "__VA_OPT__") ||
		    d->body[i + 1].kind != TOKEN_OTHER || !spelled(m, &d->body[i + 1], "("))
			continue;
		size_t close = i + 2;

		for (int depth = 1; close < d->nbody; close++) {
			if (d->body[close].kind != TOKEN_OTHER)
				continue;
			depth += spelled(m, &d->body[close], "(");
			depth -= spelled(m, &d->body[close], ")");
			if (depth == 0)
				break;
		}
		if (close == d->nbody)
			return;
		struct token *v = d->body;

		memmove(&v[close], &v[close + 1], (d->nbody - close - 1) * sizeof *v);
		memmove(&v[i + 1], &v[i + 2], (d->nbody - i - 3) * sizeof *v);
		d->nbody -= 2;
		v[i].kind = TOKEN_OPTIONAL;
		v[i].spelling = (uint32_t)(close - i - 2);
	}
}

static uint64_t def_hash(const struct macro_def *d)
{
	uint64_t head =
	    (uint64_t)(uint32_t)d->nparams << 2 | (uint64_t)d->given << 1 | d->variadic;

	if (d->arm)
		head ^= (uint64_t)d->arm->group << 40 ^ (uint64_t)d->arm->index << 56;
	return intern_hash(d->body, d->nbody * sizeof *d->body,
			   head * 0x9e3779b97f4a7c15u + 1);
}

/* One logical line behind "#define" or "#undef"; SHAPE says what is known besides. */
static void def_read(struct macros *m, const struct macro_def *shape, const struct buf *s)
{
	struct token_list l = {0}, params = {0};
	bool undef = shape->nparams == DEF_UNDEF;

	token_read(&l, m->names, s->data, s->len);
	if (l.n > 0 && l.v[0].kind == TOKEN_NAME) {
		struct macro_def *d = arena_alloc(shape->owner->arena, sizeof *d);
		size_t at = 1;

		*d = *shape;
		bool function =
		    !undef && l.n > 1 && !l.v[1].space && spelled(m, &l.v[1], "(");

		if (!function || params_read(m, d, &l, &at, &params)) {
			if (!undef)
				body_read(m, d, &l, at, &params);
			if (d->variadic)
				optional_read(m, d);
			d->hash = def_hash(d);
			def_link(m, l.v[0].spelling, d);
		}
	}
	token_list_free(&l);
	token_list_free(&params);
}

/* The directives with one sign, in order. */
static void lines_read(struct macros *m, struct macro_def *shape, struct line whole,
		       char sign)
{
	AUTO_BUF struct buf logical = {0};
	size_t spent = 0, n = (size_t)(whole.end - whole.p), limit = n * 8 + 1024 * 1024;
	struct arms arms = {0};

	if (sign == '#' && !whole.trigraphs)
		arms_begin(&arms, shape->owner->arena, &m->groups, whole.p, n);
	for (const char *p = whole.p;
	     spent < limit && (p = line_directive(p, whole.p, whole.end, sign));) {
		struct line l = {p, whole.end, whole.trigraphs};
		char word[16];

		line_word(&l, word, sizeof word);
		arms_directive(&arms, word, l);
		bool undef = strcmp(word, "undef") == 0;

		if (!undef && strcmp(word, "define") != 0)
			continue;
		logical.len = 0;
		line_rest(&l, false, &logical);
		spent += (size_t)(l.p - p);
		shape->nparams = undef ? DEF_UNDEF : DEF_OBJECT;
		shape->arm = arms_here(&arms);
		if (logical.len > 0)
			def_read(m, shape, &logical);
	}
}

struct macro_text *macro_text_new(struct macros *m, const char *text, size_t n, bool given)
{
	struct macro_text *t = xcalloc(1, sizeof *t);

	t->arena = arena_new();
	if (n == 0)
		return t;
	struct macro_def shape = {.owner = t, .given = given};

	for (const char *sign = "#%?"; *sign; sign++) {
		lines_read(m, &shape, (struct line){text, text + n, false}, *sign);
		if (memmem(text, n, "?\?/", 3))
			lines_read(m, &shape, (struct line){text, text + n, true}, *sign);
	}
	return t;
}

void macro_text_free(struct macros *m, struct macro_text *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->nnames; i++) {
		struct macro_def **link = &m->heads[t->names[i]].first;

		while (*link) {
			if ((*link)->owner == t)
				*link = (*link)->next;
			else
				link = &(*link)->next;
		}
	}
	free(t->names);
	arena_free(t->arena);
	free(t);
}

void macros_begin(struct macros *m)
{
	m->epoch++;
}

void macro_text_use(struct macros *m, struct macro_text *t)
{
	t->epoch = m->epoch;
}

const struct macro_def *macro_next(const struct macros *m, uint32_t name,
				   const struct macro_def *d)
{
	d = d ? d->next : name < m->nheads ? m->heads[name].first : NULL;
	while (d && d->owner->epoch != m->epoch)
		d = d->next;
	return d;
}

uint64_t macro_signature(struct macros *m, uint32_t name)
{
	uint64_t sum = 0;

	if (name >= m->nheads || !m->heads[name].first)
		return 0;
	struct head *head = &m->heads[name];

	if (head->epoch == m->epoch)
		return head->signature;
	/* A sum, so that the order of the texts does not matter; the same definition twice is one. */
	for (const struct macro_def *d = NULL; (d = macro_next(m, name, d));) {
		const struct macro_def *e = macro_next(m, name, NULL);

		while (e != d && e->hash != d->hash)
			e = macro_next(m, name, e);
		if (e == d)
			sum += d->hash;
	}
	head->epoch = m->epoch;
	head->signature = sum;
	return sum;
}
