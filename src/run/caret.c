/* Follows the bytes of a program through the usual sequences of ECMA-48 and xterm. It need not know everything: what
 * it does not know makes caret_is_free false until the place is known again (at the next line), so that nothing is
 * drawn rather than something wrong.
 *
 * '\n' is taken to return to the first column, as terminals are set to do. */
#include "run/caret.h"

#include "run/glyph.h"

#include <stdlib.h>
#include <string.h>

enum {
	MOST = 9999 /* rows or columns that one sequence moves */
};

void caret_init(struct caret *c, unsigned width)
{
	*c = (struct caret){
	    .width = width, .place = {.sure = true, .fresh = true}
        };
}

void caret_resize(struct caret *c, unsigned width)
{
	/* Terminals differ in what they do with rows that no longer fit. */
	if (width != c->width && c->place.column > 0)
		c->place.sure = false;
	c->width = width;
}

bool caret_is_free(const struct caret *c)
{
	const struct caret_place *p = &c->place;

	return c->state == CARET_TEXT && c->npartial == 0 && !c->saved && !c->alternate &&
	       !p->lost && p->above == 0 && p->sure && p->column < c->width;
}

/* Terminals differ in whether the next character still begins a new row. */
static void doubt_last_column(struct caret *c)
{
	if (c->place.column >= c->width)
		c->place.sure = false;
}

static void move_down(struct caret *c, unsigned rows)
{
	c->place.above -= rows < c->place.above ? rows : c->place.above;
}

static void move_up(struct caret *c, unsigned rows)
{
	c->place.above = c->place.above + rows > MOST ? MOST : c->place.above + rows;
}

static void new_line(struct caret *c)
{
	c->place.fresh = c->place.above == 0 && !c->place.lost;
	c->place.column = 0;
	c->place.sure = true;
	move_down(c, 1);
}

static void move_left(struct caret *c, unsigned columns)
{
	struct caret_place *p = &c->place;

	if (p->column == c->width && p->column > 0)
		p->column--;
	p->column -= columns < p->column ? columns : p->column;
}

static void move_to(struct caret *c, unsigned column)
{
	unsigned last = c->width > 0 ? c->width - 1 : 0;

	c->place.column = column < last ? column : last;
	c->place.sure = true;
	if (c->place.column > 0)
		c->place.fresh = false;
}

static void take_character(struct caret *c, unsigned columns)
{
	struct caret_place *p = &c->place;

	p->fresh = false;
	if (p->column + columns > c->width) {
		move_down(c, 1);
		p->column = 0;
	}
	p->column += columns;
}

static void take_control(struct caret *c, unsigned char byte)
{
	switch (byte) {
	case '\n': new_line(c); break;
	case '\v':
	case '\f':
		c->place.fresh = false;
		move_down(c, 1);
		break;
	case '\r': move_to(c, 0); break;
	case '\b': move_left(c, 1); break;
	case '\t':
		c->place.fresh = false;
		if (c->place.column < c->width)
			move_to(c, (c->place.column / 8 + 1) * 8);
		doubt_last_column(c);
		break;
	case '\033': c->state = CARET_ESCAPE; break;
	default: break;
	}
}

static void save(struct caret *c)
{
	c->saved = true;
	c->saved_place = c->place;
}

static void restore(struct caret *c)
{
	if (c->saved)
		c->place = c->saved_place;
	else
		c->place.lost = true;
	doubt_last_column(c);
	c->saved = false;
}

static void take_escape(struct caret *c, unsigned char byte)
{
	c->state = CARET_TEXT;
	switch (byte) {
	case '[':
		c->state = CARET_CSI;
		c->nsequence = 0;
		break;
	case ']':
	case 'P':
	case 'X':
	case '^':
	case '_': c->state = CARET_STRING; break;
	case ' ':
	case '#':
	case '%':
	case '(':
	case ')':
	case '*':
	case '+': c->state = CARET_SKIP; break;
	case '7': save(c); break;
	case '8': restore(c); break;
	case 'D':
		move_down(c, 1);
		c->place.fresh = false;
		break;
	case 'E': new_line(c); break;
	case 'M':
		move_up(c, 1);
		c->place.fresh = false;
		break;
	case 'c': caret_init(c, c->width); break;
	case '\033': c->state = CARET_ESCAPE; break;
	default: break;
	}
}

/* The row from the cursor on, or all, was emptied: at its beginning the cursor stands on a fresh row. */
static void emptied(struct caret *c)
{
	if (c->place.column == 0 && c->place.sure)
		c->place.fresh = true;
}

static void restore_main(struct caret *c)
{
	c->place = c->main_place;
	doubt_last_column(c);
}

