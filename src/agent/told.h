#pragma once
#include <stddef.h>
/* What another machine told, for people here: cut to N bytes, and free of all that a terminal would obey. Control bytes (also
 * those of two bytes, U+0080 to U+009F) and what is no UTF-8 become '?'. Pure. */
void told_copy(char *out, size_t n, const char *text);
char *told_dup(const char *text); /* the same, malloc'ed, of any length */
