/* Control characters, and signs that turn the direction of writing, are written as numbers: a reader that prints a report
 * raw is not led astray. */
#include "run/jsontext.h"

#include "run/glyph.h"

#include <inttypes.h>
#include <string.h>

static void add_character(struct buf *b, const char *text, const struct glyph *g)
{
	if (g->code == GLYPH_BAD)
		buf_str(b, "\\ufffd");
	else if (g->code == '"' || g->code == '\\')
		buf_printf(b, "\\%c", (int)g->code);
	else if (g->control && g->code <= 0xffff)
		buf_printf(b, "\\u%04x", (unsigned)g->code);
	else
		buf_add(b, text, g->bytes);
}

void json_text(struct buf *b, const char *text)
{
	if (!text) {
		buf_str(b, "null");
		return;
	}
	buf_str(b, "\"");
	for (size_t n = strlen(text), at = 0; at < n;) {
		struct glyph g = glyph_next(text + at, n - at);

		add_character(b, text + at, &g);
		at += g.bytes;
	}
	buf_str(b, "\"");
}

void json_seconds(struct buf *b, int64_t ns)
{
	int64_t us = ns > 0 ? ns / 1000 : 0;

	buf_printf(b, "%" PRId64 ".%06" PRId64, us / 1000000, us % 1000000);
}
