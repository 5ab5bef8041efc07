#pragma once
#include "scan/define.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a computed #include may name: the tokens are expanded with every definition of every macro
 * that counts (scan/define.h), and the answer is the set of header names that come out. */

struct header {
	bool angle;
	uint32_t name; /* interned, without its quotes */
};

struct expansion {
	struct header *v; /* each once */
	size_t n, cap;
	uint32_t *used; /* the names whose definitions were asked for, each once */
	size_t nused, cap_used;
	bool uses_self;          /* __FILE__ occurs: the answer holds for this file only */
	const char *undecidable; /* why the set is not known, or NULL */
};

struct expand_ask {
	uint32_t tokens; /* interned text */
	bool
	    operand; /* the header names are operands of __has_include or the like, somewhere
	                             in what comes out; else what comes out is a header name */
	bool closed; /* all definitions in force at the start are among those that count:
	                             a name without one is undefined, so conditionals can be judged */
	const char *const *self; /* what __FILE__ may be */
	size_t nself;
};

void macro_expand(const struct macros *, const struct expand_ask *, struct expansion *out);
void expansion_free(struct expansion *);
