#pragma once
#include "scan/intern.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Preprocessing tokens of a logical line (see line.h), as small values. */

enum token_kind {
	TOKEN_NAME,
	TOKEN_NUMBER,
	TOKEN_STRING, /* "..." without a prefix */
	TOKEN_OTHER,  /* punctuation, other literals */
	/* Only in macro bodies: */
	TOKEN_PARAM,     /* SPELLING is the parameter's index */
	TOKEN_STRINGIFY, /* #param: the same */
	TOKEN_PASTE,     /* ## */
	TOKEN_OPTIONAL, /* __VA_OPT__: SPELLING is the number of tokens between its brackets, which
	                    follow */
	/* Only while expanding: */
	TOKEN_LATER, /* the macro SPELLING, a number or undefined: which one has not mattered yet */
	TOKEN_NEEDED, /* the result of an operator that cannot do without knowing */
	TOKEN_END,    /* the expansion of the macro SPELLING ends here */
	TOKEN_ARM, /* so does one of a definition that excludes others: number SPELLING */
};

struct token {
	uint32_t spelling; /* interned */
	uint8_t kind;
	bool space;   /* a blank stands before it */
	bool painted; /* a macro's name that will not be expanded any more */
	uint8_t zero; /* tokens are compared and hashed as bytes */
};

struct token_list {
	struct token *v;
	size_t n, cap;
};

void token_add(struct token_list *, struct token);
void token_list_free(struct token_list *);
/* Appends the tokens of the text; a newline counts as a blank. */
void token_read(struct token_list *, struct intern *, const char *text, size_t n);
