/* The folder of links is the same for all builds: what a configuration step finds in it is written down, and must be there tomorrow.
 * Where ccache stands before the compilers there is another one, without the names that ccache has. */
#include "cli/masquerade.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/path.h"
#include "cli/links.h"
#include "sys/fs.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The folder of ccache on PATH, if it stands before the compilers; NULL: there is none. */
static char *ccache_folder(const char *path)
{
	AUTO_FREE char *copy = xstrdup(path);

	for (char *rest = copy, *dir; (dir = strsep(&rest, ":"));) {
		AUTO_FREE char *gcc = xasprintf("%s/gcc", dir);

		if (strcmp(path_base(dir), "ccache") == 0)
			return xstrdup(dir);
		if (access(gcc, X_OK) == 0)
			return NULL;
	}
	return NULL;
}

/* What ccache stands for it calls through us: it knows a compiler by its file, which a link of ours would hide. So its folder stays
 * the first, and the names that it has are not in ours. */
static void let_ccache_first(struct arena *a, struct strv *env, const char *folder,
			     const char *ccache)
{
	AUTO_FREE char *own = fs_program_dir();
	DIR *d = opendir(ccache);

	for (struct dirent *i; d && (i = readdir(d));) {
		AUTO_FREE char *link = xasprintf("%s/%s", folder, i->d_name);

		if (i->d_name[0] != '.')
			unlink(link);
	}
	if (d)
		closedir(d);
	if (!getenv("CCACHE_PREFIX"))
		strv_add(
		    a, env,
		    arena_printf(a, "CCACHE_PREFIX=%s/muster-cc", own ? own : "/usr/bin"));
}

void masquerade_variables(struct arena *a, struct strv *env)
{
	static const char *const names[][2] = {
	    {"CC",  "cc" },
            {"CXX", "c++"}
        };
	AUTO_FREE char *own = fs_program_dir();

	for (size_t i = 0; i < 2; i++) {
		const char *old = getenv(names[i][0]);

		strv_add(a, env,
			 arena_printf(a, "%s=%s/muster-cc %s", names[i][0],
				      own ? own : "/usr/bin",
				      old && *old ? old : names[i][1]));
	}
}

static char *links_folder(struct arena *a, const char *state_dir, const char *ccache)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	const char *name = ccache ? "links-without-ccache" : "links";

	if (cache && *cache == '/')
		return arena_printf(a, "%s/muster/%s", cache, name);
	if (home && *home == '/')
		return arena_printf(a, "%s/.cache/muster/%s", home, name);
	return arena_printf(a, "%s/%s", state_dir, name);
}

int masquerade_path(struct arena *a, const char *state_dir, struct strv *env, struct err *e)
{
	const char *path = getenv("PATH");

	path = path ? path : "/usr/local/bin:/usr/bin:/bin";
	AUTO_FREE char *ccache = ccache_folder(path);
	const char *folder = links_folder(a, state_dir, ccache);

	if (links_fill(folder, e))
		return -1;
	if (ccache)
		let_ccache_first(a, env, folder, ccache);
	strv_add(a, env, arena_printf(a, "PATH=%s:%s", folder, path));
	return 0;
}
