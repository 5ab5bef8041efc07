#pragma once
#include <stddef.h>
#include <stdint.h>

/* Growable bytes, and a reader that never leaves its bounds. Integers are little-endian;
 * "varint" is the 7-bits-a-byte form (LEB128, at most 10 bytes). */
struct buf {
	char *data;
	size_t len, cap;
};

void buf_add(struct buf *, const void *, size_t n);
void buf_str(struct buf *, const char *s); /* the bytes of S, without its NUL */
void buf_printf(struct buf *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_u8(struct buf *, unsigned v);
void buf_u32(struct buf *, uint32_t v);
void buf_u64(struct buf *, uint64_t v);
void buf_varint(struct buf *, uint64_t v);
void buf_sized(struct buf *, const void *, size_t n); /* varint N, then the bytes */
char *buf_room(struct buf *, size_t n); /* N writable bytes at the end; then add to len */
void buf_drop(struct buf *, size_t n);  /* removes the first N bytes */
void buf_free(struct buf *);
#define AUTO_BUF __attribute__((cleanup(buf_free)))

/* A cursor over borrowed bytes. After any read past the end, BAD is set and every later read
 * gives zero or an empty slice: check BAD once, at the end. */
struct cursor {
	const char *p, *end;
	int bad;
};

struct slice {
	const char *p;
	size_t n;
};

uint8_t cursor_u8(struct cursor *);
uint32_t cursor_u32(struct cursor *);
uint64_t cursor_u64(struct cursor *);
uint64_t cursor_varint(struct cursor *);
struct slice cursor_bytes(struct cursor *, size_t n);
struct slice cursor_sized(struct cursor *,
			  size_t limit); /* a longer announced size is bad */
