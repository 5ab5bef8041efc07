#pragma once
#include "cas/entry.h"

#include <stdbool.h>
#include <stddef.h>
/* A growing set of entries, such that a path added resolves among them as it does on this machine:
 * each symbolic link on the way is an entry, and each folder that ".." is applied to. */
struct known;
struct err;

struct tree {
	struct known *known; /* for the digests; borrowed */
	struct entry *v;     /* owned, with its strings */
	size_t n, cap;
};

/* Adds the file or folder that PATH (absolute) leads to, and the way to it. REAL (if not NULL, of
 * PATH_MAX bytes) gets its path without links. 1; 0: there is no such thing; -1: cannot be read,
 * or neither file nor folder. */
int tree_add(struct tree *, const char *path, char *real, struct err *);
bool tree_has(const struct tree *, const char *path);
/* By path in byte order. */
void tree_sort(struct tree *);
void tree_free(struct tree *);
