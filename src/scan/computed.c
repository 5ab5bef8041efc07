/* Names that come out of macros: which definitions count, the expansions, and what they mean.
 *
 * Definitions are indexed only when a closure has something to compute. An expansion is remembered with
 * the definitions that it asked for, and used again where those are the same. */
#include "base/mem.h"
#include "scan/closure.h"
#include "scan/line.h"
#include "scan/macro.h"

#include <stdlib.h>
#include <string.h>

enum {
	SLOTS = 512,
	SAME_MAX = 8,
	PREDEFINED_MAX = 16
};

struct remembered {
	struct remembered *next;
	uint32_t tokens;
	bool operand;
	uint64_t signature;
	struct expansion expansion;
};

/* The compiler's own macros, as one probe of it gave them. */
struct predefined {
	char *text;
	struct macro_text *macros;
};

struct expansion_cache {
	struct remembered *slots[SLOTS];
	struct predefined predefined[PREDEFINED_MAX];
	size_t npredefined;
};

struct expansion_cache *expansion_cache_new(void)
{
	return xcalloc(1, sizeof(struct expansion_cache));
}

static void predefined_clear(struct expansion_cache *c, struct macros *m)
{
	for (size_t i = 0; i < c->npredefined; i++) {
		macro_text_free(m, c->predefined[i].macros);
		free(c->predefined[i].text);
	}
	c->npredefined = 0;
}

static void remembered_free(struct remembered *r)
{
	expansion_free(&r->expansion);
	free(r);
}

void expansion_cache_free(struct expansion_cache *c, struct macros *m)
{
	for (size_t i = 0; i < SLOTS; i++) {
		for (struct remembered *r = c->slots[i], *next; r; r = next) {
			next = r->next;
			remembered_free(r);
		}
	}
	predefined_clear(c, m);
	free(c);
}

static struct macro_text *predefined_macros(struct scan *s)
{
	struct expansion_cache *c = s->expansions;
	const char *text = s->ask->predefined;

	for (size_t i = 0; i < c->npredefined; i++)
		if (strcmp(c->predefined[i].text, text) == 0)
			return c->predefined[i].macros;
	if (c->npredefined == PREDEFINED_MAX)
		predefined_clear(c, s->macros);
	struct predefined *p = &c->predefined[c->npredefined++];

	p->text = xstrdup(text);
	p->macros = macro_text_new(s->macros, text, strlen(text), true);
	return p->macros;
}

/* The -D texts as directives. */
static struct macro_text *given_macros(struct scan *s)
{
	AUTO_BUF struct buf text = {0};

	for (size_t i = 0; i < s->ask->nmacros; i++) {
		const char *d = s->ask->macros[i];
		const char *body = strchr(d, '=');
		size_t name = body ? (size_t)(body - d) : strlen(d);

		buf_str(&text, "#define ");
		buf_add(&text, d, name);
		buf_str(&text, " ");
		buf_str(&text, body ? body + 1 : "1");
		buf_str(&text, "\n");
	}
	return macro_text_new(s->macros, text.data, text.len, true);
}

/* -D may name an operator, too. */
static void given_aliases(struct scan *s)
{
	for (size_t i = 0; i < s->ask->nmacros; i++) {
		const char *d = s->ask->macros[i];
		size_t n = 0;

		while (line_ident(d[n]))
			n++;
		if (strstr(d + n, "__has_"))
			seen_add(&s->aliases, intern_add(s->names, d, n));
	}
}

static int macros_renew(struct scan *s, struct file_state *st)
{
	const char *text;
	size_t n;

	if (st->macros && st->macros_version == st->version)
		return 0;
	if (scan_text(s, st, &text, &n) < 0)
		return -1;
	macro_text_free(s->macros, st->macros);
	st->macros = macro_text_new(s->macros, text, n, false);
	s->fs.done(s->fs.ctx, st->file, text, n);
	st->macros_version = st->version;
	return 0;
}

/* CLOSED: as in struct expand_ask. */
static uint64_t used_signature(struct macros *m, const struct expansion *x, bool closed)
{
	uint64_t h = x->nused * 2 + closed;

	for (size_t i = 0; i < x->nused; i++)
		h = (h ^ macro_signature(m, x->used[i])) * 0x9e3779b97f4a7c15u + 1;
	return h;
}

