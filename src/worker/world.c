/* The lower folders are named to the overlay by descriptor (/proc/self/fd/N): no escaping of ':'
 * and ',' in their paths, and once opened, it does not matter what is mounted over them. So the
 * scratch tmpfs can be mounted upon the first of them, a folder that is sure to exist: only this
 * mount namespace sees that, and only until the old root is gone.
 *
 * Binds are mounted with all that is mounted below them, because the kernel does not let an unprivileged user
 * uncover what a mount hides; so they are made read-only with all below them too.
 *
 * /proc is read-only: for the kernel the compiler may be root's process (root is mapped to itself),
 * and /proc/sys asks for the user id alone.
 *
 * Fails: where the kernel or its security module does not let an unprivileged user mount. */
#include "worker/world.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "worker/sandbox.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *const devices[] = {"null", "zero", "full", "random", "urandom"};

enum {
	NDEVICES = sizeof devices / sizeof devices[0]
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

static int lower_open(const struct world *w, struct buf *option, struct err *e)
{
	assert(w->nlower > 0);
	if (w->nlower > WORLD_LOWER_LIMIT)
		return err_set(e, E2BIG, "put %zu folders under the job, at most %d go",
			       w->nlower, WORLD_LOWER_LIMIT);
	buf_str(option, "lowerdir=skeleton");
	for (size_t i = 0; i < w->nlower; i++) {
		int fd = open(w->lower[i], O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0)
			return err_set(e, errno, "open the folder %s", w->lower[i]);
		buf_printf(option, ":/proc/self/fd/%d", fd);
	}
	buf_str(option, ",upperdir=upper,workdir=work,userxattr");
	buf_u8(option, 0);
	return 0;
}

static int scratch_mount(const struct world *w, struct err *e)
{
	char option[96];

	assert(w->scratch_bytes > 0);
	snprintf(option, sizeof option, "mode=0755,size=%llu,nr_inodes=%d",
		 (unsigned long long)w->scratch_bytes, WORLD_FILES_LIMIT);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return err_set(e, errno, "keep mounts private");
	if (mount("muster", w->lower[0], "tmpfs", MS_NOSUID | MS_NODEV, option))
		return err_set(e, errno, "mount a tmpfs for what the job writes");
	if (chdir(w->lower[0]))
		return err_set(e, errno, "enter the tmpfs");
	return 0;
}

static int skeleton_make(struct err *e)
{
	static const char *const folders[] = {
	    "upper",        "work",          "root",        "skeleton",
	    "skeleton/dev", "skeleton/proc", "skeleton/tmp"};

	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
		if (mkdir(folders[i], 0755))
			return err_set(e, errno, "make the folder %s", folders[i]);
	if (chmod("skeleton/tmp", 01777))
		return err_set(e, errno, "open /tmp to all");
	for (size_t i = 0; i < NDEVICES; i++) {
		char path[32];

		snprintf(path, sizeof path, "skeleton/dev/%s", devices[i]);
		if (mknod(path, S_IFREG | 0666, 0))
			return err_set(e, errno, "make %s", path);
	}
	for (size_t i = 0; i < NLINKS; i++)
		if (symlink(links[i].target, links[i].path))
			return err_set(e, errno, "make %s", links[i].path);
	return 0;
}

static int devices_bind(struct err *e)
{
	for (size_t i = 0; i < NDEVICES; i++) {
		char from[32], to[32];

		snprintf(from, sizeof from, "/dev/%s", devices[i]);
		snprintf(to, sizeof to, "root/dev/%s", devices[i]);
		if (mount(from, to, NULL, MS_BIND, NULL))
			return err_set(e, errno, "bind %s", from);
	}
	return 0;
}

static int bind_folder(int root, const struct sandbox_bind *b, struct err *e)
{
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
					      MOUNT_ATTR_NODEV};
	char at[32];
	AUTO_FD int to = (int)syscall(SYS_openat2, root, b->to + 1, &how, sizeof how);

	if (to < 0)
		return err_set(e, errno, "open the mount point %s", b->to);
	snprintf(at, sizeof at, "/proc/self/fd/%d", to);
	if (mount(b->from, at, NULL, MS_BIND | MS_REC, NULL))
		return err_set(e, errno, "bind %s", b->from);
	AUTO_FD int there = (int)syscall(SYS_openat2, root, b->to + 1, &how, sizeof how);

	if (there < 0 || syscall(SYS_mount_setattr, there, "", AT_EMPTY_PATH | AT_RECURSIVE,
				 &attr, sizeof attr))
		return err_set(e, errno, "make %s read-only", b->to);
	return 0;
}

static int folders_bind(const struct world *w, struct err *e)
{
	AUTO_FD int root = w->nbinds ? open("root", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

	if (w->nbinds && root < 0)
		return err_set(e, errno, "open the job's root");
	for (size_t i = 0; i < w->nbinds; i++)
		if (bind_folder(root, &w->binds[i], e))
			return -1;
	return 0;
}

/* The old root stands upon the new one for a moment: pivot_root(2), "pivot_root(".", ".")". */
static int root_change(struct err *e)
{
	if (chdir("root"))
		return err_set(e, errno, "enter the job's root");
	if (syscall(SYS_pivot_root, ".", "."))
		return err_set(e, errno, "change to the job's root");
	if (umount2(".", MNT_DETACH))
		return err_set(e, errno, "leave the old root");
	if (chdir("/"))
		return err_set(e, errno, "enter the new root");
	return 0;
}

int world_enter(const struct world *w, struct err *e)
{
	AUTO_BUF struct buf option = {0};

	umask(0);
	if (lower_open(w, &option, e) || scratch_mount(w, e) || skeleton_make(e))
		return -1;
	if (mount("muster", "root", "overlay", MS_NOSUID | MS_NODEV, option.data))
		return err_set(e, errno, "mount the overlay for the job");
	if (mount("proc", "root/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY,
		  NULL))
		return err_set(e, errno, "mount /proc for the job");
	if (devices_bind(e) || folders_bind(w, e))
		return -1;
	int upper = open("upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (upper < 0)
		return err_set(e, errno, "open what the job writes");
	if (root_change(e)) {
		close(upper);
		return -1;
	}
	return upper;
}
