/* The page over a real socket of the loopback, with clients that ask, that do not, and
 * that do not go. A loop runs until what a test waits for has come; the watchdog only
 * keeps a failing test from hanging. */
#include "base/err.h"
#include "base/log.h"
#include "net/access.h"
#include "sys/loop.h"
#include "test.h"
#include "worker/stats.h"
#include "worker/stats_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

enum {
	WATCHDOG_MS = 10000,
	CLIENTS_MAX = 80
};

struct client {
	int fd;
	bool open;
	size_t n;
	char got[4000];
	struct loop_watch *watch;
};

static struct loop *loop;
static struct stats *stats;
static struct stats_server *server;
static struct sockaddr_in where;
static struct client clients[CLIENTS_MAX];
static bool (*done)(void);
static struct loop_timer *watchdog;

static void on_watchdog(void *ctx)
{
	(void)ctx;
	printf("# nothing came\n");
	loop_timer_set(watchdog, LOOP_MS(WATCHDOG_MS)); /* for the next loop_run */
	loop_stop(loop, 1);
}

static void quiet(enum log_level level, const char *name, const char *text)
{
	(void)level;
	(void)name;
	(void)text;
}

static void serve(const char *allowed, unsigned connection_ms)
{
	int fd = stats_server_listen("127.0.0.1:0", NULL);
	socklen_t size = sizeof where;
	struct access *access = access_new();

	log_to(quiet);
	loop = loop_new();
	stats = stats_new(5);
	if (fd < 0 || access_add(access, allowed, NULL) ||
	    getsockname(fd, (struct sockaddr *)&where, &size))
		abort();
	server =
	    stats_server_new(&(struct stats_server_spec){.loop = loop,
							 .fd = fd,
							 .access = access,
							 .stats = stats,
							 .tmpdir = "/tmp",
							 .connection_ms = connection_ms});
	watchdog = loop_timer_new(loop, on_watchdog, NULL);
	loop_timer_set(watchdog, LOOP_MS(WATCHDOG_MS));
}

static void on_bytes(void *ctx, unsigned got)
{
	struct client *c = ctx;
	ssize_t n = read(c->fd, c->got + c->n, sizeof c->got - 1 - c->n);

	(void)got;
	if (n > 0) {
		c->n += (size_t)n;
	} else {
		c->open = false;
		loop_unwatch(c->watch);
		c->watch = NULL;
	}
	if (done())
		loop_stop(loop, 0);
}

static struct client *dial(struct client *c, const char *question)
{
	*c = (struct client){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
			     .open = true};
	if (connect(c->fd, (struct sockaddr *)&where, sizeof where))
		abort();
	if (question && send(c->fd, question, strlen(question), MSG_NOSIGNAL) < 0)
		abort();
	c->watch = loop_watch(loop, c->fd, LOOP_READ, on_bytes, c);
	return c;
}

static bool is_page(const struct client *c)
{
	return strncmp(c->got, "HTTP/1.0 200 OK\n", 16) == 0 &&
	       strstr(c->got, "\ndcc_max_kids 5\n") && c->n > 16 &&
	       strcmp(c->got + c->n - 16, "\n</distccstats>\n") == 0;
}

static void listening(void)
{
	char taken[40];
	struct err e;

	serve("127.0.0.1", 0);
	snprintf(taken, sizeof taken, "127.0.0.1:%u", ntohs(where.sin_port));
	CHECK(stats_server_listen(taken, &e) == -1 && e.code == EADDRINUSE);
	CHECK(strstr(e.text, taken));
	CHECK(stats_server_listen("127.0.0.1:70000", &e) == -1 && strstr(e.text, "70000"));
	stats_server_free(server);
	int fd = stats_server_listen(taken, &e);

	CHECK(fd >= 0);
	close(fd);
}

static bool first_closed(void)
{
	return !clients[0].open;
}

static void asked(void)
{
	serve("127.0.0.1", 0);
	done = first_closed;
	for (int i = 0; i < 3; i++) {
		stats_accepted(stats);
		dial(&clients[0], "GET /x HTTP/1.1\r\nHost: y\r\n\r\n");
		CHECK(loop_run(loop) == 0 && is_page(&clients[0]));
		close(clients[0].fd);
	}
	CHECK(strstr(clients[0].got, "\ndcc_tcp_accept 3\n"));
	stats_server_free(server);
}

