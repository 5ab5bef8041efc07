#pragma once
#include "cc/command.h"

/* Names every file that a compile may write, as GCC 12 and Clang 14 name them. */

enum cc_temps {
	CC_TEMPS_NONE,
	CC_TEMPS_OBJ,
	CC_TEMPS_CWD
};

/* What the options ask to be written. */
struct cc_writes {
	bool assembly;       /* -S */
	bool emit_llvm;      /* -emit-llvm: .bc and .ll instead of .o and .s */
	bool md;             /* -MD or -MMD, also inside -Wp, */
	bool dwo;            /* -gsplit-dwarf */
	bool gcno;           /* --coverage, -ftest-coverage */
	bool su;             /* -fstack-usage */
	bool ci;             /* -fcallgraph-info */
	enum cc_temps temps; /* -save-temps: beside the object, or in the current folder */
	const char *output;  /* -o, or NULL */
	const char *depfile; /* -MF, or NULL */
	const char *
	    cpp_depfile; /* the file of a -MD that gcc hands to its preprocessor; wins there */
	struct strv files; /* other files that options name */
};

/* Fills object, outputs and depfile of a command whose family, language and source are known.
 * Returns NULL, or why the names cannot be told.
 *
 * With "-o /dev/null" there is no output that must be written. */
const char *cc_outputs_name(struct arena *, struct cc_command *, const struct cc_writes *);

/* Adds to inputs what -fprofile-use may read, as far as it follows from the command alone. */
void cc_profile_inputs(struct arena *, struct cc_command *);

/* The profile that GCC 10 and later read for a command with -fprofile-use in the absolute folder
 * CWD; it holds the mangled path of the object, which the command alone does not tell. NULL when
 * there is none (no -fprofile-use, or Clang). */
char *cc_profile_name(struct arena *, const struct cc_command *, const char *cwd);
