#pragma once
#include "scan/arms.h"
#include "scan/intern.h"
#include "scan/token.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* Every definition of every macro, by name. A text (a file, the compiler's own macros, the command
 * line) is indexed once; which texts count is chosen for each closure. Order does not matter: a name
 * may have each of its definitions, or none. */
struct macros;
struct macro_text;

enum {
	DEF_OBJECT = -1,
	DEF_UNDEF = -2
};

struct macro_def {
	struct macro_def *next; /* of the same name */
	struct macro_text *owner;
	int nparams;   /* or DEF_OBJECT, DEF_UNDEF */
	bool variadic; /* the last parameter takes all further arguments */
	bool given;    /* by the compiler or the command line: defined from the start */
	const struct macro_arm *arm; /* the conditional it stands in, where that is known */
	struct token *body;
	size_t nbody;
	uint64_t hash; /* of what is defined and in which arm, not of who defines it */
};

struct macros *macros_new(struct intern *);
void macros_free(struct macros *);
/* GIVEN: the text is in force before the first line of the source. */
struct macro_text *macro_text_new(struct macros *, const char *text, size_t n, bool given);
void macro_text_free(struct macros *, struct macro_text *); /* NULL is fine */

/* Forgets which texts count; then each that counts is named. */
void macros_begin(struct macros *);
void macro_text_use(struct macros *, struct macro_text *);

/* The next definition of NAME that counts, behind D (NULL: the first). */
const struct macro_def *macro_next(const struct macros *, uint32_t name,
				   const struct macro_def *d);
/* A number for the set of definitions of NAME that count. To be asked for only when all texts that count
 * are named. */
uint64_t macro_signature(struct macros *, uint32_t name);
struct intern *macros_names(const struct macros *);
