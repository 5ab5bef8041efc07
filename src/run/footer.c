/* Between two calls the cursor always stands where the program left it, with the program's colours, so that its bytes
 * mean what they mean without us: carriage returns, status lines that write over themselves, prompts.
 *
 *      FOOTER_HERE                        FOOTER_BELOW
 *
 *      cc -c a.c                          cc -c a.c
 *      cc -c b.c                          [12/97] CC x.o_          "_": the cursor
 *      _uster 12/97: 9 remote             muster 12/97: 9 remote
 *
 * To draw: where the program's line is open, make sure that there is a row below it (ESC D may scroll, and then the
 * cursor goes back up); save the cursor (ESC 7 keeps its place and colours), write, bring it back (ESC 8). Before the
 * program's next bytes our row is erased. All of it is one piece of bytes, so that terminals do not flicker. Where
 * drawing could harm (caret_is_free says no) the line is away until the program has gone on. */
#include "run/footer.h"

#include "run/glyph.h"

#include <string.h>

enum {
	LEAST_WIDTH = 20,
	LEAST_HEIGHT = 3,
	TEXT_MAX = 4096
};

#define SAVE             "\0337\033[m"
#define RESTORE          "\0338"
#define MAKE_ROOM        "\033D\033[A"
#define TO_BELOW         "\033[B\r"
#define ERASE_TO_END     "\033[J"
#define ERASE_ROW_BEHIND "\033[K"

void footer_init(struct footer *f, unsigned width, unsigned height)
{
	*f = (struct footer){.width = width, .height = height};
	caret_init(&f->caret, width);
}

void footer_free(struct footer *f)
{
	buf_free(&f->text);
}

static void erase(struct footer *f, struct buf *out)
{
	if (f->drawn == FOOTER_HERE)
		buf_str(out, SAVE ERASE_TO_END RESTORE);
	else if (f->drawn == FOOTER_BELOW)
		buf_str(out, SAVE TO_BELOW ERASE_TO_END RESTORE);
	f->drawn = FOOTER_HIDDEN;
}

static void draw(struct footer *f, struct buf *out)
{
	if (f->text.len == 0 || f->width < LEAST_WIDTH || f->height < LEAST_HEIGHT ||
	    !caret_is_free(&f->caret))
		return;
	f->drawn = f->caret.place.fresh ? FOOTER_HERE : FOOTER_BELOW;
	buf_str(out, f->drawn == FOOTER_HERE ? SAVE : MAKE_ROOM SAVE TO_BELOW);
	/* Not in the last column: a terminal may begin a new row behind it. */
	glyph_add(out, f->text.data, f->text.len, f->width - 1);
	buf_str(out, ERASE_ROW_BEHIND RESTORE);
}

void footer_output(struct footer *f, struct buf *out, const char *bytes, size_t n)
{
	if (n == 0)
		return;
	erase(f, out);
	buf_add(out, bytes, n);
	caret_take(&f->caret, bytes, n);
	draw(f, out);
}

void footer_show(struct footer *f, struct buf *out, const char *text, size_t n)
{
	if (n > TEXT_MAX)
		n = TEXT_MAX;
	if (f->drawn != FOOTER_HIDDEN && n == f->text.len &&
	    (n == 0 || memcmp(text, f->text.data, n) == 0))
		return;
	f->text.len = 0;
	buf_add(&f->text, text, n);
	if (n == 0)
		erase(f, out);
	draw(f, out);
}

void footer_resize(struct footer *f, struct buf *out, unsigned width, unsigned height)
{
	if (width == f->width && height == f->height)
		return;
	erase(f, out);
	f->width = width;
	f->height = height;
	caret_resize(&f->caret, width);
	draw(f, out);
}
