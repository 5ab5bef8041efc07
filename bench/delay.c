/* delay: a long line in a box, since not every kernel has netem.
 *
 *   delay MS PORT_FILE LISTEN TARGET
 *
 *   client ──► delay ──► target
 *
 * Hands on what either side sends, MS milliseconds after it came; so a round trip takes twice that. The line's
 * width is not limited, and TCP's own slow start is not imitated: both sides speak with this machine. PORT_FILE
 * gets the bound address as soon as connections are accepted.
 *
 * Each direction is a queue of chunks with the time when each is due. A side that takes nothing makes its queue
 * grow up to WAY_BYTES, then the other side is not read. An end is handed on as late as the bytes before it. A
 * target that cannot be reached closes the client; SIGTERM ends all. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	LINES_MAX = 1024,
	CHUNK = 65536,
	WAY_BYTES = 64 << 20
};

struct chunk {
	struct chunk *next;
	int64_t due_ns;
	size_t n, done; /* N 0: the end */
	char data[];
};

struct way {
	int from, to;
	struct chunk *first, **last;
	size_t queued;
	bool ended;   /* nothing more comes */
	bool closed;  /* the end was handed on */
	bool blocked; /* the receiver takes nothing now */
};

struct line {
	bool used;
	struct way ways[2];
};

static struct line lines[LINES_MAX];
static int64_t delay_ns;

