/* A connection reads until the head of the request is whole, then writes the answer, then is closed. Limits: so many bytes of a head,
 * so many connections, so long a silence; what goes beyond is closed without a word. */
#include "engine/fileserver.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "engine/launch.h"
#include "sys/fs.h"
#include "sys/hash.h"
#include "sys/loop.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

enum {
	HEAD_MAX = 16384,
	CLIENTS_MAX = 256,
	SILENCE_MS = 60000,
	BACKLOG = 128
};

struct client {
	struct fileserver *server;
	int fd;
	struct loop_watch *watch;
	struct loop_timer *silence;
	char head[HEAD_MAX];
	size_t nhead;
	struct buf answer; /* the head of it */
	bool body;         /* the file follows */
	size_t sent;
	struct client *prev, *next;
};

struct fileserver {
	struct loop *loop;
	int fd;
	struct loop_watch *watch;
	struct buf file;
	char name[96], *url;
	struct client *clients;
	unsigned n;
};

static void client_free(struct client *c)
{
	DL_DELETE(c->server->clients, c);
	c->server->n--;
	loop_unwatch(c->watch);
	loop_timer_free(c->silence);
	close(c->fd);
	buf_free(&c->answer);
	free(c);
}

static void on_silence(void *ctx)
{
	client_free(ctx);
}

static void on_writable(void *ctx, unsigned got)
{
	struct client *c = ctx;
	const struct buf *file = &c->server->file;
	size_t all = c->answer.len + (c->body ? file->len : 0);
	bool head = c->sent < c->answer.len;
	const char *from =
	    head ? c->answer.data + c->sent : file->data + (c->sent - c->answer.len);
	ssize_t n = send(c->fd, from, (head ? c->answer.len : all) - c->sent,
			 MSG_NOSIGNAL | MSG_DONTWAIT);

	(void)got;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		c->sent += (size_t)n;
	loop_timer_set(c->silence, LOOP_MS(SILENCE_MS));
	if (n <= 0 || c->sent == all)
		client_free(c);
}

static void answer(struct client *c)
{
	const struct fileserver *s = c->server;
	char method[8], path[128];
	bool good = sscanf(c->head, "%7s %127s", method, path) == 2 &&
		    (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0);
	bool found = good && *path == '/' && strcmp(path + 1, s->name) == 0;

	c->body = found && *method == 'G';
	buf_printf(&c->answer,
		   "HTTP/1.1 %s\r\nContent-Type: application/octet-stream\r\n"
		   "Content-Length: %zu\r\nConnection: close\r\n\r\n",
		   found  ? "200 OK"
		   : good ? "404 Not Found"
			  : "405 Method Not Allowed",
		   found ? s->file.len : 0);
	loop_unwatch(c->watch);
	c->watch = loop_watch(s->loop, c->fd, LOOP_WRITE, on_writable, c);
}

static void on_readable(void *ctx, unsigned got)
{
	struct client *c = ctx;
	ssize_t n = recv(c->fd, c->head + c->nhead, HEAD_MAX - 1 - c->nhead, MSG_DONTWAIT);

	(void)got;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		client_free(c);
		return;
	}
	c->nhead += (size_t)n;
	c->head[c->nhead] = 0;
	if (strstr(c->head, "\r\n\r\n"))
		answer(c);
}

/* Silence must not keep others out: of those that have not asked, the oldest goes. */
static void make_room(struct fileserver *s)
{
	for (struct client *c = s->clients; c; c = c->next)
		if (!c->answer.len) {
			client_free(c);
			return;
		}
}

static void on_accept(void *ctx, unsigned got)
{
	struct fileserver *s = ctx;
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)got;
	if (fd < 0)
		return;
	if (s->n == CLIENTS_MAX)
		make_room(s);
	if (s->n == CLIENTS_MAX) {
		close(fd);
		return;
	}
	struct client *c = xcalloc(1, sizeof *c);

	c->server = s;
	c->fd = fd;
	c->watch = loop_watch(s->loop, fd, LOOP_READ, on_readable, c);
	c->silence = loop_timer_new(s->loop, on_silence, c);
	loop_timer_set(c->silence, LOOP_MS(SILENCE_MS));
	DL_APPEND(s->clients, c);
	s->n++;
}

/* HOST may be an IPv6 address in brackets. */
static int open_socket(struct fileserver *s, const char *host, const char *outside,
		       struct err *e)
{
	const char *wanted = outside ? strrchr(outside, ':') : NULL;
	AUTO_FREE char *plain = xstrdup(*host == '[' ? host + 1 : host);
	struct addrinfo *a,
	    hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_PASSIVE};
	char port[16];

	plain[strcspn(plain, "]")] = 0;
	int code = getaddrinfo(plain, wanted ? wanted + 1 : "0", &hints, &a);

	if (code)
		return err_set(e, 0, "serve the worker's file at %s: %s", host,
			       gai_strerror(code));
	struct sockaddr_storage own;
	socklen_t n = sizeof own;

	s->fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int on = 1;
	int failed = s->fd < 0 ||
		     setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) ||
		     bind(s->fd, a->ai_addr, a->ai_addrlen) || listen(s->fd, BACKLOG) ||
		     getsockname(s->fd, (struct sockaddr *)&own, &n) ||
		     getnameinfo((struct sockaddr *)&own, n, NULL, 0, port, sizeof port,
				 NI_NUMERICSERV);

	if (failed)
		err_set(e, errno, "serve the worker's file at %s%s", host,
			wanted ? wanted : "");
	else if (outside)
		s->url = xasprintf("http://%s/%s", outside, s->name);
	else
		s->url = xasprintf("http://%s:%s/%s", host, port, s->name);
	freeaddrinfo(a);
	return failed ? -1 : 0;
}

struct fileserver *fileserver_new(struct loop *l, const char *host, const char *outside,
				  const char *path, struct err *e)
{
	struct fileserver *s = xcalloc(1, sizeof *s);
	struct digest digest;
	char hex[DIGEST_HEX];

	s->loop = l;
	s->fd = -1;
	if (fs_read(path, LAUNCH_BINARY, &s->file, e) == 0) {
		hash_bytes(s->file.data, s->file.len, &digest);
		snprintf(s->name, sizeof s->name, "muster-worker-%s",
			 digest_hex(&digest, hex));
		if (open_socket(s, host, outside, e) == 0) {
			s->watch = loop_watch(l, s->fd, LOOP_READ, on_accept, s);
			return s;
		}
	}
	fileserver_free(s);
	return NULL;
}

const char *fileserver_url(const struct fileserver *s)
{
	return s->url;
}

void fileserver_free(struct fileserver *s)
{
	if (!s)
		return;
	while (s->clients)
		client_free(s->clients);
	loop_unwatch(s->watch);
	if (s->fd >= 0)
		close(s->fd);
	buf_free(&s->file);
	free(s->url);
	free(s);
}
