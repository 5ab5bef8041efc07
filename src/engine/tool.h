#pragma once
#include "sys/loop.h"

#include <stddef.h>
/* A program of an engine (sbatch, ssh, …) under way: fed on its standard input, heard on the other two, never waited for. */
struct buf;
struct err;
struct tool;

enum {
	TOOL_OUTPUT = 4 << 20, /* most bytes of its output; more ends it */
	TOOL_LINE = 512        /* most bytes of a line that is heard */
};

struct tool_spec {
	char *const *argv; /* argv[0] is looked for on PATH */
	char *const *env;  /* NULL: ours */
	int timeout_ms;    /* 0: none. It is killed then, and SAID tells so. */
	/* Each line on standard error, without its end. NULL: only the last is kept. */
	void (*heard)(void *ctx, const char *line);
	/* Called once, from the loop: STATUS as waitpid gives it, all of standard output, NUL behind it, and the last line of
	 * standard error. To be freed then or later. */
	void (*done)(void *ctx, int status, const struct buf *out, const char *said);
	void *ctx;
};

/* NULL: it is not there, or cannot be started. */
struct tool *tool_start(struct loop *, const struct tool_spec *, struct err *);
/* For its standard input, once: HEAD, which is copied, then TAIL, which is borrowed until the tool is freed. */
void tool_feed(struct tool *, const struct buf *head, const struct buf *tail);
/* Its standard input ends, now, or when what it was fed has been written. */
void tool_hang_up(struct tool *);
/* Kills it; no call follows. NULL is fine. */
void tool_free(struct tool *);
