#include "base/err.h"
#include "base/mem.h"
#include "net/hostlist.h"
#include "sys/fs.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Where the list of hosts comes from. The first place that has one is the only one that
 * counts: lists are not merged, and an empty one says that nothing is to be distributed.
 * A file that is not there, or that this user may not read (HOME may be another's), is
 * passed over as distcc does; any other trouble with it is an error, since another list
 * than the expected one would then apply. */

/* The content of PATH. NULL with *PASS: the next place is asked. */
static char *read_list(const char *path, bool *pass, struct err *e)
{
	AUTO_BUF struct buf text = {0};
	struct err why = {0};

	*pass = false;
	if (fs_read(path, HOSTLIST_FILE, &text, &why)) {
		*pass = why.code == ENOENT || why.code == ENOTDIR || why.code == EACCES;
		if (!*pass)
			err_set(e, 0, "%s", why.text);
		return NULL;
	}
	if (text.len && memchr(text.data, '\0', text.len)) {
		err_set(e, 0, "%s is no text: it contains a NUL byte", path);
		return NULL;
	}
	return text.len ? xstrndup(text.data, text.len) : xstrdup("");
}

/* The user's own file, or NULL where neither variable tells the folder. */
static char *own_file(const char *(*getenv_fn)(void *ctx, const char *name), void *ctx)
{
	const char *dir = getenv_fn(ctx, "DISTCC_DIR");

	if (dir && *dir)
		return xasprintf("%s/hosts", dir);

	const char *home = getenv_fn(ctx, "HOME");

	return home && *home ? xasprintf("%s/.distcc/hosts", home) : NULL;
}

char *hostlist_find(const char *(*getenv_fn)(void *ctx, const char *name), void *ctx,
		    const char *system_file, char **from, struct err *e)
{
	const char *variable = getenv_fn(ctx, "DISTCC_HOSTS");

	*from = NULL;
	if (variable) {
		*from = xstrdup("$DISTCC_HOSTS");
		return xstrdup(variable);
	}

	AUTO_FREE char *own = own_file(getenv_fn, ctx);
	const char *const places[] = {own, system_file};

	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		bool pass;

		if (!places[i])
			continue;
		char *text = read_list(places[i], &pass, e);

		if (text) {
			*from = xstrdup(places[i]);
			return text;
		}
		if (!pass) {
			err_wrap(e, "find the list of hosts");
			return NULL;
		}
	}
	err_set(
	    e, 0,
	    "find the list of hosts: $DISTCC_HOSTS is not set, and there is no %s%s%s that "
	    "may be read",
	    own ? own : "", own ? " and no " : "", system_file);
	return NULL;
}
