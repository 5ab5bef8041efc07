/* Directives of one file's text.
 *
 * Invariant: a name that the preprocessor could take from this text, whatever the macros are, is among
 * the facts. Names that stand in comments or strings may be, too.
 * Happy path: memchr from '#' to '#'; the lines that matter are read as logical lines and looked at.
 * Each search goes on right behind the sign, not behind the logical line: a '#' inside a raw string may
 * seem to open a comment that swallows real directives. That can read bytes again and again, so the sum
 * is limited; a text that exceeds it (no real one does) is undecidable. */
#include "scan/directive.h"

#include "base/mem.h"
#include "scan/builder.h"
#include "scan/line.h"

#include <stdlib.h>
#include <string.h>

enum {
	OPERAND_MAX = 4096,       /* bytes of a computed operand */
	NAME_BYTES_MAX = 4096,    /* a longer name is no path */
	REREAD_MAX = 8,           /* logical lines may cover the text so many times … */
	REREAD_FREE = 1024 * 1024 /* … and this much */
};

static uint64_t fact_hash(const struct fact *f)
{
	uint64_t key[2] = {(uint64_t)f->kind << 34 | (uint64_t)f->leaf << 33 |
			       (uint64_t)f->next << 32 | f->name,
			   f->extra};

	return intern_hash(key, sizeof key, 0);
}

static struct fact *slot_fact(const struct fact_builder *b, uint32_t slot)
{
	return slot & 1 ? &b->facts->others[slot / 2 - 1] : &b->facts->named[slot / 2 - 1];
}

static void slots_grow(struct fact_builder *b)
{
	size_t n = b->nslots ? b->nslots * 2 : 64;
	uint32_t *v = xcalloc(n, sizeof *v);

	for (size_t i = 0; i < b->nslots; i++) {
		if (!b->slots[i])
			continue;
		size_t k = fact_hash(slot_fact(b, b->slots[i])) & (n - 1);

		while (v[k])
			k = (k + 1) & (n - 1);
		v[k] = b->slots[i];
	}
	free(b->slots);
	b->slots = v;
	b->nslots = n;
}

static uint32_t line_number(struct fact_builder *b, const char *at)
{
	if (at < b->counted) {
		b->counted = b->text;
		b->line = 1;
	}
	for (const char *p; (p = memchr(b->counted, '\n', (size_t)(at - b->counted)));) {
		b->counted = p + 1;
		b->line++;
	}
	return b->line;
}

static void append(struct fact_builder *b, struct fact f, bool other)
{
	struct facts *fs = b->facts;
	struct fact **v = other ? &fs->others : &fs->named;
	size_t *n = other ? &fs->nothers : &fs->nnamed;
	size_t *cap = other ? &b->cap_others : &b->cap_named;

	if (*n == *cap) {
		*cap = *cap ? *cap * 2 : 8;
		*v = xreallocarray(*v, *cap, sizeof **v);
	}
	(*v)[(*n)++] = f;
}

void fact_add(struct fact_builder *b, struct fact f, const char *at)
{
	bool other = f.kind > FACT_NEXT_ANGLE;

	if ((b->used + 1) * 2 > b->nslots)
		slots_grow(b);
	size_t i = fact_hash(&f) & (b->nslots - 1);

	for (; b->slots[i]; i = (i + 1) & (b->nslots - 1)) {
		const struct fact *g = slot_fact(b, b->slots[i]);

		if (g->kind == f.kind && g->leaf == f.leaf && g->next == f.next &&
		    g->name == f.name && g->extra == f.extra)
			return;
	}
	if (at && f.kind >= FACT_COMPUTED)
		f.line = line_number(b, at);
	append(b, f, other);
	b->facts->computed |= f.kind == FACT_COMPUTED;
	b->facts->calls |= f.kind == FACT_CALL;
	b->facts->aliases |= f.kind == FACT_ALIAS;
	b->facts->undecidable |= f.kind == FACT_UNDECIDABLE;
	size_t index = other ? b->facts->nothers : b->facts->nnamed;

	b->slots[i] = (uint32_t)(index * 2 + other);
	b->used++;
}

void fact_undecidable(struct fact_builder *b, const char *reason, const char *at)
{
	fact_add(
	    b,
	    (struct fact){.kind = FACT_UNDECIDABLE, .name = intern_str(b->names, reason)},
	    at);
}

static void name_add(struct fact_builder *b, struct fact f, const char *name, size_t n)
{
	if (n == 0 || n > NAME_BYTES_MAX || memchr(name, 0, n))
		return;
	f.name = intern_add(b->names, name, n);
	fact_add(b, f, NULL);
}

