#pragma once
#include "cc/command.h"

/* Which language an input is written in, by "-x NAME" or by its suffix. */
struct cc_input_kind {
	const char *name;          /* of -x, or the suffix with its dot */
	enum cc_language language; /* CC_LANG_NONE: WHY says why it is compiled here */
	const char *why;
};

/* The kind that -x NAME chooses; NULL for a name that is not known. */
const struct cc_input_kind *cc_kind_of_name(const char *name);
/* The kind of PATH by its suffix; NULL for what a driver hands to the linker. */
const struct cc_input_kind *cc_kind_of_suffix(const char *path);
/* True when a driver of this name ("g++-12") takes C sources for C++. */
bool cc_driver_is_cxx(const char *name);
/* What a source of LANGUAGE becomes when it is preprocessed (".i"); NULL when it is not. */
const char *cc_preprocessed_suffix(enum cc_language);
