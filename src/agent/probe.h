#pragma once
#include "cc/command.h"

#include <stddef.h>
/* What the compiler itself says of a set of options: its search lists and its predefined macros. Asked once
 * per distinct set (`-E -v -dM` of nothing, some 10 ms), remembered as long as the compiler's own file and
 * every folder that it or the command named are what they were: the same folder, or none. */
struct probes;
struct track;
struct scan;
struct scan_search;
struct disk;
struct err;

struct probe {
	char **quote, **bracket; /* absolute, NULL-terminated */
	size_t nquote, nbracket;
	char *predefined; /* "#define …" lines */
	struct scan_search *search;
	struct track *
	    track; /* the folders that scans with this search list look into; one a list, since
	                        the scanner remembers what it looked up by list, too */
};

struct probes *probes_new(struct disk *, struct scan *);
void probes_free(struct probes *);
/* DRIVER absolute; NAME as called; CWD absolute; ENV the compile's. The result is the cache's. */
const struct probe *probe_get(struct probes *, const struct cc_command *,
			      const char *driver, const char *cwd, char *const env[],
			      struct err *);
