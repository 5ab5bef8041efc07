#pragma once
#include "toolchain/toolchain.h"

#include <stdint.h>
#include <sys/stat.h>
/* The compilers that builds here use, each probed once and looked at again (one stat a file) for every
 * compile: an upgrade in the middle of a build is a new compiler. */
struct compilers;
struct err;

struct compiler {
	uint32_t
	    ref; /* dense, from 0; never reused: what the scheduler and the workers call it */
	char *path; /* the PATH it was probed with */
	struct toolchain *toolchain;
	struct stat *seen; /* of each entry */
	struct compiler *next;
};

struct compilers *compilers_new(void);
void compilers_free(struct compilers *);
/* NULL: ERR's text is a reason for compiling here. */
const struct compiler *compilers_get(struct compilers *, const char *driver,
				     const char *path, struct err *);
const struct compiler *compilers_by_ref(const struct compilers *, uint64_t ref);
