/* One direction of a connection as a zstd stream. */
#include "base/mem.h"
#include "test.h"
#include "wire/pack.h"

#include <string.h>
#include <zstd.h>

static unsigned state = 1;

static unsigned noise(void)
{
	state = state * 1103515245 + 12345;
	return state >> 8;
}

/* Text and noise in turn, so that some of it compresses. */
static void fill(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = i >> 12 & 1 ? (char)noise() : "the same again "[i % 15];
}

/* All of IN through R into OUT, in pieces of at most STEP, output of at most LIMIT a call. */
static int read_all(struct pack_reader *r, const struct buf *in, size_t step, size_t limit,
		    struct buf *out)
{
	for (size_t at = 0; at < in->len;) {
		size_t n = in->len - at < step ? in->len - at : step;
		const char *p = in->data + at, *end = p + n;
		int more = 1;

		while (more) {
			size_t before = out->len;

			more = pack_read(r, &p, end, limit, out);
			if (more < 0)
				return -1;
			CHECK(out->len - before <= limit);
		}
		CHECK(p == end);
		at += n;
	}
	return 0;
}

static void round_trip(void)
{
	enum {
		SIZE = 3000000
	};

	static const size_t steps[] = {1, 7, 1000, 4096, 65537, SIZE},
			    limits[] = {100, 4096, 1 << 20};
	AUTO_FREE char *plain = xmalloc(SIZE);

	fill(plain, SIZE);
	for (size_t s = 0; s < sizeof steps / sizeof *steps; s++)
		for (size_t l = 0; l < sizeof limits / sizeof *limits; l++) {
			struct pack_writer *w = pack_writer_new();
			struct pack_reader *r = pack_reader_new();
			AUTO_BUF struct buf packed = {0};
			AUTO_BUF struct buf out = {0};
			size_t size = steps[s] == 1 ? 50000 : SIZE;

			for (size_t at = 0, n; at < size; at += n) {
				n = noise() % (2 * steps[s]) + 1;
				n = n < size - at ? n : size - at;
				pack_write(w, plain + at, n, noise() % 4 == 0, &packed);
			}
			pack_write(w, NULL, 0, 1, &packed);
			CHECK(packed.len < size * 3 / 4 || steps[s] < 1000);
			CHECK(read_all(r, &packed, steps[s], limits[l], &out) == 0);
			CHECK(out.len == size && memcmp(out.data, plain, size) == 0);
			pack_writer_free(w);
			pack_reader_free(r);
		}
}

static void flushes(void)
{
	struct pack_writer *w = pack_writer_new();
	struct pack_reader *r = pack_reader_new();
	AUTO_BUF struct buf packed = {0};
	AUTO_BUF struct buf out = {0};

	for (int i = 0; i < 1000; i++) {
		char line[32];
		int n = snprintf(line, sizeof line, "message %d\n", i);

		packed.len = 0;
		out.len = 0;
		pack_write(w, line, (size_t)n, 1, &packed);
		CHECK(read_all(r, &packed, 3, 5, &out) == 0);
		CHECK(out.len == (size_t)n && memcmp(out.data, line, out.len) == 0);
	}
	/* Without a flush it may wait; a flush of nothing lets it out. */
	packed.len = out.len = 0;
	pack_write(w, "wait", 4, 0, &packed);
	CHECK(packed.len == 0);
	pack_write(w, NULL, 0, 1, &packed);
	CHECK(read_all(r, &packed, 100, 100, &out) == 0 && out.len == 4 &&
	      memcmp(out.data, "wait", 4) == 0);
	packed.len = 0;
	pack_write(w, NULL, 0, 0, &packed);
	CHECK(packed.len == 0);
	pack_writer_free(w);
	pack_reader_free(r);
	pack_writer_free(NULL);
	pack_reader_free(NULL);
}

static void damage(void)
{
	struct pack_reader *r = pack_reader_new();
	AUTO_BUF struct buf out = {0};
	AUTO_BUF struct buf in = {0};

	buf_str(&in, "this is no zstd stream, not even by chance");
	CHECK(read_all(r, &in, 100, 1000, &out) == -1);
	/* and it stays so */
	CHECK(read_all(r, &in, 100, 1000, &out) == -1);
	pack_reader_free(r);

	struct pack_writer *w = pack_writer_new();
	char plain[5000];

	fill(plain, sizeof plain);
	in.len = 0;
	pack_write(w, plain, sizeof plain, 1, &in);
	/* Any byte damaged: an error or other bytes, never a step over the bounds. */
	for (size_t i = 0; i < in.len; i++) {
		r = pack_reader_new();
		out.len = 0;
		in.data[i] = (char)~in.data[i];
		(void)read_all(r, &in, 64, 512, &out);
		CHECK(out.len <= 4 * sizeof plain);
		in.data[i] = (char)~in.data[i];
		pack_reader_free(r);
	}
	in.data[0] ^= 1;
	r = pack_reader_new();
	CHECK(read_all(r, &in, 64, 512, &out) == -1);
	pack_reader_free(r);
	pack_writer_free(w);
}

/* A kilobyte that says it is megabytes: never more than LIMIT a call, and the caller may stop. */
static void bomb(void)
{
	enum {
		SIZE = 64 << 20,
		LIMIT = 10000
	};
	struct pack_writer *w = pack_writer_new();
	struct pack_reader *r = pack_reader_new();
	AUTO_BUF struct buf packed = {0};
	AUTO_BUF struct buf out = {0};
	AUTO_FREE char *zeros = xcalloc(1, 1 << 20);
	size_t total = 0;
	int more = 1;

	for (int i = 0; i < SIZE >> 20; i++)
		pack_write(w, zeros, 1 << 20, 0, &packed);
	pack_write(w, NULL, 0, 1, &packed);
	CHECK(packed.len < 1 << 16);
	const char *p = packed.data, *end = p + packed.len;

	while (more == 1) {
		out.len = 0;
		more = pack_read(r, &p, end, LIMIT, &out);
		CHECK(out.len <= LIMIT);
		total += out.len;
	}
	CHECK(more == 0 && total == SIZE);
	CHECK(out.cap < 2 * LIMIT + 300);
	pack_writer_free(w);
	pack_reader_free(r);
}

/* A stream that wants a larger window than 8 MiB is refused before any of it is made. */
static void window(void)
{
	static char plain[1 << 16];

	for (int log = 23; log <= 24; log++) {
		ZSTD_CCtx *z = ZSTD_createCCtx();
		struct pack_reader *r = pack_reader_new();
		AUTO_BUF struct buf in = {0};
		AUTO_BUF struct buf out = {0};
		ZSTD_inBuffer from = {plain, sizeof plain, 0};
		ZSTD_outBuffer to = {buf_room(&in, 1 << 20), 1 << 20, 0};

		ZSTD_CCtx_setParameter(z, ZSTD_c_windowLog, log);
		CHECK(ZSTD_compressStream2(z, &to, &from, ZSTD_e_flush) == 0);
		in.len = to.pos;
		int result = read_all(r, &in, 100, 1 << 20, &out);

		CHECK(log == 23 ? result == 0 && out.len == sizeof plain
				: result == -1 && out.len == 0);
		ZSTD_freeCCtx(z);
		pack_reader_free(r);
	}
}

TESTS({"what goes in comes out, in pieces of all sizes", round_trip},
      {"what was flushed can be read", flushes}, {"damage is told", damage},
      {"a bomb is read only as far as asked", bomb},
      {"a greater window is refused", window})
