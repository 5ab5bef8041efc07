#pragma once
#include "base/buf.h"
#include "scan/define.h"
#include "scan/directive.h"
#include "scan/resolve.h"
#include "scan/seen.h"

/* The inside of struct scan: what is remembered of files, and the closure at hand. Used by scan.c and
 * computed.c only. */

/* One file of the fs, by its id. What hangs on a version of its bytes is made when it is needed. */
struct file_state {
	const struct scan_file *file;
	uint32_t folder; /* interned: where the names that it quotes are looked for first */
	uint32_t epoch;  /* the closure that the next four fields are of */
	bool gone, followed;
	uint32_t version; /* as the fs said in that closure */
	struct facts facts;
	uint32_t facts_version; /* 0: there are none yet */
	uint32_t facts_serial;  /* another for each time that FACTS was made */
	struct macro_text *macros;
	uint32_t macros_version;
};

/* A fact whose names come out of macros. */
struct computed {
	struct file_state *of;
	const struct fact *fact;
};

struct err;
struct expansion_cache;

struct scan {
	struct scan_fs fs;
	struct arena *arena;
	struct intern *names;
	struct scan_search *searches;
	struct file_state **files; /* by id */
	size_t nfiles;
	struct macros *macros;
	struct expansion_cache *expansions;
	struct buf where;
	uint32_t serial;

	/* The closure at hand. */
	uint32_t epoch;
	uint64_t generation;
	const struct scan_ask *ask;
	struct scan_search *asm_search;
	uint32_t cwd;                  /* interned */
	const struct scan_file **list; /* the result */
	size_t n, cap;
	struct file_state *
	    *follow; /* those of LIST whose text counts; some not yet walked */
	size_t nfollow, cap_follow, walked;
	struct computed *computed; /* of what was walked */
	size_t ncomputed, cap_computed;
	struct seen aliases; /* names of macros that stand for __has_include */
	struct err *err;
};

/* Adds the files of the target, which then are walked unless LEAF is set. 0 or -1. */
int scan_visit(struct scan *, struct scan_search *, struct target *, bool leaf);
/* Reads the bytes of the file: 0, or -1 and the error is told. Then give them back. */
int scan_text(struct scan *, const struct file_state *, const char **text, size_t *n);
/* Tells the error and where it lies (LINE 0: the whole file); returns -1. */
int scan_fail(struct scan *, const char *reason, const struct scan_file *, uint32_t line);

/* computed.c */
struct expansion_cache *expansion_cache_new(void);
void expansion_cache_free(struct expansion_cache *, struct macros *);
/* Visits what the computed names of the closure mean. 0 or -1; what is new waits to be walked. */
int scan_computed(struct scan *);
