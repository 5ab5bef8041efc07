/* Arms of conditionals.
 *
 * Both of two definitions in different arms of one group can be in force only if the file was read twice.
 * So only files that guard themselves are looked at, by "#ifndef X, #define X" as their first two
 * directives or by #pragma once, and only what lies inside the guard. Where a directive might stand in a
 * comment or a raw string, or the nesting is not clean, nothing is said about the file at all. */
#include "scan/arms.h"

#include "base/buf.h"

#include <string.h>

enum {
	WORD_MAX = 16
};

static bool opens(const char *word)
{
	return strcmp(word, "if") == 0 || strcmp(word, "ifdef") == 0 ||
	       strcmp(word, "ifndef") == 0;
}

static bool continues(const char *word)
{
	return strncmp(word, "elif", 4) == 0 || strcmp(word, "else") == 0;
}

/* True when a comment that was opened between FROM and AT may still be open there. */
static bool in_comment(const char *from, const char *at)
{
	bool open = false;

	for (const char *p = from; p + 1 < at && (p = memchr(p, '/', (size_t)(at - p)));
	     p++) {
		if (p > from && p[-1] == '*')
			open = false;
		else if (p + 1 < at && p[1] == '*')
			open = true;
	}
	return open;
}

/* The name behind "#ifndef" or "#define" is the same in both. */
static bool same_name(struct line a, struct line b)
{
	char x[256], y[256];

	return line_word(&a, x, sizeof x) > 0 && line_word(&b, y, sizeof y) > 0 &&
	       strcmp(x, y) == 0;
}

static bool clean(const char *text, const char *end)
{
	size_t n = (size_t)(end - text);

	return !memmem(text, n, "R\"", 2) && !line_directive(text, text, end, '%') &&
	       !memmem(text, n, "?\?", 2);
}

static bool is_pragma_once(struct line l)
{
	char word[WORD_MAX];

	return line_word(&l, word, sizeof word) > 0 && strcmp(word, "once") == 0;
}

void arms_begin(struct arms *a, struct arena *arena, uint32_t *groups, const char *text,
		size_t n)
{
	const char *end = text + n, *last = text;
	struct line first = {0};
	int depth = 0, count = 0;

	*a = (struct arms){.arena = arena, .groups = groups};
	if (!clean(text, end))
		return;
	for (const char *p = text; (p = line_directive(p, text, end, '#'));) {
		struct line l = {p, end, false};
		char word[WORD_MAX];

		if (line_word(&l, word, sizeof word) == 0)
			continue;
		bool conditional =
		    opens(word) || continues(word) || strcmp(word, "endif") == 0;

		if (conditional && in_comment(last, p))
			return;
		if (conditional)
			last = p;
		depth += opens(word) - (strcmp(word, "endif") == 0);
		if (depth < 0 || (depth == 0 && continues(word)))
			return;
		if (count == 0 && strcmp(word, "ifndef") == 0)
			first = l;
		else if (count == 1 && first.p && strcmp(word, "define") == 0)
			a->guarded = same_name(first, l);
		a->once |= strcmp(word, "pragma") == 0 && is_pragma_once(l);
		count++;
	}
	a->guarded = depth == 0 && (a->guarded || a->once);
}

void arms_directive(struct arms *a, const char *word, struct line rest)
{
	AUTO_BUF struct buf condition = {0};

	if (!a->guarded)
		return;
	bool opening = opens(word);

	if (!opening && !(continues(word) && a->top)) {
		if (strcmp(word, "endif") == 0 && a->top)
			a->top = a->top->parent;
		return;
	}
	struct macro_arm *arm = arena_alloc(a->arena, sizeof *arm);

	line_rest(&rest, false, &condition);
	arm->word = arena_strdup(a->arena, word);
	arm->condition =
	    arena_strndup(a->arena, condition.data ? condition.data : "", condition.len);
	arm->parent = opening ? a->top : a->top->parent;
	arm->before = opening ? NULL : a->top;
	arm->group = opening ? ++*a->groups : a->top->group;
	arm->index = opening ? 0 : a->top->index + 1;
	if (a->guard == 0)
		a->guard = arm->group;
	a->top = arm;
}

const struct macro_arm *arms_here(const struct arms *a)
{
	if (a->once)
		return a->top;
	for (const struct macro_arm *arm = a->top; arm; arm = arm->parent)
		if (arm->group == a->guard && arm->index == 0)
			return a->top;
	return NULL;
}

bool arms_exclude(const struct macro_arm *a, const struct macro_arm *b)
{
	for (; a; a = a->parent)
		for (const struct macro_arm *c = b; c; c = c->parent)
			if (a->group == c->group && a->index != c->index)
				return true;
	return false;
}
