#pragma once
#include <stddef.h>
/* Somebody else's program that is to run for as long as we want what it does: when it ends it is started again,
 * after pauses that grow from KEPT_PAUSE_MS to KEPT_PAUSE_MAX_MS while it goes on ending early. */
struct err;
struct kept;
struct loop;

enum {
	KEPT_PAUSE_MS = 500,
	KEPT_PAUSE_MAX_MS = 60000,
	KEPT_LINE = 1 << 16 /* most bytes of a line; a longer one is left out */
};

struct kept_spec {
	char *const *argv; /* the program, looked for on PATH, and its words; copied */
	const char *
	    loss; /* what is not to be had without it, for the log: "workers are not found"; copied */
	/* One line that it printed on standard output, without its end, borrowed. NULL: they are thrown away. */
	void (*line)(void *ctx, const char *line, size_t n);
	/* It has ended: what it said is no more kept up to date. NULL: nobody asks. */
	void (*ended)(void *ctx);
	void *ctx;
};

/* NULL: it is not installed. Whatever happens later is for the log, once for each row of failures. In LINE and ENDED it must not be
 * freed. */
struct kept *kept_start(struct loop *, const struct kept_spec *, struct err *);
void kept_free(struct kept *); /* ends it; NULL is fine */
