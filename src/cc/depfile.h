#pragma once
#include "base/arena.h"

#include <stddef.h>
/* Dependency files as GCC and Clang write them (GCC manual 3.13, -M): "TARGETS: PREREQUISITES", lines joined by
 * a backslash, blanks and '#' escaped by one (Clang leaves a tab bare, so only a blank parts words), '$' doubled; with -MP further rules without prerequisites. */

/* The prerequisites of all rules in TEXT[0..N), in order, unescaped, in the arena. 0; -1 when TEXT is no such
 * file. */
int depfile_parse(struct arena *, const char *text, size_t n, struct strv *out);
