#include "base/buf.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *buf_room(struct buf *b, size_t n)
{
	if (b->cap - b->len < n) {
		size_t cap = b->cap ? b->cap : 256;

		while (cap - b->len < n)
			cap *= 2;
		b->data = xrealloc(b->data, cap);
		b->cap = cap;
	}
	return b->data + b->len;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
	if (n == 0)
		return;
	memcpy(buf_room(b, n), p, n);
	b->len += n;
}

void buf_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;

	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n > 0) {
		vsnprintf(buf_room(b, (size_t)n + 1), (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
}

void buf_u8(struct buf *b, unsigned v)
{
	unsigned char c = (unsigned char)v;

	buf_add(b, &c, 1);
}

void buf_u32(struct buf *b, uint32_t v)
{
	unsigned char c[4];

	for (int i = 0; i < 4; i++)
		c[i] = (unsigned char)(v >> 8 * i);
	buf_add(b, c, sizeof c);
}

void buf_u64(struct buf *b, uint64_t v)
{
	buf_u32(b, (uint32_t)v);
	buf_u32(b, (uint32_t)(v >> 32));
}

void buf_varint(struct buf *b, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		buf_u8(b, (unsigned)(v & 0x7f) | 0x80);
	buf_u8(b, (unsigned)v);
}

void buf_sized(struct buf *b, const void *p, size_t n)
{
	buf_varint(b, n);
	buf_add(b, p, n);
}

void buf_drop(struct buf *b, size_t n)
{
	memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
}

void buf_free(struct buf *b)
{
	free(b->data);
	*b = (struct buf){0};
}

struct slice cursor_bytes(struct cursor *c, size_t n)
{
	if (c->bad || (size_t)(c->end - c->p) < n) {
		c->bad = 1;
		c->p = c->end;
		return (struct slice){c->end, 0};
	}
	struct slice s = {c->p, n};

	c->p += n;
	return s;
}

static uint64_t fixed(struct cursor *c, size_t n)
{
	struct slice s = cursor_bytes(c, n);
	uint64_t v = 0;

	for (size_t i = 0; i < s.n; i++)
		v |= (uint64_t)(unsigned char)s.p[i] << 8 * i;
	return v;
}

uint8_t cursor_u8(struct cursor *c)
{
	return (uint8_t)fixed(c, 1);
}

uint32_t cursor_u32(struct cursor *c)
{
	return (uint32_t)fixed(c, 4);
}

uint64_t cursor_u64(struct cursor *c)
{
	return fixed(c, 8);
}

uint64_t cursor_varint(struct cursor *c)
{
	uint64_t v = 0;

	for (int shift = 0; shift < 64; shift += 7) {
		unsigned byte = cursor_u8(c);

		if (c->bad || (shift == 63 && byte > 1))
			break;
		v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return v;
	}
	c->bad = 1;
	return 0;
}

struct slice cursor_sized(struct cursor *c, size_t limit)
{
	uint64_t n = cursor_varint(c);

	if (n > limit) {
		c->bad = 1;
		n = 0;
	}
	return cursor_bytes(c, (size_t)n);
}
