#include "agent/probe.h"

#include "agent/disk.h"
#include "agent/locate.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/path.h"
#include "scan/scan.h"
#include "sys/spawn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <uthash.h>

enum {
	OUTPUT_MAX = 4 << 20,
	TIMEOUT_MS = 20000
};

/* A folder that had a say in the lists: one that they hold, or that was left out because it does not exist or
 * is another one by a second name. */
struct place {
	const char *path; /* absolute */
	dev_t dev;
	ino_t ino; /* 0: it was no folder */
};

struct cached {
	char *key;
	size_t key_len;
	struct probe probe;
	struct place *places;
	size_t nplaces;
	struct arena *arena;
	UT_hash_handle hh;
};

struct list_track {
	struct scan_search *search; /* key */
	struct track *track;
	UT_hash_handle hh;
};

struct probes {
	struct disk *disk;
	struct scan *scan;
	struct cached *all;
	struct list_track *tracks;
};

/* Environment that GCC (manual 3.21 "Environment Variables Affecting GCC") and Clang add to search lists. */
static const char *const search_env[] = {
    "CPATH", /* from here lists of folders */
    "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "OBJC_INCLUDE_PATH", "OBJCPLUS_INCLUDE_PATH",
    /* and here others */
    "GCC_EXEC_PREFIX", "COMPILER_PATH", "PATH", "SDKROOT"};

enum {
	NENV = sizeof search_env / sizeof *search_env,
	NENV_FOLDERS = 5
};

struct probes *probes_new(struct disk *disk, struct scan *scan)
{
	struct probes *p = xcalloc(1, sizeof *p);

	p->disk = disk;
	p->scan = scan;
	return p;
}

static void forget(struct probes *p, struct cached *c)
{
	HASH_DEL(p->all, c);
	free(c->key);
	arena_free(c->arena);
	free(c->places);
	free(c);
}

void probes_free(struct probes *p)
{
	struct cached *c, *next;

	if (!p)
		return;
	HASH_ITER(hh, p->all, c, next) forget(p, c);
	struct list_track *t, *after;

	HASH_ITER(hh, p->tracks, t, after)
	{
		HASH_DEL(p->tracks, t);
		track_free(t->track);
		free(t);
	}
	free(p);
}

static struct track *track_of(struct probes *p, struct scan_search *search)
{
	struct list_track *t;

	HASH_FIND_PTR(p->tracks, &search, t);
	if (!t) {
		t = xcalloc(1, sizeof *t);
		t->search = search;
		t->track = track_new(p->disk);
		HASH_ADD_PTR(p->tracks, search, t);
	}
	return t->track;
}

static const char *language_word(enum cc_language l)
{
	switch (l) {
	case CC_LANG_CXX:
	case CC_LANG_CXX_CPP: return "c++";
	case CC_LANG_OBJC: return "objective-c";
	case CC_LANG_OBJCXX: return "objective-c++";
	case CC_LANG_ASM:
	case CC_LANG_ASM_CPP: return "assembler-with-cpp";
	case CC_LANG_NONE:
	case CC_LANG_C:
	case CC_LANG_C_CPP: break;
	}
	return "c";
}

