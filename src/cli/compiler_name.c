/* [TRIPLET-]BASE[-VERSION], where BASE is one of a few words, and some names that are not made so. */
#include "cli/compiler_name.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

/* Without a version. avr and musl are no triplets, but their compilers are compilers. */
static const char *const whole[] = {
    "cc",      "c++",     "c89",     "c99",     "gcc",     "g++",      "clang",
    "clang++", "c89-gcc", "c99-gcc", "avr-gcc", "avr-g++", "musl-gcc",
};

/* The bases that versions and triplets are put to; the longer of two with the same beginning is not
 * needed first, for what follows must be a version or the end. */
static const char *const bases[] = {"gcc", "g++", "clang", "clang++"};

static bool is_version(const char *s)
{
	if (!isdigit((unsigned char)*s))
		return false;
	while (isdigit((unsigned char)*s) || (*s == '.' && isdigit((unsigned char)s[1])))
		s++;
	return !*s;
}

/* BASE or BASE-VERSION. */
static bool is_base(const char *s)
{
	for (size_t i = 0; i < sizeof bases / sizeof *bases; i++) {
		size_t n = strlen(bases[i]);

		if (strncmp(s, bases[i], n) == 0 &&
		    (!s[n] || (s[n] == '-' && is_version(s + n + 1))))
			return true;
	}
	return false;
}

/* Two to four words of letters, digits and "_." with '-' between them. */
static bool is_triplet(const char *s, size_t n)
{
	size_t words = 1;

	for (size_t i = 0; i < n; i++) {
		if (s[i] == '-') {
			if (i == 0 || s[i - 1] == '-')
				return false;
			words++;
		} else if (!isalnum((unsigned char)s[i]) && !strchr("_.", s[i])) {
			return false;
		}
	}
	return n > 0 && s[n - 1] != '-' && words >= 2 && words <= 4;
}

bool compiler_name_is(const char *name)
{
	for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
		if (strcmp(name, whole[i]) == 0)
			return true;
	if (is_base(name))
		return true;
	for (const char *dash = strchr(name, '-'); dash; dash = strchr(dash + 1, '-'))
		if (is_base(dash + 1) && is_triplet(name, (size_t)(dash - name)))
			return true;
	return false;
}
