#pragma once
#include "cc/command.h"
#include "cc/outputs.h"

/* What is known of a command while its words are read; shared by command.c and through.c only. */

struct parse {
	struct arena *arena;
	struct cc_command *cmd;
	struct cc_writes writes;
	struct strv cpp_words;     /* for the preprocessor: -Wp, and -Xpreprocessor */
	struct strv asm_words;     /* for the assembler: -Wa, and -Xassembler */
	struct strv asm_last_dirs; /* folders among asm_words: searched after those of -I */
	const char *language_name; /* of the last -x, or NULL */
	const char *local;         /* the first reason to compile here, or NULL */
	const char *no_compile;    /* the first reason why nothing is compiled, or NULL */
	bool no_compile_asks;      /* … and then it is answered at once */
	bool compile;              /* -c or -S */
	bool verbose;              /* -v */
	bool checks_only;          /* -fsyntax-only */
	bool makes_header;         /* an input is a header: a precompiled one is made */
	bool stdin_source;         /* an input is "-" */
	bool only_inputs;          /* "--" was seen (clang) */
	size_t noutputs;           /* how often -o was given */
	size_t nsources;
	size_t nlinked; /* inputs for the linker */
	size_t macros_cap, forced_cap;
};

/* Notes a reason to compile here; the first one is kept. */
void parse_local(struct parse *, const char *why);
/* What an option of the preprocessor that takes ARG means; false when MEANING is none of those. */
bool parse_preprocessor_option(struct parse *, int meaning, const char *arg);

/* Splits TEXT ("-Wa,A,B" without "-Wa,") at its commas into LIST. */
void through_split(struct parse *, struct strv *list, const char *text);
/* "-Wp,-MD,FILE" and the like, which clang reads itself, in their place; false for other texts. */
bool through_clang_depfile(struct parse *, const char *text);
/* Reads what is handed to the preprocessor, and to the assembler, once all words are collected. */
void through_preprocessor(struct parse *);
void through_assembler(struct parse *);
/* One word of -Xclang, one of -mllvm: whether it is known to be harmless. */
bool through_clang_is_harmless(const char *word);
bool through_llvm_is_harmless(const char *word);
