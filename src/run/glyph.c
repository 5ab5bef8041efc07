/* UTF-8 is decoded strictly (no overlong forms, no surrogates), so that what passes here is also valid
 * in JSON. Widths: East Asian wide and fullwidth characters and pictures take two columns, the usual
 * combining marks none, all else one. A terminal that knows a newer Unicode may differ in rare signs. */
#include "run/glyph.h"

struct range {
	uint32_t first, last;
};

/* Sorted tables; short enough to be walked. */
static const struct range no_column[] = {
    {0x300,   0x36f  },
    {0x483,   0x489  },
    {0x591,   0x5bd  },
    {0x1ab0,  0x1aff },
    {0x1dc0,  0x1dff },
    {0x200b,  0x200d },
    {0x20d0,  0x20ff },
    {0xfe00,  0xfe0f },
    {0xfe20,  0xfe2f },
    {0xe0100, 0xe01ef},
};
static const struct range two_columns[] = {
    {0x1100,  0x115f },
    {0x2e80,  0x303e },
    {0x3041,  0xa4cf },
    {0xa960,  0xa97f },
    {0xac00,  0xd7a3 },
    {0xf900,  0xfaff },
    {0xfe30,  0xfe6f },
    {0xff00,  0xff60 },
    {0xffe0,  0xffe6 },
    {0x1f300, 0x1f64f},
    {0x1f680, 0x1f6ff},
    {0x1f900, 0x1f9ff},
    {0x20000, 0x3fffd},
};
/* C0, DEL and C1; line ends of Unicode; what turns the direction of writing. */
static const struct range controls[] = {
    {0,      0x1f  },
    {0x7f,   0x9f  },
    {0x61c,  0x61c },
    {0x200e, 0x200f},
    {0x2028, 0x202e},
    {0x2066, 0x2069},
    {0xfeff, 0xfeff},
};

static bool among(const struct range *r, size_t n, uint32_t code)
{
	for (size_t i = 0; i < n && r[i].first <= code; i++)
		if (code <= r[i].last)
			return true;
	return false;
}

#define AMONG(table, code) among(table, sizeof table / sizeof *table, code)

/* Bytes of the character that begins with LEAD, and the least code of that length; 0: none begins so. */
static unsigned length_of(unsigned char lead, uint32_t *least)
{
	if (lead < 0x80)
		return *least = 0, 1;
	if (lead >= 0xc2 && lead <= 0xdf)
		return *least = 0x80, 2;
	if ((lead & 0xf0) == 0xe0)
		return *least = 0x800, 3;
	if (lead >= 0xf0 && lead <= 0xf4)
		return *least = 0x10000, 4;
	return 0;
}

struct glyph glyph_next(const char *text, size_t n)
{
	const unsigned char *p = (const unsigned char *)text;
	struct glyph bad = {.code = GLYPH_BAD, .bytes = 1, .columns = 1};
	uint32_t least = 0;
	unsigned length = length_of(p[0], &least);

	if (length == 0)
		return bad;
	uint32_t code = length == 1 ? p[0] : p[0] & (0x7fu >> length);

	for (unsigned i = 1; i < length; i++) {
		if (i == n) {
			bad.cut = true;
			return bad;
		}
		if ((p[i] & 0xc0) != 0x80)
			return bad;
		code = code << 6 | (p[i] & 0x3f);
	}
	if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return bad;
	return (struct glyph){
	    .code = code,
	    .bytes = length,
	    .columns = AMONG(no_column, code)     ? 0
		       : AMONG(two_columns, code) ? 2
						  : 1,
	    .control = AMONG(controls, code),
	};
}

unsigned glyph_add(struct buf *b, const char *text, size_t n, unsigned limit)
{
	unsigned used = 0;

	for (size_t at = 0; at < n;) {
		struct glyph g = glyph_next(text + at, n - at);
		bool hidden = g.control || (g.code == GLYPH_BAD && g.bytes == 1);
		unsigned columns = hidden ? 1 : g.columns;

		if (used + columns > limit)
			break;
		if (hidden)
			buf_str(b, "?");
		else
			buf_add(b, text + at, g.bytes);
		used += columns;
		at += g.bytes;
	}
	return used;
}

static unsigned columns_of(const struct glyph *g)
{
	return g->control ? 1 : g->columns;
}

unsigned glyph_add_tail(struct buf *b, const char *text, size_t n, unsigned limit)
{
	static const char dots[] = "...";
	const unsigned ndots = sizeof dots - 1;
	uint64_t all = 0;

	for (size_t at = 0; at < n;) {
		struct glyph g = glyph_next(text + at, n - at);

		all += columns_of(&g);
		at += g.bytes;
	}
	if (all <= limit || limit <= ndots)
		return glyph_add(b, text, n, limit);
	buf_str(b, dots);
	size_t at = 0;

	/* Up to and with the last combining mark of what is left out. */
	while (at < n) {
		struct glyph g = glyph_next(text + at, n - at);

		if (all <= limit - ndots && columns_of(&g) > 0)
			break;
		all -= columns_of(&g);
		at += g.bytes;
	}
	return ndots + glyph_add(b, text + at, n - at, limit - ndots);
}
