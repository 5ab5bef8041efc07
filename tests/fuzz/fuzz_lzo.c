/* Any bytes as an LZO block and as content. The first two bytes choose the limit. What is unpacked is within its
 * limit, the same with any limit that suffices, and comes back from being packed; what is refused leaves nothing. */
#include "base/err.h"
#include "wire/lzo.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Unpacks behind a few bytes that must stay. */
static int unpack(struct buf *out, const void *p, size_t n, size_t limit, struct err *err)
{
	enum {
		KEPT = 4
	};

	out->len = 0;
	buf_add(out, "kept", KEPT);
	size_t cap = out->cap;
	int r = lzo_unpack(out, p, n, limit, err);

	assert(out->len >= KEPT && memcmp(out->data, "kept", KEPT) == 0);
	assert(out->cap <= cap || out->cap <= KEPT + limit);
	assert(r == 0 ? out->len <= KEPT + limit : out->len == KEPT);
	assert(r == 0 || ((err->code == 0 || err->code == EFBIG) && err->text[0]));
	buf_drop(out, KEPT);
	return r;
}

static void same_again(const void *p, size_t n)
{
	AUTO_BUF struct buf packed = {0};
	AUTO_BUF struct buf out = {0};
	struct err err = {0};

	lzo_pack(&packed, p, n);
	assert(unpack(&out, packed.data, packed.len, n, &err) == 0);
	assert(out.len == n && (n == 0 || memcmp(out.data, p, n) == 0));
	assert(n == 0 || (unpack(&out, packed.data, packed.len, n - 1, &err) == -1 &&
			  err.code == EFBIG));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n < 2)
		return 0;
	size_t limit = (size_t)data[0] << 4 | data[1];
	const uint8_t *p = data + 2;
	AUTO_BUF struct buf out = {0};
	AUTO_BUF struct buf more = {0};
	struct err err = {0};

	n -= 2;
	same_again(p, n);
	if (unpack(&out, p, n, limit, &err) == 0) {
		assert(unpack(&more, p, n, 2 * limit + 1, &err) == 0);
		assert(more.len == out.len &&
		       (out.len == 0 || memcmp(more.data, out.data, out.len) == 0));
		same_again(out.data, out.len);
	} else if (err.code == 0) {
		/* Damage is damage, however much room there is. */
		assert(unpack(&more, p, n, 2 * limit + 1, &err) == -1 && err.code == 0);
	}
	return 0;
}
