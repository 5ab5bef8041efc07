#include "agent/locate.h"

#include "base/path.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *env_get(char *const env[], const char *name)
{
	size_t n = strlen(name);

	for (; env && *env; env++)
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
			return *env + n + 1;
	return NULL;
}

/* A program that could be run, and is a compiler rather than somebody's wrapper. */
static bool is_compiler(const char *path, const char *self)
{
	static const char *const wrappers[] = {"ccache", "distcc", "icecc", "sccache", "muster-cc"};
	char real[PATH_MAX];
	struct stat st;

	if (access(path, X_OK) || stat(path, &st) || !S_ISREG(st.st_mode) || !realpath(path, real))
		return false;
	if (strcmp(real, self) == 0)
		return false;
	for (size_t i = 0; i < sizeof wrappers / sizeof *wrappers; i++)
		if (strcmp(path_base(real), wrappers[i]) == 0)
			return false;
	return true;
}

const char *locate_compiler(struct arena *a, const char *name, const char *path, const char *cwd,
			    const char *self)
{
	if (strchr(name, '/')) {
		const char *full = path_join(a, cwd, name);

		return is_compiler(full, self) ? full : NULL;
	}
	for (const char *p = path ? path : "/usr/local/bin:/usr/bin:/bin"; p;) {
		size_t n = strcspn(p, ":");
		const char *dir = n ? arena_strndup(a, p, n) : cwd;
		const char *full = path_join(a, path_join(a, cwd, dir), name);

		if (is_compiler(full, self))
			return full;
		p = p[n] ? p + n + 1 : NULL;
	}
	return NULL;
}
