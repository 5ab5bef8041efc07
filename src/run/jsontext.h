#pragma once
#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>
/* Values of JSON (RFC 8259), written straight into a buffer. Pure. */

/* TEXT in quotes; bytes that are not UTF-8 become U+FFFD, each. NULL: null. */
void json_text(struct buf *, const char *text);
/* NS as seconds with six decimals at most, whatever the locale. */
void json_seconds(struct buf *, int64_t ns);
