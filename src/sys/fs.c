#include "sys/fs.h"

#include "base/err.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int fs_read(const char *path, size_t limit, struct buf *out, struct err *e)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
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

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	int failed = kind == FTW_DP ? rmdir(path) : unlink(path);

	return failed && errno != ENOENT;
}

int fs_remove_tree(const char *path, struct err *e)
{
	enum {
		OPEN_FOLDERS = 32
	};

	if (nftw(path, remove_one, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS) && errno != ENOENT)
		return err_set(e, errno, "remove %s", path);
	return 0;
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
