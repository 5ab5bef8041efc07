#include "cc/depfile.h"
#include "test.h"

#include <string.h>

/* The prerequisites of TEXT, joined by '|'. */
static const char *parsed(struct arena *a, const char *text)
{
	struct strv out = {0};
	char *all = arena_strdup(a, "");

	if (depfile_parse(a, text, strlen(text), &out))
		return "bad";
	for (size_t i = 0; i < out.n; i++)
		all = arena_printf(a, "%s%s%s", all, i ? "|" : "", out.v[i]);
	return all;
}

static void words(void)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
	    {"x.o: x.c a.h\n",                     "x.c|a.h"           },
	    {"x.o: x.c \\\n a.h\n",                "x.c|a.h"           },
	    {"x.o y.o: x.c",                       "x.c"               },
	    {"x.o: x.c a.h\na.h:\n",               "x.c|a.h"           },
	    {"x.o: x.c a.h\n\na.h:\n\nb.h: c.h\n", "x.c|a.h|c.h"       },
	    {"x.o: with\\ blank.h a\\#b.h\n",      "with blank.h|a#b.h"},
	    {"x.o: a$$b.h\n",                      "a$b.h"             },
	    {"x.o: c:/a.h\n",                      "c:/a.h"            },
	    {"",				   ""                  },
	    {"x.o:\n",			     ""                  },
	    {"x.o: a: b\n",                        "bad"               },
	};
	struct arena *a = arena_new();

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (!CHECK(strcmp(parsed(a, rows[i].text), rows[i].want) == 0))
			printf("# row %zu: %s\n", i, parsed(a, rows[i].text));
	arena_free(a);
}

static void nul_is_bad(void)
{
	struct arena *a = arena_new();
	struct strv out = {0};

	CHECK(depfile_parse(a, "x.o: a\0b\n", 9, &out) == -1);
	arena_free(a);
}

TESTS({"words", words}, {"a NUL is bad", nul_is_bad})
