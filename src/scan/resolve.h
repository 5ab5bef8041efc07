#pragma once
#include "base/arena.h"
#include "scan/intern.h"
#include "scan/scan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From names to files: GCC manual 3.16 "Directory Search". */

enum target_kind {
	TARGET_QUOTE, /* the including file's folder, the quote list, the bracket list: first match */
	TARGET_ANGLE, /* the bracket list: first match */
	/* #include_next: where it begins depends on how the including file was found, so every match
	 * of the whole chain counts: the ones before that place were how one came here, mostly. */
	TARGET_NEXT_QUOTE,
	TARGET_NEXT_ANGLE,
	TARGET_CWD,    /* one folder */
	TARGET_ASM,    /* the working folder, the assembler's folders: first match */
	TARGET_FORCED, /* as QUOTE, from the working folder; clang takes NAME.pch for it */
};

/* What one name means in one search list. */
struct target {
	struct target *next;
	uint32_t folder; /* interned; 0 where it does not matter */
	uint32_t name;   /* interned */
	uint8_t kind;
	bool pch_folder;     /* NAME.gch is a folder */
	uint64_t generation; /* of the fs that FILES is from; 0: not looked yet */
	const struct scan_file **files;
	uint32_t n, cap;
};

struct search_node; /* scan.c: the targets of one file in this search */

struct scan_search {
	struct scan_search *next;
	const char **dirs; /* quote, then bracket */
	size_t nquote, ndirs;
	struct target **slots;
	size_t nslots, ntargets;
	struct search_node **nodes; /* by file id */
	size_t nnodes;
};

struct scan_search *search_new(struct arena *, const char *const *quote, size_t nquote,
			       const char *const *bracket, size_t nbracket);
bool search_equal(const struct scan_search *, const char *const *quote, size_t nquote,
		  const char *const *bracket, size_t nbracket);
void search_free(struct scan_search *); /* not the memory of the arena */

/* The target of NAME (made when it is new). FOLDER: of the including file, or the working folder. */
struct target *search_target(struct scan_search *, struct arena *, const struct intern *,
			     enum target_kind, uint32_t folder, uint32_t name);
/* Looks its files up. GENERATION is not 0. */
void target_resolve(struct target *, const struct scan_search *, const struct intern *,
		    const struct scan_fs *, uint64_t generation);
