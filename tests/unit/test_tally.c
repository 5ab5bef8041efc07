/* Counting by reason, bounded. */
#include "agent/tally.h"
#include "test.h"

static uint64_t count_of(struct tally *all, const char *text)
{
	struct tally *t;

	HASH_FIND_STR(all, text, t);
	return t ? t->count : 0;
}

static void counts(void)
{
	struct tally *all = NULL;
	char text[16] = "-E";

	tally_add(&all, text);
	tally_add(&all, "a link");
	tally_add(&all, "-E");
	text[0] = 'x'; /* the text was copied */
	CHECK(count_of(all, "-E") == 2 && count_of(all, "a link") == 1 &&
	      HASH_COUNT(all) == 2);
	tally_free(&all);
	CHECK(!all);
	tally_free(&all);
}

static void bounded(void)
{
	struct tally *all = NULL;
	char text[32];

	for (int i = 0; i < 3 * TALLY_MAX; i++) {
		snprintf(text, sizeof text, "reason %d", i);
		tally_add(&all, text);
	}
	CHECK(HASH_COUNT(all) == TALLY_MAX + 1);
	CHECK(count_of(all, "other reasons") == 2 * TALLY_MAX);
	tally_add(&all, "reason 5"); /* those that are known go on */
	CHECK(count_of(all, "reason 5") == 2 &&
	      count_of(all, "other reasons") == 2 * TALLY_MAX);
	tally_free(&all);
}

TESTS({"reasons are counted", counts}, {"not more kinds than the limit", bounded})
