#pragma once
/* A real folder below /tmp and a disk that looks at it: what test_disk.c and test_disk_folders.c stand on.
 * Times are set by hand, so that nothing counts as changed just now unless a test wants it so. */
#include "agent/disk.h"
#include "sys/fs.h"
#include "sys/hash.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char top[64]; /* the folder of this test, canonical */
static struct disk *disk;
static struct track *track;

enum {
	OLD = 1000000000, /* seconds: long ago */
	TEXT = 4200
};

static inline char *at(const char *name)
{
	static char paths[8][TEXT];
	static unsigned turn;
	char *p = paths[turn++ % 8];

	snprintf(p, TEXT, "%s%s%s", top, *name ? "/" : "", name);
	return p;
}

static inline void set_time(const char *name, time_t s, long ns)
{
	struct timespec t[2] = {
	    {s, ns},
            {s, ns}
        };

	if (utimensat(AT_FDCWD, at(name), t, AT_SYMLINK_NOFOLLOW))
		abort();
}

static inline void put(const char *name, const char *text)
{
	int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
	close(fd);
	set_time(name, OLD, 0);
}

static inline void folder(const char *name)
{
	if (mkdir(at(name), 0755))
		abort();
}

static inline void link_to(const char *target, const char *name)
{
	unlink(at(name));
	if (symlink(target, at(name)))
		abort();
}

static inline void move(const char *from, const char *to)
{
	if (rename(at(from), at(to)))
		abort();
}

static inline void drop(const char *name)
{
	if (remove(at(name)))
		abort();
}

static inline void begin(void)
{
	strcpy(top, "/tmp/muster-disk-XXXXXX");
	if (!mkdtemp(top))
		abort();
	disk = disk_new();
	track = track_new(disk);
	disk_begin(disk, track);
}

static inline void end(void)
{
	disk_free(disk);
	fs_remove_tree(top, NULL);
}

static inline void again(void)
{
	disk_begin(disk, track);
}

static inline const struct scan_fs *fs(void)
{
	return disk_scan_fs(disk);
}

static inline const struct scan_file *find(const char *dir, const char *name)
{
	return fs()->find(fs()->ctx, at(dir), name);
}

static inline bool is_dir(const char *dir, const char *name)
{
	return fs()->is_dir(fs()->ctx, at(dir), name);
}

static inline uint32_t version(const struct scan_file *f)
{
	return fs()->version(fs()->ctx, f);
}

static inline uint64_t generation(void)
{
	return fs()->generation(fs()->ctx);
}

static inline struct node *node(const struct scan_file *f)
{
	return f ? disk_file_node(disk, f) : NULL;
}

/* The node at the end of FILE is NAME, with these bytes. */
static inline bool leads_to(const struct scan_file *f, const char *name, const char *text)
{
	struct digest d;

	if (!f || !version(f))
		return false;
	struct node *n = node(f);

	hash_bytes(text, strlen(text), &d);
	return n && strcmp(n->path, at(name)) == 0 && digest_equal(&n->digest, &d);
}

/* All nodes of a walk as "kind name, …" without those above TOP. */
static char walked[2 * TEXT];

static inline void note_node(void *ctx, struct node *n)
{
	size_t len = strlen(walked), skip = strlen(top);

	(void)ctx;
	if (strncmp(n->path, top, skip) != 0)
		return;
	snprintf(walked + len, sizeof walked - len, "%c%s ", "-dfl?"[n->kind],
		 n -> path + skip);
}

static inline const char *walk_file(const struct scan_file *f)
{
	walked[0] = 0;
	disk_file_walk(disk, f, note_node, NULL);
	return walked;
}

static inline bool is_gone(const char *name)
{
	for (size_t i = 0; disk_gone(disk, i); i++)
		if (strcmp(disk_gone(disk, i)->path, at(name)) == 0)
			return true;
	return false;
}
