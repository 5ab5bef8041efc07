/* The tokenizer behind macro expansion. It knows names, preprocessing numbers, strings and the
 * punctuation that matters to macros; any other byte is a token by itself. */
#include "scan/token.h"

#include "base/mem.h"
#include "scan/line.h"

#include <stdlib.h>
#include <string.h>

void token_add(struct token_list *l, struct token t)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 16;
		l->v = xreallocarray(l->v, l->cap, sizeof *l->v);
	}
	l->v[l->n++] = t;
}

void token_list_free(struct token_list *l)
{
	free(l->v);
	*l = (struct token_list){0};
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

static const char *number_end(const char *p, const char *end)
{
	for (p++; p < end; p++) {
		bool sign = (*p == '+' || *p == '-') && strchr("eEpP", p[-1]);

		if (!line_ident(*p) && *p != '.' && !sign &&
		    !(*p == '\'' && end - p >= 2 && line_ident(p[1])))
			break;
	}
	return p;
}

/* Behind the closing quote, or NULL when there is none. */
static const char *quoted_end(const char *p, const char *end)
{
	char close = *p;

	for (p++; p < end && *p != close; p++)
		if (*p == '\\' && end - p >= 2)
			p++;
	return p < end ? p + 1 : NULL;
}

static const char *token_end(const char *p, const char *end, enum token_kind *kind)
{
	const char *q = NULL;

	*kind = TOKEN_OTHER;
	if (digit(*p) || (*p == '.' && end - p >= 2 && digit(p[1]))) {
		*kind = TOKEN_NUMBER;
		return number_end(p, end);
	}
	if (line_ident(*p)) {
		*kind = TOKEN_NAME;
		for (q = p; q < end && line_ident(*q); q++)
			;
		return q;
	}
	if (*p == '"' || *p == '\'')
		q = quoted_end(p, end);
	if (q && *p == '"')
		*kind = TOKEN_STRING;
	if (q)
		return q;
	if (end - p >= 4 && memcmp(p, "%:%:", 4) == 0)
		return p + 4;
	if (end - p >= 2 && (memcmp(p, "##", 2) == 0 || memcmp(p, "%:", 2) == 0))
		return p + 2;
	if (end - p >= 3 && memcmp(p, "...", 3) == 0)
		return p + 3;
	return p + 1;
}

void token_read(struct token_list *out, struct intern *names, const char *text, size_t n)
{
	const char *p = text, *end = text + n;
	bool space = false;

	while (p < end) {
		if (line_blank(*p) || *p == '\n' || *p == '\r') {
			space = true;
			p++;
			continue;
		}
		enum token_kind kind;
		const char *q = token_end(p, end, &kind);

		token_add(out,
			  (struct token){.spelling = intern_add(names, p, (size_t)(q - p)),
					 .kind = (uint8_t)kind,
					 .space = space});
		space = false;
		p = q;
	}
}