static void make_key(struct buf *key, const struct cc_command *cc, const char *driver,
		     const char *cwd, char *const env[])
{
	struct stat st = {0};

	/* An upgrade in its place brings other lists and macros. */
	if (stat(driver, &st))
		st = (struct stat){0};
	buf_printf(key, "%llu %llu %lld %lld %ld", (unsigned long long)st.st_dev,
		   (unsigned long long)st.st_ino, (long long)st.st_size,
		   (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	buf_u8(key, 0);
	buf_add(key, driver, strlen(driver) + 1);
	buf_add(key, cwd, strlen(cwd) + 1);
	buf_u8(key, cc->language);
	for (size_t i = 0; i < cc->probe_args.n; i++)
		buf_add(key, cc->probe_args.v[i], strlen(cc->probe_args.v[i]) + 1);
	for (size_t i = 0; i < NENV; i++) {
		const char *v = env_get(env, search_env[i]);

		buf_u8(key, v ? 1 : 0);
		if (v)
			buf_add(key, v, strlen(v) + 1);
	}
}

static int ask(struct arena *a, const struct cc_command *cc, const char *driver,
	       const char *cwd, char *const env[], struct buf *out, struct buf *err_out,
	       struct err *e)
{
	struct strv argv = {0}, vars = {0};
	int status = 0;

	strv_add(a, &argv, driver);
	for (size_t i = 0; i < cc->probe_args.n; i++)
		strv_add(a, &argv, cc->probe_args.v[i]);
	static const char *const tail[] = {"-E", "-v", "-dM", "-x"};

	for (size_t i = 0; i < sizeof tail / sizeof *tail; i++)
		strv_add(a, &argv, tail[i]);
	strv_add(a, &argv, language_word(cc->language));
	strv_add(a, &argv, "/dev/null");
	for (size_t i = 0; i < NENV; i++) {
		const char *v = env_get(env, search_env[i]);

		if (v)
			strv_add(a, &vars, arena_printf(a, "%s=%s", search_env[i], v));
	}
	strv_add(a, &vars, "LC_ALL=C");
	if (spawn_capture(argv.v, vars.v, cwd, OUTPUT_MAX, TIMEOUT_MS, out, err_out,
			  &status, e))
		return err_wrap(e, "ask %s for its search list", driver);
	if (status)
		return err_set(
		    e, 0, "the compiler does not tell its search list for these options");
	buf_u8(out, 0);
	buf_u8(err_out, 0);
	return 0;
}

static bool is_folder(const char *path, struct stat *st)
{
	return stat(path, st) == 0 && S_ISDIR(st->st_mode);
}

/* The folder PATH had its say. */
static void place_add(struct cached *c, const char *path)
{
	struct stat st;

	for (size_t i = 0; i < c->nplaces; i++)
		if (strcmp(c->places[i].path, path) == 0)
			return;
	c->places = xreallocarray(c->places, c->nplaces + 1, sizeof *c->places);
	struct place *p = &c->places[c->nplaces++];

	*p = (struct place){.path = arena_strdup(c->arena, path)};
	if (is_folder(path, &st)) {
		p->dev = st.st_dev;
		p->ino = st.st_ino;
	}
}

/* Reads the lists from what -v printed (GCC and Clang alike):
 *   ignoring nonexistent directory "X"
 *   ignoring duplicate directory "X"
 *   #include "..." search starts here:
 *    DIR
 *   #include <...> search starts here:
 *    DIR
 *   End of search list.
 * GCC does not mention a file in a folder's place, and Clang names the folder that it kept in place of the
 * duplicate: so what the command names counts, too. */
static void parse(struct cached *c, char *text, const char *cwd)
{
	static const char ignoring[] = "ignoring ", directory[] = " directory \"";
	struct arena *a = c->arena;
	struct strv quote = {0}, bracket = {0};
	struct strv *into = NULL;

	for (char *line = text, *next; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		char *named = strncmp(line, ignoring, sizeof ignoring - 1) == 0
				  ? strstr(line, directory)
				  : NULL;

		if (named) {
			named += sizeof directory - 1;
			named[strcspn(named, "\"")] = 0;
			place_add(c, path_join(a, cwd, named));
		} else if (strncmp(line, "#include \"...\"", 14) == 0) {
			into = &quote;
		} else if (strncmp(line, "#include <...>", 14) == 0) {
			into = &bracket;
		} else if (into && line[0] == ' ') {
			const char *dir = path_join(a, cwd, line + 1);

			strv_add(a, into, dir);
			place_add(c, dir);
		} else {
			into = NULL;
		}
	}
	c->probe.quote = quote.v;
	c->probe.nquote = quote.n;
	c->probe.bracket = bracket.v;
	c->probe.nbracket = bracket.n;
}

/* The folders that the command and its environment name. */
static void add_named(struct cached *c, const struct cc_command *cc, const char *cwd,
		      char *const env[])
{
	for (size_t i = 0; i < cc->dirs.n; i++)
		place_add(c, path_join(c->arena, cwd, cc->dirs.v[i]));
	for (size_t i = 0; i < NENV_FOLDERS; i++) {
		const char *list = env_get(env, search_env[i]);

		for (const char *at = list, *end; at; at = end) {
			size_t n = strcspn(at, ":");

			end = at[n] ? at + n + 1 : NULL;
			if (n)
				place_add(c, path_join(c->arena, cwd,
						       arena_strndup(c->arena, at, n)));
		}
	}
}

/* Still what the compiler would say? A list changes only when a folder comes, goes, or is another one. */
static bool is_current(const struct cached *c)
{
	for (size_t i = 0; i < c->nplaces; i++) {
		const struct place *p = &c->places[i];
		struct stat st;

		if (!is_folder(p->path, &st)) {
			if (p->ino)
				return false;
		} else if (st.st_ino != p->ino || st.st_dev != p->dev) {
			return false;
		}
	}
	return true;
}

const struct probe *probe_get(struct probes *p, const struct cc_command *cc,
			      const char *driver, const char *cwd, char *const env[],
			      struct err *e)
{
	AUTO_BUF struct buf key = {0}, out = {0}, err_out = {0};
	struct cached *c;

	make_key(&key, cc, driver, cwd, env);
	HASH_FIND(hh, p->all, key.data, key.len, c);
	if (c && is_current(c))
		return &c->probe;
	if (c)
		forget(p, c);
	struct arena *a = arena_new();

	if (ask(a, cc, driver, cwd, env, &out, &err_out, e)) {
		arena_free(a);
		return NULL;
	}
	c = xcalloc(1, sizeof *c);
	c->arena = a;
	c->key = xmalloc(key.len);
	memcpy(c->key, key.data, key.len);
	c->key_len = key.len;
	parse(c, err_out.data, cwd);
	add_named(c, cc, cwd, env);
	c->probe.predefined = arena_strdup(a, out.data);
	c->probe.search =
	    scan_search(p->scan, (const char *const *)c->probe.quote, c->probe.nquote,
			(const char *const *)c->probe.bracket, c->probe.nbracket);
	c->probe.track = track_of(p, c->probe.search);
	HASH_ADD_KEYPTR(hh, p->all, c->key, c->key_len, c);
	return &c->probe;
}
