#pragma once
#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Characters of UTF-8 text as a terminal shows them. Pure; asks no locale. */

enum {
	GLYPH_BAD = 0xfffd /* the code of what is not UTF-8 */
};

struct glyph {
	uint32_t code;
	unsigned bytes;   /* of the text; at least 1 */
	unsigned columns; /* 0 (combines with the one before), 1 or 2 */
	bool control;     /* moves the cursor or the order of others: not to be shown */
	bool cut;         /* bad only because the text ends within it */
};

/* The first character of TEXT, which has at least one byte. A byte that begins no character is one
 * of code GLYPH_BAD. */
struct glyph glyph_next(const char *text, size_t n);
/* Adds TEXT as one line may show it, control and bad characters as '?': at most LIMIT columns, cut
 * at the border of a character. Returns its columns. */
unsigned glyph_add(struct buf *, const char *text, size_t n, unsigned limit);
/* The same, but what is too long loses its beginning: ".../src/big.cc". */
unsigned glyph_add_tail(struct buf *, const char *text, size_t n, unsigned limit);
