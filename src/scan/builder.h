#pragma once
#include "base/buf.h"
#include "scan/directive.h"

/* The facts of one file while they are collected; shared by the readers of directives and of
 * assembler text, used by nobody else. */
struct fact_builder {
	struct facts *facts;
	struct intern *names;
	const char *text, *end; /* the whole file */
	size_t cap_named, cap_others;
	uint32_t *slots; /* each fact once: (index + 1) * 2 + is_other; 0 is free */
	size_t nslots, used;
	const char *counted; /* lines before here are counted */
	uint32_t line;       /* that COUNTED lies on */
	size_t spent;        /* bytes of logical lines read so far */
	bool has_operator;   /* __has_include or __has_embed occurs somewhere */
	struct buf logical;  /* the logical line at hand */
};

/* F with its LINE set to that of AT (which may be NULL: unknown). */
void fact_add(struct fact_builder *, struct fact f, const char *at);
void fact_undecidable(struct fact_builder *, const char *reason, const char *at);
/* asmtext.c: the .incbin and .include of inline assembler and of assembler sources. */
void asm_facts_read(struct fact_builder *);
