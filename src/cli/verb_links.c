/* The masquerade folder: links to muster-cc with the names of the compilers that this machine has. Put in
 * front of PATH, it sends every build through the farm.
 *
 * A link is ours when it leads to muster-cc, or to nothing and its target is called muster-cc (what an
 * installation at another place left behind). Nothing else is ever removed or replaced; with --force, a
 * symbolic link with one of these names is, wherever it leads. Links of ours whose compiler is gone are
 * removed. */
#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/path.h"
#include "cli/compiler_name.h"
#include "cli/links.h"
#include "cli/verbs.h"
#include "sys/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	NAMES_MAX = 10000 /* of compilers; beyond, a folder is not what we think */
};

struct farm {
	struct arena *arena;
	char *shim;          /* muster-cc, absolute */
	struct stat shim_id; /* its identity */
	char *dir;           /* the folder, absolute */
	int fd;              /* and opened */
	struct strv names;   /* of the compilers of this machine, sorted, each once */
	struct strv foreign; /* names in the folder that are something else */
	unsigned made, removed;
	bool force;
};

enum entry {
	ABSENT,
	OURS,    /* and right */
	STALE,   /* a link of ours that leads nowhere */
	LINK,    /* another symbolic link */
	FOREIGN, /* a file, a folder, … */
};

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool has_name(const struct farm *f, const char *name)
{
	return f->names.n &&
	       bsearch(&name, f->names.v, f->names.n, sizeof *f->names.v, by_text);
}

/* ---- the compilers ---- */

/* False for what only stands in front of a compiler: its name alone proves no compiler. */
static bool is_compiler(const char *path)
{
	static const char *const fronts[] = {"muster-cc", "distcc", "ccache", "icecc",
					     "sccache"};
	char real[PATH_MAX];
	struct stat st;

	if (!realpath(path, real) || stat(real, &st) || !S_ISREG(st.st_mode) ||
	    access(real, X_OK))
		return false;
	for (size_t i = 0; i < sizeof fronts / sizeof *fronts; i++)
		if (strcmp(path_base(real), fronts[i]) == 0)
			return false;
	return true;
}

static void add_names(struct farm *f, const char *dir)
{
	DIR *d = *dir == '/' ? opendir(dir) : NULL;
	struct dirent *entry;

	while (d && f->names.n < NAMES_MAX && (entry = readdir(d))) {
		if (!compiler_name_is(entry->d_name))
			continue;
		char *path = path_join(f->arena, dir, entry->d_name);

		if (is_compiler(path))
			strv_add(f->arena, &f->names,
				 arena_strdup(f->arena, entry->d_name));
	}
	if (d)
		closedir(d);
}

/* The usual folders, and those of PATH. */
static void find_compilers(struct farm *f)
{
	static const char *const usual[] = {"/usr/local/bin", "/usr/bin", "/bin"};
	const char *path = getenv("PATH");
	AUTO_FREE char *copy = xstrdup(path ? path : "");
	size_t n = 0;

	for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
		add_names(f, usual[i]);
	for (char *rest = NULL, *dir = strtok_r(copy, ":", &rest); dir;
	     dir = strtok_r(NULL, ":", &rest))
		add_names(f, dir);
	if (f->names.n == 0)
		return;
	qsort(f->names.v, f->names.n, sizeof *f->names.v, by_text);
	for (size_t i = 0; i < f->names.n; i++)
		if (n == 0 || strcmp(f->names.v[n - 1], f->names.v[i]) != 0)
			f->names.v[n++] = f->names.v[i];
	f->names.n = n;
}

/* ---- the folder ---- */

static enum entry entry_kind(const struct farm *f, const char *name)
{
	char target[PATH_MAX];
	struct stat st;

	if (fstatat(f->fd, name, &st, AT_SYMLINK_NOFOLLOW))
		return ABSENT;
	if (!S_ISLNK(st.st_mode))
		return FOREIGN;
	ssize_t n = readlinkat(f->fd, name, target, sizeof target - 1);

	target[n > 0 ? n : 0] = 0;
	if (fstatat(f->fd, name, &st, 0))
		return strcmp(path_base(target), "muster-cc") == 0 ? STALE : LINK;
	return st.st_dev == f->shim_id.st_dev && st.st_ino == f->shim_id.st_ino ? OURS
										: LINK;
}

/* Makes the link by another name and moves it into place: a build may be using the folder. */
static int make_link(struct farm *f, const char *name, struct err *e)
{
	AUTO_FREE char *temp = xasprintf(".%s.%d", name, (int)getpid());

	if (symlinkat(f->shim, f->fd, temp))
		return err_set(e, errno, "make a link in %s", f->dir);
	if (renameat(f->fd, temp, f->fd, name)) {
		err_set(e, errno, "make the link %s/%s", f->dir, name);
		unlinkat(f->fd, temp, 0);
		return -1;
	}
	f->made++;
	return 0;
}

