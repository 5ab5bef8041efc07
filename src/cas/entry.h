#pragma once
#include "base/digest.h"

#include <stddef.h>
#include <stdint.h>

/* One name in a tree that is described to another machine. Paths are canonical and absolute (see
 * path_is_canonical): every parent is a real folder, links are entries of their own. */
enum entry_kind {
	ENTRY_DIR = 1,
	ENTRY_FILE = 2,
	ENTRY_LINK = 3,
	ENTRY_GONE = 4
};

struct entry {
	enum entry_kind kind;
	const char *path;
	const char *target;   /* LINK: as readlink gives it */
	struct digest digest; /* FILE */
	uint64_t size;        /* FILE */
	int64_t
	    mtime_s; /* FILE: seconds; compilers compare it (#pragma once, __TIMESTAMP__) */
	unsigned mode; /* FILE: 0644 or 0755 */
};
