/* Names of hosts in a row. */
#include "base/err.h"
#include "base/mem.h"
#include "cli/hostformat.h"
#include "test.h"

#include <string.h>

static int makes(const char *format, unsigned number, const char *want)
{
	struct err e = {0};

	if (hostformat_check(format, &e)) {
		printf("# %s\n", e.text);
		return 0;
	}
	AUTO_FREE char *got = hostformat_name(format, number);

	if (strcmp(got, want) == 0)
		return 1;
	printf("# '%s' gives '%s'\n", format, got);
	return 0;
}

static void names(void)
{
	CHECK(makes("distcc%d", 1, "distcc1"));
	CHECK(makes("distcc%d", 10, "distcc10"));
	CHECK(makes("%d", 7, "7"));
	CHECK(makes("node%03d.farm", 7, "node007.farm"));
	CHECK(makes("node%03d.farm", 1234, "node1234.farm"));
	CHECK(makes("a%0d", 5, "a5"));
}

static void refused(void)
{
	static const char *const formats[] = {
	    "",     "distcc", "%",   "a%",   "%s",    "%n",    "%d%d",
	    "%d%n", "%%",     "%5d", "%-3d", "%ld",   "%064d", "%*d",
	    "a%d%", "%1$d",   "% d", "%03",  "%0-3d", "%x",    "%099999999999d",
	    NULL};

	for (const char *const *f = formats; *f; f++) {
		struct err e = {0};

		if (!CHECK(hostformat_check(*f, &e) == -1 && e.text[0]))
			printf("# '%s'\n", *f);
	}
}

TESTS({"names", names}, {"refused", refused})
