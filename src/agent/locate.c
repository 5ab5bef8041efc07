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
	static const char *const wrappers[] = {"ccache", "distcc", "icecc", "sccache",
					       "muster-cc"};
	char real[PATH_MAX];
	struct stat st;

	if (access(path, X_OK) || stat(path, &st) || !S_ISREG(st.st_mode) ||
	    !realpath(path, real))
		return false;
	if (strcmp(real, self) == 0)
		return false;
	for (size_t i = 0; i < sizeof wrappers / sizeof *wrappers; i++)
		if (strcmp(path_base(real), wrappers[i]) == 0)
			return false;
	return true;
}

static bool is_self(const char *path, const char *self)
{
	char real[PATH_MAX];

	return realpath(path, real) && strcmp(real, self) == 0;
}

const char *locate_compiler(struct arena *a, const char *name, const char *path,
			    const char *cwd, const char *self)
{
	if (strchr(name, '/')) {
		const char *full = path_join(a, cwd, name);

		if (is_compiler(full, self))
			return full;
		if (!is_self(full, self))
			return NULL;
		name = path_base(name); /* a link of ours, by its path: the name is meant */
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

static bool is_usual(const char *path)
{
	static const char *const dirs[] = {"/usr/bin/", "/usr/local/bin/", "/bin/"};

	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
		size_t n = strlen(dirs[i]);

		if (strncmp(path, dirs[i], n) == 0 && !strchr(path + n, '/'))
			return true;
	}
	return false;
}

const char *locate_installed(struct arena *a, const char *program)
{
	enum {
		STEPS = 40
	};

	const char *at = program;
	char target[PATH_MAX];

	for (int i = 0; i < STEPS && !is_usual(at); i++) {
		ssize_t n = readlink(at, target, sizeof target - 1);

		if (n <= 0)
			return program;
		target[n] = 0;
		at = path_join(a, path_dir(a, at), target);
	}
	return is_usual(at) ? at : program;
}

bool locate_is_clang(const char *program)
{
	char real[PATH_MAX];

	return realpath(program, real) && strncmp(path_base(real), "clang", 5) == 0;
}
