#include "base/path.h"

#include <string.h>

char *path_join(struct arena *a, const char *dir, const char *name)
{
	size_t n = strlen(dir);

	if (n == 0 || name[0] == '/')
		return arena_strdup(a, name);
	return arena_printf(a, dir[n - 1] == '/' ? "%s%s" : "%s/%s", dir, name);
}

char *path_dir(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return arena_strdup(a, "");
	return arena_strndup(a, path, slash == path ? 1 : (size_t)(slash - path));
}

const char *path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

const char *path_suffix(const char *path)
{
	const char *base = path_base(path);
	const char *dot = strrchr(base, '.');

	return dot && dot != base ? dot : base + strlen(base);
}

char *path_stem(struct arena *a, const char *path)
{
	return arena_strndup(a, path, (size_t)(path_suffix(path) - path));
}

bool path_is_canonical(const char *p, size_t n)
{
	if (n == 0 || p[0] != '/' || memchr(p, 0, n))
		return false;
	if (n == 1)
		return true;
	for (size_t i = 1; i <= n;) {
		size_t end = i;

		while (end < n && p[end] != '/')
			end++;
		size_t len = end - i;

		if (len == 0 || (len == 1 && p[i] == '.') ||
		    (len == 2 && p[i] == '.' && p[i + 1] == '.'))
			return false;
		i = end + 1;
	}
	return p[n - 1] != '/';
}
