#include "worker/view.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/path.h"
#include "cas/store.h"
#include "sys/fs.h"
#include "worker/own.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct view {
	char *dir, *root;
	int root_fd;
	int temp_fd; /* beside the root: replacements are made there and renamed into place */
	struct store *store;
	struct own *own;
	uint64_t bytes_left, names_left;
};

static int open_below(int at, const char *path, uint64_t flags, mode_t mode)
{
	struct open_how how = {
	    .flags = flags | O_CLOEXEC,
	    .mode = mode,
	    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};

	return (int)syscall(SYS_openat2, at, path, &how, sizeof how);
}

struct view *view_new(const char *dir, struct store *store, struct own *own, struct err *e)
{
	AUTO_FREE char *root = xasprintf("%s/root", dir);
	AUTO_FREE char *temp = xasprintf("%s/temp", dir);

	if (fs_mkdirs(root, 0755, e) || fs_mkdirs(temp, 0700, e))
		return NULL;
	int root_fd = open(root, O_DIRECTORY | O_PATH | O_CLOEXEC);
	int temp_fd = open(temp, O_DIRECTORY | O_PATH | O_CLOEXEC);

	if (root_fd < 0 || temp_fd < 0) {
		err_set(e, errno, "open %s", dir);
		if (root_fd >= 0)
			close(root_fd);
		if (temp_fd >= 0)
			close(temp_fd);
		return NULL;
	}
	struct view *v = xcalloc(1, sizeof *v);

	*v = (struct view){.dir = xstrdup(dir),
			   .root = xstrdup(root),
			   .root_fd = root_fd,
			   .temp_fd = temp_fd,
			   .store = store,
			   .own = own,
			   .bytes_left = UINT64_MAX,
			   .names_left = UINT64_MAX};
	return v;
}

void view_limit(struct view *v, uint64_t bytes, uint64_t names)
{
	v->bytes_left = bytes;
	v->names_left = names;
}

void view_free(struct view *v)
{
	if (!v)
		return;
	close(v->root_fd);
	close(v->temp_fd);
	fs_remove_tree(v->dir, NULL);
	free(v->dir);
	free(v->root);
	free(v);
}

const char *view_root(const struct view *v)
{
	return v->root;
}

static int make_dir(int parent, const char *name)
{
	struct stat st;

	if (mkdirat(parent, name, 0755) == 0)
		return 0;
	if (errno != EEXIST || fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW))
		return -1;
	if (S_ISDIR(st.st_mode))
		return 0;
	return unlinkat(parent, name, 0) || mkdirat(parent, name, 0755) ? -1 : 0;
}

/* The bytes of ENTRY into FD: 1, 0 when they are not here, -1. */
static int fill(struct view *v, const struct entry *en, int fd, struct err *e)
{
	int have = own_copy(v->own, en, fd, e);

	if (have)
		return have;
	if (ftruncate(fd, 0) || lseek(fd, 0, SEEK_SET))
		return err_set(e, errno, "write the client's file");
	if (store_copy(v->store, &en->digest, fd, e) == 0)
		return 1;
	return e->code == ENOENT ? 0 : -1;
}

static const char no_more[] = "keep the client's files: it may have no more here";

static int make_file(struct view *v, int parent, const char *name, const struct entry *en,
		     struct err *e)
{
	static const char temp[] = "new";
	struct timespec times[2] = {{.tv_sec = en->mtime_s}, {.tv_sec = en->mtime_s}};
	AUTO_FD int fd = open_below(v->temp_fd, temp, O_CREAT | O_TRUNC | O_RDWR, 0600);

	if (fd < 0)
		return err_set(e, errno, "create a file for the client's %s", en->path);
	int have = fill(v, en, fd, e);
	struct stat st;

	if (have <= 0)
		return have;
	/* Of the size only the bytes themselves tell the truth. */
	if (fstat(fd, &st) || (uint64_t)st.st_size > v->bytes_left)
		return err_set(e, EDQUOT, "%s", no_more);
	v->bytes_left -= (uint64_t)st.st_size;
	if (fchmod(fd, en->mode & 0111 ? 0755 : 0644) || futimens(fd, times))
		return err_set(e, errno, "set mode and time of %s", en->path);
	if (renameat(v->temp_fd, temp, parent, name) == 0)
		return 1;
	if ((errno == EISDIR || errno == EEXIST || errno == ENOTEMPTY) &&
	    fs_remove_at(parent, name, NULL) == 0 &&
	    renameat(v->temp_fd, temp, parent, name) == 0)
		return 1;
	return err_set(e, errno, "place %s", en->path);
}

/* The folder that holds PATH, or -1. */
static int open_folder(const struct view *v, const char *path)
{
	size_t n = (size_t)(path_base(path) - path);
	AUTO_FREE char *dir = n > 1 ? xstrndup(path + 1, n - 2) : xstrdup(".");

	return open_below(v->root_fd, dir, O_DIRECTORY | O_PATH, 0);
}

/* ELOOP: a link stands where a folder of that name was, and what was below went with the folder. */
static bool is_absent(int code)
{
	return code == ENOENT || code == ENOTDIR || code == ELOOP;
}

bool view_has_folder(const struct view *v, const char *path)
{
	AUTO_FD int fd = open_folder(v, path);

	return fd >= 0 || !is_absent(errno);
}

static int apply(struct view *v, const struct entry *en, struct err *e)
{
	if (!path_is_canonical(en->path, strlen(en->path)))
		return err_set(e, EINVAL, "the client names a path that is not canonical");
	if (en->path[1] == 0)
		return 1; /* the root itself */
	const char *name = path_base(en->path);
	AUTO_FD int parent = open_folder(v, en->path);

	if (parent < 0 && en->kind == ENTRY_GONE && is_absent(errno))
		return 1;
	if (parent < 0)
		return err_set(e, errno, "open the folder of the client's %s", en->path);
	switch (en->kind) {
	case ENTRY_DIR:
		if (make_dir(parent, name))
			return err_set(e, errno, "make the client's folder %s", en->path);
		return 1;
	case ENTRY_LINK:
		if (fs_remove_at(parent, name, NULL) || symlinkat(en->target, parent, name))
			return err_set(e, errno, "make the client's link %s", en->path);
		return 1;
	case ENTRY_GONE:
		if (fs_remove_at(parent, name, NULL))
			return err_set(e, errno, "remove the client's %s", en->path);
		return 1;
	case ENTRY_FILE: return make_file(v, parent, name, en, e);
	}
	return err_set(e, EINVAL, "the client names a thing of an unknown kind");
}

int view_apply(struct view *v, const struct entry *en, struct err *e)
{
	if (v->names_left == 0 && en->kind != ENTRY_GONE)
		return err_set(e, EDQUOT, "%s", no_more);
	int r = apply(v, en, e);

	if (r == 1 && v->names_left)
		v->names_left--;
	return r;
}
