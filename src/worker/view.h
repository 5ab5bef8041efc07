#pragma once
#include "cas/entry.h"

#include <stdbool.h>
#include <stdint.h>
/* One client's disk as far as its compiles need it: its folders, links and files at their own paths below
 * a folder of ours, which becomes the lower layer of every job's root. Files are private copies with the
 * client's mtimes, so that what a compiler learns from stat (#pragma once, __TIMESTAMP__) is the same.
 * Nothing a client names can leave the folder: every path is opened below it without following links. */
struct view;
struct store;
struct own;
struct err;

/* DIR must not exist; it is made. */
struct view *view_new(const char *dir, struct store *, struct own *, struct err *);
/* From now on at most so many bytes are written, and names made, over its life: one client must not fill the disk. Beyond,
 * view_apply fails, and who begins a new view needs only what is still in use. */
void view_limit(struct view *, uint64_t bytes, uint64_t names);
void view_free(struct view *); /* removes it from the disk */
const char *view_root(const struct view *);

/* Brings one name up to date. 1: it stands. 0: a FILE whose bytes are not here: the caller asks for them and
 * calls again. -1: the name makes no sense or the disk failed (err->code ENOSPC …). */
int view_apply(struct view *, const struct entry *, struct err *);
/* False when the folder of the canonical PATH is not there (or is no folder any more). */
bool view_has_folder(const struct view *, const char *path);
