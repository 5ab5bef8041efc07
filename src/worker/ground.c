/* The cage itself stays in a copy of the machine's mounts, to find folders there, and goes over to the ground only to put
 * them down. Both are known by a descriptor on the namespace (setns(2)), which no job inherits.
 *
 * Folders are taken with all that is mounted below them, because the kernel does not let an unprivileged user uncover what
 * a mount hides; so they are made read-only with all below them too. The same path may lead to another folder later: hence
 * device and inode. A folder that is mounted here keeps its inode even when it is removed, so the number cannot come again.
 *
 * Fails: where the kernel or its security module does not let an unprivileged user mount. */
#include "worker/ground.h"

#include "base/err.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	PLACES = 256, /* more than one job can ask for */
	KEPT = 16,    /* of them, from job to job */
	PATH_ROOM = 32
};

const char *const ground_devices[GROUND_DEVICES] = {"null", "zero", "full", "random",
						    "urandom"};

struct place {
	char *path; /* NULL: free */
	dev_t dev;
	ino_t ino;
	unsigned long used; /* when, counted in jobs */
};

struct ground {
	int machine, here; /* the two mount namespaces */
	struct place places[PLACES];
	unsigned taken;
	unsigned long now;
};

static const struct link {
	const char *target, *path;
} links[] = {
    {"/proc/self/fd",   "skeleton/dev/fd"    },
    {"/proc/self/fd/0", "skeleton/dev/stdin" },
    {"/proc/self/fd/1", "skeleton/dev/stdout"},
    {"/proc/self/fd/2", "skeleton/dev/stderr"},
};

enum {
	NLINKS = sizeof links / sizeof links[0]
};

/* A mount namespace of this process's own, by its descriptor. */
static int namespace_make(struct err *e)
{
	if (unshare(CLONE_NEWNS))
		return err_set(e, errno, "make a mount namespace");
	int fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? err_set(e, errno, "open /proc/self/ns/mnt") : fd;
}

static int skeleton_make(struct err *e)
{
	static const char *const folders[] = {
	    "at",       "dev",          "scratch",       "root",
	    "skeleton", "skeleton/dev", "skeleton/proc", "skeleton/tmp"};

	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
		if (mkdir(folders[i], 0755))
			return err_set(e, errno, "make the folder %s", folders[i]);
	if (chmod("skeleton/tmp", 01777))
		return err_set(e, errno, "open /tmp to all");
	for (size_t i = 0; i < GROUND_DEVICES; i++) {
		char path[PATH_ROOM];

		snprintf(path, sizeof path, "skeleton/dev/%s", ground_devices[i]);
		if (mknod(path, S_IFREG | 0666, 0) ||
		    mknod(path + sizeof "skeleton", S_IFREG | 0666, 0))
			return err_set(e, errno, "make %s", path);
	}
	for (size_t i = 0; i < NLINKS; i++)
		if (symlink(links[i].target, links[i].path))
			return err_set(e, errno, "make %s", links[i].path);
	return 0;
}

static int device_bind(const char *name, struct err *e)
{
	char from[PATH_ROOM], to[PATH_ROOM];

	snprintf(from, sizeof from, "/dev/%s", name);
	snprintf(to, sizeof to, "dev/%s", name);
	if (mount(from, to, NULL, MS_BIND, NULL))
		return err_set(e, errno, "bind %s", from);
	return 0;
}

/* In the new namespace: a tmpfs over /proc, which is sure to be there, becomes the root. The old root stands upon the new
 * one for a moment: pivot_root(2), "pivot_root(".", ".")". */
