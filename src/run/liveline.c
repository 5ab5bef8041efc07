/* The effects of a live line: the terminal's size and writing to it. What to write is footer's. Each call writes at
 * most once, so that terminals do not flicker. When the terminal cannot be written to (it hung up) the rest is dropped:
 * nobody is there to read it, and the build goes on. */
#include "run/liveline.h"

#include "base/mem.h"
#include "run/footer.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
	WIDTH_USUAL = 80, /* of a terminal that does not know its size */
	HEIGHT_USUAL = 24,
	SIZE_MAX_BELIEVED = 2000
};

struct liveline {
	int fd;
	bool wanted;
	bool broken;
	struct footer footer;
	struct buf out;
};

bool liveline_is_wanted(bool terminal, const char *term, const char *ci)
{
	if (!terminal || !term || !*term || strcmp(term, "dumb") == 0)
		return false;
	return !ci || !*ci || strcmp(ci, "false") == 0 || strcmp(ci, "0") == 0;
}

static unsigned believed(unsigned n, unsigned usual)
{
	return n == 0 ? usual : n > SIZE_MAX_BELIEVED ? SIZE_MAX_BELIEVED : n;
}

static void ask_size(int fd, unsigned *width, unsigned *height)
{
	struct winsize size = {0};

	if (ioctl(fd, TIOCGWINSZ, &size) != 0)
		size = (struct winsize){0};
	*width = believed(size.ws_col, WIDTH_USUAL);
	*height = believed(size.ws_row, HEIGHT_USUAL);
}

static void write_all(struct liveline *l, const char *p, size_t n)
{
	while (n > 0 && !l->broken) {
		ssize_t got = write(l->fd, p, n);

		if (got >= 0) {
			p += got;
			n -= (size_t)got;
		} else if (errno == EAGAIN) {
			/* The terminal is shared and somebody made it so. */
			struct pollfd wait = {.fd = l->fd, .events = POLLOUT};

			poll(&wait, 1, -1);
		} else if (errno != EINTR) {
			l->broken = true;
		}
	}
}

static void flush(struct liveline *l)
{
	write_all(l, l->out.data, l->out.len);
	l->out.len = 0;
}

struct liveline *liveline_new(int fd, bool wanted)
{
	struct liveline *l = xcalloc(1, sizeof *l);
	unsigned width, height;

	ask_size(fd, &width, &height);
	l->fd = fd;
	l->wanted = wanted;
	footer_init(&l->footer, width, height);
	return l;
}

void liveline_free(struct liveline *l)
{
	if (!l)
		return;
	liveline_show(l, "", 0);
	footer_free(&l->footer);
	buf_free(&l->out);
	free(l);
}

void liveline_output(struct liveline *l, const char *bytes, size_t n)
{
	if (!l->wanted) {
		write_all(l, bytes, n);
		return;
	}
	footer_output(&l->footer, &l->out, bytes, n);
	flush(l);
}

void liveline_show(struct liveline *l, const char *text, size_t n)
{
	if (!l->wanted)
		return;
	footer_show(&l->footer, &l->out, text, n);
	flush(l);
}

void liveline_resized(struct liveline *l)
{
	unsigned width, height;

	if (!l->wanted)
		return;
	ask_size(l->fd, &width, &height);
	footer_resize(&l->footer, &l->out, width, height);
	flush(l);
}

unsigned liveline_width(const struct liveline *l)
{
	return l->wanted ? l->footer.width - 1 : 0;
}
