#pragma once
#include "base/arena.h"
#include "scan/line.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which definitions of one file exclude each other: those in different arms of one #if … #elif … #else,
 * if the file is read once only; and what each arm's condition is. */
struct macro_arm {
	const struct macro_arm *parent; /* the arm around this one, or NULL */
	const struct macro_arm *before; /* the arm before it in its group, or NULL */
	const char *word;               /* "if", "ifdef", … "else" */
	const char *condition;          /* the logical line behind that word */
	uint32_t group;                 /* another for each #if */
	uint32_t index;                 /* 0 is the #if, then each #elif and #else */
};

/* The conditionals around the place that has been reached in a file. */
struct arms {
	struct arena *arena;
	uint32_t *groups; /* counts them; shared by all files */
	const struct macro_arm *top;
	bool guarded;   /* false: the file may be read several times, and nothing is said */
	bool once;      /* #pragma once, else the guard is an #ifndef */
	uint32_t guard; /* its group */
};

/* Sees whether the text is guarded. */
void arms_begin(struct arms *, struct arena *, uint32_t *groups, const char *text,
		size_t n);
/* The next directive of the text, by its name and what follows. */
void arms_directive(struct arms *, const char *word, struct line rest);
/* The arm of a definition here, or NULL when none may be told. */
const struct macro_arm *arms_here(const struct arms *);
bool arms_exclude(const struct macro_arm *, const struct macro_arm *);
