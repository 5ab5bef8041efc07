#pragma once
#include <stdbool.h>

/* The real compiler behind the shim: found on PATH, never the shim itself, and run in our
 * place. */

/* What was asked of the shim. */
struct call {
	char **argv;      /* the compiler's: argv[0] is its name as it was called */
	char **env;       /* as we were given it */
	const char *self; /* our own file with every link followed; "" when unknown */
	bool distcc;      /* by the name of distcc: its exit statuses */
	bool masquerade;  /* we were called by the compiler's name; else as `muster-cc NAME
			     …` */
};

enum {
	REAL_MAX_LEVEL = 8,
	REAL_CANNOT_RUN = 126,
	REAL_NOT_FOUND = 127,
	DISTCC_NOT_FOUND =
	    110, /* the same, of one called distcc (distcc(1), "EXIT CODES") */
	DISTCC_RECURSION = 111
};

/* How many shims this process runs below, by MUSTER_LEVEL: 0 is none. */
unsigned real_level(void);

/* Becomes the compiler: PROGRAM, or what PATH names when that is NULL or "". Its
 * environment is ours with MUSTER_LEVEL counted up and, in a masquerade, PATH cut so that
 * it begins behind our folder. Returns only when that failed: the exit status, after having
 * said why. */
int real_run(const struct call *, const char *program);

/* Where words to the user go: $UNCACHED_ERR_FD, which ccache gives, so that it does not take them for the compiler's; else
 * stderr. */
int say_fd(void);
/* Writes "muster-cc: ", the strings up to NULL, and a newline there, at once. */
void say(const char *first, ...) __attribute__((sentinel));
