#pragma once
#include "agent/disk.h"
#include "agent/disk_names.h"
#include "base/buf.h"
#include "base/digest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <uthash.h>

/* What the files of the disk share: disk_nodes.c (what is there, and where spelled paths lead),
 * disk_dirs.c (the names in folders, and the tracks), disk.c (the scanner's files, and the epochs). */

/* A name that was looked for in a folder. */
struct asked {
	uint64_t hash; /* key */
	bool present;
	struct file *file; /* that was made of it, or NULL */
	UT_hash_handle hh;
};

struct dir {
	char *path; /* key: absolute, as spelled */
	struct dir *parent;
	uint64_t name_hash; /* of its last component, in PARENT */
	bool exists, racy, unlistable;
	struct stat st;
	uint64_t epoch; /* last looked at */
	struct names names;
	struct asked *asked;
	struct watched *watched; /* NULL: changes are found by listing again */
	struct dir *next_watched;
	UT_hash_handle hh;
};

/* A folder that the kernel tells of, by all the spellings under which we know it. */
struct watched {
	int id; /* key: the kernel's number */
	struct dir *dirs;
	UT_hash_handle hh;
};

struct file {
	struct scan_file scan; /* first: the scanner's pointer is ours */
	struct walk *walk;
	bool awaited; /* among disk->awaited */
	UT_hash_handle hh;
};

/* Where a spelled path leads. */
struct walk {
	char *path;          /* key */
	struct node **nodes; /* folders and links passed, and the end if it exists */
	size_t n;
	char *
	    canonical; /* of the end; GONE: of the first name on the way that is not there */
	enum node_kind kind;
	uint64_t walks;
	uint64_t stamp; /* when it was walked */
	UT_hash_handle hh;
};

struct track {
	uint32_t id; /* from 1, never given twice */
	struct dir **dirs;
	size_t n, cap;
	struct names members; /* by address */
};

/* A node in its folder: what vanishes there is found from above, however the folder is spelled. */
struct node_slot {
	char *path; /* key */
	struct node *node;
	struct node_slot *child, *sibling;
	UT_hash_handle hh;
};

/* A file that was seen with these bytes. */
struct blob {
	struct digest digest; /* key */
	struct node *node;
	UT_hash_handle hh;
};

struct disk {
	struct scan_fs fs;
	struct blob *blobs;
	struct dir *dirs;
	struct file *files;
	struct walk *all_walks;
	struct node_slot *nodes;
	struct node **links; /* every link that a walk passed */
	size_t nlinks;
	struct node **gone;
	size_t ngone;
	struct file **awaited; /* their names are there, but lead to no file (yet) */
	size_t nawaited;
	uint32_t next_file, next_node, next_version, next_track;
	uint64_t epoch, generation, walks, stamp;
	struct buf text;       /* what was read last for its digest … */
	const struct node *of; /* … and whose it is: the scanner often wants it next */
	bool shared;           /* disk_begin goes on in the epoch that there is */
	int64_t now_ns;        /* when this epoch began */
	int64_t believe_ns;    /* how old a look may be in it */
	struct track *track;
	struct still *still;
	struct watched *watched;
	size_t watched_max; /* as many folders at once */
	int watch_fd;       /* inotify; -1: there is none */
};

/* disk_nodes.c */
int64_t disk_clock_ns(void); /* CLOCK_REALTIME: what file times are told in */
int64_t disk_now_ns(void);   /* CLOCK_MONOTONIC: how long ago something was looked at */
bool stat_same(const struct stat *a, const struct stat *b);
/* ST was taken at NOW: a later change within the clock's grain would not show. */
bool stat_is_racy(const struct stat *st, int64_t now);
/* The node's place at canonical PATH, or NULL when nobody has met that name yet. */
struct node_slot *slot_find(struct disk *, const char *path);
void node_look(struct disk *, struct node *); /* now */
/* The bytes that node->digest is of, in *OUT (its own, with a NUL behind them); -1 when they are not to be had any more. */
int node_text(struct disk *, struct node *, struct buf *out);
void node_look_once(struct disk *, struct node *); /* once in this epoch */
/* Where PATH (absolute, as spelled) leads; the disk's own. LINKS: how many were followed already. */
struct walk *walk_to(struct disk *, const char *path, int links);
void walk_look(struct disk *,
	       const struct walk *); /* at each of its nodes, once in this epoch */
bool walk_fresh(const struct walk *,
		uint64_t stamp); /* none of its nodes is newer than STAMP */

/* disk_dirs.c */
void dir_look(struct disk *, struct dir *); /* once in this epoch */
/* The memory of asking DIR for the name with this hash. */
struct asked *dir_ask(struct dir *, uint64_t hash);
/* The folder as spelled, looked at in this epoch, and in the present track. */
struct dir *dir_get(struct disk *, const char *path);
/* The folder PREFIX[0..N) below DIR ("a/b"), likewise. */
struct dir *dir_below(struct disk *, struct dir *, const char *prefix, size_t n);
/* The watching of folders begins and ends with the disk. */
void watch_open(struct disk *);
void watch_close(struct disk *);
/* Takes all that was told since, into the names of the folders. */
void watch_take(struct disk *);
