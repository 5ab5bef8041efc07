/* A run: stdout and stderr go to memory files (or stderr to a terminal that we hold, so that the compiler
 * sees one where the user has one); the sandbox's upper layer holds every file written. */
#include "worker/run.h"

#include "base/err.h"
#include "base/mem.h"
#include "sys/fs.h"
#include "sys/loop.h"
#include "worker/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

enum {
	DEPTH_MAX = 64
};

static const uint64_t scratch_bytes = 4ULL << 30;

struct run {
	struct sandbox *sandbox;
	struct loop_watch *watch, *terminal_watch;
	int text[2];  /* memory files: stdout, stderr */
	int terminal; /* the master side, or -1 */
	void (*done)(void *ctx, const struct run_end *);
	void *ctx;
	struct run_end end;
};

static int open_below(int at, const char *path, uint64_t flags)
{
	struct open_how how = {.flags = flags | O_CLOEXEC,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
					  RESOLVE_NO_MAGICLINKS};

	return (int)syscall(SYS_openat2, at, path, &how, sizeof how);
}

/* What the compiler said to its terminal so far, into the stderr file. */
static void drain_terminal(struct run *r)
{
	char chunk[8192];
	ssize_t n;

	while ((n = read(r->terminal, chunk, sizeof chunk)) > 0)
		if (lseek(r->text[1], 0, SEEK_CUR) < RUN_TEXT_MAX)
			fs_write_all(r->text[1], chunk, (size_t)n, NULL);
}

static void on_terminal(void *ctx, unsigned got)
{
	(void)got;
	drain_terminal(ctx);
}

/* A terminal that changes nothing of what is written to it. Returns the compiler's side, or -1. */
static int open_terminal(struct run *r, struct loop *l, unsigned columns, struct err *e)
{
	struct winsize size = {.ws_row = 24, .ws_col = (unsigned short)columns};
	struct termios raw;
	char name[128];

	r->terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (r->terminal < 0 || grantpt(r->terminal) || unlockpt(r->terminal) ||
	    ptsname_r(r->terminal, name, sizeof name))
		return err_set(e, errno, "make a terminal for the compiler");
	int slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (slave < 0)
		return err_set(e, errno, "open the compiler's terminal %s", name);
	if (tcgetattr(slave, &raw) == 0) {
		cfmakeraw(&raw);
		tcsetattr(slave, TCSANOW, &raw);
	}
	ioctl(slave, TIOCSWINSZ, &size);
	r->terminal_watch = loop_watch(l, r->terminal, LOOP_READ, on_terminal, r);
	return slave;
}

static int add_file(struct run *r, const char *path, const struct stat *st)
{
	if (r->end.nfiles == RUN_FILES_MAX)
		return -1;
	r->end.files = xreallocarray(r->end.files, r->end.nfiles + 1, sizeof *r->end.files);
	r->end.files[r->end.nfiles++] = (struct run_file){.path = xstrdup(path),
							  .mode = st->st_mode & 07777,
							  .size = (uint64_t)st->st_size};
	return 0;
}

/* Lists regular files below FD (consumed), whose path is PATH. Removed names (whiteouts) and links are
 * not outputs of a compiler. 0, or -1 when there are too many. */
