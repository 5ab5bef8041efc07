#include "cc/options.h"

#include "base/path.h"
#include "cc/meaning.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

/* The table of options, how a word finds its row, and which names are compilers.
 *
 * Invariant: the rows are sorted by the bytes of their names, so every row whose name is a prefix of
 * a word stands before the place of the word, the longer the later. The search goes to that place
 * and from there to ever shorter common prefixes: a handful of binary searches for a word. */

#define CC_BOTH                    CC_FAMILY_BOTH

#define PASS(name, family, shape)  {name, CC_##family, CC_##shape, CC_D_PASS, 0, NULL},
#define PROBE(name, family, shape) {name, CC_##family, CC_##shape, CC_D_PROBE, 0, NULL},
#define MODEL(name, family, shape, meaning) \
	{name, CC_##family, CC_##shape, CC_D_MODEL, meaning, NULL},
#define OUTPUT(name, family, shape, meaning) \
	{name, CC_##family, CC_##shape, CC_D_OUTPUT, meaning, NULL},
#define LOCAL(name, family, shape, why) {name, CC_##family, CC_##shape, CC_D_LOCAL, 0, why},
#define NOCOMPILE(name, family, shape, why) \
	{name, CC_##family, CC_##shape, CC_D_NOCOMPILE, 0, why},
#define ASKS(name, family, shape, why) \
	{name, CC_##family, CC_##shape, CC_D_NOCOMPILE, MEANS_ASKS, why},

const struct cc_option cc_options[] = {
#include "cc/options.def"
};
const size_t cc_noptions = sizeof cc_options / sizeof cc_options[0];

#undef CC_BOTH
#undef PASS
#undef PROBE
#undef MODEL
#undef OUTPUT
#undef LOCAL
#undef NOCOMPILE
#undef ASKS

/* The row of "-fno-X" when "-fX" would write or read something or must run here: switched off, it
 * does none of that. */
static const struct cc_option switched_off = {
    "-fno-", CC_FAMILY_BOTH, CC_FLAG, CC_D_PROBE, 0, NULL,
};

/* How NAME stands to the first N bytes of WORD, as strcmp would tell. */
static int name_compare(const char *name, const char *word, size_t n)
{
	int order = strncmp(name, word, n);

	return order ? order : name[n] != '\0';
}

/* The number of rows whose names are not behind the first N bytes of WORD. */
static size_t rows_upto(const char *word, size_t n)
{
	size_t low = 0, high = cc_noptions;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (name_compare(cc_options[middle].name, word, n) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static size_t common_prefix(const char *a, const char *b)
{
	size_t n = 0;

	while (a[n] && a[n] == b[n])
		n++;
	return n;
}

static bool row_takes_rest(const struct cc_option *row)
{
	return row->shape == CC_JOINED || row->shape == CC_JOINED_OR_SEPARATE;
}

static const struct cc_option *row_find(enum cc_family family, const char *word,
					const char **arg)
{
	size_t n = strlen(word);

	for (size_t i = rows_upto(word, n); n > 0 && i > 0;) {
		const struct cc_option *row = &cc_options[i - 1];
		size_t same = common_prefix(row->name, word);

		if (same > n)
			same = n;
		if (row->name[same]) {
			/* No prefix of the word; one can be no longer than what is common. */
			n = same;
			i = rows_upto(word, n);
			continue;
		}
		bool whole = word[same] == '\0';

		if ((row->family & family) && (whole || row_takes_rest(row))) {
			*arg = whole && row->shape != CC_JOINED ? NULL : word + same;
			return row;
		}
		i--;
		n = same;
	}
	return NULL;
}

const struct cc_option *cc_option_find(enum cc_family family, const char *word,
				       const char **arg)
{
	*arg = NULL;
	const struct cc_option *row = row_find(family, word, arg);

	if (row || (strncmp(word, "-fno-", 5) != 0 && strncmp(word, "-mno-", 5) != 0))
		return row;

	char positive[96] = {word[0], word[1]};

	/* A longer name is in no row; its argument, if any, follows the first '='. */
	if (strcspn(word + 5, "=") > sizeof positive - 4)
		return NULL;
	strncpy(positive + 2, word + 5, sizeof positive - 3);
	row = row_find(family, positive, arg);
	if (row && *arg)
		*arg = word + 3 + (*arg - positive);
	if (row && row->shape == CC_FLAG && row->disposition != CC_D_PASS &&
	    row->disposition != CC_D_PROBE)
		return &switched_off;
	return row;
}

/* The length of NAME without "-12", "-12.2" and the thread model of a mingw compiler. */
static size_t length_without_version(const char *name)
{
	size_t n = strlen(name);

	if (n > 6 &&
	    (strcmp(name + n - 6, "-posix") == 0 || strcmp(name + n - 6, "-win32") == 0))
		n -= 6;
	size_t i = n;

	while (i > 0 && (isdigit((unsigned char)name[i - 1]) || name[i - 1] == '.'))
		i--;
	bool version = i > 0 && i < n && name[i - 1] == '-' &&
		       isdigit((unsigned char)name[i]) &&
		       isdigit((unsigned char)name[n - 1]);

	return version ? i - 1 : n;
}

/* True for the N bytes before a compiler's name: "" or "arm-none-eabi-". One word alone is a
 * processor only when it is known: "musl-gcc" and "afl-gcc" are wrappers, not compilers. */
static bool is_target_prefix(const char *text, size_t n)
{
	static const char *const alone[] = {"avr-", "msp430-", "pru-", "m68k-", "bpf-"};
	size_t dashes = 0;

	if (n == 0)
		return true;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '-')
			dashes++;
		else if (!isalnum(c) && c != '_' && c != '.')
			return false;
	}
	for (size_t i = 0; i < sizeof alone / sizeof alone[0]; i++)
		if (n == strlen(alone[i]) && memcmp(text, alone[i], n) == 0)
			return true;
	return dashes >= 2;
}

enum cc_family cc_family_of(const char *name)
{
	static const struct {
		const char *name;
		enum cc_family family;
	} compilers[] = {
	    {"gcc",     CC_GCC  },
            {"g++",     CC_GCC  },
            {"cc",      CC_GCC  },
            {"c++",     CC_GCC  },
	    {"c89",     CC_GCC  },
            {"c99",     CC_GCC  },
            {"clang",   CC_CLANG},
            {"clang++", CC_CLANG},
	};

	const char *base = path_base(name);
	size_t n = length_without_version(base);

	for (size_t i = 0; i < sizeof compilers / sizeof compilers[0]; i++) {
		size_t len = strlen(compilers[i].name);

		if (len > n || memcmp(base + n - len, compilers[i].name, len) != 0)
			continue;
		size_t before = n - len;

		if ((before == 0 || base[before - 1] == '-') &&
		    is_target_prefix(base, before))
			return compilers[i].family;
	}
	return 0;
}
