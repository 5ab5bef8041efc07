/* Looks at the folders of PATH. A program is what it leads to in the end: a link to
 * muster-cc is ours, by whatever name. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/path.h"
#include "cli/compiler_name.h"
#include "cli/doctor_path.h"
#include "sys/spawn.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	DIRS_MAX = 1000,
	PROGRAMS_MAX = 10000,
	VERSION_MAX = 4096,
	VERSION_MS = 1000
};

struct looking {
	struct arena *arena;
	struct strv dirs;
	struct program *v;
	size_t n, cap;
};

/* What is at PATH. */
static enum program_kind kind_of(const char *path)
{
	static const struct {
		const char *name;
		enum program_kind kind;
	} fronts[] = {
	    {"muster-cc", PROGRAM_OURS   },
	    {"ccache",    PROGRAM_CCACHE },
	    {"distcc",    PROGRAM_WRAPPER},
	    {"icecc",     PROGRAM_WRAPPER},
	    {"sccache",   PROGRAM_WRAPPER}
        };

	char real[PATH_MAX];
	struct stat st;

	if (!realpath(path, real)) {
		ssize_t n = readlink(path, real, sizeof real - 1);

		real[n > 0 ? n : 0] = 0;
		return strcmp(path_base(real), "muster-cc") == 0 ? PROGRAM_STALE
								 : PROGRAM_NONE;
	}
	if (stat(real, &st) || !S_ISREG(st.st_mode) || access(real, X_OK))
		return PROGRAM_NONE;
	for (size_t i = 0; i < sizeof fronts / sizeof *fronts; i++)
		if (strcmp(path_base(real), fronts[i].name) == 0)
			return fronts[i].kind;
	return PROGRAM_REAL;
}

static void add_program(struct looking *l, const char *name)
{
	enum program_kind kind =
	    kind_of(path_join(l->arena, l->dirs.v[l->dirs.n - 1], name));

	if (kind == PROGRAM_NONE || l->n == PROGRAMS_MAX)
		return;
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 64;
		struct program *v = arena_alloc(l->arena, cap * sizeof *v);

		if (l->n)
			memcpy(v, l->v, l->n * sizeof *v);
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n++] = (struct program){l->dirs.n - 1, arena_strdup(l->arena, name), kind};
}

static int by_name(const void *a, const void *b)
{
	const struct program *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static bool is_seen(const struct looking *l, const struct stat *st)
{
	struct stat other;

	for (size_t i = 0; i < l->dirs.n; i++)
		if (stat(l->dirs.v[i], &other) == 0 && other.st_dev == st->st_dev &&
		    other.st_ino == st->st_ino)
			return true;
	return false;
}

static void look_into(struct looking *l, const char *dir)
{
	struct stat st;
	size_t before = l->n;

	if (l->dirs.n == DIRS_MAX || stat(dir, &st) || is_seen(l, &st))
		return;
	DIR *d = opendir(dir);

	if (!d)
		return;
	strv_add(l->arena, &l->dirs, arena_strdup(l->arena, dir));
	for (struct dirent *i; (i = readdir(d));)
		if (compiler_name_is(i->d_name))
			add_program(l, i->d_name);
	closedir(d);
	if (l->n > before)
		qsort(l->v + before, l->n - before, sizeof *l->v, by_name);
}

/* What the first word of VALUE leads to; of "env A=1 gcc" that is env, and nothing can
 * be said. */
static struct named_program named(struct arena *arena, const char *variable)
{
	const char *value = getenv(variable);
	struct named_program p = {variable, value && *value ? value : NULL, PROGRAM_NONE};

	if (!p.value)
		return p;
	AUTO_FREE char *found =
	    spawn_find(arena_strndup(arena, value, strcspn(value, " \t")));

	if (found)
		p.kind = kind_of(found);
	return p;
}

static const char *ccache_version(struct arena *arena)
{
	AUTO_BUF struct buf out = {0};
	AUTO_FREE char *program = spawn_find("ccache");
	char *argv[] = {program, (char[]){"--version"}, NULL};
	int status;

	if (!program)
		return NULL;
	if (spawn_capture(argv, environ, NULL, VERSION_MAX, VERSION_MS, &out, NULL, &status,
			  NULL))
		return "of unknown version";
	buf_u8(&out, 0);
	const char *version = strstr(out.data, "version ");

	if (!version)
		return "of unknown version";
	version += strlen("version ");
	return arena_strndup(arena, version, strcspn(version, " \n"));
}

void doctor_path_look(struct path_facts *f, struct arena *arena)
{
	struct looking l = {.arena = arena};
	const char *path = getenv("PATH"), *check = getenv("CCACHE_COMPILERCHECK");
	AUTO_FREE char *copy = xstrdup(path ? path : "/usr/local/bin:/usr/bin:/bin");

	for (char *rest = copy, *dir; (dir = strsep(&rest, ":"));)
		look_into(&l, *dir ? dir : ".");
	*f = (struct path_facts){
	    .dirs = (const char *const *)l.dirs.v,
	    .ndirs = l.dirs.n,
	    .v = l.v,
	    .n = l.n,
	    .cc = {named(arena, "CC"), named(arena, "CXX")},
	    .ccache_prefix = named(arena, "CCACHE_PREFIX"),
	    .ccache_version = ccache_version(arena),
	    .ccache_checks_content = check && *check && strcmp(check, "mtime") != 0,
	    .ccache_disabled = getenv("CCACHE_DISABLE") != NULL,
	};
}
