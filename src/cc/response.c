#include "cc/response.h"

#include <ctype.h>
#include <string.h>

/* Response files, as GCC manual 3.2 "@file" has them: words end at white space, single or double
 * quotes keep it, a backslash takes the next byte as it is (inside quotes too), a word "@NAME" inside
 * is read in turn. A file that cannot be read leaves its word as it is.
 *
 * Fails when files nest deeper than RESPONSE_DEPTH (also when a file names itself) or when there are
 * more than RESPONSE_WORDS words. */

struct expansion {
	struct arena *arena;
	const struct cc_reader *reader;
	struct strv *words;
	const char *why;
};

/* Takes the next word from *TEXT into a new string, or NULL at the end. */
static const char *word_next(struct arena *arena, const char **text)
{
	const char *p = *text;

	while (isspace((unsigned char)*p))
		p++;
	if (!*p)
		return NULL;

	/* The word as it is read is no longer than the text it is written with. */
	const char *start = p;
	char quote = '\0';

	for (; *p && (quote || !isspace((unsigned char)*p)); p++) {
		if (*p == '\\' && p[1])
			p++;
		else if (quote ? *p == quote : *p == '\'' || *p == '"')
			quote = quote ? '\0' : *p;
	}
	const char *end = p;
	char *word = arena_alloc(arena, (size_t)(end - start) + 1);
	size_t n = 0;

	quote = '\0';
	for (p = start; p < end; p++) {
		if (*p == '\\') {
			if (p + 1 < end)
				word[n++] = *++p;
		} else if (quote ? *p == quote : *p == '\'' || *p == '"') {
			quote = quote ? '\0' : *p;
		} else {
			word[n++] = *p;
		}
	}
	*text = end;
	return word;
}

/* Depth is bounded by RESPONSE_DEPTH, so the recursion is. */
static void word_expand(struct expansion *e, const char *word, int depth)
{
	const char *text = NULL;

	if (e->why)
		return;
	if (word[0] == '@' && word[1] && e->words->n > 0)
		text = e->reader->read(e->reader->ctx, e->arena, word + 1);
	if (!text) {
		if (e->words->n >= RESPONSE_WORDS)
			e->why = "the response files hold too many words";
		else
			strv_add(e->arena, e->words, word);
		return;
	}
	if (depth >= RESPONSE_DEPTH) {
		e->why = "the response files nest too deeply";
		return;
	}
	for (const char *inner; !e->why && (inner = word_next(e->arena, &text));)
		word_expand(e, inner, depth + 1);
}

const char *cc_response_expand(struct arena *arena, char *const argv[],
			       const struct cc_reader *reader, struct strv *words)
{
	struct expansion e = {arena, reader, words, NULL};

	for (size_t i = 0; argv[i] && !e.why; i++) {
		if (reader)
			word_expand(&e, argv[i], 0);
		else
			strv_add(arena, words, argv[i]);
		if (!reader && i > 0 && argv[i][0] == '@' && argv[i][1])
			e.why = "a response file was not read";
	}
	if (!e.why)
		return NULL;
	*words = (struct strv){0};
	for (size_t i = 0; argv[i]; i++)
		strv_add(arena, words, argv[i]);
	return e.why;
}
