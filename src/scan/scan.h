#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Every file that a compile may read, found without running the preprocessor.
 *
 * Pure: the world is seen only through struct scan_fs, so that tests give a world of strings.
 * The answer is a superset of what the preprocessor opens or asks for: both branches of every
 * conditional are followed, every definition of a macro counts, names in comments may count too.
 * What cannot be decided is said (scan_closure returns -1 with the reason) and never guessed.
 *
 * What counts as read: #include, #include_next, #import (quoted, angled, and computed from macros),
 * __has_include, __has_include_next, #embed, __has_embed, `#pragma GCC dependency`, .incbin and .include
 * inside asm strings or assembler sources, the files that #line and line markers name (a diagnostic
 * shows their lines), and for every file found also FILE.gch (a precompiled header is taken instead).
 *
 * The memory is kept between calls and revalidated through the fs, so a closure costs a walk over
 * edges already resolved: facts of a file (its directives) by file and version, resolved names by
 * (search, path, place in the search list, generation). */

/* A file that exists, under one spelling of its path. Made and owned by the fs; one object a path,
 * for the life of the fs. The scanner only reads it and keeps pointers to it. */
struct scan_file {
	uint32_t id; /* small, dense, from 0: index for side tables */
	const char
	    *path; /* absolute, as spelled (".." and links not folded): DIR "/" NAME */
};

struct scan_fs {
	void *ctx;
	/* The regular file DIR/NAME (DIR absolute; NAME may hold slashes; an absolute NAME stands
	 * alone), or NULL when there is none now. Cheap: the fs caches folders. */
	const struct scan_file *(*find)(void *ctx, const char *dir, const char *name);
	/* True when DIR/NAME exists and is a folder. */
	bool (*is_dir)(void *ctx, const char *dir, const char *name);
	/* The version of FILE's bytes as they are now (looked at most once per closure): a number
	 * that changes whenever the bytes change; 0 when it is gone. */
	uint32_t (*version)(void *ctx, const struct scan_file *);
	/* The bytes of FILE: 0 and *TEXT, *N, valid until done(); -1 when it cannot be read. */
	int (*text)(void *ctx, const struct scan_file *, const char **text, size_t *n);
	void (*done)(void *ctx, const struct scan_file *, const char *text, size_t n);
	/* A number that has changed whenever an earlier answer of find or is_dir may have changed. */
	uint64_t (*generation)(void *ctx);
};

struct scan;
struct scan_search; /* one search list, interned: same folders, same pointer */
struct err;

struct scan *scan_new(const struct scan_fs *);
void scan_free(struct scan *);

/* Folders are absolute. QUOTE: where "names" are looked for after the including file's own folder;
 * then both kinds go through BRACKET, in order. (What `cpp -v` prints as search lists.) */
struct scan_search *scan_search(struct scan *, const char *const *quote, size_t nquote,
				const char *const *bracket, size_t nbracket);

struct scan_ask {
	struct scan_search *search;
	const char *cwd;    /* absolute; where forced includes and .incbin look first */
	const char *source; /* as given on the command line: absolute or relative to cwd */
	const char *const *forced; /* names of -include and -imacros, in order */
	size_t nforced;
	const char *const *macros; /* -D texts: "NAME", "NAME=body", "NAME(a)=body" */
	size_t nmacros;
	const char *predefined; /* `cpp -dM` text: the compiler's own macros; may be NULL */
	const char *const *asm_dirs; /* the assembler's -I folders, absolute */
	size_t nasm_dirs;
	bool assembler;    /* the source is assembler text (.s .S): .include/.incbin are
	                                    directives there, not strings */
	bool preprocessed; /* .i .ii .s: no # directives but line markers */
};

struct scan_result {
	const struct scan_file *
	    *files; /* each file once, the source first; owned by the scan, valid
	                                    until its next call */
	size_t n;
	bool uses_date_time; /* a token __DATE__ or __TIME__ occurs */
	bool uses_timestamp; /* a token __TIMESTAMP__ occurs */
};

/* 0: RESULT is complete. -1: not decidable or the source cannot be read; ERR's text is a reason
 * without the names of this one job ("an #include is computed from __COUNTER__"), so that jobs can
 * be counted by it, and *WHERE (if not NULL) is "file:line" (owned by the scan). */
int scan_closure(struct scan *, const struct scan_ask *, struct scan_result *,
		 const char **where, struct err *);
