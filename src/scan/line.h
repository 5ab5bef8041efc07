#pragma once
#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* Logical lines: source text with backslash-newlines removed (blanks between the two are allowed, as
 * compilers do) and comments turned into one space. Newline is "\n", "\r\n" or "\r". */

/* Bytes still to read. With TRIGRAPHS, "??/" also is a backslash. */
struct line {
	const char *p, *end;
	bool trigraphs;
};

static inline bool line_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\f' || c == '\v' || c == 0;
}

static inline bool line_ident(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

/* The length of the splice (backslash, blanks, newline) at P, or 0. */
size_t line_splice(const struct line *, const char *p);
/* Skips blanks, comments and splices, and copies the identifier that follows, if any, to OUT
 * (a NUL is put behind it). Returns its length. A longer one than SIZE - 1 counts as none. */
size_t line_word(struct line *, char *out, size_t size);
/* Appends the rest of the logical line to OUT and moves behind it. Strings stay as they are, and so
 * does a <name> at the start (if HEADER is set) or behind a '(': "//" begins no comment there. */
void line_rest(struct line *, bool header, struct buf *out);

/* The first line start at or behind P whose text begins with a directive sign: '#', or "%:" or "??="
 * (SIGN is the first character of the wanted one). Returns behind the sign, or NULL. "Begins" is meant
 * generously: anything that ends with a comment may stand before it on the line. */
const char *line_directive(const char *p, const char *text, const char *end, char sign);
