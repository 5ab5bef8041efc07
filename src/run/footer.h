#pragma once
#include "base/buf.h"
#include "run/caret.h"

/* One line of our own beneath the output of another program, on the same terminal. Pure: bytes and sizes in, the
 * bytes to write to the terminal out. Nothing of the program's own bytes is changed, added or kept back. */

enum footer_drawn {
	FOOTER_HIDDEN,
	FOOTER_HERE, /* in the row of the cursor, which the program has not begun */
	FOOTER_BELOW /* in the row below the cursor: the program's line is not ended */
};

struct footer {
	struct caret caret; /* of the program */
	unsigned width, height;
	enum footer_drawn drawn;
	struct buf text; /* that is to be seen; empty: none */
};

void footer_init(struct footer *, unsigned width, unsigned height);
void footer_free(struct footer *);
void footer_resize(struct footer *, struct buf *out, unsigned width, unsigned height);
void footer_output(struct footer *, struct buf *out, const char *bytes, size_t n);
void footer_show(struct footer *, struct buf *out, const char *text,
		 size_t n); /* N = 0: away */
