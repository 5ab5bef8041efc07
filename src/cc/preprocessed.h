#pragma once
#include "cc/command.h"

/* A compile in two steps: preprocess here, compile the text elsewhere. For workers that
 * cannot be given the sources: one that cannot confine a compile, and a distccd of
 * protocol 1 or 2. Pure.
 *
 * The contract is the bytes: the second step's object is the object of the plain
 * command. Where GCC or Clang do not keep that promise WHY says so and the compile stays
 * here. A compile that says anything on stderr in either step, or fails, is done again
 * here as a whole: the text of a warning and the lines that it cites depend on the
 * sources.
 *
 * Two losses are of a milder kind, and a user may have agreed to them (who uses distcc
 * has): see enum cc_loss. WHY names them too, so whoever looks at nothing else keeps the
 * contract. */

enum cc_loss {
	/* Code and data are the same bytes, debug information (-g) is not: its columns,
	 * statement marks and, with Clang, checksums and folders are those of the text. */
	CC_LOSES_DEBUG = 1,
	/* The object is the same, but a warning that the compiler gives only when it
	 * sees the sources is not given, so that -Werror may not fail: GCC's
	 * -Wmisleading-indentation and -Wmultistatement-macros (both in -Wall), Clang's
	 * -Wdocumentation. */
	CC_LOSES_WARNINGS = 2,
};

struct cc_preprocessed {
	/* NULL: may be done in two steps; else why not, countable like cc_command.why. */
	const char *why;
	/* Of enum cc_loss. Not 0: WHY is one of these losses and nothing else stands
	 * against two steps, so all below is filled in. 0 with a WHY: it cannot be done,
	 * and nothing below is. */
	unsigned loses;
	/* The first step, in the client's folder and environment: `gcc -E …` writes the
	 * text to FIRST.v[first_output], a word for the caller to put in, and, where the
	 * command asks for it, the dependency file where and as the plain command writes
	 * it (-MF -MQ are added where the plain command derives them). FIRST.n == 0: the
	 * source is preprocessed already, its file is the text. */
	struct strv first;
	size_t first_output; /* index of the word after -o */
	/* The second step, without anything that the preprocessor has used up (-D -I
	 * -include -M* --sysroot …) or only the linker needs; keeps all that the
	 * compiler proper, the assembler and the debug information heed. v[0] is the
	 * compiler's name as called; -x tells the language, so the text may have any
	 * name. */
	struct strv second;
	size_t second_source; /* index of the source's word: a name that ends in SUFFIX */
	size_t second_object; /* index of the word after -o */
	const char *suffix;   /* ".i" or ".ii": how the text's file is called */
	const char *language; /* "cpp-output" or "c++-cpp-output": for -x */
	/* The same as distcc sends it by protocol 1 and 2: no -x, the source's own name
	 * without its folder where its suffix tells the language (else with SUFFIX), so
	 * that a distccd finds the word to replace, and always an -o. v[0] is the bare
	 * name. n == 0: a distccd 3.4 would refuse the command. */
	struct strv distcc;
};

/* CC must be CC_REMOTE. The result lives in the arena. -march=native and the like are a
 * WHY: who knows what native is here replaces the word before cc_parse. Clang reads a
 * precompiled header beside a file of -include (NAME.pch, NAME.gch) without a trace in
 * the text, and checks less in the first step: who finds one must compile here. */
const struct cc_preprocessed *cc_preprocess(struct arena *, const struct cc_command *cc);
/* What makes a preprocessed TEXT unfit to be compiled elsewhere although the command was
 * fine: files that are read later (.incbin), a precompiled header, built-in functions
 * that tell their place in the source, no line that names the source; for Clang a
 * trigraph, and an empty body, of which it warns in sources only. NULL: fit. Countable. */
const char *cc_preprocessed_text_unfit(enum cc_family, const char *text, size_t n);
