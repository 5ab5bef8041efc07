#pragma once
#include "scan/intern.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What one file's text says about other files: its facts. They hang on the bytes alone, not on where
 * the file lies or how it was reached, and hold names, not text. */

enum fact_kind {
	FACT_QUOTE,      /* NAME as in #include "NAME" */
	FACT_ANGLE,      /* NAME as in #include <NAME> */
	FACT_NEXT_QUOTE, /* NAME as in #include_next "NAME" */
	FACT_NEXT_ANGLE,
	FACT_CWD,      /* NAME relative to the working folder: of a line marker */
	FACT_ASM,      /* NAME relative to the working folder or an assembler folder */
	FACT_COMPUTED, /* NAME is the text of tokens that must expand to a header name */
	FACT_ALIAS, /* NAME is a macro that passes an argument on to __has_include or the like */
	FACT_CALL, /* NAME is called in an #if; EXTRA is the whole call. Matters if it is an alias */
	FACT_UNDECIDABLE, /* NAME is the reason */
};

struct fact {
	uint8_t kind;
	bool
	    leaf; /* the file is only read, or looked for: what it includes does not count */
	bool next;      /* of COMPUTED: its results count as #include_next does */
	uint32_t name;  /* interned */
	uint32_t extra; /* interned */
	uint32_t line;  /* from 1; of the last four kinds */
};

struct facts {
	struct fact *named;  /* FACT_QUOTE to FACT_NEXT_ANGLE, each once */
	struct fact *others; /* the other kinds, each once */
	size_t nnamed, nothers;
	bool computed;    /* OTHERS holds a FACT_COMPUTED */
	bool calls;       /* OTHERS holds a FACT_CALL */
	bool aliases;     /* OTHERS holds a FACT_ALIAS */
	bool undecidable; /* OTHERS holds a FACT_UNDECIDABLE */
	bool date_time;   /* a token __DATE__ or __TIME__ occurs */
	bool timestamp;   /* a token __TIMESTAMP__ occurs */
};

/* Fills OUT (to be given to facts_free). Never fails: what it does not understand is no fact, and
 * what it cannot decide is a FACT_UNDECIDABLE. */
void facts_read(struct facts *out, struct intern *, const char *text, size_t n);
void facts_free(struct facts *);
/* True when the identifier WORD occurs in the text. */
bool facts_token(const char *text, size_t n, const char *word);
