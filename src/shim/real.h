#pragma once
#include <stdbool.h>

/* The real compiler behind the shim: found on PATH, never the shim itself, and run in our
 * place. */

/* What was asked of the shim. */
struct call {
	char **argv;      /* the compiler's: argv[0] is its name as it was called */
	char **env;       /* as we were given it */
	const char *self; /* our own file with every link followed; "" when unknown */
	bool masquerade;  /* we were called by the compiler's name; else as `muster-cc NAME
			     …` */
};

enum {
	REAL_MAX_LEVEL = 8,
	REAL_CANNOT_RUN = 126,
	REAL_NOT_FOUND = 127
};

/* How many shims this process runs below, by MUSTER_LEVEL: 0 is none. */
unsigned real_level(void);

/* Becomes the compiler: PROGRAM, or what PATH names when that is NULL or "". Its
 * environment is ours with MUSTER_LEVEL counted up and, in a masquerade, PATH cut so that
 * it begins behind our folder. Returns only when that failed: the exit status, after having
 * said why. */
int real_run(const struct call *, const char *program);

/* Writes "muster-cc: ", the strings up to NULL, and a newline to stderr, at once. */
void say(const char *first, ...) __attribute__((sentinel));