static int list_written(struct run *r, int fd, const char *path, int depth)
{
	DIR *d = fdopendir(fd);
	int bad = 0;

	if (!d) {
		close(fd);
		return -1;
	}
	for (struct dirent *i; !bad && (i = readdir(d));) {
		struct stat st;

		if (strcmp(i->d_name, ".") == 0 || strcmp(i->d_name, "..") == 0 ||
		    fstatat(dirfd(d), i->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		AUTO_FREE char *full = xasprintf("%s/%s", path, i->d_name);

		if (S_ISREG(st.st_mode)) {
			bad = add_file(r, full, &st);
		} else if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX) {
			int sub = open_below(dirfd(d), i->d_name, O_RDONLY | O_DIRECTORY);

			bad = sub < 0 ? -1 : list_written(r, sub, full, depth + 1);
		}
	}
	closedir(d);
	return bad;
}

static void on_end(void *ctx, unsigned got)
{
	struct run *r = ctx;
	struct sandbox_end end;

	(void)got;
	if (!sandbox_end(r->sandbox, &end))
		return;
	loop_unwatch(r->watch);
	r->watch = NULL;
	if (r->terminal >= 0)
		drain_terminal(r);
	r->end.ran = end.started;
	r->end.status = end.status;
	r->end.user_us = end.user_us;
	r->end.sys_us = end.sys_us;
	r->end.maxrss_kb = end.maxrss_kb;
	snprintf(r->end.why, sizeof r->end.why, "%s", end.why);
	if (r->end.ran && sandbox_written(r->sandbox) >= 0) {
		int fd =
		    open_below(sandbox_written(r->sandbox), ".", O_RDONLY | O_DIRECTORY);

		if (fd < 0 || list_written(r, fd, "", 0)) {
			r->end.ran = false;
			snprintf(r->end.why, sizeof r->end.why,
				 "cannot list what the compiler wrote");
		}
	}
	r->done(r->ctx, &r->end);
}

static int open_stdio(struct run *r, struct loop *l, const struct run_spec *spec,
		      int stdio[3], struct err *e)
{
	r->text[0] = memfd_create("stdout", MFD_CLOEXEC);
	r->text[1] = memfd_create("stderr", MFD_CLOEXEC);
	if (r->text[0] < 0 || r->text[1] < 0)
		return err_set(e, errno, "make files for the compiler's messages");
	stdio[1] = r->text[0];
	stdio[2] = spec->terminal ? open_terminal(r, l, spec->columns, e) : r->text[1];
	if (stdio[2] < 0)
		return -1;
	stdio[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return stdio[0] < 0 ? err_set(e, errno, "open /dev/null") : 0;
}

struct run *run_start(struct loop *l, const struct run_spec *spec,
		      void (*done)(void *ctx, const struct run_end *), void *ctx,
		      struct err *e)
{
	struct run *r = xcalloc(1, sizeof *r);
	int stdio[3] = {-1, -1, -1};

	r->text[0] = r->text[1] = r->terminal = -1;
	r->done = done;
	r->ctx = ctx;
	if (open_stdio(r, l, spec, stdio, e) == 0) {
		struct sandbox_spec s = {
		    .lower = spec->lower,
		    .nlower = spec->nlower,
		    .cwd = spec->cwd,
		    .program = spec->program,
		    .argv = spec->argv,
		    .env = spec->env,
 /* gcc asks its standard input how wide the terminal is */
		    .stdio = {spec->terminal && spec->columns ? stdio[2] : stdio[0],
			      stdio[1], stdio[2]},
		    .scratch_bytes = scratch_bytes,
		    .umask = spec->umask,
		};

		r->sandbox = sandbox_start(&s, e);
	}
	if (stdio[0] >= 0)
		close(stdio[0]);
	if (spec->terminal && stdio[2] >= 0)
		close(stdio[2]);
	if (!r->sandbox) {
		run_free(r);
		return NULL;
	}
	r->watch = loop_watch(l, sandbox_fd(r->sandbox), LOOP_READ, on_end, r);
	return r;
}

int run_open(struct run *r, unsigned index, uint64_t *size, struct err *e)
{
	struct stat st;
	int fd;

	if (index < 2)
		fd = fcntl(r->text[index], F_DUPFD_CLOEXEC, 0);
	else
		fd = open_below(sandbox_written(r->sandbox),
				r->end.files[index - 2].path + 1, O_RDONLY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		err_set(e, errno, "open what the compiler wrote");
		if (fd >= 0)
			close(fd);
		return -1;
	}
	if (index < 2 && st.st_size > RUN_TEXT_MAX) {
		close(fd);
		return err_set(e, EFBIG, "the compiler printed more than %d bytes",
			       RUN_TEXT_MAX);
	}
	*size = (uint64_t)st.st_size;
	return fd;
}

void run_free(struct run *r)
{
	if (!r)
		return;
	loop_unwatch(r->watch);
	loop_unwatch(r->terminal_watch);
	sandbox_free(r->sandbox);
	for (int i = 0; i < 2; i++)
		if (r->text[i] >= 0)
			close(r->text[i]);
	if (r->terminal >= 0)
		close(r->terminal);
	for (size_t i = 0; i < r->end.nfiles; i++)
		free(r->end.files[i].path);
	free(r->end.files);
	free(r);
}
