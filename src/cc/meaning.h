#pragma once

/* What the options mean that the command model follows one by one (rows MODEL and OUTPUT of
 * options.def; MEANS_ASKS stands in rows ASKS). */
enum cc_meaning {
	MEANS_NOTHING,
	MEANS_ASKS,          /* answered at once: no slot is needed */
	MEANS_COMPILE,       /* -c */
	MEANS_ASSEMBLY,      /* -S */
	MEANS_OBJECT,        /* -o */
	MEANS_LANGUAGE,      /* -x */
	MEANS_EMIT_LLVM,     /* objects are bitcode: .bc, .ll */
	MEANS_VERBOSE,       /* -v */
	MEANS_DEFINE,        /* -D */
	MEANS_UNDEFINE,      /* -U */
	MEANS_INCLUDE,       /* -include */
	MEANS_IMACROS,       /* -imacros */
	MEANS_DIR_I,         /* -I: also for the assembler */
	MEANS_DIR,           /* -iquote, -isystem, -idirafter … */
	MEANS_MD,            /* -MD, -MMD */
	MEANS_MF,            /* -MF */
	MEANS_WP,            /* -Wp, */
	MEANS_WA,            /* -Wa, */
	MEANS_XPREPROCESSOR, /* -Xpreprocessor: one word of -Wp, */
	MEANS_XASSEMBLER,    /* -Xassembler: one word of -Wa, */
	MEANS_XCLANG,        /* -Xclang: one word for the compiler proper */
	MEANS_MLLVM,         /* -mllvm: one word for LLVM */
	MEANS_NATIVE,        /* -march=, -mtune=, -mcpu=: the argument may be "native" */
	MEANS_FILE_IN,       /* the argument is a file that is read */
	MEANS_FILE_OUT,      /* the argument is a file that is written */
	MEANS_PROFILE_USE,   /* -fprofile-use */
	MEANS_PROFILE_DIR,   /* -fprofile-dir= */
	MEANS_DWO,           /* -gsplit-dwarf */
	MEANS_GCNO,          /* --coverage, -ftest-coverage */
	MEANS_SU,            /* -fstack-usage */
	MEANS_CI,            /* -fcallgraph-info */
	MEANS_SAVE_TEMPS,    /* -save-temps */
};
