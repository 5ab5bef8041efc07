#pragma once
#include <stddef.h>
/* Landlock: files and sockets shut by the kernel without any namespace. The second layer of a sandbox; of a compile without
 * one the only layer. */
struct err;

/* The version that this kernel has; 0: none. */
int landlock_version(void);
/* This process and all it starts, inside a sandbox's own root: no device nodes or sockets among its files, no TCP,
 * no signal and no abstract socket to anybody outside. 0, also where there is no Landlock; -1. The caller has set no_new_privs. */
int landlock_inside(struct err *);

/* Where a compile without a root of its own may do what. Folders or files; those that are not there do not count. */
struct landlock_paths {
	const char *const *read;  /* also run; ends with NULL */
	const char *const *write; /* also read; ends with NULL */
};

/* The same without a root of its own. -1 also where there is no Landlock. */
int landlock_bare(const struct landlock_paths *, struct err *);
