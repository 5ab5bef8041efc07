/* Any bytes as a compressed stream, in pieces: damage is told, no call gives more than its limit, and what
 * has been refused stays refused. The first byte chooses the pieces. */
#include "wire/pack.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	enum {
		CALLS_MAX = 2000
	};

	if (n < 2)
		return 0;
	size_t step = data[0] % 64 + 1, limit = (size_t)(data[0] / 64 * 1000 + 7);
	struct pack_reader *r = pack_reader_new();
	int more = 0, calls = 0;

	for (size_t at = 1; at < n && more >= 0 && calls < CALLS_MAX; at += step) {
		const char *p = (const char *)data + at;
		const char *end = p + (n - at < step ? n - at : step);

		do {
			AUTO_BUF struct buf out = {0};

			more = pack_read(r, &p, end, limit, &out);
			assert(out.len <= limit && p <= end);
			assert(more != 0 || p == end);
		} while (more > 0 && ++calls < CALLS_MAX);
	}
	pack_reader_free(r);
	return 0;
}
