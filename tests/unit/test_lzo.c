/* LZO1X blocks: round trips, blocks that distcc and distccd sent, limits, damage, bombs. */
#include "base/err.h"
#include "base/mem.h"
#include "test.h"
#include "wire/lzo.h"

#include <errno.h>
#include <lzo/lzo1x.h>
#include <string.h>

static unsigned state = 1;

static unsigned noise(void)
{
	state = state * 1103515245 + 12345;
	return state >> 8;
}

/* KIND 0: nothing but zeros; 1: text; 2: noise; 3: text and noise in turn. */
static void fill(char *p, size_t n, unsigned kind)
{
	for (size_t i = 0; i < n; i++)
		if (kind == 0)
			p[i] = 0;
		else if (kind == 2 || (kind == 3 && i >> 9 & 1))
			p[i] = (char)noise();
		else
			p[i] = "static int the_same_again(void);\n"[(i + i / 97) % 33];
}

static void round_trip(void)
{
	static const size_t sizes[] = {1,  2,  3,   4,    5,        16,
				       17, 19, 255, 1000, 48 << 10, 3000000};

	for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
		for (unsigned kind = 0; kind < 4; kind++) {
			size_t n = sizes[s];
			AUTO_FREE char *plain = xmalloc(n);
			AUTO_BUF struct buf packed = {0};
			AUTO_BUF struct buf out = {0};
			struct err err = {0};

			fill(plain, n, kind);
			buf_str(&packed, "head");
			lzo_pack(&packed, plain, n);
			CHECK(memcmp(packed.data, "head", 4) == 0);
			CHECK(n < 1000 || kind >= 2 || packed.len < n / 2);
			buf_str(&out, "before");
			/* The limit may be met exactly … */
			CHECK(lzo_unpack(&out, packed.data + 4, packed.len - 4, n, &err) ==
			      0);
			CHECK(out.len == 6 + n && memcmp(out.data, "before", 6) == 0 &&
			      memcmp(out.data + 6, plain, n) == 0);
			/* … and not be passed by a byte; then OUT keeps what it had. */
			CHECK(lzo_unpack(&out, packed.data + 4, packed.len - 4, n - 1,
					 &err) == -1);
			CHECK(err.code == EFBIG && out.len == 6 + n);
			CHECK(memcmp(out.data + 6, plain, n) == 0);
		}
}

static void nothing(void)
{
	AUTO_BUF struct buf out = {0};
	struct err err = {0};

	lzo_pack(&out, NULL, 0);
	lzo_pack(&out, "x", 0);
	CHECK(out.len == 0);
	CHECK(lzo_unpack(&out, NULL, 0, 0, &err) == 0 && out.len == 0);
	/* What distcc's include server sends for an empty file. */
	CHECK(lzo_unpack(&out, "\x11\0\0", 3, 0, &err) == 0 && out.len == 0);
	CHECK(lzo_unpack(&out, "\x11\0\0", 3, 1000, &err) == 0 && out.len == 0);
	buf_str(&out, "kept");
	CHECK(lzo_unpack(&out, "\x11\0\0", 3, 1000, &err) == 0 && out.len == 4);
	CHECK(memcmp(out.data, "kept", 4) == 0);
}

/* Blocks as Debian's distcc 3.4 and distccd 3.4 sent them; ours are the same. */
static void seen(void)
{
	static const struct {
		const char *packed;
		size_t n;
		const char *plain;
	} v[] = {

#define SEEN(packed, plain) {packed, sizeof packed - 1, plain}
	    SEEN("\030int a;\n\021\0\0", "int a;\n"),
	    SEEN("Obad.c:1:9: error: \342\200\230b\342\200\231 undeclared here (not in a "
		 "function)\n\021\0\0",
		 "bad.c:1:9: error: \342\200\230b\342\200\231 undeclared here (not in a "
		 "function)\n"),
	    SEEN(
		"\0*\t.file\t\"distccd_5179b258.i\"\n\t.text\n\t.globl\ta\n\t.bss\n\t.align 4`"
		"\4\0\2ype\ta, @object\n\t.siz\204\2\n4\na:\n\t.zero\t4|\2\0\022ection\t"
		".note.GNU-stack,\"\",@progbits\n\021\0\0",
		"\t.file\t\"distccd_5179b258.i\"\n\t.text\n\t.globl\ta\n\t.bss\n\t.align 4\n"
		"\t.type\ta, @object\n\t.size\ta, 4\na:\n\t.zero\t4\n\t.section\t"
		".note.GNU-stack,\"\",@progbits\n"),
	};

	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		AUTO_BUF struct buf out = {0};
		AUTO_BUF struct buf packed = {0};
		struct err err = {0};

		CHECK(lzo_unpack(&out, v[i].packed, v[i].n, 1 << 20, &err) == 0);
		CHECK(out.len == strlen(v[i].plain) &&
		      memcmp(out.data, v[i].plain, out.len) == 0);
		lzo_pack(&packed, v[i].plain, strlen(v[i].plain));
		CHECK(packed.len == v[i].n &&
		      memcmp(packed.data, v[i].packed, v[i].n) == 0);
	}
}

