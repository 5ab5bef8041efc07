#pragma once
#include "base/arena.h"

#include <stdbool.h>
/* Paths as text; nothing here looks at a disk, and ".." is never folded away (behind a symbolic
 * link it would mean another place). */

/* DIR/NAME; NAME alone when it is absolute or DIR is empty. */
char *path_join(struct arena *, const char *dir, const char *name);
/* The part before the last '/' ("/" for "/x", "" when there is none): what cpp puts before a
 * name included from PATH. */
char *path_dir(struct arena *, const char *path);
const char *path_base(const char *path); /* behind the last '/' */
const char *
path_suffix(const char *path); /* ".c" with its dot, of the base name; "" if none */
/* PATH without its suffix (as path_suffix sees it). */
char *path_stem(struct arena *, const char *path);
/* True when the bytes of P are free of NUL, begin with '/', and no component is "", "." or "..". */
bool path_is_canonical(const char *p, size_t n);
