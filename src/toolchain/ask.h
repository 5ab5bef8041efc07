#pragma once
#include <stddef.h>
/* Questions to trusted local programs, in an environment of PATH and LC_ALL=C only. */
struct buf;
struct err;

enum {
	ASK_BYTES = 1 << 20,
	ASK_MS = 20000,
	ASK_ARGS = 16
};

/* Runs ARGV (NULL-terminated, at most ASK_ARGS) with PATH and appends stdout, stderr (each may be
 * NULL: thrown away), with a NUL behind that does not count. 0: it exited with 0; 1: with another
 * status; -1: could not be run. */
int ask(const char *const *argv, const char *path, struct buf *out, struct buf *err_out,
	struct err *);