static void computed_add(struct fact_builder *b, struct fact f, struct slice tokens,
			 const char *at)
{
	if (tokens.n == 0)
		return;
	if (tokens.n > OPERAND_MAX) {
		fact_undecidable(b, "an #include is computed from too many macros", at);
		return;
	}
	f.kind = FACT_COMPUTED;
	f.name = intern_add(b->names, tokens.p, tokens.n);
	fact_add(b, f, at);
}

/* What follows #include and its like: "name", <name>, or tokens. */
static void operand_read(struct fact_builder *b, struct slice s, struct fact f,
			 const char *at)
{
	char close = s.n == 0 ? 0 : *s.p == '"' ? '"' : *s.p == '<' ? '>' : 0;
	const char *end = close ? memchr(s.p + 1, close, s.n - 1) : NULL;

	if (!end) {
		computed_add(b, f, s, at);
		return;
	}
	f.kind = close == '"' ? (f.next ? FACT_NEXT_QUOTE : FACT_QUOTE)
			      : (f.next ? FACT_NEXT_ANGLE : FACT_ANGLE);
	f.next = false;
	name_add(b, f, s.p + 1, (size_t)(end - s.p - 1));
}

/* The string on a #line or "# 1" line: a path, with C escapes. */
static void marker_read(struct fact_builder *b, struct slice s)
{
	const char *p = memchr(s.p, '"', s.n);
	const char *end = s.p + s.n;
	AUTO_BUF struct buf name = {0};

	if (!p)
		return;
	for (p++; p < end && *p != '"'; p++) {
		if (*p == '\\' && p + 1 < end)
			p++;
		buf_u8(&name, (unsigned char)*p);
	}
	name_add(b, (struct fact){.kind = FACT_CWD, .leaf = true}, name.data, name.len);
}

static void pragma_read(struct fact_builder *b, struct line *l, const char *at)
{
	char word[16];

	line_word(l, word, sizeof word);
	if (strcmp(word, "GCC") != 0)
		return;
	line_word(l, word, sizeof word);
	bool dependency = strcmp(word, "dependency") == 0;

	if (!dependency && strcmp(word, "pch_preprocess") != 0)
		return;
	line_rest(l, true, &b->logical);
	struct slice rest = {b->logical.data, b->logical.len};

	if (rest.n == 0)
		return;
	if (dependency)
		operand_read(b, rest, (struct fact){.leaf = true}, at);
	else
		marker_read(b, rest);
}

/* Each "name" and each (<name> of a condition: nothing else may look like that there, so it is the
 * operand of __has_include or of a macro that stands for it. */
static void literals_read(struct fact_builder *b, struct slice s, bool next)
{
	const char *end = s.p + s.n;

	for (const char *p = s.p; p < end; p++) {
		char close = *p == '"'                              ? '"'
			     : *p == '<' && p > s.p && p[-1] == '(' ? '>'
								    : 0;
		const char *q = close ? memchr(p + 1, close, (size_t)(end - p - 1)) : NULL;

		if (!q)
			continue;
		struct slice name = {p, (size_t)(q - p + 1)};

		operand_read(b, name, (struct fact){.leaf = true}, NULL);
		if (next)
			operand_read(b, name, (struct fact){.leaf = true, .next = true},
				     NULL);
		p = q;
	}
}

static bool is_operator(struct slice word)
{
	static const char *const operators[] = {"__has_include", "__has_include_next",
						"__has_embed"};

	for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
		if (strlen(operators[i]) == word.n &&
		    memcmp(operators[i], word.p, word.n) == 0)
			return true;
	return false;
}

static bool starts_with(struct slice s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.n >= n && memcmp(s.p, prefix, n) == 0;
}

/* The next identifier (not the tail of a number) at or behind *P, and what its call holds between the
 * brackets: ARGS.p is NULL when no '(' follows. */
static bool call_next(const char **p, const char *end, struct slice *word,
		      struct slice *args)
{
	const char *q = *p;

	while (q < end && !line_ident(*q))
		q++;
	if (q == end)
		return false;
	*word = (struct slice){q, 0};
	while (q < end && line_ident(*q))
		q++;
	word->n = (size_t)(q - word->p);
	*p = q;
	while (q < end && line_blank(*q))
		q++;
	*args = (struct slice){0};
	if (q == end || *q != '(')
		return true;
	args->p = ++q;
	const char *stop = end - q > OPERAND_MAX ? q + OPERAND_MAX + 1 : end;

	for (int depth = 1; q < stop; q++) {
		depth += (*q == '(') - (*q == ')');
		if (depth == 0)
			break;
	}
	args->n = (size_t)(q - args->p);
	return true;
}

static bool starts_name(char c)
{
	return line_ident(c) && !(c >= '0' && c <= '9');
}