static int make_links(struct farm *f, struct err *e)
{
	for (size_t i = 0; i < f->names.n; i++) {
		char *name = f->names.v[i];
		enum entry kind = entry_kind(f, name);

		if (kind == FOREIGN || (kind == LINK && !f->force))
			strv_add(f->arena, &f->foreign, name);
		else if (kind != OURS && make_link(f, name, e))
			return -1;
	}
	return 0;
}

/* Removes links of ours with the name of a compiler that is not there any more. */
static int remove_stale(struct farm *f, struct err *e)
{
	struct strv gone = {0};
	struct dirent *entry;
	int fd = openat(f->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		if (fd >= 0)
			close(fd);
		return err_set(e, errno, "read folder %s", f->dir);
	}
	while ((entry = readdir(d))) {
		const char *name = entry->d_name;
		enum entry kind = compiler_name_is(name) && !has_name(f, name)
				      ? entry_kind(f, name)
				      : FOREIGN;

		if (kind == OURS || kind == STALE)
			strv_add(f->arena, &gone, arena_strdup(f->arena, name));
	}
	closedir(d);
	for (size_t i = 0; i < gone.n; i++) {
		if (unlinkat(f->fd, gone.v[i], 0))
			return err_set(e, errno, "remove %s/%s", f->dir, gone.v[i]);
		f->removed++;
	}
	return 0;
}

/* ---- the verb ---- */

static int farm_open(struct farm *f, const char *dir, struct err *e)
{
	AUTO_FREE char *own = fs_program_dir();
	char real[PATH_MAX];

	f->shim = arena_printf(f->arena, "%s/muster-cc", own ? own : "/usr/bin");
	if (stat(f->shim, &f->shim_id))
		return err_set(e, errno, "find %s", f->shim);
	if (!dir) /* as distcc installs them: PREFIX/lib/distcc beside PREFIX/bin */
		dir = arena_printf(f->arena, "%s/../lib/distcc", own ? own : "/usr/bin");
	if (fs_mkdirs(dir, 0777, e))
		return -1;
	f->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->fd < 0 || !realpath(dir, real))
		return err_set(e, errno, "open folder %s", dir);
	f->dir = arena_strdup(f->arena, real);
	return 0;
}

static void print_names(const struct strv *v)
{
	enum {
		SHOWN = 6
	};

	for (size_t i = 0; i < v->n && i < SHOWN; i++)
		printf(" %s", v->v[i]);
	if (v->n > SHOWN)
		fputs(" ...", stdout);
}

static void print_report(const struct farm *f)
{
	size_t links = f->names.n - f->foreign.n;

	printf("%s: %zu link%s to %s (%u new, %u removed).", f->dir, links,
	       links == 1 ? "" : "s", f->shim, f->made, f->removed);
	if (f->foreign.n) {
		printf(" Left alone, for they are something else:");
		print_names(&f->foreign);
		if (!f->force)
			fputs("; --force replaces those that are symbolic links", stdout);
		putchar('.');
	}
	printf("\nexport PATH=\"%s:$PATH\"\n", f->dir);
}

static int usage(FILE *to)
{
	fputs(
	    "usage: muster links [--force] DIR\n"
	    "       update-distcc-symlinks [--force] [DIR]\n"
	    "Fills DIR (default: ../lib/distcc from muster's own folder) with links to muster-cc for the\n"
	    "compilers in the usual folders and on PATH, and removes its own stale ones. --force also replaces\n"
	    "symbolic links that lead elsewhere.\n",
	    to);
	return to == stdout ? 0 : 2;
}

int links_fill(const char *dir, struct err *e)
{
	struct farm f = {.arena = arena_new(), .fd = -1};
	int status = farm_open(&f, dir, e);

	if (status == 0) {
		find_compilers(&f);
		status = make_links(&f, e);
	}
	if (f.fd >= 0)
		close(f.fd);
	arena_free(f.arena);
	return status;
}

int verb_links(int argc, char **argv)
{
	struct farm f = {.fd = -1};
	const char *dir = NULL;
	struct err e = {0};

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0)
			return usage(stdout);
		if (strcmp(argv[i], "--force") == 0)
			f.force = true;
		else if (argv[i][0] == '-' || !argv[i][0] || dir)
			return usage(stderr);
		else
			dir = argv[i];
	}
	if (!dir && strcmp(argv[0], "links") == 0)
		return usage(stderr);
	f.arena = arena_new();
	int r = farm_open(&f, dir, &e);

	if (r == 0) {
		find_compilers(&f);
		r = make_links(&f, &e) || remove_stale(&f, &e) ? -1 : 0;
	}
	if (r == 0)
		print_report(&f);
	else
		fprintf(stderr, "muster: %s\n", e.text);
	if (f.fd >= 0)
		close(f.fd);
	arena_free(f.arena);
	return r ? 1 : 0;
}
