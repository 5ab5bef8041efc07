#include "agent/told.h"
#include "test.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool becomes(const char *text, const char *want)
{
	char *got = told_dup(text);
	bool same = strcmp(got, want) == 0;

	if (!same)
		printf("# '%s'\n", got);
	free(got);
	return same;
}

static void harmless_stays(void)
{
	CHECK(becomes("", ""));
	CHECK(becomes("it has no /usr/bin/gcc", "it has no /usr/bin/gcc"));
	CHECK(becomes("na\xc3\xafve \xe2\x82\xac \xf0\x9f\x99\x82",
		      "na\xc3\xafve \xe2\x82\xac \xf0\x9f\x99\x82"));
}

static void harm_goes(void)
{
	CHECK(becomes("\x1b]0;owned\x07", "?]0;owned?"));
	CHECK(becomes("a\nb\rc\td\x7f", "a?b?c?d?"));
	CHECK(becomes("\xc2\x9b"
		      "31m",
		      "??31m"));
	CHECK(becomes("\xe2\x80\xaetxet\xe2\x81\xa6", "???txet???"));
}

static void nonsense_goes(void)
{
	CHECK(becomes("\xff\xfe", "??"));
	CHECK(becomes("\xc0\xaf", "??"));
	CHECK(becomes("\xe0\x80\xaf", "???"));
	CHECK(becomes("\xed\xa0\x80", "???"));
	CHECK(becomes("\xf4\x90\x80\x80", "????"));
	CHECK(becomes("cut \xe2\x82", "cut ??"));
	CHECK(becomes("cut \xf0", "cut ?"));
}

static void fits(void)
{
	char room[6];

	told_copy(room, sizeof room, "123456789");
	CHECK(strcmp(room, "12345") == 0);
	told_copy(room, sizeof room, "1234\xe2\x82\xac");
	CHECK(strcmp(room, "1234") == 0);
	told_copy(room, 1, "x");
	CHECK(room[0] == 0);
}

TESTS({"harmless stays", harmless_stays}, {"harm goes", harm_goes},
      {"nonsense goes", nonsense_goes}, {"fits", fits})
