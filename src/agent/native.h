#pragma once
#include "base/arena.h"
/* -march=native and -mtune=native mean this machine's processor, so the worker is told what GCC found here.
 * GCC's own spec for it (cc1_cpu, GCC manual 3.20 "Spec Files") is replaced by the same text with the two
 * answers filled in: then even the order of options that GCC records in debug information is the local one. */
struct err;
/* The path of a spec file for DRIVER (written below DIR when first asked for), to be given as -specs=PATH;
 * from the arena. M32: the command has -m32. NULL with ERR when this compiler cannot be told so. */
const char *native_specs(struct arena *, const char *driver, const char *path, int m32,
			 const char *dir, struct err *);
/* Clang's way: ARGV with each -march=native and -mtune=native replaced by what it found here, appended to
 * OUT. 0 or -1. */
int native_clang(struct arena *, const char *driver, const char *path,
		 const struct strv *argv, struct strv *out, struct err *);
