#include "cc/preprocessed.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* What in a preprocessed text stands against compiling it elsewhere. One pass that knows
 * literals, words and line markers; it never misses what it looks for, and may see it
 * where it is not (a string that holds ".incbin"). */

struct reader {
	const char *at, *end;
	/* The last byte that was no blank, before the word that is looked at; or 0. */
	char before;
	/* Within a system header, or what its macros became: nobody warns there. */
	bool system;
};

/* Whether the text at AT goes on with WORD. */
static bool goes_on(const char *at, const char *end, const char *word)
{
	size_t n = strlen(word);

	return (size_t)(end - at) >= n && memcmp(at, word, n) == 0;
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$';
}

/* Behind the literal that begins with the quote at AT. */
static const char *behind_literal(const char *at, const char *end)
{
	char quote = *at++;

	while (at < end && *at != quote && *at != '\n')
		at += *at == '\\' && at + 1 < end ? 2 : 1;
	return at < end ? at + 1 : end;
}

/* Behind the raw string whose quote is at AT: "DELIMITER( … )DELIMITER". */
static const char *behind_raw(const char *at, const char *end)
{
	enum {
		LONGEST = 16 /* of a delimiter */
	};

	char close[LONGEST + 2] = {')'};
	size_t n = 0;

	for (at++; at < end && *at != '(' && n < LONGEST; at++)
		close[++n] = *at;
	close[++n] = '"';
	at = memmem(at, (size_t)(end - at), close, n + 1);
	return at ? at + n + 1 : end;
}

/* Behind the ')' that closes the '(' at AT. */
static const char *behind_parentheses(const char *at, const char *end)
{
	size_t depth = 0;

	while (at < end) {
		if (*at == '"' || *at == '\'') {
			bool raw = *at == '"' && at[-1] == 'R';

			at = raw ? behind_raw(at, end) : behind_literal(at, end);
			continue;
		}
		if (*at == '(')
			depth++;
		else if (*at == ')' && --depth == 0)
			return at + 1;
		at++;
	}
	return end;
}

static const char *behind_line(const char *at, const char *end)
{
	const char *newline = memchr(at, '\n', (size_t)(end - at));

	return newline ? newline + 1 : end;
}

/* Behind blanks and line markers; *LINES becomes true behind a newline that is not one
 * of a marker, *MARKERS behind a marker. */
static const char *skip_blanks(const char *at, const char *end, bool *lines, bool *markers)
{
	for (; at < end && isspace((unsigned char)*at); at++) {
		if (*at != '\n')
			continue;
		*lines = true;
		while (goes_on(at, end, "\n# ")) {
			*markers = true;
			at = behind_line(at + 1, end) - 1;
		}
	}
	return at;
}

/* Whether a lone ';' follows AT: on the same line, or where markers of lines stand
 * between, since then nobody can tell which line it was. An `if` with an `else` may be
 * empty. */
static bool body_is_empty(const char *at, const char *end, bool is_if)
{
	bool lines = false, markers = false;

	at = skip_blanks(at, end, &lines, &markers);
	if (at == end || *at != ';' || (lines && !markers))
		return false;
	at = skip_blanks(at + 1, end, &lines, &markers);
	return !is_if || !goes_on(at, end, "else");
}

/* True when WORD[0..N) begins a statement whose body, behind r->at, is a lone ';'. The
 * `while` of a `do { }` has none. */
static bool begins_empty_statement(const struct reader *r, const char *word, size_t n)
{
	static const char *const guards[] = {"if", "for", "while", "switch"};
	bool lines, markers;
	const char *at = skip_blanks(r->at, r->end, &lines, &markers);

	for (size_t i = 0; i < sizeof guards / sizeof guards[0]; i++) {
		if (strlen(guards[i]) != n || memcmp(word, guards[i], n) != 0)
			continue;
		if (word[0] == 'w' && r->before == '}')
			return false;
		if (goes_on(at, r->end, "constexpr"))
			at =
			    skip_blanks(at + strlen("constexpr"), r->end, &lines, &markers);
		return at < r->end && *at == '(' &&
		       body_is_empty(behind_parentheses(at, r->end), r->end, n == 2);
	}
	return false;
}

/* Reads the line that begins with '#' at AT: `# 12 "FILE" 1 3` is of a system header. */
static void read_marker(struct reader *r)
{
	const char *line = r->at;

	r->at = behind_line(line, r->end);
	if (!goes_on(line, r->at, "# "))
		return;
	const char *flags = memrchr(line, '"', (size_t)(r->at - line));

	r->system = flags && memmem(flags, (size_t)(r->at - flags), " 3", 2);
}

