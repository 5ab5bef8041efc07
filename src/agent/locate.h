#pragma once
#include "base/arena.h"

#include <stdbool.h>
/* Which program a compiler's name means here: the first on PATH that is neither the shim (SELF, its resolved
 * file) nor a wrapper that would only call another compiler (ccache, distcc, icecc, sccache). A NAME with a
 * slash stands for itself, relative to CWD. Absolute, from the arena, links not followed; NULL if none. */
const char *locate_compiler(struct arena *, const char *name, const char *path,
			    const char *cwd, const char *self);
/* The value of NAME in ENV ("NAME=value" strings, NULL-terminated), or NULL. */
const char *env_get(char *const env[], const char *name);
/* A compiler reached through links (a private folder's "gcc" that is a link to /usr/bin/gcc) is the one at
 * the first step that lies in a usual folder for programs; PROGRAM itself when no step does. */
const char *locate_installed(struct arena *, const char *program);
/* "cc" and "c++" may be anybody: true when PROGRAM leads to a Clang. */
bool locate_is_clang(const char *program);
