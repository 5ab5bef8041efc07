#pragma once
#include <stdbool.h>
#include <stddef.h>

/* Where a program's output leaves the cursor of a terminal, as far as one must know to draw a line of one's own
 * beside it and give the cursor back as it was. Pure. */

enum caret_state {
	CARET_TEXT,
	CARET_ESCAPE, /* behind ESC */
	CARET_SKIP,   /* one more byte of a sequence that does not matter */
	CARET_CSI,    /* behind ESC [ */
	CARET_STRING, /* a title or the like, until BEL or ESC \ */
	CARET_STRING_ESCAPE
};

struct caret_place {
	unsigned
	    column; /* from 0; the terminal's width: the next character begins a new row */
	unsigned above; /* rows of the program's own that lie below the cursor */
	bool sure;      /* the column is known */
	bool fresh;     /* at the beginning of a row with nothing in it */
	bool lost;      /* it moved the cursor to somewhere on the screen */
};

struct caret {
	unsigned width; /* of the terminal */
	struct caret_place place;
	struct caret_place saved_place;
	struct caret_place main_place; /* where the program is when the other screen goes */
	bool saved;     /* the terminal's one memory of a place is in use (ESC 7) */
	bool alternate; /* a full-screen program holds the other screen */
	enum caret_state state;
	char sequence[32]; /* of a CSI so far; its beginning, when it is longer */
	size_t nsequence;
	char partial[4]; /* bytes of a character that has not ended */
	size_t npartial;
};

void caret_init(struct caret *, unsigned width); /* on a fresh row */
void caret_resize(struct caret *, unsigned width);
void caret_take(struct caret *, const char *bytes, size_t n);
/* Something may be drawn now: not within a sequence or character, nothing of the program's lies below, the place of
 * memory is free, and the cursor does not hang behind the last column (moving it would lose that). */
bool caret_is_free(const struct caret *);
