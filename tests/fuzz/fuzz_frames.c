/* Any bytes as a stream of a cluster's records, of both kinds, in pieces of any size: the records are the same however the stream
 * is cut, none is longer than it may be, and what makes no sense ends with a sentence. */
#include "base/err.h"
#include "engine/frames.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum {
	LIMIT = 4096
};

/* What came, as a number that order and bytes decide. */
struct seen {
	uint64_t sum;
	size_t records, bytes;
};

static int take(void *ctx, const char *record, size_t n, struct err *e)
{
	struct seen *s = ctx;

	(void)e;
	assert(n <= LIMIT);
	s->records++;
	s->bytes += n;
	for (size_t i = 0; i < n; i++)
		s->sum = (s->sum ^ (unsigned char)record[i]) * 1099511628211U;
	s->sum = (s->sum ^ 256) * 1099511628211U;
	return 0;
}

static int feed(enum frames_kind kind, const uint8_t *data, size_t n, size_t step,
		struct seen *s)
{
	struct frames f;
	int r = 0;

	*s = (struct seen){0};
	frames_init(&f, kind, LIMIT);
	for (size_t at = 0; at < n && r == 0; at += step) {
		struct err e = {0};

		r = frames_feed(&f, (const char *)data + at, n - at < step ? n - at : step,
				take, s, &e);
		assert(r == 0 || e.text[0]);
	}
	frames_free(&f);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const enum frames_kind kinds[] = {FRAMES_LINES, FRAMES_RECORDS};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		struct seen whole, pieces;
		int a = feed(kinds[i], data, n, n ? n : 1, &whole);
		int b = feed(kinds[i], data, n, 1 + n / 7, &pieces);

		assert((a == 0) == (b == 0));
		assert(whole.bytes <= n && pieces.bytes <= n);
		if (a == 0)
			assert(memcmp(&whole, &pieces, sizeof whole) == 0);
	}
	return 0;
}
