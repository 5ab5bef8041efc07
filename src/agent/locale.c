#include "agent/locale.h"

#include "agent/locate.h"
#include "agent/still.h"
#include "base/buf.h"
#include "base/path.h"

#include <ctype.h>
#include <dirent.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

enum {
	ARCHIVE_MAX = 32 << 20
};

static bool is_builtin(const char *name)
{
	static const char *const names[] = {"", "C", "POSIX"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* What is collected, and how long it holds. */
struct looking {
	struct arena *a;
	struct strv *places;
	struct still *still;
	struct still_mark mark;
};

static bool look(struct looking *l, const char *path, struct stat *st)
{
	still_add(l->still, &l->mark, path);
	return stat(path, st) == 0;
}

/* The catalogues of GCC, the assembler and the C library for LANGUAGE, with and without its territory. */
static void add_catalogues(struct looking *l, const char *language, size_t n)
{
	static const char *const domains[] = {
	    "gcc-10",    "gcc-11",    "gcc-12",    "gcc-13",    "gcc-14",    "gcc",
	    "cpplib-10", "cpplib-11", "cpplib-12", "cpplib-13", "cpplib-14", "cpplib",
	    "gas",       "bfd",       "opcodes",   "libc"};
	char name[64];

	if (n == 0 || n >= sizeof name || memchr(language, '/', n))
		return;
	memcpy(name, language, n);
	name[n] = 0;
	name[strcspn(name, ".@")] = 0;
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < sizeof domains / sizeof *domains; i++) {
			const char *file =
			    arena_printf(l->a, "/usr/share/locale/%s/LC_MESSAGES/%s.mo",
					 name, domains[i]);
			struct stat st;

			if (look(l, file, &st))
				strv_add(l->a, l->places, file);
		}
		if (!strchr(name, '_'))
			return;
		name[strcspn(name, "_")] = 0;
	}
}

/* All files of one locale's folder. */
static void add_folder(struct looking *l, const char *dir)
{
	DIR *list = opendir(dir);

	if (!list)
		return;
	strv_add(l->a, l->places, dir);
	for (struct dirent *i; (i = readdir(list));) {
		if (strncmp(i->d_name, "LC_", 3) != 0)
			continue;
		const char *file = path_join(l->a, dir, i->d_name);
		struct stat st;

		if (look(l, file, &st) && S_ISDIR(st.st_mode))
			file = arena_printf(l->a, "%s/SYS_LC_MESSAGES", file);
		strv_add(l->a, l->places, file);
	}
	closedir(list);
}

/* "UTF-8" as the C library names folders: letters and digits only, in lower case (glibc manual, "Locale
 * Names"). Only this one charset: others would need conversion modules too. */
static bool is_utf8(const char *charset)
{
	char plain[8] = "";
	size_t n = 0;

	for (; *charset && *charset != '@'; charset++)
		if (isalnum((unsigned char)*charset) && n < sizeof plain - 1)
			plain[n++] = (char)tolower((unsigned char)*charset);
	return strcmp(plain, "utf8") == 0;
}

static const char *add_locale(struct looking *l, const char *name)
{
	static const char archive[] = "/usr/lib/locale/locale-archive";
	static const char alias[] = "/usr/share/locale/locale.alias";
	const char *dot = strchr(name, '.');
	struct stat st;

	if (is_builtin(name))
		return NULL;
	if (strchr(name, '/') || strchr(name, '@') || !dot || !is_utf8(dot + 1))
		return "its locale is not a plain UTF-8 one";
	const char *base = arena_strndup(l->a, name, (size_t)(dot - name));
	const char *dirs[] = {arena_printf(l->a, "/usr/lib/locale/%s", name),
			      arena_printf(l->a, "/usr/lib/locale/%s.utf8", base),
			      arena_printf(l->a, "/usr/lib/locale/%s", base)};
	bool found = false;

	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
		if (look(l, dirs[i], &st)) {
			add_folder(l, dirs[i]);
			found = true;
		}
	if (!found && look(l, archive, &st)) {
		if (st.st_size > ARCHIVE_MAX)
			return "its locale is part of a very large archive";
		strv_add(l->a, l->places, archive);
	}
	if (look(l, alias, &st))
		strv_add(l->a, l->places, alias);
	add_catalogues(l, name, strlen(name));
	return NULL;
}

static const char *collect(struct looking *l, char *const env[])
{
	const char *all = env_get(env, "LC_ALL"), *language = env_get(env, "LANGUAGE");
	const char *lang = env_get(env, "LANG");
	const char *why = NULL;

	if (all && *all) {
		why = add_locale(l, all);
	} else {
		if (lang)
			why = add_locale(l, lang);
		for (; !why && *env; env++)
			if (strncmp(*env, "LC_", 3) == 0 && strchr(*env, '='))
				why = add_locale(l, strchr(*env, '=') + 1);
	}
	/* LANGUAGE counts only where the locale is none of the plain ones; listing it anyway does no harm. */
	for (const char *p = language; p && *p; p += strcspn(p, ":"), p += *p == ':')
		add_catalogues(l, p, strcspn(p, ":"));
	return why;
}

/* The variables that decide. */
static void make_key(struct buf *key, char *const env[])
{
	for (; *env; env++)
		if (strncmp(*env, "LC_", 3) == 0 || strncmp(*env, "LANG", 4) == 0)
			buf_add(key, *env, strlen(*env) + 1);
}

/* The user's language is the same for all his compiles: what was found for it last. */
static struct {
	struct buf key;
	struct arena *arena;
	struct strv places;
	const char *why;
	struct still_mark mark;
} last;

const char *locale_places(struct arena *a, struct still *still, char *const env[],
			  struct strv *places)
{
	AUTO_BUF struct buf key = {0};

	make_key(&key, env);
	if (!last.arena || !still_holds(still, &last.mark) || key.len != last.key.len ||
	    (key.len && memcmp(key.data, last.key.data, key.len) != 0)) {
		struct looking l = {.still = still, .places = &last.places};

		arena_free(last.arena);
		l.a = last.arena = arena_new();
		last.places = (struct strv){0};
		last.key.len = 0;
		buf_add(&last.key, key.data, key.len);
		still_begin(still, &l.mark);
		last.why = collect(&l, env);
		last.mark = l.mark;
	}
	for (size_t i = 0; i < last.places.n; i++)
		strv_add(a, places, arena_strdup(a, last.places.v[i]));
	return last.why;
}

void terminal_places(struct arena *a, char *const env[], struct strv *places)
{
	static const char *const dirs[] = {"/etc/terminfo", "/lib/terminfo",
					   "/usr/share/terminfo", "/usr/lib/terminfo"};
	const char *term = env_get(env, "TERM"), *own = env_get(env, "TERMINFO");
	const char *home = env_get(env, "HOME");

	if (!term || !*term || strchr(term, '/'))
		return;
	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
		strv_add(a, places, arena_printf(a, "%s/%c/%s", dirs[i], *term, term));
	if (own && *own == '/')
		strv_add(a, places, arena_printf(a, "%s/%c/%s", own, *term, term));
	if (home && *home == '/')
		strv_add(a, places,
			 arena_printf(a, "%s/.terminfo/%c/%s", home, *term, term));
}
