#pragma once
#include "base/arena.h"
#include "scan/expr.h"
#include "scan/macro.h"
#include "scan/seen.h"
#include "scan/subst.h"

/* The inside of one macro_expand. Used by macro.c, header.c and live.c only. */

enum {
	MEMO_SLOTS = 1024
};

struct state {
	struct token_list in; /* reversed: the next token is the last */
	struct token_list out;
};

struct answers {
	struct token_seq *v;
	size_t n, cap;
};

struct memo {
	struct memo *next;
	uint64_t key;
	struct answers answers;
};

/* What is known of one arm. */
struct arm_state {
	const struct macro_arm *arm;
	bool judged, judging;
	bool dead; /* never taken */
	bool tested, testing;
	enum verdict verdict; /* of its own condition */
};

struct engine {
	const struct macros *macros;
	struct intern *names;
	const struct expand_ask *ask;
	struct expansion *result;
	struct arena *arena;
	size_t steps, tokens, steps_max;
	int depth;
	struct seen used;
	struct seen eager;      /* names that must not be left as a TOKEN_LATER */
	bool again;             /* one was, and mattered: to be done again */
	struct arm_state *arms; /* those met so far; a TOKEN_ARM is an index of this */
	size_t narms, cap_arms;
	struct memo *memo[MEMO_SLOTS];
	uint32_t open, less, greater, file; /* their spellings */
};

/* The set of what the tokens may expand to, where the macros whose ends lie ahead in AROUND are
 * disabled. NULL: given up. */
struct answers *engine_expand(struct engine *, struct token_seq,
			      const struct state *around);
/* Notes that the answer depends on the definitions of NAME. */
void engine_use(struct engine *, uint32_t name);
/* True for a name that the compiler itself knows without listing it among its macros. */
bool engine_builtin(const struct engine *, uint32_t name);

/* header.c: adds what the answer names to the result. */
void header_answer(struct engine *, struct token_seq);
/* True for __has_include and its like where they are looked for. */
bool header_operator(const struct engine *, const struct token *);

/* live.c: the arm's number, and whether it is never taken. */
uint32_t arm_number(struct engine *, const struct macro_arm *);
bool arm_dead(struct engine *, const struct macro_arm *);
