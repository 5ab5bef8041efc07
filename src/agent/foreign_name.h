#pragma once
#include <stdbool.h>
/* The names by which a compiler of this machine may be known on another one, where plain "gcc" may be for another
 * processor: by its own name first, then as distcc's clients would ask for it (distcc(1), DISTCC_NO_REWRITE_CROSS). Which of
 * them is the same compiler is found out by a sample (agent/sample.h). */
struct arena;
struct toolchain;

struct foreign_name {
	const char *program; /* without a folder; from the arena */
	const char *
	    target; /* NULL, or for -target: what Clang compiles for here unasked; borrowed */
};

/* Name INDEX, from 0. False: there are no more. */
bool foreign_name(struct arena *, const struct toolchain *, unsigned index,
		  struct foreign_name *);
