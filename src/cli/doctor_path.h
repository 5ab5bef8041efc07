#pragma once
#include <stdbool.h>
#include <stddef.h>
/* What the names of compilers mean in this shell: the folders of PATH, CC and CXX,
 * ccache. */
struct arena;
struct doctor;

enum program_kind {
	PROGRAM_NONE,  /* there is none */
	PROGRAM_REAL,  /* a compiler */
	PROGRAM_OURS,  /* leads to muster-cc */
	PROGRAM_STALE, /* a link to a muster-cc that is gone */
	PROGRAM_CCACHE,
	PROGRAM_WRAPPER /* of somebody else: distcc, icecc, sccache */
};

/* A file with the name of a compiler in a folder of PATH. */
struct program {
	size_t dir; /* index into the folders */
	const char *name;
	enum program_kind kind;
};

/* CC or CXX, CCACHE_PREFIX. */
struct named_program {
	const char *variable, *value; /* VALUE: NULL when it is not set, or empty */
	enum program_kind kind;       /* of its first word */
};

struct path_facts {
	const char *const *dirs; /* of PATH, each once */
	size_t ndirs;
	const struct program *v; /* in the order of PATH */
	size_t n;
	struct named_program cc[2], ccache_prefix;
	const char *ccache_version; /* "4.7.5"; NULL: it is not installed */
	bool ccache_checks_content; /* CCACHE_COMPILERCHECK is set, and not to mtime */
	bool ccache_disabled;
};

/* Both are pure. */
void doctor_path_judge(struct doctor *, const struct path_facts *);
void doctor_ccache_judge(struct doctor *, const struct path_facts *);
/* Everything in it lives as long as the arena. */
void doctor_path_look(struct path_facts *, struct arena *);
