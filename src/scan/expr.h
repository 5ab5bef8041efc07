#pragma once
#include "scan/token.h"

/* The value of an #if expression after macro expansion, where parts may be unknown. */
enum verdict {
	VERDICT_FALSE,
	VERDICT_TRUE,
	VERDICT_MAYBE
};

/* A "??" token has an unknown value; so has what is not understood. A name is 0, as in C. */
enum verdict expr_verdict(const struct intern *, const struct token *v, size_t n);
