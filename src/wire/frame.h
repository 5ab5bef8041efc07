#pragma once
#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

/* A frame: u32 little-endian payload length, u8 type, u32 checksum, payload. The checksum is the CRC-32C
 * (RFC 3720, appendix B.4) of the type and the payload: TCP's own sum lets some damage pass, and one
 * turned bit in a command line is a wrong object. After the HELLO of both sides, the frames of a
 * direction may travel inside one zstd stream (see net/peer). */
enum {
	FRAME_HEADER = 9,
	FRAME_MAX = 1 << 20
};

struct frame {
	unsigned type;
	const char *payload;
	size_t n;
};

/* Room for a header at the end of OUT; returns its offset for frame_end. */
size_t frame_begin(struct buf *out, unsigned type);
/* Fills the length in. The payload must not exceed FRAME_MAX (asserted: a limit of the sender). */
void frame_end(struct buf *out, size_t begin);
/* The first frame of P[0..N): 1 and *F (borrowed; it took FRAME_HEADER + f->n bytes), 0 when more
 * bytes are needed, -1 when the announced length exceeds FRAME_MAX, -2 when the checksum does not hold. */
int frame_first(const char *p, size_t n, struct frame *f);