static void condition_read(struct fact_builder *b, struct slice s, const char *at)
{
	bool next = memmem(s.p, s.n, "_next", 5) != NULL;
	struct slice word, args;

	literals_read(b, s, next);
	for (const char *p = s.p; call_next(&p, s.p + s.n, &word, &args);) {
		if (!args.p || args.n == 0 || !starts_name(*args.p) ||
		    !starts_name(*word.p))
			continue;
		if (is_operator(word)) {
			computed_add(b, (struct fact){.leaf = true, .next = next}, args,
				     at);
			continue;
		}
		if (starts_with(word, "__has_") ||
		    (word.n == 7 && starts_with(word, "defined")) || args.n > OPERAND_MAX)
			continue;
		size_t n = (size_t)(args.p + args.n - word.p);
		AUTO_BUF struct buf call = {0};

		buf_add(&call, word.p, n);
		buf_u8(&call, ')');
		fact_add(b,
			 (struct fact){.kind = FACT_CALL,
				       .leaf = true,
				       .name = intern_add(b->names, word.p, word.n),
				       .extra = intern_add(b->names, call.data, call.len)},
			 at);
	}
}

static bool has_word(struct slice s, struct slice word)
{
	struct slice w, args;

	for (const char *p = s.p; call_next(&p, s.p + s.n, &w, &args);)
		if (w.n == word.n && memcmp(w.p, word.p, w.n) == 0)
			return true;
	return false;
}

/* The body of a macro that holds __has_include: what it names itself, and whether it names what its
 * caller gives it. */
static void define_read(struct fact_builder *b, struct slice s, const char *at)
{
	const char *p = s.p, *end = s.p + s.n;
	struct slice word, args;

	while (p < end && line_ident(*p))
		p++;
	size_t name = (size_t)(p - s.p);
	bool function = p < end && *p == '(';
	struct slice params = {p, 0};

	if (function) {
		p = memchr(p, ')', (size_t)(end - p));
		p = p ? p : end;
		params.n = (size_t)(p - params.p);
	}
	struct slice body = {p, (size_t)(end - p)};

	if (!memmem(body.p, body.n, "__has_include", 13) &&
	    !memmem(body.p, body.n, "__has_embed", 11))
		return;
	bool next = memmem(body.p, body.n, "_next", 5) != NULL;

	literals_read(b, body, next);
	while (call_next(&p, end, &word, &args)) {
		if (!is_operator(word))
			continue;
		if (function || !args.p)
			fact_add(b,
				 (struct fact){.kind = FACT_ALIAS,
					       .leaf = true,
					       .name = intern_add(b->names, s.p, name)},
				 at);
		struct slice first = {args.p, 0};

		while (first.n < args.n && line_ident(first.p[first.n]))
			first.n++;
		/* What the caller gives is looked at where it is called. */
		if (first.n > 0 && !has_word(params, first))
			computed_add(b, (struct fact){.leaf = true, .next = next}, args,
				     at);
	}
}

enum directive {
	NONE,
	INCLUDE,
	INCLUDE_NEXT,
	EMBED,
	PRAGMA,
	MARKER,
	CONDITION,
	DEFINE,
};

static enum directive directive_kind(const char *word)
{
	static const struct {
		const char *word;
		enum directive kind;
	} table[] = {
	    {"include",      INCLUDE     },
            {"define",       DEFINE      },
            {"if",           CONDITION   },
	    {"elif",         CONDITION   },
            {"pragma",       PRAGMA      },
            {"include_next", INCLUDE_NEXT},
	    {"import",       INCLUDE     },
            {"line",         MARKER      },
            {"embed",        EMBED       },
	};

	if (*word >= '0' && *word <= '9')
		return MARKER;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (strcmp(word, table[i].word) == 0)
			return table[i].kind;
	return NONE;
}

static void directive_read(struct fact_builder *b, struct line *l)
{
	const char *at = l->p;
	char word[16];

	line_word(l, word, sizeof word);
	enum directive kind = directive_kind(word);

	b->logical.len = 0;
	if (kind == NONE || (kind == DEFINE && !b->has_operator))
		return;
	if (kind == PRAGMA) {
		pragma_read(b, l, at);
		return;
	}
	line_rest(l, kind == INCLUDE || kind == INCLUDE_NEXT || kind == EMBED, &b->logical);
	struct slice rest = {b->logical.data, b->logical.len};

	if (rest.n == 0)
		return;
	switch (kind) {
	case INCLUDE: operand_read(b, rest, (struct fact){0}, at); break;
	case INCLUDE_NEXT: operand_read(b, rest, (struct fact){.next = true}, at); break;
	case EMBED: operand_read(b, rest, (struct fact){.leaf = true}, at); break;
	case MARKER: marker_read(b, rest); break;
	case CONDITION: condition_read(b, rest, at); break;
	case DEFINE: define_read(b, rest, at); break;
	default: break;
	}
}

