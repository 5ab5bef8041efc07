#pragma once
#include "cc/command.h"

#include <stddef.h>
/* What the compiler itself says of a set of options: its search lists and its predefined macros. Asked once
 * per distinct set (`-E -v -dM` of nothing, some 10 ms), remembered as long as every folder that it called
 * missing is still missing and every folder it named is still there. */
struct probes;
struct track;
struct scan;
struct scan_search;
struct disk;
struct err;

struct probe {
	char **quote, **bracket; /* absolute, NULL-terminated */
	size_t nquote, nbracket;
	char **missing; /* folders it ignored because they do not exist; absolute */
	size_t nmissing;
	char *predefined; /* "#define …" lines */
	struct scan_search *search;
	struct track *track; /* the folders that scans with this search list look into */
};

struct probes *probes_new(struct disk *, struct scan *);
void probes_free(struct probes *);
/* DRIVER absolute; NAME as called; CWD absolute; ENV the compile's. The result is the cache's. */
const struct probe *probe_get(struct probes *, const struct cc_command *,
			      const char *driver, const char *cwd, char *const env[],
			      struct err *);
