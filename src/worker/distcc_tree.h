#pragma once
#include "worker/sandbox.h"

#include <stddef.h>
/* The files of one job of distcc's protocol 3, at the client's own paths below a folder of ours: the lower
 * layer of its root. Nothing a client names is placed, or followed, outside of the folder.
 *
 * A client of that protocol takes its system headers for the same as ours and names them by links that climb
 * out of the root, "/usr/include" → "../../../../usr/include". Each such link becomes a bind mount of our
 * folder, if that is one where package managers put headers. */
struct distcc_tree;
struct err;

enum {
	DISTCC_TREE_BINDS = 64,
	DISTCC_PATH_MAX = 4096
};

/* DIR must not exist; it is made. */
struct distcc_tree *distcc_tree_new(const char *dir, struct err *);
void distcc_tree_free(struct distcc_tree *); /* the folder stays; NULL is fine */

/* Each 0, or -1: the name makes no sense, is taken, leads out of the root, or the disk failed. */
int distcc_tree_file(struct distcc_tree *, const char *name, const void *p, size_t n,
		     struct err *);
int distcc_tree_link(struct distcc_tree *, const char *name, const char *target,
		     struct err *);
/* PATH and its parents as folders; where a link of the client's stands in the way, the compile will find out
 * where that leads. */
int distcc_tree_folder(struct distcc_tree *, const char *path, struct err *);
/* Makes the mount points; nothing is placed afterwards. */
int distcc_tree_finish(struct distcc_tree *, struct err *);
/* What to mount for the compile; the tree's. */
const struct sandbox_bind *distcc_tree_binds(const struct distcc_tree *, size_t *n);
