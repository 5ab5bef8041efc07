#include "wire/frame.h"

#include <assert.h>

size_t frame_begin(struct buf *out, unsigned type)
{
	size_t begin = out->len;

	buf_u32(out, 0);
	buf_u8(out, type);
	return begin;
}

void frame_end(struct buf *out, size_t begin)
{
	size_t n = out->len - begin - FRAME_HEADER;

	assert(n <= FRAME_MAX);
	for (unsigned i = 0; i < 4; i++)
		out->data[begin + i] = (char)(n >> 8 * i);
}

int frame_first(const char *p, size_t n, struct frame *f)
{
	struct cursor c = {p, p + n, 0};
	uint32_t length = cursor_u32(&c);

	f->type = cursor_u8(&c);
	if (c.bad)
		return 0;
	if (length > FRAME_MAX)
		return -1;
	f->payload = c.p;
	f->n = length;
	return (size_t)(c.end - c.p) >= length;
}
