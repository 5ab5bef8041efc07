/* The list of schedulers as people write it. */
#include "base/err.h"
#include "net/schedulers.h"
#include "test.h"

#include <string.h>

static struct schedulers list;
static struct err e;

static int is(size_t i, const char *text)
{
	return i < list.n && strcmp(list.v[i], text) == 0;
}

static void good(void)
{
	CHECK(schedulers_parse(&list, "a", &e) == 0 && list.n == 1 && is(0, "a:3693"));
	schedulers_free(&list);
	CHECK(list.n == 0);
	CHECK(schedulers_parse(&list, "a:1,b.example:65535, [::1]:7 ,[fe80::1]", &e) == 0);
	CHECK(list.n == 4 && is(0, "a:1") && is(1, "b.example:65535") && is(2, "[::1]:7") &&
	      is(3, "[fe80::1]:3693"));
	schedulers_free(&list);
	CHECK(schedulers_parse(&list, "a,a:3693,b", &e) == 0 && list.n == 2);
	schedulers_free(&list);
}

static void bad(void)
{
	static const char *const texts[] = {"",    ",",    "a:",   "a:0",    "a:65536",
					    ":1",  "a:b",  "[::1", "[::1]x", "a:1:2",
					    "::1", "a:-1", "a:1x", "b,a:",   "a:000001"};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		if (!CHECK(schedulers_parse(&list, texts[i], &e) == -1))
			printf("# '%s'\n", texts[i]);
		CHECK(list.n == 0 && e.text[0]);
	}
}

static void many(void)
{
	char text[400] = "";

	for (int i = 0; i < SCHEDULERS_MAX; i++)
		sprintf(text + strlen(text), "h%d,", i);
	CHECK(schedulers_parse(&list, text, &e) == 0 && list.n == SCHEDULERS_MAX);
	schedulers_free(&list);
	strcat(text, "more");
	CHECK(schedulers_parse(&list, text, &e) == -1);
}

TESTS({"good lists", good}, {"bad lists", bad}, {"as many as there may be", many})
