/* A toolchain's files at their paths below a folder. A hard link costs nothing, but shares the file
 * with this machine's compiler, so it is taken only while size, mtime and rights are what the
 * entry says (package managers replace files, they do not write into them); all else is copied, by
 * reference where the file system can, and the copy's digest decides. */
#include "base/err.h"
#include "base/mem.h"
#include "base/path.h"
#include "sys/fs.h"
#include "sys/hash.h"
#include "toolchain/toolchain.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	CHUNK = 1 << 30
};

/* Makes the folders of PATH that come behind its first DONE bytes, without the last component. */
static int parents_make(char *path, size_t done, struct err *e)
{
	for (char *slash = strchr(path + done + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = 0;
		int r = mkdir(path, 0755);
		int code = errno;

		if (r && code != EEXIST)
			err_set(e, code, "make the folder %s", path);
		*slash = '/';
		if (r && code != EEXIST)
			return -1;
	}
	return 0;
}

static bool may_link(const struct entry *x)
{
	struct stat st;

	return lstat(x->path, &st) == 0 && S_ISREG(st.st_mode) &&
	       (uint64_t)st.st_size == x->size && st.st_mtim.tv_sec == x->mtime_s &&
	       (st.st_mode & 0444) == 0444 &&
	       ((st.st_mode & 0111) == 0111) == (x->mode == 0755);
}

static int bytes_copy(int from, int to)
{
	ssize_t n;

	if (ioctl(to, FICLONE, from) == 0)
		return 0;
	while ((n = sendfile(to, from, NULL, CHUNK)) != 0)
		if (n < 0 && errno != EINTR)
			return -1;
	return 0;
}

static int file_copy(const struct entry *x, const char *to, struct err *e)
{
	AUTO_FD int in = open(x->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (in < 0)
		return err_set(e, errno, "open %s", x->path);
	AUTO_FD int out = open(to, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = x->mtime_s}};
	struct digest digest;

	if (out < 0)
		return err_set(e, errno, "make %s", to);
	if (bytes_copy(in, out))
		return err_set(e, errno, "copy %s to %s", x->path, to);
	if (hash_fd(out, &digest, NULL, e))
		return err_wrap(e, "verify %s", to);
	if (!digest_equal(&digest, &x->digest))
		return err_set(e, 0, "%s has changed since it was looked at", x->path);
	if (futimens(out, times) || fchmod(out, x->mode))
		return err_set(e, errno, "set time and mode of %s", to);
	return 0;
}

static int entry_stage(const struct entry *x, const char *dir, struct err *e)
{
	AUTO_FREE char *to = xasprintf("%s%s", dir, x->path);

	if (!path_is_canonical(x->path, strlen(x->path)))
		return err_set(e, EINVAL, "put %s below %s", x->path, dir);
	if (parents_make(to, strlen(dir), e))
		return -1;
	switch (x->kind) {
	case ENTRY_DIR:
		if (mkdir(to, 0755) && errno != EEXIST)
			return err_set(e, errno, "make the folder %s", to);
		return 0;
	case ENTRY_LINK:
		if (symlink(x->target, to))
			return err_set(e, errno, "make the link %s", to);
		return 0;
	case ENTRY_FILE:
		if (may_link(x) && link(x->path, to) == 0)
			return 0;
		return file_copy(x, to, e);
	case ENTRY_GONE: break;
	}
	return err_set(e, EINVAL, "put %s: kind %d", x->path, (int)x->kind);
}

int toolchain_stage(const struct toolchain *tc, const char *dir, struct err *e)
{
	if (mkdir(dir, 0755))
		return err_set(e, errno, "make the folder %s", dir);
	for (size_t i = 0; i < tc->n; i++) {
		if (entry_stage(&tc->entries[i], dir, e) == 0)
			continue;
		fs_remove_tree(dir, NULL);
		return err_wrap(e, "stage the compiler %s", tc->driver);
	}
	return 0;
}
