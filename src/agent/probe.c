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

struct cached {
	char *key;
	size_t key_len;
	struct probe probe;
	struct arena *arena;
	UT_hash_handle hh;
};

struct probes {
	struct disk *disk;
	struct scan *scan;
	struct cached *all;
};

/* Environment that GCC (manual 3.21 "Environment Variables Affecting GCC") and Clang add to search lists. */
static const char *const search_env[] = {"CPATH",
					 "C_INCLUDE_PATH",
					 "CPLUS_INCLUDE_PATH",
					 "OBJC_INCLUDE_PATH",
					 "GCC_EXEC_PREFIX",
					 "COMPILER_PATH",
					 "PATH",
					 "SDKROOT"};

enum {
	NENV = sizeof search_env / sizeof *search_env
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
	free(c);
}

void probes_free(struct probes *p)
{
	struct cached *c, *next;

	if (!p)
		return;
	HASH_ITER(hh, p->all, c, next) forget(p, c);
	free(p);
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

/* Reads the lists from what -v printed (GCC and Clang alike):
 *   ignoring nonexistent directory "X"
 *   #include "..." search starts here:
 *    DIR
 *   #include <...> search starts here:
 *    DIR
 *   End of search list. */
static void parse(struct arena *a, char *text, const char *cwd, struct probe *p)
{
	static const char ignoring[] = "ignoring nonexistent directory \"";
	struct strv quote = {0}, bracket = {0}, missing = {0};
	struct strv *into = NULL;

	for (char *line = text, *next; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		if (strncmp(line, ignoring, sizeof ignoring - 1) == 0) {
			char *name = line + sizeof ignoring - 1;

			name[strcspn(name, "\"")] = 0;
			strv_add(a, &missing, path_join(a, cwd, name));
		} else if (strncmp(line, "#include \"...\"", 14) == 0) {
			into = &quote;
		} else if (strncmp(line, "#include <...>", 14) == 0) {
			into = &bracket;
		} else if (into && line[0] == ' ') {
			strv_add(a, into, path_join(a, cwd, line + 1));
		} else {
			into = NULL;
		}
	}
	p->quote = quote.v;
	p->nquote = quote.n;
	p->bracket = bracket.v;
	p->nbracket = bracket.n;
	p->missing = missing.v;
	p->nmissing = missing.n;
}

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Still what the compiler would say? A list may change only when a folder comes or goes. */
static bool is_current(const struct probe *p)
{
	for (size_t i = 0; i < p->nmissing; i++)
		if (is_folder(p->missing[i]))
			return false;
	for (size_t i = 0; i < p->nquote; i++)
		if (!is_folder(p->quote[i]))
			return false;
	for (size_t i = 0; i < p->nbracket; i++)
		if (!is_folder(p->bracket[i]))
			return false;
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
	if (c && is_current(&c->probe))
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
	parse(a, err_out.data, cwd, &c->probe);
	c->probe.predefined = arena_strdup(a, out.data);
	c->probe.search =
	    scan_search(p->scan, (const char *const *)c->probe.quote, c->probe.nquote,
			(const char *const *)c->probe.bracket, c->probe.nbracket);
	c->probe.track = track_new(p->disk);
	HASH_ADD_KEYPTR(hh, p->all, c->key, c->key_len, c);
	return &c->probe;
}
