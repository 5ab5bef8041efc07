#include "cc/depfile.h"

#include <stdbool.h>
#include <string.h>

struct reader {
	const char *p, *end;
};

/* Skips blanks and joined lines. True at the end of a rule (a bare line end, or the text's). */
static bool skip_blanks(struct reader *r)
{
	while (r->p < r->end) {
		if (*r->p == ' ' || *r->p == '\r')
			r->p++;
		else if (*r->p == '\\' && r->end - r->p == 1)
			r->p++; /* a line that nothing is joined to */
		else if (*r->p == '\\' && r->p[1] == '\n')
			r->p += 2;
		else
			return *r->p == '\n';
	}
	return true;
}

/* One word, unescaped. A ':' that ends it (before a blank or a line end) is left in place. */
static char *read_word(struct arena *a, struct reader *r)
{
	const char *line = memchr(r->p, '\n', (size_t)(r->end - r->p));
	char *word = arena_alloc(a, (size_t)((line ? line : r->end) - r->p) + 1),
	     *to = word;

	for (; r->p < r->end && !strchr(" \r\n", *r->p); r->p++) {
		char next = r->end - r->p >= 2 ? r->p[1] : '\n';

		if (*r->p == ':' && strchr(" \r\n", next))
			break;
		if (*r->p == '\\' && next == '\n')
			break;
		if ((*r->p == '\\' && strchr(" \t#\\:", next)) ||
		    (*r->p == '$' && next == '$')) {
			/* Make takes a backslash literally unless it escapes something; before a blank it
			 * does, and so it is written. */
			if (*r->p == '\\' && (next == '\\' || next == ':')) {
				*to++ = *r->p;
				continue;
			}
			r->p++;
		}
		*to++ = *r->p;
	}
	*to = 0;
	return word;
}

int depfile_parse(struct arena *a, const char *text, size_t n, struct strv *out)
{
	struct reader r = {text, text + n};

	if (memchr(text, 0, n))
		return -1;
	while (r.p < r.end) {
		bool behind = false; /* the ':' */

		while (!skip_blanks(&r)) {
			if (*r.p == ':') {
				if (behind)
					return -1;
				behind = true;
				r.p++;
				continue;
			}
			const char *word = read_word(a, &r);

			if (behind)
				strv_add(a, out, word);
			else if (!*word)
				return -1;
		}
		if (r.p < r.end)
			r.p++;
	}
	return 0;
}
