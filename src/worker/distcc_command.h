#pragma once
#include "base/arena.h"

#include <stdbool.h>

/* What a command of distcc's protocol may do here, and how it is run. Pure.
 *
 * A client of version 0 to 2 has preprocessed the source: the text stands under a name of ours, and all that
 * was for the preprocessor goes. One of version 3 sends its files: the command runs as it is on them. Either
 * way object and dependency file get names of ours, since the client's folders for them need not be here. */
enum distcc_form {
	DISTCC_TEXT, /* a preprocessed text in a sandbox */
	DISTCC_TEXT_BARE, /* … outside of one: it may read its text and write its object, nothing else */
	DISTCC_FILES /* the client's files at the client's paths, in a sandbox */
};

struct distcc_command {
	const char *refused;   /* why it does not run here; then the rest may be missing */
	const char *source;    /* as the client named it */
	const char *text_name; /* DISTCC_TEXT…: the text's, below DIR: "x.ii" */
	const char *object;    /* absolute, in DIR */
	const char *deps;      /* DISTCC_FILES: the dependency file, absolute, in DIR */
	struct strv argv;      /* what to run */
};

/* DIR: absolute; where the compile finds the text and writes what it writes. The result borrows the strings
 * of ARGV. Never NULL. */
struct distcc_command *distcc_command_read(struct arena *, char *const argv[],
					   enum distcc_form, const char *dir);
