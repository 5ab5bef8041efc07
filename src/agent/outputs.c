#include "agent/outputs.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/path.h"
#include "sys/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct output {
	struct output *next;
	char *target, *temp;
	int fd;
	unsigned mode;
	uint64_t written;
	bool write_over;
};

struct outputs {
	struct output *list; /* newest first */
};

struct outputs *outputs_new(void)
{
	return xcalloc(1, sizeof(struct outputs));
}

static void output_free(struct output *o)
{
	if (o->fd >= 0)
		close(o->fd);
	if (o->temp)
		unlink(o->temp);
	free(o->temp);
	free(o->target);
	free(o);
}

void outputs_free(struct outputs *all)
{
	if (!all)
		return;
	for (struct output *o = all->list, *next; o; o = next) {
		next = o->next;
		output_free(o);
	}
	free(all);
}

static struct output *make(const char *target, unsigned mode, struct err *e)
{
	static unsigned counter;
	const char *base = path_base(target);
	struct output *o = xcalloc(1, sizeof *o);

	o->target = xstrdup(target);
	o->temp = xasprintf("%.*s.muster-%d-%u", (int)(base - target), target,
			    (int)getpid(), ++counter);
	o->mode = mode & 0777;
	o->fd = open(o->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (o->fd >= 0)
		return o;
	err_set(e, errno, "create %s", o->temp);
	free(o->temp);
	o->temp = NULL;
	output_free(o);
	return NULL;
}

int outputs_add(struct outputs *all, const char *target, unsigned mode, uint64_t offset,
		const void *p, size_t n, struct err *e)
{
	struct output *o = all->list;

	if (!o || strcmp(o->target, target) != 0) {
		o = make(target, mode, e);
		if (!o)
			return -1;
		o->next = all->list;
		all->list = o;
	}
	if (offset != o->written)
		return err_set(e, EPROTO, "%s came in pieces out of order", target);
	if (fs_write_all(o->fd, p, n, e))
		return err_wrap(e, "write %s", target);
	o->written += n;
	return 0;
}

void outputs_write_over(struct outputs *all)
{
	all->list->write_over = true;
}

/* A target that is a link, or has several names. */
static int write_through(struct output *o, struct err *e)
{
	AUTO_BUF struct buf all = {0};
	static const size_t limit = 64u << 20;
	AUTO_FD int fd = open(o->target, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return err_set(e, errno, "open %s", o->target);
	if (fs_read(o->temp, limit, &all, e) || fs_write_all(fd, all.data, all.len, e))
		return err_wrap(e, "write %s", o->target);
	return 0;
}

static int place(struct output *o, struct err *e)
{
	struct stat st;

	if (o->write_over && lstat(o->target, &st) == 0) {
		if (!S_ISREG(st.st_mode) || st.st_nlink > 1)
			return write_through(o, e);
		o->mode = st.st_mode & 07777;
	}
	if (fchmod(o->fd, o->mode))
		return err_set(e, errno, "set the mode of %s", o->target);
	if (close(o->fd)) {
		o->fd = -1;
		return err_set(e, errno, "write %s", o->target);
	}
	o->fd = -1;
	if (rename(o->temp, o->target))
		return err_set(e, errno, "rename to %s", o->target);
	free(o->temp);
	o->temp = NULL;
	return 0;
}

static bool is_object(const struct output *o)
{
	return strcmp(path_suffix(o->target), ".o") == 0;
}

int outputs_place(struct outputs *all, struct err *e)
{
	for (int objects = 0; objects < 2; objects++)
		for (struct output *o = all->list; o; o = o->next)
			if (is_object(o) == objects && place(o, e))
				return -1;
	return 0;
}