static void directives_read(struct fact_builder *b, bool trigraphs)
{
	size_t limit = (size_t)(b->end - b->text) * REREAD_MAX + REREAD_FREE;

	for (const char *sign = "#%?"; *sign; sign++) {
		for (const char *p = b->text;
		     (p = line_directive(p, b->text, b->end, *sign));) {
			struct line l = {p, b->end, trigraphs};

			directive_read(b, &l);
			b->spent += (size_t)(l.p - p);
			if (b->spent > limit) {
				fact_undecidable(
				    b, "a file's directives are nested too deeply", p);
				return;
			}
		}
	}
}

/* _Pragma("GCC dependency \"name\""), wherever it stands. */
static void pragma_operators_read(struct fact_builder *b)
{
	const char *end = b->end;

	for (const char *p = b->text;
	     (p = memmem(p, (size_t)(end - p), "dependency", 10));) {
		p += 10;
		const char *q = p;

		while (q < end && line_blank(*q))
			q++;
		char close = q < end && *q == '<' ? '>' : '\\';

		if (q == end || (*q != '<' && (*q != '\\' || ++q == end || *q != '"')))
			continue;
		size_t left = (size_t)(end - ++q);
		const char *stop =
		    memchr(q, close, left < NAME_BYTES_MAX ? left : NAME_BYTES_MAX);

		if (stop && !memchr(q, '\n', (size_t)(stop - q)))
			name_add(
			    b,
			    (struct fact){.kind = close == '>' ? FACT_ANGLE : FACT_QUOTE,
					  .leaf = true},
			    q, (size_t)(stop - q));
	}
}

bool facts_token(const char *text, size_t n, const char *word)
{
	size_t len = strlen(word);
	const char *end = text + n;

	for (const char *p = text; (p = memmem(p, (size_t)(end - p), word, len)); p += len)
		if ((p == text || !line_ident(p[-1])) &&
		    (p + len == end || !line_ident(p[len])))
			return true;
	return false;
}

static void tokens_read(struct fact_builder *b)
{
	size_t n = (size_t)(b->end - b->text);

	b->has_operator |= memmem(b->text, n, "__has_include", 13) ||
			   memmem(b->text, n, "__has_embed", 11);
	b->facts->date_time |=
	    facts_token(b->text, n, "__DATE__") || facts_token(b->text, n, "__TIME__");
	b->facts->timestamp |= facts_token(b->text, n, "__TIMESTAMP__");
}

/* True when a splice cuts a word in two: then words must be searched in the joined text, too. */
static bool words_are_cut(const struct fact_builder *b, bool trigraphs)
{
	struct line l = {b->text, b->end, trigraphs};

	for (const char *p = b->text;
	     p < b->end && (p = memchr(p, trigraphs ? '?' : '\\', (size_t)(b->end - p)));
	     p++) {
		size_t n = line_splice(&l, p);

		if (n && p > b->text && line_ident(p[-1]) && p + n < b->end &&
		    (line_ident(p[n]) || p[n] == '\\' || p[n] == '?'))
			return true;
	}
	return false;
}

static void joined_tokens_read(struct fact_builder *b, bool trigraphs)
{
	AUTO_BUF struct buf joined = {0};
	struct line l = {b->text, b->end, trigraphs};
	const char *from = b->text;

	for (const char *p = b->text; p < b->end;) {
		size_t n = line_splice(&l, p);

		if (n == 0) {
			p++;
			continue;
		}
		buf_add(&joined, from, (size_t)(p - from));
		from = p += n;
	}
	buf_add(&joined, from, (size_t)(b->end - from));
	if (joined.len == 0)
		return;
	struct fact_builder whole = *b;

	whole.text = joined.data;
	whole.end = joined.data + joined.len;
	tokens_read(&whole);
	b->has_operator = whole.has_operator;
}

void facts_read(struct facts *out, struct intern *names, const char *text, size_t n)
{
	struct fact_builder b = {.facts = out, .names = names, .line = 1};

	*out = (struct facts){0};
	if (n == 0)
		return;
	b.text = b.counted = text;
	b.end = text + n;
	bool trigraphs = memmem(text, n, "?\?/", 3) != NULL;

	tokens_read(&b);
	if (words_are_cut(&b, false))
		joined_tokens_read(&b, false);
	if (trigraphs && words_are_cut(&b, true))
		joined_tokens_read(&b, true);
	directives_read(&b, false);
	if (trigraphs)
		directives_read(&b, true);
	pragma_operators_read(&b);
	asm_facts_read(&b);
	free(b.slots);
	buf_free(&b.logical);
}

void facts_free(struct facts *f)
{
	free(f->named);
	free(f->others);
	*f = (struct facts){0};
}
