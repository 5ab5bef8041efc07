/* Lists of workers as text. */
#include "agent/hosts.h"
#include "test.h"

#include <string.h>

/* The list as "address/slots address/slots !bad". */
static const char *read_as(const char *text)
{
	static char out[4096];
	struct hosts *h = hosts_parse(text);
	size_t n = 0;

	out[0] = 0;
	for (size_t i = 0; i < h->n; i++)
		n += (size_t)snprintf(out + n, sizeof out - n, "%s%s/%u", i ? " " : "",
				      h->v[i].address, h->v[i].slots);
	if (h->bad)
		snprintf(out + n, sizeof out - n, "%s!%s", n ? " " : "", h->bad);
	hosts_free(h);
	return out;
}

static int reads(const char *text, const char *want)
{
	const char *got = read_as(text);

	if (strcmp(got, want) == 0)
		return 1;
	printf("# '%s' gives '%s', not '%s'\n", text, got, want);
	return 0;
}

static void grammar(void)
{
	CHECK(reads("", ""));
	CHECK(reads(" \t\n,,", ""));
	CHECK(reads("a", "a:3690/0"));
	CHECK(reads("a:1", "a:1/0"));
	CHECK(reads("a/4", "a:3690/4"));
	CHECK(reads("a:1/10000", "a:1/10000"));
	CHECK(reads("[::1]", "[::1]:3690/0"));
	CHECK(reads("[::1]:7/2", "[::1]:7/2"));
	CHECK(reads("10.0.0.1 b.example:2,c/3\nd\r\n\te",
		    "10.0.0.1:3690/0 b.example:2/0 c:3690/3 "
		    "d:3690/0 e:3690/0"));
}

static void comments(void)
{
	CHECK(reads("#a b c", ""));
	CHECK(reads("a # b\nc #d", "a:3690/0 c:3690/0"));
	CHECK(reads("#\n#\na", "a:3690/0"));
}

static void twice(void)
{
	CHECK(reads("a a:3690 a", "a:3690/0"));
	CHECK(reads("a/2 a/2", "a:3690/2"));
}

static void senseless(void)
{
	static const char *const words[] = {"/4",      "a/",    "a/0",
					    "a/-1",    "a/x",   "a/4x",
					    "a/10001", "a/4/5", "a/99999999999999999999",
					    "a/+4",    "a/0x4", "a/-18446744073709551615",
					    "/"};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		char text[64], want[64];

		snprintf(text, sizeof text, "b %s c", words[i]);
		snprintf(want, sizeof want, "b:3690/0 c:3690/0 !%s", words[i]);
		CHECK(reads(text, want));
	}
	CHECK(reads("/1 /2", "!/1")); /* the first one is told */
}

static void have(void)
{
	struct hosts *h = hosts_parse("a/2 b");

	CHECK(hosts_have(h, "a:3690", 2) && hosts_have(h, "b:3690", 0));
	CHECK(!hosts_have(h, "a:3690", 0) && !hosts_have(h, "a", 2) &&
	      !hosts_have(h, "c:3690", 0));
	hosts_free(h);
	hosts_free(NULL);
}

TESTS({"words", grammar}, {"comments", comments},
      {"what is named twice counts once", twice},
      {"words without sense are told", senseless}, {"is it among them", have})
