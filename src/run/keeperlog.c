/* The size is looked at before each line. Who finds the file too large renames it, unless another has done so: then the new one is
 * there already, and only to be opened. */
#include "run/keeperlog.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char *path;

static void reopen(void)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	dup2(fd, STDERR_FILENO);
	if (fd != STDERR_FILENO)
		close(fd);
}

static void make_room(void)
{
	struct stat ours, named;

	if (fstat(STDERR_FILENO, &ours) || !S_ISREG(ours.st_mode) ||
	    ours.st_size < KEEPERLOG_MAX)
		return;
	if (stat(path, &named) == 0 && named.st_dev == ours.st_dev &&
	    named.st_ino == ours.st_ino) {
		AUTO_FREE char *old = xasprintf("%s.1", path);

		(void)!rename(path, old);
	}
	reopen();
}

static void write_line(enum log_level level, const char *name, const char *text)
{
	AUTO_BUF struct buf line = {0};

	make_room();
	buf_printf(&line, "<%d>%s: %s\n", (int)level, name, text);
	/* One write, so that lines of several keepers do not mix. */
	(void)!write(STDERR_FILENO, line.data, line.len);
}

void keeperlog_open(const char *file, const char *name)
{
	path = xstrdup(file);
	reopen();
	log_setup(name, LOG_INFO);
	log_to(write_line);
}