static int ground_make(struct err *e)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return err_set(e, errno, "keep mounts private");
	if (mount("muster", "/proc", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755"))
		return err_set(e, errno, "mount a tmpfs to build on");
	if (chdir("/proc"))
		return err_set(e, errno, "enter the tmpfs");
	if (skeleton_make(e))
		return -1;
	for (size_t i = 0; i < GROUND_DEVICES; i++)
		if (device_bind(ground_devices[i], e))
			return -1;
	if (syscall(SYS_pivot_root, ".", "."))
		return err_set(e, errno, "change to the root to build on");
	if (umount2(".", MNT_DETACH))
		return err_set(e, errno, "leave the old root");
	return 0;
}

static int go(int namespace, struct err *e)
{
	return setns(namespace, CLONE_NEWNS)
		   ? err_set(e, errno, "go over to another mount namespace")
		   : 0;
}

/* A cage that cannot go back is of no use: the worker makes another one. */
static void go_back(const struct ground *g)
{
	if (go(g->machine, NULL))
		_exit(1);
}

struct ground *ground_new(struct err *e)
{
	struct ground *g = xcalloc(1, sizeof *g);
	mode_t mask = umask(0);

	g->machine = namespace_make(e);
	g->here = g->machine < 0 ? -1 : namespace_make(e);
	bool good = g->here >= 0 && ground_make(e) == 0 && go(g->machine, e) == 0;

	umask(mask);
	if (good)
		return g;
	free(g);
	return NULL;
}

static int place_of(const struct ground *g, const struct ground_folder *f)
{
	for (int i = 0; i < PLACES; i++) {
		const struct place *p = &g->places[i];

		if (p->path && p->ino == f->ino && p->dev == f->dev &&
		    strcmp(p->path, f->path) == 0)
			return i;
	}
	return -1;
}

/* The folder as a mount that is nowhere yet. */
static int folder_take(const char *path, struct err *e)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
					      MOUNT_ATTR_NODEV};
	AUTO_FD int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_set(e, errno, "open the folder %s", path);
	int tree = open_tree(
	    fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH);

	if (tree < 0)
		return err_set(e, errno, "bind %s", path);
	if (mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof attr)) {
		err_set(e, errno, "make %s read-only", path);
		close(tree);
		return -1;
	}
	return tree;
}

static void place_name(char name[PATH_ROOM], int place)
{
	snprintf(name, PATH_ROOM, "/at/%d", place);
}

static int folder_put(const struct ground *g, int tree, int place, struct err *e)
{
	char name[PATH_ROOM];
	int r = 0;

	place_name(name, place);
	if (go(g->here, e))
		return -1;
	if ((mkdir(name, 0755) && errno != EEXIST) ||
	    move_mount(tree, "", AT_FDCWD, name, MOVE_MOUNT_F_EMPTY_PATH))
		r = err_set(e, errno, "mount a folder for the job");
	go_back(g);
	return r;
}

int ground_find(struct ground *g, const struct ground_folder *f, struct err *e)
{
	int i = place_of(g, f);

	if (i >= 0) {
		g->places[i].used = g->now;
		return i;
	}
	for (i = 0; i < PLACES && g->places[i].path; i++)
		;
	if (i == PLACES)
		return err_set(e, E2BIG, "put so many folders under a job");
	AUTO_FD int tree = folder_take(f->path, e);
	struct stat st;

	if (tree < 0 || folder_put(g, tree, i, e))
		return -1;
	/* What was mounted counts, should it be another one already. */
	if (fstat(tree, &st))
		return err_set(e, errno, "look at %s", f->path);
	g->places[i] = (struct place){xstrdup(f->path), st.st_dev, st.st_ino, g->now};
	g->taken++;
	return i;
}

static void take_away(struct ground *g, struct place *p)
{
	char name[PATH_ROOM];

	place_name(name, (int)(p - g->places));
	if (umount2(name, MNT_DETACH))
		return;
	free(p->path);
	*p = (struct place){0};
	g->taken--;
}

void ground_tidy(struct ground *g)
{
	g->now++;
	if (g->taken <= KEPT || go(g->here, NULL))
		return;
	while (g->taken > KEPT / 2) {
		struct place *oldest = NULL;
		unsigned before = g->taken;

		for (struct place *p = g->places; p < g->places + PLACES; p++)
			if (p->path && (!oldest || p->used < oldest->used))
				oldest = p;
		take_away(g, oldest);
		if (g->taken == before)
			break;
	}
	go_back(g);
}

int ground_enter(const struct ground *g, struct err *e)
{
	if (go(g->here, e))
		return -1;
	if (unshare(CLONE_NEWNS))
		return err_set(e, errno, "make a mount namespace");
	return 0;
}
