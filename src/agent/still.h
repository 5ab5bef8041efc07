#pragma once
#include <stdbool.h>
#include <stdint.h>
/* Whether places of the system are as they were. What a compile depends on beside its sources (the compiler's own
 * files, the folders of PATH, locales) is looked at once, and then believed for as long as the kernel tells of no
 * change there: inotify on every file, folder and link on the way to each, and on the table of mounts. Any change
 * moves one count, and then all is looked at again; such changes are rare.
 *
 * Not for sources: what is written through a shared mapping is told only when it is unmapped. */
struct still;

struct still *still_new(void);
void still_free(struct still *);
/* Takes what was told. The count of now, from 1. */
uint64_t still_take(struct still *);
/* Watches whatever decides where PATH (absolute) leads, and what is there; it need not exist. Before it is looked
 * at. False where that cannot be had (another kind of file system, no room for watches). */
bool still_watch(struct still *, const char *path);

/* What somebody has looked at:
 *
 *	if (still_holds(s, &mark))
 *		return …;
 *	still_begin(s, &mark);
 *	for each path: still_add(s, &mark, path), then look at it
 *
 * From then on it holds until something changes; for as long as the mark stands where it was. */
struct still_mark {
	uint64_t at; /* 0: does not hold */
};

bool still_holds(const struct still *, const struct still_mark *);
void still_begin(const struct still *, struct still_mark *);
void still_add(struct still *, struct still_mark *, const char *path);
