#pragma once
#include <stdbool.h>
#include <stddef.h>

/* The options of a program by a description of them: getopt_long(3) for foreign programs. Pure. */

/* Lists of long names have a blank before and behind each name. */
struct syntax {
	const char *value;    /* letters with a value, in the same word or the next */
	const char *attached; /* letters whose value, if any, is in the same word */
	const char
	    *number; /* letters whose value is the next word only if that is a number */
	const char *long_value;  /* --NAME=VALUE or --NAME VALUE */
	const char *long_number; /* --NAME=N, --NAME N, or --NAME */
	bool
	    stops; /* the first operand ends the options: what follows is another program's */
};

struct options {
	const struct syntax *syntax;
	char *const *v;
	size_t at, n;       /* the next word; their end */
	const char *bundle; /* the rest of a word of short options, or NULL */
	bool dashes;        /* "--" has ended them; it is the word before AT */
};

struct option {
	size_t at;   /* index of its word */
	char letter; /* of a short one, else 0 */
	const char
	    *name; /* of a long one: not ended by a NUL; NULL: a short one, or an operand */
	size_t name_len;
	const char *value; /* of the option, or NULL; an operand itself */
};

/* V[AT..N) are the words. */
struct options options_of(const struct syntax *, char *const *v, size_t at, size_t n);
/* The next option or operand; false at the end, or behind "--", or before the first operand if that ends them: AT is then where
 * the rest begins. */
bool options_next(struct options *, struct option *);
/* O is the short option LETTER, or the long one NAME or a beginning of it. */
bool option_is(const struct option *, char letter, const char *name);
