#pragma once
#include "base/buf.h"

#include <stddef.h>
/* LZO1X blocks as the distcc protocol has them: one block a body, the size of its content is not said.
 * Over liblzo2 (https://www.oberhumer.com/opensource/lzo/). */
struct err;

/* Appends the block that holds P. Nothing becomes nothing: the protocol sends empty bodies as no bytes. */
void lzo_pack(struct buf *out, const void *p, size_t n);
/* Appends the content of the block P; no bytes are no content. Never takes more than about LIMIT bytes of memory,
 * whatever the block claims. -1: it is damaged, or holds more than LIMIT bytes (err->code EFBIG). */
int lzo_unpack(struct buf *out, const void *p, size_t n, size_t limit, struct err *);
