/* A pid file is opened early, while we still may, and written late, when we serve: a
 * second daemon that ends because the port is taken leaves the first one's file as it
 * is. Its folder may be one that somebody else can write to, so a link is never followed
 * and nothing but a plain file is written to. */
#include "worker/pidfile.h"

#include "base/err.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct pidfile {
	char *path; /* absolute */
	int fd;
	bool ours; /* made or written by us: ours to remove */
};

static char *absolute(const char *path)
{
	AUTO_FREE char *cwd = *path == '/' ? NULL : getcwd(NULL, 0);

	return cwd ? xasprintf("%s/%s", cwd, path) : xstrdup(path);
}

static int open_file(struct pidfile *p)
{
	int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
	struct stat st;

	p->fd = open(p->path, flags | O_CREAT | O_EXCL, 0644);
	if (p->fd >= 0) {
		p->ours = true;
		return 0;
	}
	if (errno != EEXIST)
		return errno;
	p->fd = open(p->path, flags);
	if (p->fd < 0 || fstat(p->fd, &st))
		return errno;
	return S_ISREG(st.st_mode) ? 0 : EINVAL;
}

struct pidfile *pidfile_open(const char *path, struct err *e)
{
	struct pidfile *p = xcalloc(1, sizeof *p);

	p->path = absolute(path);
	int error = open_file(p);

	if (!error)
		return p;
	err_set(e, error, "open the pid file %s", path);
	if (p->fd >= 0)
		close(p->fd);
	free(p->path);
	free(p);
	return NULL;
}

int pidfile_write(struct pidfile *p, struct err *e)
{
	char text[24];
	int n = snprintf(text, sizeof text, "%d\n", (int)getpid());

	if (ftruncate(p->fd, 0))
		return err_set(e, errno, "write the pid file %s", p->path);
	ssize_t written = pwrite(p->fd, text, (size_t)n, 0);

	if (written != n)
		return err_set(e, written < 0 ? errno : ENOSPC, "write the pid file %s",
			       p->path);
	p->ours = true;
	return 0;
}

/* It may have been replaced by another daemon's. */
static bool is_same(const struct pidfile *p)
{
	struct stat here, there;

	return fstat(p->fd, &here) == 0 && lstat(p->path, &there) == 0 &&
	       here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

void pidfile_close(struct pidfile *p)
{
	if (!p)
		return;
	if (p->ours && is_same(p) && unlink(p->path)) {
		int n = ftruncate(p->fd, 0);
		(void)n; /* if not even that: whoever reads it finds no such process */
	}
	close(p->fd);
	free(p->path);
	free(p);
}