static void unasked(void)
{
	serve("127.0.0.1", 0);
	done = first_closed;
	dial(&clients[0], NULL);
	CHECK(loop_run(loop) == 0 && is_page(&clients[0]));
	stats_server_free(server);
}

static void denied(void)
{
	serve("10.0.0.0/8", 0);
	done = first_closed;
	dial(&clients[0], NULL);
	CHECK(loop_run(loop) == 0 && clients[0].n == 0);
	stats_server_free(server);
}

/* What nobody asked for does not stop the page. */
static void talker(void)
{
	static char much[300000];

	serve("127.0.0.1", 0);
	done = first_closed;
	dial(&clients[0], NULL);
	fcntl(clients[0].fd, F_SETFL, O_NONBLOCK);
	memset(much, 'x', sizeof much);
	CHECK(send(clients[0].fd, much, sizeof much, MSG_NOSIGNAL) > 0);
	CHECK(loop_run(loop) == 0 && is_page(&clients[0]));
	stats_server_free(server);
}

static struct loop_timer *poke;

/* The other side is closed for good when a write is answered by a reset. */
static void on_poke(void *ctx)
{
	struct client *c = ctx;

	if (send(c->fd, "x", 1, MSG_NOSIGNAL) < 0)
		loop_stop(loop, 0);
	else
		loop_timer_set(poke, LOOP_MS(1));
}

/* The server has closed the connection of C, not only its own direction. */
static bool is_left(struct client *c)
{
	poke = loop_timer_new(loop, on_poke, c);
	loop_timer_set(poke, 0);
	return loop_run(loop) == 0;
}

/* A client that never closes: the server does. */
static void stays(void)
{
	serve("127.0.0.1", 1);
	done = first_closed;
	dial(&clients[0], NULL);
	CHECK(loop_run(loop) == 0);
	CHECK(is_left(&clients[0]));
	stats_server_free(server);
}

static rlim_t limit_files(rlim_t n)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files))
		abort();
	rlim_t before = files.rlim_cur;

	files.rlim_cur = n;
	if (setrlimit(RLIMIT_NOFILE, &files))
		abort();
	return before;
}

static rlim_t files_before;

static void on_relief(void *ctx)
{
	(void)ctx;
	limit_files(files_before);
}

/* No descriptor is left for a while: the client waits, and is served then. */
static void exhausted(void)
{
	serve("127.0.0.1", 0);
	done = first_closed;
	dial(&clients[0], NULL);
	loop_timer_set(loop_timer_new(loop, on_relief, NULL), LOOP_MS(20));
	files_before = limit_files((rlim_t)clients[0].fd + 1);
	CHECK(loop_run(loop) == 0 && is_page(&clients[0]));
	stats_server_free(server);
}

static bool all_have_pages(void)
{
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (clients[i].open)
			return false;
	return true;
}

/* More than may be at once, none of which goes: all get the page, and the oldest is dropped long
 * before its time. */
static void crowd(void)
{
	serve("127.0.0.1", 1000 * WATCHDOG_MS);
	done = all_have_pages;
	for (int i = 0; i < CLIENTS_MAX; i++)
		dial(&clients[i], NULL);
	CHECK(loop_run(loop) == 0);
	for (int i = 0; i < CLIENTS_MAX; i++)
		CHECK(is_page(&clients[i]));
	CHECK(is_left(&clients[0]));
	CHECK(is_left(&clients[CLIENTS_MAX - STATS_CONNECTIONS_MAX - 1]));
	CHECK(send(clients[CLIENTS_MAX - 1].fd, "x", 1, MSG_NOSIGNAL) == 1);
	stats_server_free(server);
}

TESTS({"listening", listening}, {"a question is answered", asked},
      {"silence is answered", unasked}, {"a stranger gets nothing", denied},
      {"what is sent is thrown away", talker}, {"who stays is left", stays},
      {"more than may be at once", crowd}, {"no descriptors for a while", exhausted})
