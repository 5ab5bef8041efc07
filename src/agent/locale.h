#pragma once
#include "base/arena.h"
/* Compilers speak the user's language: the files behind LANG, LC_* and LANGUAGE (the C library's locale and
 * the message catalogues) must stand on the worker too. Adds their paths to PLACES. NULL, or why a compile
 * with this locale stays here. */
struct still;
const char *locale_places(struct arena *, struct still *, char *const env[],
			  struct strv *places);
/* Clang asks the terminal's description whether it has colours: adds the files that may hold it. */
void terminal_places(struct arena *, char *const env[], struct strv *places);
