#pragma once
#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
/* Files and folders, with sentences for what goes wrong. */
struct err;

/* The whole of the regular file PATH appended to OUT, at most LIMIT bytes (more is an error with code EFBIG). 0 or -1. */
int fs_read(const char *path, size_t limit, struct buf *out, struct err *);
/* All of P[0..N) to FD. 0 or -1. */
int fs_write_all(int fd, const void *p, size_t n, struct err *);
/* PATH with these bytes: by a temporary name beside it and rename. 0 or -1 (then PATH is untouched). */
int fs_write_file(const char *path, const void *p, size_t n, mode_t mode, struct err *);
/* PATH and its parents as folders with MODE (0 when it is there already). 0 or -1. */
int fs_mkdirs(const char *path, mode_t mode, struct err *);
/* PATH and all below it, links not followed; as deep as it may be. The tree must be ours: nobody else moves
 * folders in it. 0 also when it is not there; -1 when something stays. */
int fs_remove_tree(const char *path, struct err *);
int fs_remove_at(int dir, const char *name,
		 struct err *); /* the same for NAME in the folder DIR */
/* True when every change to what PATH leads to passes through this kernel (no NFS, FUSE, overlay …): then inotify
 * tells of all of them. */
bool fs_is_local(const char *path);
/* The folder of the running program's file, e.g. "/usr/bin"; malloc'ed. NULL when unknown. */
char *fs_program_dir(void);
