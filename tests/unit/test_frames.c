#include "base/err.h"
#include "engine/frames.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>

static char got[4096];

static int take(void *ctx, const char *record, size_t n, struct err *e)
{
	(void)ctx;
	strcat(got, "[");
	strncat(got, record, n);
	strcat(got, "]");
	return n == 4 && memcmp(record, "stop", 4) == 0 ? err_set(e, 0, "stopped") : 0;
}

/* TEXT, cut into pieces of STEP bytes, gives WANT. */
static int gives(enum frames_kind kind, const char *text, size_t step, const char *want)
{
	struct frames f;
	struct err e = {0};
	int failed = 0;

	*got = 0;
	frames_init(&f, kind, 100);
	for (size_t at = 0, n = strlen(text); at < n && !failed; at += step)
		failed = frames_feed(&f, text + at, n - at < step ? n - at : step, take,
				     NULL, &e);
	frames_free(&f);
	if (failed)
		strcat(got, e.text);
	return strcmp(got, want) == 0;
}

static void any_piece(void)
{
	for (size_t step = 1; step < 30; step++) {
		CHECK(gives(FRAMES_LINES, "one\n\ntwo 2\nthr", step, "[one][two 2]"));
		CHECK(gives(FRAMES_RECORDS,
			    "3\none5\ntwo\n2"
			    "12\nabcdefghijkl4\nno",
			    step, "[one][two\n2][abcdefghijkl]"));
		CHECK(gives(FRAMES_LINES, "a\nstop\nb\n", step, "[a][stop]stopped"));
	}
}

static void nonsense(void)
{
	CHECK(gives(FRAMES_RECORDS, "x\n", 1, "what stands before a record is no length"));
	CHECK(gives(FRAMES_RECORDS, "3\nabc\n", 9, "[abc]a record has no length"));
	CHECK(gives(FRAMES_RECORDS, "12345678901\n", 20,
		    "what stands before a record is no length"));
	CHECK(
	    gives(FRAMES_RECORDS, "101\n", 2, "a record of 101 bytes came, more than 100"));
	CHECK(gives(FRAMES_RECORDS, "-1\n", 2, "what stands before a record is no length"));
	char *line = calloc(1, 200);

	memset(line, 'x', 150);
	CHECK(gives(FRAMES_LINES, line, 7, "a line of more than 100 bytes came"));
	free(line);
}

TESTS({"whatever the pieces are", any_piece}, {"nonsense", nonsense})
