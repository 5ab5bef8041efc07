#pragma once
#include <stddef.h>
/* RFC 4648, section 4. */
struct buf;

/* Appends P[0..N); LINE > 0, a multiple of 3: a newline behind each so many bytes, and at the end. */
void base64_put(struct buf *, const char *p, size_t n, size_t line);
