/* Who has not closed when the time is over has let us in, or is too busy to say
 * anything. */
#include "cli/doctor_door.h"

#include "base/mem.h"
#include "cli/knock.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* The beginning of a request: a server that defers its accept sees us only when we have
 * said something. */
static const char beginning[] = "DIST";

static void door_open(struct door *d)
{
	d->fd =
	    d->at ? socket(d->at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)
		  : -1;
	if (d->fd >= 0 && connect(d->fd, d->at->ai_addr, d->at->ai_addrlen) &&
	    errno != EINPROGRESS) {
		close(d->fd);
		d->fd = -1;
	}
}

static void door_shut(struct door *d, bool slammed)
{
	close(d->fd);
	d->fd = -1;
	d->slammed = slammed;
}

static void door_step(struct door *d)
{
	char c;

	if (!d->knocked) {
		d->knocked = true;
		if (send(d->fd, beginning, sizeof beginning - 1, MSG_NOSIGNAL) < 0)
			door_shut(d, errno == ECONNRESET || errno == EPIPE);
		return;
	}
	ssize_t n = recv(d->fd, &c, 1, 0);

	if (n > 0)
		door_shut(d, false); /* it talks, so it is something else */
	else if (n == 0 || errno == ECONNRESET)
		door_shut(d, true);
	else if (errno != EAGAIN && errno != EINTR)
		door_shut(d, false);
}

void door_try(struct door *v, size_t n, int limit_ms)
{
	struct pollfd *p = xcalloc(n + 1, sizeof *p);
	long end = knock_now_ms() + limit_ms;

	for (size_t i = 0; i < n; i++)
		door_open(&v[i]);
	for (;;) {
		long left = end - knock_now_ms();
		size_t open = 0;

		for (size_t i = 0; i < n; i++) {
			p[i] = (struct pollfd){v[i].fd, v[i].knocked ? POLLIN : POLLOUT, 0};
			open += v[i].fd >= 0;
		}
		if (left <= 0 || open == 0)
			break;
		if (poll(p, n, (int)left) <= 0)
			continue;
		for (size_t i = 0; i < n; i++)
			if (v[i].fd >= 0 && p[i].revents)
				door_step(&v[i]);
	}
	for (size_t i = 0; i < n; i++)
		if (v[i].fd >= 0)
			door_shut(&v[i], false);
	free(p);
}
