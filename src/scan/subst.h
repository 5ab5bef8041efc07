#pragma once
#include "base/arena.h"
#include "scan/define.h"

/* One call of one definition: its arguments put into its body, with # and ## done. */

struct token_seq {
	const struct token *v;
	size_t n;
};

struct subst_arg {
	struct token_seq raw;      /* as written */
	struct token_seq expanded; /* one of its expansions */
};

/* The arguments of a call. Start with {0}. */
struct call {
	struct token_list tokens; /* all of them, one behind the other */
	size_t *ends;             /* of each in TOKENS */
	size_t n, cap;
};

/* Takes "( a , b )" off the end of the reversed tokens IN, ends of expansions among them included.
 * False when the ')' is missing or D cannot be called so; else there are D's nparams arguments. */
bool call_read(struct intern *, struct token_list *in, const struct macro_def *d,
	       struct call *);
struct token_seq call_arg(const struct call *, size_t i);
void call_free(struct call *);

/* Appends the body of DEF with ARGS (DEF's nparams of them, absent ones empty) to OUT. SPACE: a blank
 * stands before the macro's name. */
void subst_body(struct intern *, const struct macro_def *def, const struct subst_arg *args,
		bool space, struct token_list *out);
/* True when the definition uses parameter I other than with # and ##. */
bool subst_expands(const struct macro_def *def, size_t i);
