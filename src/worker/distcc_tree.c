/* Every name is walked from the root's descriptor with openat2, which follows no link at all on our side: a name
 * that would go through a link the client sent before is an error. Links are made as they came; where they
 * lead, only the compiler finds out, inside a root of its own that holds nothing else.
 *
 * Invariant: no two binds lie one in the other, and nothing of the client's lies where one is mounted. */
#include "worker/distcc_tree.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/path.h"
#include "sys/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct distcc_tree {
	struct arena *arena;
	int root;
	struct sandbox_bind binds[DISTCC_TREE_BINDS];
	size_t nbinds;
};

/* Folders that package managers fill and every user may read. */
static const char *const system_dirs[] = {
    "/usr/include", "/usr/local/include", "/usr/lib", "/usr/lib64", "/usr/share",
};

/* Sent to make the folder that it is in. */
static const char placeholder[] = "forcing_technique_271828";

struct distcc_tree *distcc_tree_new(const char *dir, struct err *e)
{
	if (fs_mkdirs(dir, 0755, e))
		return NULL;
	int root = open(dir, O_DIRECTORY | O_PATH | O_CLOEXEC);

	if (root < 0) {
		err_set(e, errno, "open %s", dir);
		return NULL;
	}
	struct distcc_tree *t = xcalloc(1, sizeof *t);

	t->arena = arena_new();
	t->root = root;
	return t;
}

void distcc_tree_free(struct distcc_tree *t)
{
	if (!t)
		return;
	close(t->root);
	arena_free(t->arena);
	free(t);
}

static int open_below(int at, const char *path, uint64_t flags, mode_t mode)
{
	struct open_how how = {
	    .flags = flags | O_CLOEXEC,
	    .mode = mode,
	    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};

	return (int)syscall(SYS_openat2, at, path, &how, sizeof how);
}

/* NAME without doubled '/' and "."; NULL when it is not absolute, is the root or has "..". */
static char *clean(struct distcc_tree *t, const char *name, struct err *e)
{
	size_t n = strlen(name), len = 0;
	char *out = arena_alloc(t->arena, n + 1);

	if (n > DISTCC_PATH_MAX) {
		err_set(e, ENAMETOOLONG, "place a name of %zu bytes", n);
		return NULL;
	}
	for (const char *p = name; *p == '/';) {
		p += strspn(p, "/");
		size_t part = strcspn(p, "/");

		if (part && !(part == 1 && *p == '.')) {
			out[len++] = '/';
			memcpy(out + len, p, part);
			len += part;
		}
		p += part;
	}
	if (path_is_canonical(out, len) && len > 1)
		return out;
	err_set(e, EINVAL, "place '%.200s': it is no absolute path, or has '..' in it",
		name);
	return NULL;
}

/* The folder of the clean PATH[0..N), made if need be: a descriptor or -1 (errno). */
static int make_dirs(const struct distcc_tree *t, const char *path, size_t n)
{
	AUTO_FREE char *all = n > 1 ? xstrndup(path + 1, n - 1) : xstrdup(".");
	int fd = open_below(t->root, all, O_DIRECTORY | O_PATH, 0);

	if (fd >= 0 || errno != ENOENT)
		return fd;
	fd = open_below(t->root, ".", O_DIRECTORY | O_PATH, 0);
	for (char *p = all; fd >= 0 && *p;) {
		size_t part = strcspn(p, "/");
		bool last = p[part] == '\0';

		p[part] = '\0';
		int up = fd;

		fd = -1;
		if (mkdirat(up, p, 0755) == 0 || errno == EEXIST)
			fd = open_below(up, p, O_DIRECTORY | O_PATH, 0);
		int code = errno;

		close(up);
		errno = code;
		p += part + !last;
	}
	return fd;
}

/* The folder that NAME is in. */
static int make_parent(const struct distcc_tree *t, const char *name, struct err *e)
{
	size_t n = (size_t)(path_base(name) - name);
	int fd = make_dirs(t, name, n > 1 ? n - 1 : n);

	if (fd < 0)
		err_set(e, errno, "make the folder of %.200s", name);
	return fd;
}

/* What follows DIR in PATH, when that is DIR or below it; else NULL. */
static const char *below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	if (strncmp(path, dir, n) != 0 || (path[n] && path[n] != '/'))
		return NULL;
	return path + n;
}

static const struct sandbox_bind *bind_over(const struct distcc_tree *t, const char *path)
{
	for (size_t i = 0; i < t->nbinds; i++)
		if (below(path, t->binds[i].to))
			return &t->binds[i];
	return NULL;
}

int distcc_tree_file(struct distcc_tree *t, const char *name, const void *p, size_t n,
		     struct err *e)
{
	char *path = clean(t, name, e);

	if (!path)
		return -1;
	if (bind_over(t, path))
		return strcmp(path_base(path), placeholder) == 0
			   ? 0
			   : err_set(
				 e, EEXIST,
				 "place %.200s: it lies in a system folder, which is ours",
				 path);
	AUTO_FD int parent = make_parent(t, path, e);

	if (parent < 0)
		return -1;
	AUTO_FD int fd =
	    open_below(parent, path_base(path), O_CREAT | O_TRUNC | O_WRONLY, 0644);

	if (fd < 0)
		return err_set(e, errno, "place %.200s", path);
	return fs_write_all(fd, p, n, e) ? err_wrap(e, "place %.200s", path) : 0;
}

