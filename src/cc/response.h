#pragma once
#include "cc/command.h"

/* Response files: "@NAME" among the words of a command stands for the words in that file. */
enum {
	RESPONSE_DEPTH = 10,
	RESPONSE_WORDS = 100000
};

/* Adds the words of ARGV to WORDS, each "@NAME" that can be read replaced by its words. Returns
 * NULL, or why it cannot be done; then WORDS are those of ARGV, untouched. */
const char *cc_response_expand(struct arena *, char *const argv[], const struct cc_reader *,
			       struct strv *words);
