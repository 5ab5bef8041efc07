#pragma once
#include "agent/compilers.h"
#include "cc/command.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* What a compile needs to be done elsewhere: which compiler, which files, which command, and which outputs
 * may come back. Made anew for each round of a job; lives in the job's arena. */
struct agent;
struct arena;
struct cc_preprocessed;
struct compiler;
struct err;
struct local_request;
struct scan_file;

struct plan {
	bool travels;
	const char *why;     /* when not: the reason, countable */
	bool other;          /* it is no compile at all (a link, --version …) */
	bool no_workers;     /* WHY says: there is nowhere to go, whatever the command */
	bool cheap;          /* and needs no local slot */
	const char *program; /* the real compiler, absolute; NULL: let the shim find it */
	struct cc_command *command;
	const struct compiler *compiler;
	const struct scan_file **files;
	size_t nfiles;
	struct strv
	    places; /* further paths that must stand in the worker's view, absolute */
	struct strv argv, env; /* as the worker runs it */
	const char *cwd;
	const struct cc_preprocessed *two; /* how it is done in two steps, or why not */
	enum compiler_way way;
	uint32_t list;  /* of hosts that it may go to */
	uint64_t stamp; /* of the disk when this was made: later changes make it stale */
	uint64_t unit;  /* names source, compiler and options, for predictions */
	uint64_t bytes; /* of the files that it may read */
};

/* Never fails: what cannot travel says why. */
struct plan *plan_make(struct agent *, struct arena *, const struct local_request *);
/* True when every file is still what it was. */
bool plan_is_fresh(struct agent *, const struct plan *);
/* The output that PATH (absolute, canonical on the worker) is, as a path here; NULL when this command may
 * not write such a file. *WHICH is its row. */
const char *plan_output(const struct plan *, struct arena *, const char *path,
			const struct cc_output **which);
/* The object, as a path here. */
const char *plan_object(const struct plan *, struct arena *,
			const struct cc_output **which);
/* True when the compiler makes TARGET anew instead of writing over what is there. */
bool plan_replaces(const struct plan *, const char *target);
/* What the compiler's own dependency file (TEXT) says it read: is it all among what was shipped? The scanner's
 * superset is checked with every compile that writes one. -1 with the first name that is not in ERR. */
int plan_covers(struct agent *, struct arena *, const struct plan *, const char *text,
		size_t n, struct err *);
/* How many outputs a successful compile always writes. */
unsigned plan_musts(const struct plan *);
