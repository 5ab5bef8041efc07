#include "base/buf.h"
#include "engine/base64.h"
#include "test.h"

#include <stdbool.h>
#include <string.h>

static bool gives(const char *plain, size_t line, const char *text)
{
	AUTO_BUF struct buf b = {0};

	base64_put(&b, plain, strlen(plain), line);
	return b.len == strlen(text) && (b.len == 0 || memcmp(b.data, text, b.len) == 0);
}

/* RFC 4648, section 10. */
static void vectors(void)
{
	CHECK(gives("", 0, ""));
	CHECK(gives("f", 0, "Zg=="));
	CHECK(gives("fo", 0, "Zm8="));
	CHECK(gives("foo", 0, "Zm9v"));
	CHECK(gives("foob", 0, "Zm9vYg=="));
	CHECK(gives("fooba", 0, "Zm9vYmE="));
	CHECK(gives("foobar", 0, "Zm9vYmFy"));
}

static void lines(void)
{
	CHECK(gives("", 3, ""));
	CHECK(gives("foo", 3, "Zm9v\n"));
	CHECK(gives("fooba", 3, "Zm9v\nYmE=\n"));
	CHECK(gives("foobar", 6, "Zm9vYmFy\n"));
}

TESTS({"the vectors of RFC 4648", vectors}, {"lines", lines})
