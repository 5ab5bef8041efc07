#pragma once
#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>

/* The command of a build: which tool it is, how many jobs it was told, and how to tell it. Pure: words and
 * variables in, words and variables out. Sources: make(1) and GNU make manual 5.4, 9.8; ninja(1); cmake(1) "Build a
 * Project"; meson(1) compile; bmake(1); scons(1); cargo-build(1). */
enum build_tool {
	BUILD_UNKNOWN, /* a script or a tool we do not know: environment only */
	BUILD_MAKE,    /* GNU make, as make or gmake: takes part in a jobserver */
	BUILD_BMAKE,
	BUILD_NINJA, /* also samu */
	BUILD_CMAKE, /* cmake --build */
	BUILD_MESON, /* meson compile */
	BUILD_SCONS,
	BUILD_CARGO,
};

enum {
	BUILD_JOBS_NONE = 0,       /* no number of jobs was given */
	BUILD_JOBS_UNLIMITED = -1, /* make -j */
	BUILD_JOBS_MOST = 1000000  /* a greater number is taken for this one */
};

struct build_command {
	enum build_tool tool;
	const char *name; /* of the tool, for people: "make"; of an unknown one its own */
	size_t tool_at;   /* index of its word: behind env, nice, time, schroot … -- */
	size_t insert_at; /* index where a word about jobs belongs */
	int jobs;         /* as given: on the command line, else by its environment */
	/* For people: the word ("-j8", "--jobs") or the variable ("MAKEFLAGS") that gave them; NULL: not given. Set with no
	 * jobs: what was given is no number of jobs, which the tool will say itself. */
	const char *jobs_from;
	bool
	    inside_make; /* the environment holds a make's jobserver: no other is to be made */
	bool
	    own_environment; /* env -i, schroot without -p, env PATH=…: ours does not reach the tool */
	const char *makeflags; /* MAKEFLAGS as the tool will see it, or NULL; borrowed */
};

/* GETENV_FN: the environment. ARGV has at least one word. */
void build_command_parse(struct build_command *, char *const argv[],
			 const char *(*getenv_fn)(void *ctx, const char *name), void *ctx);
/* ARGV with N jobs said in the tool's own way where none was given (untouched otherwise, and for BUILD_UNKNOWN). Variables that
 * must be set besides go to ENV as "NAME=value"; for BUILD_UNKNOWN they are what makes and cmakes below it read. All in the
 * arena. */
struct strv build_command_tell(struct arena *, const struct build_command *,
			       char *const argv[], unsigned n, struct strv *env);
/* MAKEFLAGS with WORDS ("-j8", or a jobserver's) added to those that are there, where make looks for them. */
char *build_command_makeflags(struct arena *, const struct build_command *,
			      const char *words);
