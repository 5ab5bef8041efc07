#pragma once
#include <stddef.h>

/* The table of compiler options (options.def): one row an option, with how its argument is spelled
 * and what becomes of a command that carries it. */

enum cc_family {
	CC_GCC = 1,
	CC_CLANG = 2,
	CC_FAMILY_BOTH = 3
};

enum cc_shape {
	CC_FLAG,   /* -c */
	CC_JOINED, /* -std=X, -Wfoo: the argument is the rest of the word (may be empty) */
	CC_SEPARATE,           /* -Xlinker X */
	CC_JOINED_OR_SEPARATE, /* -IX and -I X */
};

enum cc_disposition {
	CC_D_PASS,   /* changes neither what is read nor which files are written: travels */
	CC_D_PROBE,  /* travels; may change the search path or the predefined macros */
	CC_D_MODEL,  /* understood one by one in command.c (-c -o -I -D -M… -x …) */
	CC_D_OUTPUT, /* travels; writes a further file that command.c names */
	CC_D_LOCAL,  /* a command with it runs here: WHY */
	CC_D_NOCOMPILE, /* with it the command compiles nothing: run as it is: WHY */
};

struct cc_option {
	const char *name;
	enum cc_family family;
	enum cc_shape shape;
	enum cc_disposition disposition;
	int meaning; /* for MODEL and OUTPUT: enum cc_meaning of command.c's switch; else 0 */
	const char *why; /* for LOCAL and NOCOMPILE */
};

extern const struct cc_option cc_options[]; /* sorted by name (bytes), then family */
extern const size_t cc_noptions;

/* The row for WORD (an exact name, or the longest joined prefix), or NULL for an unknown option.
 * *ARG becomes the joined argument, or NULL when the argument (if any) is the next word. */
const struct cc_option *cc_option_find(enum cc_family, const char *word, const char **arg);

/* GCC or CLANG by the compiler's name ("x86_64-linux-gnu-g++-12", "clang++-14", "cc"…); 0 when the
 * name is not one of a C or C++ compiler. */
enum cc_family cc_family_of(const char *name);