static _Noreturn void die(const char *what, const char *about)
{
	fprintf(stderr, "delay: %s %s: %s\n", what, about, strerror(errno));
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* A socket that does not block and does not collect, for HOST:PORT; -1: cannot be had. */
static int socket_open(const char *address, bool listening)
{
	char host[256];
	const char *colon = strrchr(address, ':');
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
	int on = 1;

	if (!colon || (size_t)(colon - address) >= sizeof host)
		return -1;
	memcpy(host, address, (size_t)(colon - address));
	host[colon - address] = '\0';
	if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
		return -1;
	int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool good = fd >= 0;

	if (good && listening)
		good = bind(fd, found->ai_addr, found->ai_addrlen) == 0 &&
		       listen(fd, 1024) == 0;
	else if (good)
		good = connect(fd, found->ai_addr, found->ai_addrlen) == 0 &&
		       setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0;
	freeaddrinfo(found);
	if (good)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static void port_write(int fd, const char *file)
{
	struct sockaddr_storage a;
	socklen_t n = sizeof a;
	char host[64], port[16], new_name[4096];

	if (getsockname(fd, (struct sockaddr *)&a, &n) < 0)
		die("ask the address of", "the socket");
	getnameinfo((struct sockaddr *)&a, n, host, sizeof host, port, sizeof port,
		    NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(new_name, sizeof new_name, "%s.new", file);
	FILE *f = fopen(new_name, "w");

	if (!f || fprintf(f, "%s:%s\n", host, port) < 0 || fclose(f) != 0 ||
	    rename(new_name, file) < 0)
		die("write", file);
}

static void way_open(struct way *w, int from, int to)
{
	*w = (struct way){.from = from, .to = to};
	w->last = &w->first;
}

static void line_accept(int listener, const char *target)
{
	int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC), on = 1;
	struct line *l = lines;

	if (client < 0)
		return;
	while (l < lines + LINES_MAX && l->used)
		l++;
	int far = l < lines + LINES_MAX ? socket_open(target, false) : -1;

	if (far < 0) {
		close(client);
		return;
	}
	setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	fcntl(client, F_SETFL, O_NONBLOCK);
	fcntl(far, F_SETFL, O_NONBLOCK);
	l->used = true;
	way_open(&l->ways[0], client, far);
	way_open(&l->ways[1], far, client);
}

static void line_close(struct line *l)
{
	for (int i = 0; i < 2; i++)
		for (struct chunk *c = l->ways[i].first, *next; c; c = next) {
			next = c->next;
			free(c);
		}
	close(l->ways[0].from);
	close(l->ways[1].from);
	l->used = false;
}

/* False: the connection is broken. */
static bool way_read(struct way *w)
{
	struct chunk *c = malloc(sizeof *c + CHUNK);

	if (!c)
		die("keep", "what was read");
	ssize_t n = read(w->from, c->data, CHUNK);

	if (n < 0) {
		free(c);
		return errno == EAGAIN || errno == EINTR;
	}
	struct chunk *fit = realloc(c, sizeof *c + (size_t)n);

	c = fit ? fit : c;
	c->next = NULL;
	c->due_ns = now_ns() + delay_ns;
	c->n = (size_t)n;
	c->done = 0;
	*w->last = c;
	w->last = &c->next;
	w->queued += c->n;
	w->ended = n == 0;
	return true;
}

/* Hands on what is due. False: the connection is broken. */
static bool way_write(struct way *w, int64_t now)
{
	w->blocked = false;
	while (w->first && w->first->due_ns <= now) {
		struct chunk *c = w->first;

		if (c->n == 0) {
			shutdown(w->to, SHUT_WR);
			w->closed = true;
		}
		while (c->done < c->n) {
			ssize_t n = write(w->to, c->data + c->done, c->n - c->done);

			if (n < 0) {
				w->blocked = errno == EAGAIN || errno == EINTR;
				return w->blocked;
			}
			c->done += (size_t)n;
		}
		w->queued -= c->n;
		w->first = c->next;
		if (!w->first)
			w->last = &w->first;
		free(c);
	}
	return true;
}

static bool line_serve(struct line *l, const struct pollfd *polled, int64_t now)
{
	for (int i = 0; i < 2; i++) {
		struct way *w = &l->ways[i];

		if (!w->ended && polled[i].revents & (POLLIN | POLLHUP | POLLERR) &&
		    !way_read(w))
			return false;
		if (!way_write(w, now))
			return false;
	}
	return !(l->ways[0].closed && l->ways[1].closed);
}

/* What to wait for on a line: ways[I].from is readable, or takes more of the other way. */
static void line_ask(const struct line *l, struct pollfd *p, int64_t *next)
{
	for (int i = 0; i < 2; i++) {
		const struct way *w = &l->ways[i], *back = &l->ways[!i];

		p[i].fd = w->from;
		p[i].events = (short)((!w->ended && w->queued < WAY_BYTES ? POLLIN : 0) |
				      (back->blocked ? POLLOUT : 0));
		if (p[i].events == 0)
			p[i].fd =
			    -1; /* else a hang-up that is known would wake us for ever */
		if (w->first && !w->blocked && w->first->due_ns < *next)
			*next = w->first->due_ns;
	}
}

static void turn(int listener, const char *target)
{
	static struct pollfd polled[1 + 2 * LINES_MAX];
	static struct line *asked[LINES_MAX];
	int64_t next = INT64_MAX;
	size_t n = 0;

	polled[0] = (struct pollfd){.fd = listener, .events = POLLIN};
	for (size_t i = 0; i < LINES_MAX; i++)
		if (lines[i].used) {
			line_ask(&lines[i], &polled[1 + 2 * n], &next);
			asked[n++] = &lines[i];
		}
	int64_t wait = next == INT64_MAX ? 1000000000 : next - now_ns();
	struct timespec timeout = {.tv_sec = wait > 0 ? wait / 1000000000 : 0,
				   .tv_nsec = wait > 0 ? wait % 1000000000 : 0};

	if (ppoll(polled, 1 + 2 * n, &timeout, NULL) < 0 && errno != EINTR)
		die("wait for", "the sockets");
	int64_t now = now_ns();

	for (size_t i = 0; i < n; i++)
		if (!line_serve(asked[i], &polled[1 + 2 * i], now))
			line_close(asked[i]);
	if (polled[0].revents & POLLIN)
		line_accept(listener, target);
}

int main(int argc, char *argv[])
{
	if (argc != 5) {
		fprintf(stderr, "usage: delay MS PORT_FILE LISTEN TARGET\n");
		return 2;
	}
	delay_ns = strtol(argv[1], NULL, 10) * 1000000;
	signal(SIGPIPE, SIG_IGN);
	int listener = socket_open(argv[3], true);

	if (listener < 0)
		die("listen on", argv[3]);
	port_write(listener, argv[2]);
	for (;;)
		turn(listener, argv[4]);
}
