/* Characters as terminals show them. */
#include "run/glyph.h"
#include "test.h"

#include <string.h>

static bool shows(const char *text, size_t n, unsigned limit, const char *want,
		  unsigned columns)
{
	AUTO_BUF struct buf b = {0};
	unsigned got = glyph_add(&b, text, n, limit);

	return got == columns && b.len == strlen(want) &&
	       (b.len == 0 || memcmp(b.data, want, b.len) == 0);
}

static bool shows_tail(const char *text, unsigned limit, const char *want)
{
	AUTO_BUF struct buf b = {0};
	unsigned got = glyph_add_tail(&b, text, strlen(text), limit);

	return got <= limit && b.len == strlen(want) && memcmp(b.data, want, b.len) == 0;
}

#define SHOWS(text, limit, want, columns) \
	CHECK(shows(text, sizeof(text) - 1, limit, want, columns))

static void widths(void)
{
	SHOWS("abc", 80, "abc", 3);
	SHOWS("abc", 2, "ab", 2);
	SHOWS("", 2, "", 0);
	SHOWS("naïve.c", 3, "naï", 3);
	SHOWS("日本.c", 3, "日", 2); /* the second would need a fourth column */
	SHOWS("日本.c", 5, "日本.", 5);
	SHOWS("e\xcc\x81x", 1, "e\xcc\x81", 1); /* a combining mark goes with its letter */
	SHOWS("\xf0\x9f\x98\x80", 1, "", 0);
	SHOWS("\xf0\x9f\x98\x80", 2, "\xf0\x9f\x98\x80", 2);
}

static void strange_bytes(void)
{
	SHOWS("a\nb\tc\033[2Jd\x7f", 80, "a?b?c?[2Jd?", 11);
	SHOWS("a\0b", 80, "a?b", 3);
	SHOWS("\xff\xfe.c", 80, "??.c", 4);
	SHOWS("\xc2", 80, "?", 1);                /* cut */
	SHOWS("\xc0\xaf", 80, "??", 2);           /* overlong */
	SHOWS("\xed\xa0\x80", 80, "???", 3);      /* surrogate */
	SHOWS("\xf4\x90\x80\x80", 80, "????", 4); /* beyond Unicode */
	SHOWS("\xc2\x9bx", 80, "?x", 2);          /* CSI as one character */
	SHOWS("a\xe2\x80\xae"
	      "cpp.b",
	      80, "a?cpp.b", 7); /* right to left */
	CHECK(glyph_next("\xe6\x97", 2).cut && glyph_next("\xe6\x97", 2).bytes == 1);
	CHECK(!glyph_next("\xe6x", 2).cut && !glyph_next("\xff", 1).cut);
}

static void tails(void)
{
	CHECK(shows_tail("src/big.cc", 10, "src/big.cc"));
	CHECK(shows_tail("src/big.cc", 9, "...big.cc"));
	CHECK(shows_tail("src/日本.cc", 8, "...本.cc"));
	CHECK(shows_tail("src/日本.cc", 9, "...本.cc")); /* 日 would be the tenth */
	CHECK(shows_tail("aaaae\xcc\x81x.cc", 7, "...x.cc"));
	CHECK(shows_tail("aaaabx\n.cc", 7, "...?.cc"));
	CHECK(shows_tail("abcdef", 3, "abc"));
}

TESTS({"characters take their columns", widths},
      {"what must not reach a terminal is '?'", strange_bytes},
      {"a name that is too long keeps its end", tails})
