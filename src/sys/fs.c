#include "sys/fs.h"

#include "base/err.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum {
	FOLDER = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
};

int fs_read(const char *path, size_t limit, struct buf *out, struct err *e)
{
	struct stat st;

	/* A pipe would block us, or lose what was meant for another. */
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "read %s, which is no regular file", path);
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	size_t total = 0;

	if (fd < 0)
		return err_set(e, errno, "open %s", path);
	for (;;) {
		enum {
			STEP = 65536
		};

		ssize_t n = read(fd, buf_room(out, STEP), STEP);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, errno, "read %s", path);
		if (n == 0)
			return 0;
		total += (size_t)n;
		if (total > limit)
			return err_set(e, EFBIG, "read %s", path);
		out->len += (size_t)n;
	}
}

int fs_write_all(int fd, const void *p, size_t n, struct err *e)
{
	const char *at = p;

	while (n) {
		ssize_t done = write(fd, at, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return err_set(e, errno, "write");
		at += done;
		n -= (size_t)done;
	}
	return 0;
}

int fs_write_file(const char *path, const void *p, size_t n, mode_t mode, struct err *e)
{
	AUTO_FREE char *temp = xasprintf("%s.%d.tmp", path, (int)getpid());
	AUTO_FD int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	if (fd < 0)
		return err_set(e, errno, "create %s", temp);
	if (fs_write_all(fd, p, n, e) || rename(temp, path)) {
		if (!e || !e->code)
			err_set(e, errno, "rename to %s", path);
		unlink(temp);
		return err_wrap(e, "write %s", path);
	}
	return 0;
}

int fs_mkdirs(const char *path, mode_t mode, struct err *e)
{
	AUTO_FREE char *copy = xstrdup(path);

	for (char *slash = copy + 1;; slash++) {
		slash = strchr(slash, '/');
		if (slash)
			*slash = 0;
		if (mkdir(copy, mode) && errno != EEXIST)
			return err_set(e, errno, "make folder %s", copy);
		if (!slash)
			return 0;
		*slash = '/';
	}
}

/* Removes all that can go at once from the folder D. *SUB: a folder in it that must be emptied first,
 * opened; or -1 when D is empty now. 0 or -1. */
static int empty_folder(DIR *d, int *sub)
{
	struct dirent *i;

	*sub = -1;
	while ((i = readdir(d))) {
		if (strcmp(i->d_name, ".") == 0 || strcmp(i->d_name, "..") == 0)
			continue;
		if (unlinkat(dirfd(d), i->d_name, 0) == 0 || errno == ENOENT)
			continue;
		if (errno != EISDIR && errno != EPERM)
			return -1;
		if (unlinkat(dirfd(d), i->d_name, AT_REMOVEDIR) == 0 || errno == ENOENT)
			continue;
		if (errno != ENOTEMPTY && errno != EEXIST)
			return -1;
		*sub = openat(dirfd(d), i->d_name, FOLDER);
		return *sub < 0 ? -1 : 0;
	}
	return 0;
}

/* Empties the folder FD (consumed). At most two folders are open at a time, and no path is ever spelled
 * out: a tree may be deeper than descriptors and PATH_MAX reach. The way back up is "..": whoever moves
 * folders of the tree meanwhile can lead it astray, so the tree must be ours. */
static int empty_tree(int fd)
{
	for (size_t depth = 0;;) {
		DIR *d = fdopendir(fd);
		int next = -1;

		if (!d) {
			close(fd);
			return -1;
		}
		int bad = empty_folder(d, &next);
		bool up = !bad && next < 0 && depth > 0;

		if (up) {
			next = openat(dirfd(d), "..", FOLDER);
			bad = next < 0 ? -1 : 0;
			depth--;
		} else if (next >= 0) {
			depth++;
		}
		int code = errno;

		closedir(d);
		errno = code;
		if (bad || next < 0)
			return bad;
		fd = next;
	}
}

int fs_remove_at(int at, const char *name, struct err *e)
{
	if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return err_set(e, errno, "remove %s", name);
	int fd = openat(at, name, FOLDER);

	if (fd < 0 || empty_tree(fd) || unlinkat(at, name, AT_REMOVEDIR))
		return errno == ENOENT ? 0 : err_set(e, errno, "remove %s", name);
	return 0;
}

int fs_remove_tree(const char *path, struct err *e)
{
	return fs_remove_at(AT_FDCWD, path, e);
}

bool fs_is_local(const char *path)
{
	static const unsigned long types[] = {
	    0xEF53,     /* ext2, ext3, ext4 */
	    0x58465342, /* XFS */
	    0x9123683E, /* Btrfs */
	    0x01021994, /* tmpfs */
	    0xF2F52010, /* F2FS */
	    0xCA451A4E, /* bcachefs */
	    0x2FC12FC1, /* ZFS */
	    0x3153464A, /* JFS */
	};
	struct statfs fs;

	if (statfs(path, &fs))
		return false;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if ((unsigned long)fs.f_type == types[i])
			return true;
	return false;
}

char *fs_program_dir(void)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	if (n <= 0)
		return NULL;
	self[n] = 0;
	char *slash = strrchr(self, '/');

	if (!slash)
		return NULL;
	*(slash == self ? slash + 1 : slash) = 0;
	return xstrdup(self);
}
