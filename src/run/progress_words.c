/* No floating point is printed, so that no locale puts a comma into a number. */
#include "run/progress_words.h"

#include <inttypes.h>

static const nsec TENTH = 100000000;
static const nsec SECOND = 1000000000;

enum {
	MINUTE_S = 60,
	HOUR_S = 3600
};

static void words_two(struct buf *b, int64_t n, int64_t unit, const char *big,
		      const char *small)
{
	buf_printf(b, "%" PRId64 " %s", n / unit, big);
	if (n % unit)
		buf_printf(b, " %" PRId64 " %s", n % unit, small);
}

static void words_seconds(struct buf *b, int64_t s)
{
	if (s < MINUTE_S)
		buf_printf(b, "%" PRId64 " s", s);
	else if (s < HOUR_S)
		words_two(b, s, MINUTE_S, "min", "s");
	else
		words_two(b, (s + MINUTE_S / 2) / MINUTE_S, MINUTE_S, "h", "min");
}

void words_time(struct buf *b, nsec t)
{
	int64_t tenths = (t + TENTH / 2) / TENTH;

	if (t < 0)
		t = tenths = 0;
	if (tenths < 100)
		buf_printf(b, "%" PRId64 ".%" PRId64 " s", tenths / 10, tenths % 10);
	else
		words_seconds(b, (t + SECOND / 2) / SECOND);
}

void words_left(struct buf *b, nsec t)
{
	int64_t s = t / SECOND;
	int64_t step = s < MINUTE_S ? 5 : s < 10 * MINUTE_S ? 10 : MINUTE_S;

	words_seconds(b, (s / step + 1) * step);
}

/* Rounded. */
static uint64_t tenths_of(uint64_t n, uint64_t unit)
{
	return n / (unit / 10) + (n % (unit / 10) >= unit / 20);
}

void words_bytes(struct buf *b, uint64_t bytes)
{
	static const char units[][3] = {"kB", "MB", "GB", "TB"};
	const unsigned last = sizeof units / sizeof *units - 1;
	uint64_t unit = 1000;
	unsigned i = 0;

	if (bytes < unit) {
		words_count(b, bytes, "byte", "bytes");
		return;
	}
	while (i < last && tenths_of(bytes, unit) >= 10000) {
		unit *= 1000;
		i++;
	}
	uint64_t tenths = tenths_of(bytes, unit);

	buf_printf(b, "%" PRIu64 ".%" PRIu64 " %s", tenths / 10, tenths % 10, units[i]);
}

void words_tenths(struct buf *b, double v)
{
	int64_t tenths = v > 0 ? (int64_t)(v * 10 + 0.5) : 0;

	buf_printf(b, "%" PRId64 ".%" PRId64, tenths / 10, tenths % 10);
}

void words_count(struct buf *b, uint64_t n, const char *one, const char *many)
{
	buf_printf(b, "%" PRIu64 " %s", n, n == 1 ? one : many);
}