static void take_mode(struct caret *c, const char *numbers, char final)
{
	for (const char *p = numbers; p; p = strchr(p, ';')) {
		p += *p == ';';
		long mode = strtol(p, NULL, 10);

		if (mode == 1049 && final == 'h' && !c->alternate)
			c->main_place = c->place;
		if (mode == 1049 && final == 'l' && c->alternate)
			restore_main(c);
		if (mode == 1049 || mode == 1047 || mode == 47)
			c->alternate = final == 'h';
	}
}

static void take_move(struct caret *c, unsigned n, const char *numbers, char final)
{
	const char *second = strchr(numbers, ';');
	unsigned column = second ? (unsigned)strtoul(second + 1, NULL, 10) : 1;

	switch (final) {
	case 'F':
	case 'A':
		move_up(c, n);
		c->place.fresh = false;
		if (final == 'F')
			move_to(c, 0);
		break;
	case 'E':
	case 'B':
		move_down(c, n);
		c->place.fresh = false;
		if (final == 'E')
			move_to(c, 0);
		break;
	case 'C': move_to(c, c->place.column + n); break;
	case 'D': move_left(c, n); break;
	case '`':
	case 'G': move_to(c, n - 1); break;
	default:
		if (final == 'H' || final == 'f')
			move_to(c, column > 0 ? column - 1 : 0);
		c->place.lost = true;
		c->place.fresh = false;
		break;
	}
}

static void take_csi(struct caret *c, char final)
{
	c->sequence[c->nsequence] = 0;
	const char *numbers = c->sequence;
	unsigned long given = strtoul(numbers, NULL, 10);
	unsigned n = given == 0 ? 1 : given > MOST ? MOST : (unsigned)given;

	if (*numbers == '?' && (final == 'h' || final == 'l'))
		take_mode(c, numbers + 1, final);
	if (strspn(numbers, "0123456789;:") != c->nsequence)
		return;
	if (final != 'm')
		doubt_last_column(c);
	switch (final) {
	case 'J':
		if (given != 1) {
			c->place.above = 0;
			c->place.lost = false;
			emptied(c);
		}
		break;
	case 'K':
		if (given != 1 && c->place.above == 0 && !c->place.lost)
			emptied(c);
		break;
	case 's':
		if (c->nsequence == 0)
			save(c);
		break;
	case 'u':
		if (c->nsequence == 0)
			restore(c);
		break;
	case 'b': c->place.sure = false; break; /* the last character again */
	default:
		if (strchr("ABCDEFG`HfdrSTLM", final))
			take_move(c, n, numbers, final);
		break;
	}
}

static void take_csi_byte(struct caret *c, unsigned char byte)
{
	if (byte >= 0x40 && byte <= 0x7e) {
		c->state = CARET_TEXT;
		take_csi(c, (char)byte);
	} else if (byte == '\033') {
		c->state = CARET_ESCAPE;
	} else if (byte < 0x20) {
		take_control(c, byte);
	} else if (c->nsequence < sizeof c->sequence - 1) {
		c->sequence[c->nsequence++] = (char)byte;
	}
}

/* ALL: nothing more belongs to what is there. */
static void take_partial(struct caret *c, bool all)
{
	while (c->npartial > 0) {
		struct glyph g = glyph_next(c->partial, c->npartial);

		if (g.cut && !all)
			return;
		take_character(c, g.columns);
		c->npartial -= g.bytes;
		memmove(c->partial, c->partial + g.bytes, c->npartial);
	}
}

static void take_text(struct caret *c, unsigned char byte)
{
	if (byte >= 0x80) {
		c->partial[c->npartial++] = (char)byte;
		take_partial(c, false);
		return;
	}
	take_partial(c, true);
	if (byte < 0x20)
		take_control(c, byte);
	else if (byte != 0x7f)
		take_character(c, 1);
}

void caret_take(struct caret *c, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char byte = (unsigned char)bytes[i];

		switch (c->state) {
		case CARET_TEXT: take_text(c, byte); break;
		case CARET_ESCAPE: take_escape(c, byte); break;
		case CARET_SKIP: c->state = CARET_TEXT; break;
		case CARET_CSI: take_csi_byte(c, byte); break;
		case CARET_STRING:
			if (byte == '\a')
				c->state = CARET_TEXT;
			else if (byte == '\033')
				c->state = CARET_STRING_ESCAPE;
			break;
		case CARET_STRING_ESCAPE:
		default:
			c->state = CARET_TEXT;
			if (byte != '\\')
				take_escape(c, byte);
			break;
		}
	}
}