/* Where TARGET leads from the folder of PATH, as text. *CLIMBS: it would leave the root on the way. */
static char *resolve(struct distcc_tree *t, const char *path, const char *target,
		     bool *climbs)
{
	size_t room = strlen(path) + strlen(target) + 2;
	char *out = arena_alloc(t->arena, room);
	size_t len = *target == '/' ? 0 : (size_t)(path_base(path) - path) - 1;

	memcpy(out, path, len);
	*climbs = false;
	for (const char *p = target; *p; p += *p == '/') {
		size_t part = strcspn(p, "/");

		if (part == 2 && memcmp(p, "..", 2) == 0) {
			*climbs = *climbs || len == 0;
			while (len && out[--len] != '/')
				;
		} else if (part && !(part == 1 && *p == '.')) {
			out[len++] = '/';
			memcpy(out + len, p, part);
			len += part;
		}
		p += part;
	}
	if (len == 0)
		out[len++] = '/';
	out[len] = '\0';
	return out;
}

static bool is_system(const char *path)
{
	for (size_t i = 0; i < sizeof system_dirs / sizeof *system_dirs; i++)
		if (below(path, system_dirs[i]))
			return true;
	return false;
}

/* 1: B need not be added; -1: it contradicts another one. Those that B makes needless go. */
static int settle_bind(struct distcc_tree *t, const struct sandbox_bind *b)
{
	for (size_t i = 0; i < t->nbinds;) {
		const struct sandbox_bind *old = &t->binds[i];
		const char *inside = below(b->to, old->to),
			   *outside = below(old->to, b->to);
		const char *rest = inside    ? below(b->from, old->from)
				   : outside ? below(old->from, b->from)
					     : NULL;

		if (!inside && !outside) {
			i++;
			continue;
		}
		if (!rest || strcmp(rest, inside ? inside : outside) != 0)
			return -1;
		if (inside)
			return 1;
		t->binds[i] = t->binds[--t->nbinds];
	}
	return 0;
}

/* PATH becomes our own folder FROM. */
static int add_bind(struct distcc_tree *t, const char *path, const char *from,
		    struct err *e)
{
	AUTO_FREE char *real = realpath(from, NULL);
	struct stat st;

	if (!real && (errno == ENOENT || errno == ENOTDIR) && is_system(from))
		return 0; /* here is no such folder, and a link that leads nowhere means as much */
	if (!real || !is_system(real) || stat(real, &st) || !S_ISDIR(st.st_mode))
		return err_set(
		    e, EACCES,
		    "link %.200s to %.200s: that is out of the job's root and no "
		    "folder of system headers",
		    path, from);
	AUTO_FD int there = open_below(t->root, path + 1, O_PATH, 0);

	if (there >= 0 || errno != ENOENT)
		return err_set(e, EEXIST, "link %.200s to this machine's %.200s", path,
			       from);
	/* What FROM is reached by may itself be a link: compared is where it leads. */
	const struct sandbox_bind b = {.from = arena_strdup(t->arena, real), .to = path};
	int settled = settle_bind(t, &b);

	if (settled < 0 || (settled == 0 && t->nbinds == DISTCC_TREE_BINDS))
		return err_set(e, 0, "link %.200s to this machine's %.200s: %s", path, from,
			       settled ? "another link contradicts it" : "too many links");
	if (settled == 0)
		t->binds[t->nbinds++] = b;
	return 0;
}

int distcc_tree_link(struct distcc_tree *t, const char *name, const char *target,
		     struct err *e)
{
	char *path = clean(t, name, e), old[DISTCC_PATH_MAX];
	bool climbs;

	if (!path)
		return -1;
	if (!*target || strlen(target) >= sizeof old)
		return err_set(e, EINVAL, "link %.200s to a name of %zu bytes", path,
			       strlen(target));
	const char *leads_to = resolve(t, path, target, &climbs);

	if (climbs)
		return add_bind(t, path, leads_to, e);
	if (bind_over(t, path))
		return 0; /* the system folder is ours, with its own links */
	AUTO_FD int parent = make_parent(t, path, e);

	if (parent < 0)
		return -1;
	if (symlinkat(target, parent, path_base(path)) == 0)
		return 0;
	int code = errno; /* the same link may come more than once */
	ssize_t n =
	    code == EEXIST ? readlinkat(parent, path_base(path), old, sizeof old) : -1;

	if (n == (ssize_t)strlen(target) && memcmp(old, target, (size_t)n) == 0)
		return 0;
	return err_set(e, code, "link %.200s to %.200s", path, target);
}

int distcc_tree_folder(struct distcc_tree *t, const char *path, struct err *e)
{
	if (strspn(path, "/.") == strlen(path) && *path == '/' && !strstr(path, ".."))
		return 0; /* the root */
	char *dir = clean(t, path, e);

	if (!dir)
		return -1;
	if (bind_over(t, dir))
		return 0;
	AUTO_FD int fd = make_dirs(t, dir, strlen(dir));

	if (fd < 0 && errno != ELOOP && errno != ENOTDIR)
		return err_set(e, errno, "make the folder %.200s", dir);
	return 0;
}

int distcc_tree_finish(struct distcc_tree *t, struct err *e)
{
	for (size_t i = 0; i < t->nbinds; i++) {
		const char *to = t->binds[i].to;
		AUTO_FD int fd = make_dirs(t, to, strlen(to));

		if (fd < 0)
			return err_set(e, errno, "make the folder %.200s", to);
	}
	return 0;
}

const struct sandbox_bind *distcc_tree_binds(const struct distcc_tree *t, size_t *n)
{
	*n = t->nbinds;
	return t->binds;
}
