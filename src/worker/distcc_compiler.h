#pragma once
#include <stdbool.h>
/* Which compiler of this machine an old client means by the first word of its command, and whether it may.
 *
 * A plain name is looked for on the worker's PATH, and so is "/usr/bin/NAME" or "/bin/NAME". Any other path is
 * for those who were told to trust everybody (--enable-tcp-insecure). Where DISTCC_CMDLIST names a file, the
 * paths in it, one a line, are all there is: the one whose last DISTCC_CMDLIST_NUMWORDS parts are those of the
 * word is run in its place. distccd(1). */
struct compiler;
struct compilers;
struct distcc_compilers;
struct err;

/* STAGE: for compiles in a sandbox. LIST, NUMWORDS: of these two variables; NULL: not set. A list that cannot be read is logged and lets nothing run. */
struct distcc_compilers *distcc_compilers_new(struct compilers *, bool stage, bool insecure,
					      const char *list, const char *numwords);
void distcc_compilers_free(struct distcc_compilers *); /* NULL is fine */

enum distcc_found {
	DISTCC_FOUND,
	DISTCC_MISSING, /* it may be named, but is not here */
	DISTCC_REFUSED
};

struct distcc_compiler {
	struct compiler *compiler; /* held; NULL unless found and staged */
	char *driver;              /* absolute path; malloc'ed; NULL unless found */
	const char *argv0; /* what it is called by; borrowed from WORD or from the list */
};

/* ERR says why it is not found. */
enum distcc_found distcc_compilers_find(const struct distcc_compilers *, const char *word,
					struct distcc_compiler *, struct err *);
