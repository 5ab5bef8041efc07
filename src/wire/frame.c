#include "wire/frame.h"

#include "wire/crc.h"

#include <assert.h>

enum {
	TYPE_AT = 4,
	SUM_AT = 5
};

static_assert(FRAME_HEADER == SUM_AT + 4, "the header ends with the checksum");

static uint32_t checksum(unsigned type, const char *payload, size_t n)
{
	unsigned char t = (unsigned char)type;

	return crc32c(crc32c(0, &t, 1), payload, n);
}

size_t frame_begin(struct buf *out, unsigned type)
{
	size_t begin = out->len;

	buf_u32(out, 0);
	buf_u8(out, type);
	buf_u32(out, 0);
	return begin;
}

static void put_at(char *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (char)(v >> 8 * i);
}

void frame_end(struct buf *out, size_t begin)
{
	char *head = out->data + begin;
	size_t n = out->len - begin - FRAME_HEADER;

	assert(n <= FRAME_MAX);
	put_at(head, (uint32_t)n);
	put_at(head + SUM_AT,
	       checksum((unsigned char)head[TYPE_AT], head + FRAME_HEADER, n));
}

int frame_first(const char *p, size_t n, struct frame *f)
{
	struct cursor c = {p, p + n, 0};
	uint32_t length = cursor_u32(&c);

	f->type = cursor_u8(&c);
	uint32_t sum = cursor_u32(&c);

	if (n >= TYPE_AT && length > FRAME_MAX)
		return -1;
	if (c.bad || (size_t)(c.end - c.p) < length)
		return 0;
	f->payload = c.p;
	f->n = length;
	return checksum(f->type, f->payload, f->n) == sum ? 1 : -2;
}
