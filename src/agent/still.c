/* A path is watched component by component: the folders on the way for being moved or removed themselves, links
 * too, what is at the end for all, and where there is nothing, the folder that would hold it for new names. On any
 * event all watches are dropped with the descriptor, and the count moves: whoever looks again watches again. So
 * nothing has to be known of what the events mean. */
#include "agent/still.h"

#include "base/mem.h"
#include "base/path.h"
#include "sys/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>

enum {
	WATCHES_MAX = 2048,
	PATHS_MAX = 4096,
	LINKS_MAX = 40,
	SELF = IN_MOVE_SELF | IN_DELETE_SELF,
	/* One that has a second name, or is held open, is only told to have a name less. */
	LINK = SELF | IN_ATTRIB,
	NAMES = SELF | IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM,
	ALL = NAMES | IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE
};

struct seen {
	char *path; /* key */
	bool fine;
	UT_hash_handle hh;
};

struct still {
	int fd;     /* inotify; -1: none */
	int mounts; /* -1: none */
	uint64_t count;
	unsigned watches;
	struct seen *seen; /* paths that are watched */
};

struct still *still_new(void)
{
	struct still *s = xcalloc(1, sizeof *s);

	s->count = 1;
	s->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	s->mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	return s;
}

static void forget(struct still *s)
{
	struct seen *i, *next;

	HASH_ITER(hh, s->seen, i, next)
	{
		HASH_DEL(s->seen, i);
		free(i->path);
		free(i);
	}
	s->watches = 0;
}

void still_free(struct still *s)
{
	if (!s)
		return;
	forget(s);
	if (s->fd >= 0)
		close(s->fd);
	if (s->mounts >= 0)
		close(s->mounts);
	free(s);
}

uint64_t still_take(struct still *s)
{
	struct pollfd p[2] = {
	    {.fd = s->fd,     .events = POLLIN },
	    {.fd = s->mounts, .events = POLLPRI},
	};

	if (!s->seen || poll(p, 2, 0) == 0)
		return s->count;
	forget(s);
	close(s->fd);
	s->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	return ++s->count;
}

static bool watch(struct still *s, const char *path, unsigned mask)
{
	AUTO_FD int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char by_fd[32]; /* the link itself, if it is one, even where it dangles */

	snprintf(by_fd, sizeof by_fd, "/proc/self/fd/%d", fd);
	if (fd < 0 || s->watches >= WATCHES_MAX || !fs_is_local(by_fd) ||
	    inotify_add_watch(s->fd, by_fd, mask | IN_MASK_ADD) < 0)
		return false;
	s->watches++;
	return true;
}

/* The first component of *REST, appended to AT. False: it does not fit. */
static bool step(char at[PATH_MAX], const char **rest)
{
	const char *name = *rest + strspn(*rest, "/");
	size_t n = strcspn(name, "/"), len = strlen(at);

	*rest = name + n;
	if (n == 0 || (n == 1 && name[0] == '.'))
		return true;
	if (n == 2 && memcmp(name, "..", 2) == 0) {
		char *slash = strrchr(at, '/');

		if (slash)
			*slash = 0;
		return true;
	}
	if (len + n + 2 > PATH_MAX)
		return false;
	at[len] = '/';
	memcpy(at + len + 1, name, n);
	at[len + 1 + n] = 0;
	return true;
}

/* Puts the link AT's target in front of REST. */
static char *follow(char at[PATH_MAX], const char *rest)
{
	char target[PATH_MAX];
	ssize_t n = readlink(at, target, sizeof target - 1);

	if (n <= 0)
		return NULL;
	target[n] = 0;
	if (target[0] == '/')
		at[0] = 0;
	else
		*strrchr(at, '/') = 0;
	return xasprintf("%s/%s", target, rest);
}

/* There is no AT, a name in the folder ABOVE. A folder that somebody has open is told to be gone only when he closes
 * it; so the one above it is asked, too. */
static bool watch_absent(struct still *s, char above[PATH_MAX], const char *at)
{
	struct stat st;
	char *slash = strrchr(above, '/');

	if (!watch(s, *above ? above : "/", NAMES))
		return false;
	if (slash)
		*slash = 0;
	return watch(s, *above ? above : "/", NAMES) && lstat(at, &st) != 0;
}

/* Each is watched before it is looked at. */
static bool watch_way(struct still *s, const char *path)
{
	char at[PATH_MAX] = "", above[PATH_MAX];
	AUTO_FREE char *own = NULL;
	const char *rest = path;

	for (int links = 0; *rest;) {
		struct stat st;

		memcpy(above, at, strlen(at) + 1);
		if (!step(at, &rest))
			return false;
		rest += strspn(rest, "/");
		if (lstat(*at ? at : "/", &st))
			return errno == ENOENT && watch_absent(s, above, at);
		unsigned mask = !*rest ? ALL : S_ISLNK(st.st_mode) ? LINK : SELF;

		if (!watch(s, *at ? at : "/", mask) || lstat(*at ? at : "/", &st))
			return false;
		if (!S_ISLNK(st.st_mode))
			continue;
		char *longer = links++ < LINKS_MAX ? follow(at, rest) : NULL;

		if (!longer)
			return false;
		free(own);
		rest = own = longer;
	}
	return true;
}

bool still_watch(struct still *s, const char *path)
{
	struct seen *i;

	HASH_FIND_STR(s->seen, path, i);
	if (i)
		return i->fine;
	if (HASH_COUNT(s->seen) >= PATHS_MAX)
		return false;
	i = xcalloc(1, sizeof *i);
	i->path = xstrdup(path);
	i->fine = s->fd >= 0 && s->mounts >= 0 && path[0] == '/' && watch_way(s, path);
	HASH_ADD_KEYPTR(hh, s->seen, i->path, strlen(i->path), i);
	return i->fine;
}

bool still_holds(const struct still *s, const struct still_mark *m)
{
	return m->at == s->count;
}

void still_begin(const struct still *s, struct still_mark *m)
{
	m->at = s->count;
}

void still_add(struct still *s, struct still_mark *m, const char *path)
{
	if (!still_watch(s, path))
		m->at = 0;
}
