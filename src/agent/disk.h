#pragma once
#include "base/digest.h"
#include "scan/scan.h"
#include "sys/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* The user's disk as compiles see it, remembered and revalidated. Three kinds of things:
 *
 *   file   one spelling of a path ("/p/src/../inc/a.h"): what the scanner handles
 *   node   one canonical name on the disk: a folder, a link, or a regular file with its digest; what
 *          travels to workers. A file stands on a chain of nodes: every folder and link that its spelling
 *          passes, and the regular file at its end.
 *   track  the folders that one search list has looked into: they are looked at again (one stat each)
 *          before a compile with that search list is prepared.
 *
 * Truth is told by stat: a folder whose identity and times are unchanged has the same names in it, a file
 * likewise the same bytes; what was read too soon after it changed to be sure of that ("racily clean") is
 * read again next time. STAMPS are one growing count over all changes: a node that was sent at stamp S need
 * not be sent again while node->stamp <= S. */
enum node_kind {
	NODE_GONE,
	NODE_DIR,
	NODE_FILE,
	NODE_LINK,
	NODE_OTHER
};

struct node {
	uint32_t id; /* dense, from 0 */
	enum node_kind kind;
	char *path;           /* canonical */
	char *target;         /* LINK */
	struct digest digest; /* FILE */
	uint64_t stamp;       /* when anything of it last changed */
	uint32_t version;     /* FILE: changes with the bytes; 0 when it is none */
	struct stat st;
	uint64_t epoch;    /* last looked at in this epoch */
	int64_t looked_ns; /* when, by disk_now_ns */
	bool racy;         /* looked at too soon after a change */
};

struct disk;
struct track;
struct still;
struct err;

struct disk *disk_new(void);
void disk_free(struct disk *);
struct track *track_new(struct disk *);
void track_free(
    struct track
	*); /* not the one of the current epoch, unless the disk is not used again */

/* Begins an epoch: from now on every file is looked at anew, once; the folders of TRACK (may be NULL) at
 * once, and find() adds to it. */
void disk_begin(struct disk *, struct track *);
/* From now on all is one epoch, which begins now, until that is taken back: for several who all came before. */
void disk_share(struct disk *, bool);
/* In this epoch, a file, folder or link that was looked at less than NS ago is believed to be what it was; which names
 * there are in folders, and where links lead, is not. For who looks at all of it again before it counts. */
void disk_believe(struct disk *, int64_t ns);
/* For places of the system, which change seldom; taken when a plan begins (still_take). */
struct still *disk_still(struct disk *);
const struct scan_fs *disk_scan_fs(struct disk *);

/* The file at PATH (absolute) as find gives it. */
const struct scan_file *disk_find(struct disk *, const char *path);
/* The file that is known by exactly this spelling, without a look; NULL: none is. */
const struct scan_file *disk_known(const struct disk *, const char *path);
/* Calls EACH (may be NULL) for every node that PATH (absolute; a file, folder or nothing) passes, in order, parents first;
 * a PATH that does not exist passes what does. Returns the kind of thing at its end. */
enum node_kind disk_walk(struct disk *, const char *path,
			 void (*each)(void *ctx, struct node *), void *ctx);
/* The same for a file the scanner holds; the last node is its regular file, freshly looked at. */
void disk_file_walk(struct disk *, const struct scan_file *,
		    void (*each)(void *ctx, struct node *), void *ctx);
/* The regular file at the end of FILE, without looking; NULL when it is gone, or something that is there but
 * cannot be read (find gives that too; its text is empty). */
struct node *disk_file_node(struct disk *, const struct scan_file *);
/* The greatest stamp of the nodes FILE stands on: it was sent whole if nothing is above the stamp of then. */
uint64_t disk_file_stamp(struct disk *, const struct scan_file *);
uint64_t disk_stamp(const struct disk *);
/* Looks at the node again now, whatever the epoch: true when nothing of it changed. */
bool disk_node_same(struct disk *, struct node *);
/* Nodes that vanished, in order: number I of them, or NULL when there are no more. */
struct node *disk_gone(const struct disk *, size_t i);
/* True when FILE is still the file it was at STAMP, and so is every folder and link on the way to it. Each is
 * looked at once in this epoch. */
bool disk_file_fresh(struct disk *, const struct scan_file *, uint64_t stamp);
/* The same for PATH (absolute; a file, folder or nothing), which was walked before STAMP: nothing then and
 * nothing now is fresh, too. */
bool disk_place_fresh(struct disk *, const char *path, uint64_t stamp);
/* A regular file that had these bytes when it was last looked at, or NULL. */
struct node *disk_by_digest(struct disk *, const struct digest *);
