/* Bytes written and read again; a reader that never leaves its bounds, whatever it is given. */
#include "base/buf.h"
#include "test.h"

#include <string.h>

static struct cursor over(const void *p, size_t n)
{
	return (struct cursor){p, (const char *)p + n, 0};
}

static void integers(void)
{
	AUTO_BUF struct buf b = {0};
	static const char expect[] = "\xab\x04\x03\x02\x01\x08\x07\x06\x05\x04\x03\x02\x01";

	buf_u8(&b, 0xab);
	buf_u32(&b, 0x01020304);
	buf_u64(&b, 0x0102030405060708);
	CHECK(b.len == sizeof expect - 1 && memcmp(b.data, expect, b.len) == 0);
	struct cursor c = over(b.data, b.len);

	CHECK(cursor_u8(&c) == 0xab);
	CHECK(cursor_u32(&c) == 0x01020304);
	CHECK(cursor_u64(&c) == 0x0102030405060708);
	CHECK(!c.bad && c.p == c.end);
}

static void growth(void)
{
	AUTO_BUF struct buf b = {0};
	int same = 1;

	for (unsigned i = 0; i < 100000; i++)
		buf_u8(&b, i * 7);
	CHECK(b.len == 100000 && b.cap >= b.len);
	for (unsigned i = 0; i < 100000; i++)
		same &= (unsigned char)b.data[i] == (unsigned char)(i * 7);
	CHECK(same);
	memset(buf_room(&b, 1 << 20), 1, 1 << 20);
	CHECK(b.len == 100000); /* room is not yet content */
	buf_add(&b, NULL, 0);
	CHECK(b.len == 100000);
	buf_free(&b);
	CHECK(!b.data && !b.len && !b.cap);
}

static void text(void)
{
	AUTO_BUF struct buf b = {0};
	char longer[1000];

	memset(longer, 'x', sizeof longer);
	longer[sizeof longer - 1] = 0;
	buf_str(&b, "ab");
	buf_str(&b, "");
	buf_printf(&b, "%d-%s", -5, "c");
	CHECK(b.len == 6 && memcmp(b.data, "ab-5-c", 6) == 0);
	buf_printf(&b, "%s", "");
	CHECK(b.len == 6);
	buf_printf(&b, "%s", longer);
	CHECK(b.len == 6 + strlen(longer) &&
	      memcmp(b.data + 6, longer, strlen(longer)) == 0);
	buf_drop(&b, 3);
	CHECK(b.len == 3 + strlen(longer) && memcmp(b.data, "5-cx", 4) == 0);
	buf_drop(&b, b.len);
	CHECK(b.len == 0);
}

static void varints(void)
{
	static const struct {
		uint64_t v;
		size_t n;
	} t[] = {
	    {0,		 1 },
            {1,                 1 },
	    {127,               1 },
            {128,               2 },
	    {16383,             2 },
            {16384,             3 },
	    {UINT32_MAX,        5 },
            {(uint64_t)1 << 35, 6 },
	    {INT64_MAX,         9 },
            {(uint64_t)1 << 63, 10},
	    {UINT64_MAX,        10}
        };

	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		AUTO_BUF struct buf b = {0};

		buf_varint(&b, t[i].v);
		CHECK(b.len == t[i].n);
		struct cursor c = over(b.data, b.len);

		CHECK(cursor_varint(&c) == t[i].v && !c.bad && c.p == c.end);
		for (size_t n = 0; n < b.len; n++) {
			c = over(b.data, n);
			CHECK(cursor_varint(&c) == 0 && c.bad);
		}
	}
}

static void varint_limits(void)
{
	/* The tenth byte holds the 64th bit alone; there is no eleventh. */
	static const char *const too_big[] = {
	    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
	    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
	    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00",
	    "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
	};

	for (size_t i = 0; i < sizeof too_big / sizeof *too_big; i++) {
		struct cursor c = over(too_big[i], 11);

		CHECK(cursor_varint(&c) == 0);
		CHECK(c.bad);
	}
	struct cursor c = over("\x85\x00", 2);

	CHECK(cursor_varint(&c) == 5 && !c.bad); /* longer than need be, but a number */
}

static void bad_is_sticky(void)
{
	static const char bytes[] = "\x01\x02\x03\x04\x05\x06\x07";
	struct cursor c = over(bytes, 7);

	CHECK(cursor_u64(&c) == 0 && c.bad);
	CHECK(cursor_u8(&c) == 0 && cursor_u32(&c) == 0 && cursor_varint(&c) == 0);
	CHECK(cursor_bytes(&c, 1).n == 0 && cursor_bytes(&c, 0).n == 0);
	CHECK(cursor_sized(&c, 10).n == 0);
	CHECK(c.bad && c.p == c.end);
	c = over(bytes, 7);
	CHECK(cursor_bytes(&c, SIZE_MAX).n == 0 && c.bad);
	c = over(bytes, 3);
	CHECK(cursor_u32(&c) == 0 && c.bad);
	c = over(bytes, 7);
	CHECK(cursor_bytes(&c, 7).p == bytes && !c.bad);
	CHECK(cursor_bytes(&c, 0).n == 0 && !c.bad);
	CHECK(cursor_u8(&c) == 0 && c.bad);
}

static void sized(void)
{
	AUTO_BUF struct buf b = {0};

	buf_sized(&b, "hello", 5);
	buf_sized(&b, "", 0);
	struct cursor c = over(b.data, b.len);
	struct slice s = cursor_sized(&c, 5);

	CHECK(s.n == 5 && memcmp(s.p, "hello", 5) == 0);
	CHECK(cursor_sized(&c, 0).n == 0 && !c.bad && c.p == c.end);
	c = over(b.data, b.len);
	CHECK(cursor_sized(&c, 4).n == 0 && c.bad); /* more than allowed */
	c = over(b.data, 5);
	CHECK(cursor_sized(&c, 100).n == 0 && c.bad); /* more than there is */
	buf_free(&b);
	buf_varint(&b, UINT64_MAX);
	buf_str(&b, "abc");
	c = over(b.data, b.len);
	CHECK(cursor_sized(&c, SIZE_MAX).n == 0 && c.bad);
}

TESTS({"integers are little-endian and come back", integers}, {"a buffer grows", growth},
      {"text and dropping", text}, {"varints of every length", varints},
      {"a varint beyond 64 bits is bad", varint_limits},
      {"after a read past the end nothing is read", bad_is_sticky},
      {"sized bytes keep to their limit", sized})