/* Other compressors of the family make other blocks of the same format. */
static void other_level(void)
{
	enum {
		SIZE = 100000
	};

	AUTO_FREE char *plain = xmalloc(SIZE);
	AUTO_FREE unsigned char *packed = xmalloc(SIZE + SIZE / 16 + 67);
	AUTO_FREE void *work = xmalloc(LZO1X_999_MEM_COMPRESS);
	AUTO_BUF struct buf out = {0};
	lzo_uint n = SIZE + SIZE / 16 + 67;
	struct err err = {0};

	fill(plain, SIZE, 3);
	CHECK(lzo_init() == LZO_E_OK);
	CHECK(lzo1x_999_compress((unsigned char *)plain, SIZE, packed, &n, work) ==
	      LZO_E_OK);
	CHECK(lzo_unpack(&out, packed, n, SIZE, &err) == 0);
	CHECK(out.len == SIZE && memcmp(out.data, plain, SIZE) == 0);
}

static void damage(void)
{
	enum {
		SIZE = 3000
	};

	char plain[SIZE];
	AUTO_BUF struct buf packed = {0};
	AUTO_BUF struct buf out = {0};
	struct err err = {0};

	fill(plain, SIZE, 3);
	lzo_pack(&packed, plain, SIZE);
	/* Cut short anywhere: never taken for whole, never called too large. */
	for (size_t n = 1; n < packed.len; n++) {
		AUTO_FREE char *cut = xmalloc(n);

		memcpy(cut, packed.data, n);
		err.code = -1;
		CHECK(lzo_unpack(&out, cut, n, SIZE, &err) == -1 && err.code == 0);
		CHECK(out.len == 0);
	}
	CHECK(lzo_unpack(&out, packed.data, packed.len - 3, SIZE, &err) == -1);
	CHECK(strstr(err.text, "it is cut short"));
	buf_u8(&packed, 0);
	CHECK(lzo_unpack(&out, packed.data, packed.len, SIZE, &err) == -1 && err.code == 0);
	CHECK(strstr(err.text, "bytes behind its end"));
	/* A copy from before the first byte. */
	CHECK(lzo_unpack(&out, "\x12x\xe0\xff\x11\0\0", 7, SIZE, &err) == -1);
	CHECK(err.code == 0 && strstr(err.text, "before its beginning"));
	/* No compressor made this. */
	CHECK(lzo_unpack(&out, "GIF89a, not LZO", 15, SIZE, &err) == -1 && err.code == 0);
	CHECK(out.len == 0);
	packed.len--;
	for (size_t bit = 0; bit < 8 * packed.len; bit++) {
		packed.data[bit / 8] ^= (char)(1 << bit % 8);
		out.len = 0;
		int r = lzo_unpack(&out, packed.data, packed.len, SIZE, &err);

		CHECK(r == 0 ? out.len <= SIZE : err.code == 0 || err.code == EFBIG);
		packed.data[bit / 8] ^= (char)(1 << bit % 8);
	}
	CHECK(out.cap <= SIZE);
}

/* A block that grows by 200 and more: refused with hardly more than the limit in memory. */
static void bomb(void)
{
	enum {
		SIZE = 64 << 20,
		LIMIT = 1000001
	};

	AUTO_FREE char *zeros = xcalloc(1, SIZE);
	AUTO_BUF struct buf packed = {0};
	AUTO_BUF struct buf out = {0};
	struct err err = {0};

	lzo_pack(&packed, zeros, SIZE);
	CHECK(packed.len < SIZE / 200);
	CHECK(lzo_unpack(&out, packed.data, packed.len, LIMIT, &err) == -1);
	CHECK(err.code == EFBIG && out.len == 0 && out.cap <= LIMIT);
	CHECK(strstr(err.text, "it holds more than 1000001"));
	/* It is unpacked by those who want it. */
	CHECK(lzo_unpack(&out, packed.data, packed.len, SIZE, &err) == 0);
	CHECK(out.len == SIZE && out.cap == SIZE && memcmp(out.data, zeros, SIZE) == 0);
	/* A limit without end takes no room without end. */
	buf_free(&out);
	CHECK(lzo_unpack(&out, "\030int a;\n\021\0\0", 11, SIZE_MAX, &err) == 0);
	CHECK(out.len == 7 && out.cap < 1000);
}

TESTS({"round_trip", round_trip}, {"nothing", nothing}, {"seen", seen},
      {"other_level", other_level}, {"damage", damage}, {"bomb", bomb})
