/* Files that the assembler reads: .incbin and .include in the strings of asm statements and in
 * assembler sources.
 *
 * Only a text that holds one of the two words is looked at closer: then it is walked through as C
 * (comments, strings, characters), because the words also stand in comments and in tables of
 * assemblers, which must not make a job undecidable. A mistake here is loud: the assembler fails. */
#include "scan/builder.h"
#include "scan/line.h"

#include <string.h>
#include <strings.h>

enum {
	FILE_NAME_MAX = 4096
};

enum place {
	IN_CODE,
	IN_STRING,
	IN_RAW_STRING
};

struct walk {
	struct fact_builder *b;
	const char *p, *end;
};

static bool at_word(const char *p, const char *end)
{
	return end - p > 8 && *p == '.' && (p[1] | 0x20) == 'i' &&
	       (strncasecmp(p, ".incbin", 7) == 0 || strncasecmp(p, ".include", 8) == 0);
}

static bool text_has_word(const char *p, const char *end)
{
	for (; p < end && (p = memchr(p, '.', (size_t)(end - p))); p++)
		if (at_word(p, end))
			return true;
	return false;
}

static void computed(struct walk *w, bool include)
{
	fact_undecidable(w->b,
			 include ? "an .include whose file name is computed"
				 : "an .incbin whose file name is computed",
			 w->p);
}

/* The name from P (behind its opening quote) to its closing quote. In a C string both are \". */
static void name_read(struct walk *w, const char *p, enum place place, bool include)
{
	const char *start = p;

	while (p < w->end && *p != '"' && *p != '\\' && *p != '%' && *p != '\n' &&
	       p - start < FILE_NAME_MAX)
		p++;
	bool closed = p < w->end && *p == '"';

	if (place == IN_STRING)
		closed = w->end - p >= 2 && p[0] == '\\' && p[1] == '"';
	if (!closed) {
		computed(w, include);
		return;
	}
	if (p == start || memchr(start, 0, (size_t)(p - start)))
		return;
	fact_add(w->b,
		 (struct fact){.kind = FACT_ASM,
			       .leaf = !include,
			       .name = intern_add(w->b->names, start, (size_t)(p - start))},
		 w->p);
}

/* Blanks as they are written in PLACE. */
static const char *blanks_skip(const struct walk *w, const char *p, enum place place)
{
	struct line l = {p, w->end, false};

	while (p < w->end) {
		size_t n = line_splice(&l, p);

		if (n == 0 && place == IN_STRING && w->end - p >= 2 && p[0] == '\\' &&
		    p[1] == 't')
			n = 2;
		if (n == 0 && line_blank(*p))
			n = 1;
		if (n == 0)
			break;
		p += n;
	}
	return p;
}

/* A '.' in PLACE: when a directive starts here, its file. */
static void word_read(struct walk *w, enum place place)
{
	if (!at_word(w->p, w->end))
		return;
	if (w->p > w->b->text && line_ident(w->p[-1])) {
		bool escape =
		    place == IN_STRING && w->p - w->b->text >= 2 && w->p[-2] == '\\';

		if (!escape)
			return;
	}
	bool include = (w->p[4] | 0x20) == 'l';
	const char *word_end = w->p + (include ? 8 : 7);
	const char *p = blanks_skip(w, word_end, place);

	if (p == w->end)
		return;
	if (place == IN_STRING ? w->end - p >= 2 && p[0] == '\\' && p[1] == '"'
			       : *p == '"') {
		name_read(w, p + (place == IN_STRING ? 2 : 1), place, include);
		return;
	}
	if (p == word_end)
		return;
	/* The name comes from elsewhere: the next string, an operand, a macro's argument. */
	bool elsewhere = *p == '\\' || *p == '%' || (place == IN_STRING && *p == '"');

	if (place == IN_CODE)
		elsewhere |= *p == '#' || (line_ident(*p) && !(*p >= '0' && *p <= '9'));
	if (elsewhere)
		computed(w, include);
}

static void block_comment_walk(struct walk *w)
{
	const char *close = memmem(w->p + 2, (size_t)(w->end - w->p - 2), "*/", 2);

	w->p = close ? close + 2 : w->end;
}

static void line_comment_walk(struct walk *w)
{
	struct line l = {w->p, w->end, false};

	while (w->p < w->end && *w->p != '\n') {
		size_t n = line_splice(&l, w->p);

		w->p += n ? n : 1;
	}
}

/* A string or character; ends with its quote or with the line. */
static void quoted_walk(struct walk *w)
{
	char close = *w->p++;

	while (w->p < w->end && *w->p != close && *w->p != '\n') {
		if (*w->p == '.' && close == '"')
			word_read(w, IN_STRING);
		if (*w->p == '\\' && w->end - w->p >= 2) {
			struct line l = {w->p, w->end, false};
			size_t n = line_splice(&l, w->p);

			w->p += n ? n : 2;
			continue;
		}
		w->p++;
	}
	if (w->p < w->end)
		w->p++;
}

/* R"DELIMITER( … )DELIMITER". False when it is none, with nothing moved. */
static bool raw_string_walk(struct walk *w)
{
	char close[20] = ")";
	size_t n = 1;

	if (w->p == w->b->text || w->p[-1] != 'R')
		return false;
	const char *p = w->p + 1;

	while (p < w->end && *p != '(' && *p != '"' && *p != '\n' && n < sizeof close - 2)
		close[n++] = *p++;
	if (p == w->end || *p != '(')
		return false;
	close[n++] = '"';
	const char *stop = memmem(p, (size_t)(w->end - p), close, n);

	if (!stop)
		return false;
	for (w->p = p; w->p < stop; w->p++)
		if (*w->p == '.')
			word_read(w, IN_RAW_STRING);
	w->p = stop + n;
	return true;
}

void asm_facts_read(struct fact_builder *b)
{
	struct walk w = {b, b->text, b->end};

	if (!text_has_word(b->text, b->end))
		return;
	while (w.p < w.end) {
		char c = *w.p, second = w.end - w.p >= 2 ? w.p[1] : 0;

		if (c == '/' && second == '*') {
			block_comment_walk(&w);
		} else if (c == '/' && second == '/') {
			line_comment_walk(&w);
		} else if (c == '"') {
			if (!raw_string_walk(&w))
				quoted_walk(&w);
		} else if (c == '\'' && !(w.p > b->text && line_ident(w.p[-1]))) {
			quoted_walk(&w);
		} else {
			if (c == '.')
				word_read(&w, IN_CODE);
			w.p++;
		}
	}
}
