#pragma once
#include "base/arena.h"
#include "cc/options.h"

#include <stdbool.h>
#include <stddef.h>

/* What a compiler command line means, and whether it may be compiled elsewhere. Pure: sees no file
 * (response files come through a callback) and no environment.
 * Source of the rules: GCC manual 3 "Invoking GCC" (esp. 3.2 overall options, dumpbase/dumpdir and
 * auxiliary outputs; 3.13 preprocessor; 3.16 directory search), Clang command line reference. */

enum cc_verdict {
	CC_REMOTE, /* one source, compiled or assembled to one object: may travel */
	CC_LOCAL,  /* a compile, but it must run here: WHY says which option and why */
	CC_NOT_A_COMPILE, /* link, -E, --version, no source …: run as it is; WHY says what it is */
};

enum cc_language {
	CC_LANG_NONE,
	CC_LANG_C, /* c, c-header … */
	CC_LANG_CXX,
	CC_LANG_OBJC,
	CC_LANG_OBJCXX,
	CC_LANG_C_CPP,   /* .i: already preprocessed */
	CC_LANG_CXX_CPP, /* .ii */
	CC_LANG_ASM,     /* .s: not preprocessed */
	CC_LANG_ASM_CPP, /* .S: assembler-with-cpp */
};

struct cc_macro {
	bool undef;       /* -U */
	const char *text; /* as given: "NAME", "NAME=body", "NAME(args)=body" */
};

struct cc_forced {
	bool imacros; /* -imacros, else -include */
	const char
	    *name; /* searched first in the current folder, then as "quoted" names are */
};

struct cc_output {
	const char *
	    dir; /* as text, relative to the current folder or absolute; "" is the folder itself */
	const char *stem;   /* file names are STEM + one of the suffixes … */
	const char *suffix; /* … e.g. ".o", ".dwo", ".gcno", ".su", ".i", ".s"; may be "" */
	bool must;          /* a successful compile always writes it (the object) */
};

struct cc_command {
	enum cc_verdict verdict;
	const char *why; /* for LOCAL and NOT_A_COMPILE: a reason without the names of this
	                                one job, so that jobs can be counted by it:
	                                "-E only preprocesses", "-fplugin= loads code of this machine" */
	bool cheap; /* NOT_A_COMPILE that needs no local slot: --version, -print-…, -### */
	enum cc_family family; /* from the compiler's name */
	enum cc_language language;
	const char *source;        /* as given */
	const char *object;        /* -o as given, or what the compiler derives ("x.o") */
	struct cc_output *outputs; /* every file a compile of this command may write */
	size_t noutputs;
	const char *depfile;     /* the dependency file it will write, or NULL */
	struct cc_macro *macros; /* -D and -U in their order, also those inside -Wp, */
	size_t nmacros;
	struct cc_forced *forced; /* -include and -imacros in their order */
	size_t nforced;
	struct strv dirs; /* folders named by -I -iquote -isystem -idirafter …, as given */
	struct strv asm_dirs; /* -I (also -Wa,-I): where the assembler looks for .incbin */
	struct strv inputs; /* further files it reads that are named on the command line and
	                                may or may not exist (-fprofile-use=F, …), as given */
	const char *profile_use; /* -fprofile-use's argument ("" without one), or NULL */
	bool profile_use_given;
	struct strv
	    probe_args;    /* the options that decide the search path and the predefined
	                                macros, in order: all but -D -U -include -o -M* -c -S, the source,
	                                warnings and diagnostics; -march=native stays */
	bool march_native; /* -march/-mtune/-mcpu=native is among them */
	bool wants_time;   /* reserved: set by nobody here */
	struct strv argv;  /* the whole command, response files expanded, else untouched */
};

/* Returns the whole text of the response file NAME (relative to the compiler's current folder),
 * NUL-terminated, from the arena, or NULL when it cannot be read (then "@NAME" stays a plain word,
 * as in GCC manual 3.2 "@file"). */
struct cc_reader {
	void *ctx;
	const char *(*read)(void *ctx, struct arena *, const char *name);
};

/* ARGV[0] is the compiler's name as called. The result borrows ARGV's strings and lives in the
 * arena. Never NULL. READER may be NULL (then an @file makes the verdict LOCAL). */
struct cc_command *cc_parse(struct arena *, char *const argv[], const struct cc_reader *);