/* True when Clang might have a word to say about an empty body, which it has not once
 * markers of lines stand before it. */
static bool text_has_empty_body(const char *text, size_t n)
{
	struct reader r = {.at = text, .end = text + n};

	while (r.at < r.end) {
		const char *word = r.at;

		if (*word == '#' && (word == text || word[-1] == '\n')) {
			read_marker(&r);
		} else if (*word == '"' || *word == '\'') {
			bool raw = *word == '"' && r.before == 'R';

			r.at = raw ? behind_raw(word, r.end) : behind_literal(word, r.end);
			r.before = '"';
		} else if (is_word(*word)) {
			/* A digit separator is part of its number. */
			bool number = isdigit((unsigned char)*word);

			while (r.at < r.end &&
			       (is_word(*r.at) || (number && *r.at == '\'')))
				r.at++;
			if (!r.system &&
			    begins_empty_statement(&r, word, (size_t)(r.at - word)))
				return true;
			r.before = r.at[-1];
		} else {
			if (!isspace((unsigned char)*word))
				r.before = *word;
			r.at++;
		}
	}
	return false;
}

/* True for assembly text with .include: a blank or a quote follows the word, or the
 * escape of one, which does not follow a member of that name. */
static bool text_includes_assembly(const char *text, size_t n)
{
	static const char word[] = ".include";

	for (const char *end = text + n;;) {
		const char *at = memmem(text, (size_t)(end - text), word, sizeof word - 1);

		if (!at)
			return false;
		text = at + sizeof word - 1;
		if (text < end && *text && strchr(" \t\"\\", *text))
			return true;
	}
}

/* True for a trigraph: a line that was spliced may have made one that was none, and Clang
 * replaces it in the text. */
static bool text_has_trigraph(const char *text, size_t n)
{
	for (const char *end = text + n;
	     (text = memmem(text, (size_t)(end - text), "??", 2)); text++)
		if (end - text > 2 && text[2] && strchr("=/'()!<>-", text[2]))
			return true;
	return false;
}

/* True when the first line is `# 1 "NAME"`: the compiler takes the unit's name from it. */
static bool text_names_source(const char *text, size_t n)
{
	return n > 5 && (memcmp(text, "# 0 \"", 5) == 0 || memcmp(text, "# 1 \"", 5) == 0);
}

/* Whether a directive may begin at AT, inside a string of assembly: behind its quote, a blank, the end of another statement. In C the
 * dot of a member seldom stands there. */
static bool begins_statement(const char *text, const char *at)
{
	return at > text &&
	       (strchr("\" \t;:", at[-1]) || (at - text > 1 && at[-2] == '\\'));
}

/* The assembler does not mind capitals, and its text may be put together of several strings, which nobody does but to hide
 * something: so any ".inc" counts where there is assembly at all. */
static bool text_may_include(const char *text, size_t n)
{
	const char *end = text + n;

	if (!memmem(text, n, "asm", 3))
		return false;
	for (const char *at = text; (at = memchr(at, '.', (size_t)(end - at))); at++)
		if (end - at >= 4 && strncasecmp(at, ".inc", 4) == 0 &&
		    begins_statement(text, at))
			return true;
	return false;
}

#define PLACE "built-in functions tell their place in the source"

const char *cc_preprocessed_text_unfit(enum cc_family family, const char *text, size_t n)
{
	static const struct {
		const char *word, *why;
	} unfit[] = {
	    {"#pragma GCC pch_preprocess", "the text names a precompiled header"        },
	    {"#pragma GCC dependency",     "#pragma GCC dependency reads a further file"},
	    {"#pragma clang module",       "the text names a module"                    },
	    {"__builtin_FILE",             PLACE					},
	    {"__builtin_LINE",             PLACE					},
	    {"__builtin_COLUMN",           PLACE					},
	    {"__builtin_source_location",  PLACE                                        },
	};

	if (!text_names_source(text, n))
		return "the text does not name its source";
	for (size_t i = 0; i < sizeof unfit / sizeof unfit[0]; i++)
		if (memmem(text, n, unfit[i].word, strlen(unfit[i].word)))
			return unfit[i].why;
	if (text_includes_assembly(text, n))
		return "assembly text reads a further file (.include)";
	if (text_may_include(text, n))
		return "assembly text reads a further file (.incbin)";
	if (family == CC_CLANG && text_has_trigraph(text, n))
		return "a trigraph is left in the text";
	if (family == CC_CLANG && text_has_empty_body(text, n))
		return "-Wempty-body needs the sources";
	return NULL;
}
