/* The doorway to liblzo2.
 *
 * A block does not say how much it holds, so it is unpacked into room for eight times its size, and again into
 * twice as much whenever that was too little: together at most twice the work of the last time.
 * Invariant: behind what OUT held before there is never room for more than LIMIT bytes, except what its owner
 * had reserved.
 * Unpacking fails when the block is damaged, or when LIMIT bytes were too little; a block that is both may be
 * called either. OUT then holds what it held before. */
#include "wire/lzo.h"

#include "base/err.h"
#include "base/mem.h"

#include <errno.h>
#include <lzo/lzo1x.h>
#include <stdbool.h>
#include <stdlib.h>

enum {
	RATIO = 8 /* of the first try; sources shrink to a fourth, objects to a third */
};

/* liblzo2 wants to compare its idea of the machine with that of its header's reader, once. */
static void begin(void)
{
	static bool done;

	if (!done && lzo_init() != LZO_E_OK)
		abort();
	done = true;
}

/* What LZO1X makes of N bytes that it cannot shrink: liblzo2's documentation gives this bound. */
static size_t packed_max(size_t n)
{
	return n + n / 16 + 64 + 3;
}

void lzo_pack(struct buf *out, const void *p, size_t n)
{
	if (n == 0)
		return;
	begin();
	AUTO_FREE void *work = xmalloc(LZO1X_1_MEM_COMPRESS);
	unsigned char *to = (unsigned char *)buf_room(out, packed_max(n));
	lzo_uint packed = packed_max(n);

	if (lzo1x_1_compress(p, n, to, &packed, work) != LZO_E_OK)
		abort(); /* it has no way to fail */
	out->len += packed;
}

/* Room for exactly N bytes: buf_room may reserve twice of what it is asked for. */
static unsigned char *room(struct buf *out, size_t n)
{
	if (!out->data || out->cap - out->len < n) {
		out->data = xrealloc(out->data, out->len + n);
		out->cap = out->len + n;
	}
	return (unsigned char *)out->data + out->len;
}

static const char *why(int code)
{
	switch (code) {
	case LZO_E_INPUT_OVERRUN: return "it is cut short";
	case LZO_E_INPUT_NOT_CONSUMED: return "there are bytes behind its end";
	case LZO_E_LOOKBEHIND_OVERRUN: return "it repeats bytes from before its beginning";
	default: return "it makes no sense";
	}
}

int lzo_unpack(struct buf *out, const void *p, size_t n, size_t limit, struct err *err)
{
	if (n == 0)
		return 0;
	begin();
	size_t size = n < limit / RATIO ? n * RATIO : limit;

	for (;;) {
		lzo_uint got = size;
		int code = lzo1x_decompress_safe(p, n, room(out, size), &got, NULL);

		if (code == LZO_E_OK) {
			out->len += got;
			return 0;
		}
		if (code != LZO_E_OUTPUT_OVERRUN)
			return err_set(err, 0, "unpacking an LZO block of %zu bytes: %s", n,
				       why(code));
		if (size == limit)
			return err_set(
			    err, EFBIG,
			    "unpacking an LZO block of %zu bytes: it holds more than %zu",
			    n, limit);
		size = size < limit / 2 ? size * 2 : limit;
	}
}
