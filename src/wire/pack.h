#pragma once
#include "base/buf.h"

#include <stddef.h>
/* One direction of a connection as one zstd stream: headers and sources of a project resemble each other,
 * so a stream compresses far better than single messages. The only doorway to libzstd.
 * Invariant: a reader's memory is bounded by the window (at most 8 MiB, enforced) whatever is sent. */
struct pack_writer;
struct pack_reader;

struct pack_writer *pack_writer_new(void);
void pack_writer_free(struct pack_writer *);
/* Takes P[0..N); compressed bytes are appended to OUT as they come. FLUSH: all that was taken so far can be
 * read by the other side. */
void pack_write(struct pack_writer *, const void *p, size_t n, int flush, struct buf *out);

struct pack_reader *pack_reader_new(void);
void pack_reader_free(struct pack_reader *);
/* Decompresses from *P (advanced) into OUT, at most LIMIT bytes more: 1 when there may be more output
 * already, 0 when all input was used up, -1 when the stream is damaged. */
int pack_read(struct pack_reader *, const char **p, const char *end, size_t limit,
	      struct buf *out);
