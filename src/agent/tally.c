#include "agent/tally.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

void tally_add(struct tally **all, const char *text)
{
	struct tally *t;

	HASH_FIND_STR(*all, text, t);
	if (!t && HASH_COUNT(*all) >= TALLY_MAX) {
		text = "other reasons";
		HASH_FIND_STR(*all, text, t);
	}
	if (!t) {
		t = xcalloc(1, sizeof *t);
		t->text = xstrdup(text);
		HASH_ADD_KEYPTR(hh, *all, t->text, strlen(t->text), t);
	}
	t->count++;
}

void tally_free(struct tally **all)
{
	struct tally *t, *next;

	HASH_ITER(hh, *all, t, next)
	{
		HASH_DEL(*all, t);
		free(t->text);
		free(t);
	}
}