/* Keeps R as the first of its slot, and few others that differ only in the definitions. */
static void remember(struct expansion_cache *c, struct remembered *r)
{
	struct remembered **link = &c->slots[r->tokens % SLOTS];
	int same = 0;

	r->next = *link;
	*link = r;
	for (link = &r->next; *link;) {
		struct remembered *other = *link;

		if (other->tokens == r->tokens && other->operand == r->operand &&
		    ++same >= SAME_MAX) {
			*link = other->next;
			remembered_free(other);
		} else {
			link = &other->next;
		}
	}
}

static const struct expansion *recall(struct scan *s, uint32_t tokens, bool operand)
{
	struct remembered *r = s->expansions->slots[tokens % SLOTS];

	for (; r; r = r->next)
		if (r->tokens == tokens && r->operand == operand &&
		    !r->expansion.uses_self &&
		    used_signature(s->macros, &r->expansion, s->ask->predefined) ==
			r->signature)
			return &r->expansion;
	return NULL;
}

/* What __FILE__ may be in a file: its path, that path relative to the working folder, or what a #line
 * says. */
static void self_names(const struct scan *s, const struct file_state *st, struct arena *a,
		       struct strv *names)
{
	const char *path = st->file->path;
	size_t n = strlen(s->ask->cwd);

	strv_add(a, names, path);
	if (strncmp(path, s->ask->cwd, n) == 0 && path[n] == '/')
		strv_add(a, names, path + n + 1);
	for (size_t i = 0; i < st->facts.nothers; i++)
		if (st->facts.others[i].kind == FACT_CWD)
			strv_add(a, names, intern_text(s->names, st->facts.others[i].name));
}

static const struct expansion *expansion_of(struct scan *s, const struct computed *c)
{
	bool operand = c->fact->kind == FACT_CALL;
	uint32_t tokens = operand ? c->fact->extra : c->fact->name;
	const struct expansion *known = recall(s, tokens, operand);

	if (known)
		return known;
	struct remembered *r = xcalloc(1, sizeof *r);
	struct arena *a = arena_new();
	struct strv self = {0};

	self_names(s, c->of, a, &self);
	struct expand_ask ask = {.tokens = tokens,
				 .operand = operand,
				 .closed = s->ask->predefined,
				 .self = (const char *const *)self.v,
				 .nself = self.n};

	macro_expand(s->macros, &ask, &r->expansion);
	r->tokens = tokens;
	r->operand = operand;
	r->signature = used_signature(s->macros, &r->expansion, s->ask->predefined);
	remember(s->expansions, r);
	arena_free(a);
	return &r->expansion;
}

static int computed_visit(struct scan *s, const struct computed *c)
{
	const struct expansion *x = expansion_of(s, c);

	if (x->undecidable)
		return scan_fail(s, x->undecidable, c->of->file, c->fact->line);
	for (size_t i = 0; i < x->n; i++) {
		enum target_kind kind = x->v[i].angle ? TARGET_ANGLE : TARGET_QUOTE;

		if (c->fact->next)
			kind = x->v[i].angle ? TARGET_NEXT_ANGLE : TARGET_NEXT_QUOTE;
		struct target *t = search_target(s->ask->search, s->arena, s->names, kind,
						 c->of->folder, x->v[i].name);

		if (scan_visit(s, s->ask->search, t, c->fact->leaf) < 0)
			return -1;
	}
	return 0;
}

/* A call matters only when its macro stands for __has_include. */
static bool matters(const struct scan *s, const struct computed *c)
{
	return c->fact->kind == FACT_COMPUTED || seen_has(&s->aliases, c->fact->name);
}

int scan_computed(struct scan *s)
{
	struct macro_text *given;
	size_t i = 0;
	int status = 0;

	given_aliases(s);
	while (i < s->ncomputed && !matters(s, &s->computed[i]))
		i++;
	if (i == s->ncomputed)
		return 0;
	macros_begin(s->macros);
	for (size_t k = 0; k < s->nfollow; k++) {
		if (macros_renew(s, s->follow[k]) < 0)
			return -1;
		macro_text_use(s->macros, s->follow[k]->macros);
	}
	if (s->ask->predefined)
		macro_text_use(s->macros, predefined_macros(s));
	given = given_macros(s);
	macro_text_use(s->macros, given);
	for (; i < s->ncomputed && status == 0; i++)
		if (matters(s, &s->computed[i]))
			status = computed_visit(s, &s->computed[i]);
	macro_text_free(s->macros, given);
	return status;
}
