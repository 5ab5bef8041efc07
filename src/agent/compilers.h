#pragma once
#include "agent/still.h"
#include "toolchain/toolchain.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
/* The compilers that builds here use, each probed once and looked at again for every compile (one stat a file, or
 * the kernel's word that nothing changed there): an upgrade in the middle of a build is a new compiler. */
struct arena;
struct compilers;
struct err;

struct compiler {
	uint32_t
	    ref; /* dense, from 0; never reused: what the scheduler and the workers call it */
	char *path; /* the PATH it was probed with */
	struct toolchain *toolchain;
	struct stat *seen; /* of each entry */
	struct still_mark mark;
	struct compiler *next;
};

/* How a job may go to a worker. */
enum compiler_way {
	WAY_SOURCES = 0, /* only with its files */
	WAY_TEXT = 1, /* as preprocessed text too, if the loss is agreed (enum cc_loss) */
	WAY_TEXT_EXACT = 3, /* as preprocessed text too, with the same bytes */
};

/* What the scheduler calls a toolchain: the list of hosts that the job may go to (agent/lists.h), the compiler's ref,
 * and the job's way. A worker is asked, and answers, for each. */
enum {
	COMPILER_REFS = 1 << 20 /* most compilers of an agent's life */
};

static inline uint64_t compiler_key(uint32_t list, uint64_t ref, enum compiler_way way)
{
	return ((uint64_t)list * COMPILER_REFS + ref) * 4 + way;
}

static inline uint32_t compiler_key_list(uint64_t key)
{
	return (uint32_t)(key / 4 / COMPILER_REFS);
}

static inline uint64_t compiler_key_ref(uint64_t key)
{
	return key / 4 % COMPILER_REFS;
}

static inline enum compiler_way compiler_key_way(uint64_t key)
{
	return key % 4;
}

struct compilers *compilers_new(void);
void compilers_free(struct compilers *);
/* NULL: ERR's text is a reason for compiling here. */
const struct compiler *compilers_get(struct compilers *, struct still *, const char *driver,
				     const char *path, struct err *);

/* Which program the name of a compiler means, and what it is. */
struct program {
	const char *path;   /* locate_compiler; NULL: none */
	const char *driver; /* locate_installed */
	bool clang;         /* locate_is_clang of the driver */
};

/* For a command called NAME, its PATH (may be NULL), its CWD and SELF (agent/locate.h). Strings from the arena. */
struct program compilers_program(struct compilers *, struct still *, struct arena *,
				 const char *name, const char *path, const char *cwd,
				 const char *self);
const struct compiler *compilers_by_ref(const struct compilers *, uint64_t ref);
