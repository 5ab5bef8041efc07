/* The tokens of a jobserver: bytes in a pipe, or in a fifo. Who takes a byte out may run one more job, and puts it back
 * when the job has ended.
 *
 *     jobserver_set ──bytes──► [ + + + + ] ◄──────► make, its sub-makes, whoever speaks the protocol
 *                   ◄─excess──
 *
 * Invariant: TOKENS bytes are in the pipe or in somebody's hand. We never block on the pipe: our way to it is an open
 * file of our own (through /proc/self/fd), since O_NONBLOCK belongs to the open file and an old make needs a blocking
 * one. Nobody else blocks on putting a token back, either: a pipe counts pages, not bytes, so that it may be full with a
 * page less than it is said to hold; LIMIT stays below that.
 *
 * A make that is killed takes what it holds with it, as with make's own jobserver (SIGKILL always; make 4.3 gives tokens
 * back after SIGTERM, 4.4 does not): nobody can tell a lost token from a long job. The rest of that build is narrower;
 * when nothing of it lives, jobserver_forget says so. A client that gives back more than it took is put right by the next
 * jobserver_set.
 */
#include "run/jobserver.h"

#include "base/err.h"
#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	FIRST_FD = 3, /* below are standard input, output and error of the make */
	NAME_TRIES = 1000
};

struct jobserver {
	int own;               /* read and write, non-blocking */
	int read_fd, write_fd; /* for the make: a pipe; else -1 */
	char *path;            /* of the fifo, or NULL */
	char *makeflags;
	unsigned limit;
	unsigned tokens; /* in the pipe or in somebody's hand */
};

/* Above standard error, close-on-exec; takes FD over. -1 with errno, also when FD is none. */
static int fd_raise(int fd)
{
	if (fd < 0 || fd >= FIRST_FD)
		return fd;
	int raised = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FD);
	int code = errno;
	close(fd);
	errno = code;
	return raised;
}

static int pipe_open(struct jobserver *js, struct err *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(err, errno, "open a pipe for make's jobserver");
	js->read_fd = fd_raise(ends[0]);
	js->write_fd = fd_raise(ends[1]);
	if (js->read_fd < 0 || js->write_fd < 0)
		return err_set(err, errno, "open a pipe for make's jobserver");
	AUTO_FREE char *self = xasprintf("/proc/self/fd/%d", js->read_fd);
	js->own = fd_raise(open(self, O_RDWR | O_NONBLOCK | O_CLOEXEC));
	if (js->own < 0)
		return err_set(err, errno, "open %s for make's jobserver", self);
	/* make up to 4.1 knows the one, later ones the other; each passes over what it does not know. */
	js->makeflags = xasprintf("-j --jobserver-fds=%d,%d --jobserver-auth=%d,%d",
				  js->read_fd, js->write_fd, js->read_fd, js->write_fd);
	return 0;
}

static int fifo_open(struct jobserver *js, const char *dir, struct err *err)
{
	/* MAKEFLAGS is words, and not every client of a jobserver undoes make's quoting. */
	if (strpbrk(dir, " \t\n\\$#"))
		return err_set(
		    err, 0,
		    "make a fifo for make's jobserver in '%s': MAKEFLAGS cannot hold such a name",
		    dir);
	for (int i = 0; i < NAME_TRIES && !js->path; i++) {
		char *path = xasprintf("%s/jobserver.%ld.%d", dir, (long)getpid(), i);

		if (mkfifo(path, 0600) == 0)
			js->path = path;
		else
			free(path);
		if (!js->path && errno != EEXIST)
			break;
	}
	if (!js->path)
		return err_set(err, errno, "make a fifo for make's jobserver in %s", dir);
	js->own = fd_raise(open(js->path, O_RDWR | O_NONBLOCK | O_CLOEXEC));
	if (js->own < 0)
		return err_set(err, errno, "open the fifo %s", js->path);
	js->makeflags = xasprintf("-j --jobserver-auth=fifo:%s", js->path);
	return 0;
}

/* How many bytes may circulate so that a write never waits. The pipe is full at the earliest when the oldest page holds
 * one unread byte and all others are full. */
static unsigned pipe_limit(int fd, unsigned wanted)
{
	long page = sysconf(_SC_PAGESIZE);
	long size = fcntl(fd, F_GETPIPE_SZ);

	if (size < page + (long)wanted && wanted < INT_MAX - page &&
	    fcntl(fd, F_SETPIPE_SZ, (int)(page + wanted)) >= 0)
		size = fcntl(fd, F_GETPIPE_SZ);
	if (size <= page)
		return 1;
	return wanted < size - page ? wanted : (unsigned)(size - page);
}

struct jobserver *jobserver_new(const char *fifo_dir, unsigned limit, struct err *err)
{
	struct jobserver *js = xcalloc(1, sizeof *js);

	js->own = js->read_fd = js->write_fd = -1;
	if ((fifo_dir ? fifo_open(js, fifo_dir, err) : pipe_open(js, err)) < 0) {
		jobserver_free(js);
		return NULL;
	}
	js->limit = pipe_limit(js->own, limit);
	return js;
}

void jobserver_free(struct jobserver *js)
{
	if (!js)
		return;
	if (js->path)
		unlink(js->path);
	mem_auto_close(&js->own);
	mem_auto_close(&js->read_fd);
	mem_auto_close(&js->write_fd);
	free(js->path);
	free(js->makeflags);
	free(js);
}

const char *jobserver_makeflags(const struct jobserver *js)
{
	return js->makeflags;
}

void jobserver_fds(const struct jobserver *js, int *read_fd, int *write_fd)
{
	*read_fd = js->read_fd;
	*write_fd = js->write_fd;
}

int jobserver_watch_fd(const struct jobserver *js)
{
	return js->own;
}

unsigned jobserver_idle(const struct jobserver *js)
{
	int n = 0;
	int failed = ioctl(js->own, FIONREAD, &n);

	assert(!failed && n >= 0);
	return (unsigned)n;
}

/* Both move up to COUNT tokens and return how many it were. */
static unsigned tokens_give(int fd, unsigned count)
{
	char bytes[512];
	unsigned done = 0;

	memset(bytes, '+', sizeof bytes);
	while (done < count) {
		size_t piece = count - done < sizeof bytes ? count - done : sizeof bytes;
		ssize_t n = write(fd, bytes, piece);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (unsigned)n;
	}
	return done;
}

static unsigned tokens_take(int fd, unsigned count)
{
	char bytes[512];
	unsigned done = 0;

	while (done < count) {
		size_t piece = count - done < sizeof bytes ? count - done : sizeof bytes;
		ssize_t n = read(fd, bytes, piece);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (unsigned)n;
	}
	return done;
}

bool jobserver_set(struct jobserver *js, unsigned jobs)
{
	unsigned want =
	    jobs > 1 ? jobs - 1 : 0; /* make brings the token of the first job */
	unsigned idle = jobserver_idle(js);

	if (want > js->limit)
		want = js->limit;
	if (js->tokens < idle)
		js->tokens = idle;
	if (js->tokens < want)
		js->tokens += tokens_give(js->own, want - js->tokens);
	else
		js->tokens -= tokens_take(js->own, js->tokens - want);
	return js->tokens == want;
}

void jobserver_forget(struct jobserver *js)
{
	js->tokens = jobserver_idle(js);
}
