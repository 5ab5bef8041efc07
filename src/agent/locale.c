#include "agent/locale.h"

#include "agent/locate.h"
#include "base/path.h"

#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

enum { ARCHIVE_MAX = 32 << 20 };

static bool is_builtin(const char *name)
{
	static const char *const names[] = {"", "C", "POSIX", "C.UTF-8", "C.utf8"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* The catalogues of GCC, the assembler and the C library for LANGUAGE, with and without its territory. */
static void add_catalogues(struct arena *a, const char *language, size_t n, struct strv *places)
{
	static const char *const domains[] = {"gcc-10", "gcc-11", "gcc-12", "gcc-13", "gcc-14", "gcc",
					      "cpplib-10", "cpplib-11", "cpplib-12", "cpplib-13", "cpplib-14",
					      "cpplib", "gas", "bfd", "opcodes", "libc"};
	char name[64];

	if (n == 0 || n >= sizeof name || memchr(language, '/', n))
		return;
	memcpy(name, language, n);
	name[n] = 0;
	name[strcspn(name, ".@")] = 0;
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < sizeof domains / sizeof *domains; i++) {
			const char *file = arena_printf(a, "/usr/share/locale/%s/LC_MESSAGES/%s.mo", name,
							domains[i]);
			struct stat st;

			if (stat(file, &st) == 0)
				strv_add(a, places, file);
		}
		if (!strchr(name, '_'))
			return;
		name[strcspn(name, "_")] = 0;
	}
}

static const char *add_locale(struct arena *a, const char *name, struct strv *places)
{
	static const char archive[] = "/usr/lib/locale/locale-archive";
	static const char alias[] = "/usr/share/locale/locale.alias";
	struct stat st;

	if (is_builtin(name))
		return NULL;
	if (stat(archive, &st) == 0) {
		if (st.st_size > ARCHIVE_MAX)
			return "its locale is part of a very large archive";
		strv_add(a, places, archive);
	}
	if (stat(arena_printf(a, "/usr/lib/locale/%s", name), &st) == 0)
		return "its locale has a folder of its own";
	if (stat(alias, &st) == 0)
		strv_add(a, places, alias);
	add_catalogues(a, name, strlen(name), places);
	return NULL;
}

const char *locale_places(struct arena *a, char *const env[], struct strv *places)
{
	const char *all = env_get(env, "LC_ALL"), *language = env_get(env, "LANGUAGE");
	const char *lang = env_get(env, "LANG");
	const char *why = NULL;

	if (all && *all) {
		why = add_locale(a, all, places);
	} else {
		if (lang)
			why = add_locale(a, lang, places);
		for (; !why && *env; env++)
			if (strncmp(*env, "LC_", 3) == 0 && strchr(*env, '='))
				why = add_locale(a, strchr(*env, '=') + 1, places);
	}
	/* LANGUAGE counts only where the locale is none of the plain ones; listing it anyway does no harm. */
	for (const char *p = language; p && *p; p += strcspn(p, ":"), p += *p == ':')
		add_catalogues(a, p, strcspn(p, ":"), places);
	return why;
}
