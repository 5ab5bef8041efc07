#pragma once
#include "base/digest.h"
#include "cas/entry.h"

#include <stddef.h>
/* What a compiler consists of: every file that the driver and the programs it starts for -c and -S are
 * made of, so that the same files at the same paths compile the same way. Two machines have "the same
 * compiler" when the ids are equal. Headers are not part of it: they are shipped like any other file. */
struct known;
struct err;

struct toolchain {
	char *driver;     /* absolute path of the driver as called, links not followed */
	char *version;    /* first line of --version, for people */
	char *target;     /* -dumpmachine */
	struct digest id; /* over driver, target, version and all entries */
	struct entry *entries; /* sorted by path; DIR, LINK and FILE; owned */
	size_t n;
};

/* Finds out by asking the driver (-print-prog-name, -dumpmachine …) with PATH as its search path, and
 * by following links and shared libraries. Runs the driver: only for a compiler that is trusted here.
 * NULL: not a compiler we know, or something is missing. */
struct toolchain *toolchain_probe(const char *driver, const char *path, struct known *,
				  struct err *);
void toolchain_free(struct toolchain *);

/* Makes DIR (which must not exist) hold the toolchain's files at their paths below it, by hard link
 * where that is possible, else by copy; each copy is verified. 0 or -1, then DIR is gone again. */
int toolchain_stage(const struct toolchain *, const char *dir, struct err *);
