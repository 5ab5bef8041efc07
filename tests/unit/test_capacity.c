/* What hosts answer, over the loopback: each host is a child that takes connections at
 * two ports and does with them what its name says. Only what must run into the limit of
 * time waits for it. */
#include "base/mem.h"
#include "net/address.h"
#include "net/peer.h"
#include "run/capacity.h"
#include "sys/loop.h"
#include "test.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	LONG_MS = 20000,
	SHORT_MS = 150,
	PAGE_LIMIT = 64 << 10
};

static const char page[] =
    "HTTP/1.0 200 OK\n\nargv /distccd\n<distccstats>\ndcc_max_kids 6\n"
    "dcc_load1 1.25\ndcc_free_mem 5000 MB\n</distccstats>\n";

static int listen_at(unsigned *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0);
	CHECK(listen(fd, 1024) == 0 && getsockname(fd, (struct sockaddr *)&a, &n) == 0);
	*port = ntohs(a.sin_port);
	return fd;
}

/* How a connection is served. */
typedef void serve_fn(int fd);

static void serve_nothing(int fd)
{
	char c;

	while (read(fd, &c, 1) > 0)
		;
}

static void serve_close(int fd)
{
	(void)fd;
}

/* Closing on an unread request would throw away what was not yet sent. */
static void take_request(int fd)
{
	char request[256];

	CHECK(read(fd, request, sizeof request) > 0);
}

static void serve_page(int fd)
{
	take_request(fd);
	CHECK(write(fd, page, sizeof page - 1) > 0);
}

/* Whole, but the connection stays. */
static void serve_page_and_stay(int fd)
{
	serve_page(fd);
	serve_nothing(fd);
}

static void serve_bytewise(int fd)
{
	take_request(fd);
	for (size_t i = 0; i < sizeof page - 1; i++)
		CHECK(write(fd, page + i, 1) == 1);
}

static void serve_half(int fd)
{
	take_request(fd);
	CHECK(write(fd, page, sizeof page / 2) > 0);
}

static void serve_half_and_stay(int fd)
{
	serve_half(fd);
	serve_nothing(fd);
}

/* A page that never ends, until the other side has had enough. */
static void serve_endless(int fd)
{
	static const char line[] = "dcc_max_kids 6\n";

	while (send(fd, line, sizeof line - 1, MSG_NOSIGNAL) > 0)
		;
}

static void serve_garbage(int fd)
{
	CHECK(write(fd, "SSH-2.0-x\r\n", 11) > 0);
	serve_nothing(fd);
}

/* A daemon at two ports; FRONT or STATS NULL: nobody listens there. */
struct daemon {
	pid_t pids[2];
	struct capacity c;
	char address[ADDRESS_TEXT];
};

/* Serves one connection after the other. */
static pid_t serve(serve_fn *how, unsigned *port)
{
	int fd = listen_at(port);
	pid_t pid = how ? fork() : 0;

	if (how && pid == 0) {
		for (;;) {
			int one = accept(fd, NULL, NULL);

			how(one);
			close(one);
		}
	}
	close(fd);
	return pid;
}

static void daemon_start(struct daemon *d, serve_fn *front, serve_fn *stats)
{
	unsigned port;

	*d = (struct daemon){.c.address = d->address};
	d->pids[0] = serve(front, &port);
	d->pids[1] = serve(stats, &d->c.stats_port);
	snprintf(d->address, sizeof d->address, "127.0.0.1:%u", port);
}

static void daemon_stop(struct daemon *d)
{
	for (int i = 0; i < 2; i++)
		if (d->pids[i] > 0) {
			kill(d->pids[i], SIGKILL);
			waitpid(d->pids[i], NULL, 0);
		}
}

static struct capacity ask(serve_fn *front, serve_fn *stats, int ms)
{
	struct daemon d;

	daemon_start(&d, front, stats);
	capacity_ask(&d.c, 1, ms);
	daemon_stop(&d);
	return d.c;
}

static bool is_page(const struct capacity *c)
{
	return c->answers && !c->muster && c->slots == 6 && c->load > 1.2 &&
	       c->load < 1.3 && c->free_mb == 5000;
}

static void a_distccd(void)
{
	struct capacity c = ask(serve_close, serve_page, LONG_MS);

	CHECK(is_page(&c));
	c = ask(serve_close, serve_page_and_stay, LONG_MS);
	CHECK(is_page(&c));
	c = ask(serve_close, serve_bytewise, LONG_MS);
	CHECK(is_page(&c));
}

/* All its processes are busy: it does not even close. */
static void a_busy_distccd(void)
{
	struct capacity c = ask(serve_nothing, serve_page, LONG_MS);

	CHECK(is_page(&c));
	c = ask(serve_nothing, serve_page, SHORT_MS);
	CHECK(is_page(&c));
}

static void a_distccd_without_page(void)
{
	struct capacity c = ask(serve_close, NULL, LONG_MS);

	CHECK(c.answers && !c.muster && c.slots == 0 && c.load < 0 && c.free_mb < 0);
}

static void nobody(void)
{
	struct capacity c = ask(NULL, NULL, LONG_MS);

	CHECK(!c.answers && strstr(c.why, "connect: Connection refused"));
	c = ask(NULL, serve_page, LONG_MS);
	CHECK(!c.answers && strstr(c.why, "connect: Connection refused"));
}

static void bad_pages(void)
{
	static serve_fn *const hows[] = {serve_close, serve_half, serve_endless};

	for (size_t i = 0; i < sizeof hows / sizeof *hows; i++) {
		struct capacity c = ask(serve_close, hows[i], LONG_MS);

		CHECK(!c.answers && strstr(c.why, i ? "page of statistics is none"
						    : "closes every connection"));
	}
}

static void slow_ones(void)
{
	struct capacity c = ask(serve_nothing, NULL, SHORT_MS);

	CHECK(!c.answers && strstr(c.why, "it says nothing within 150 ms"));
	c = ask(serve_close, serve_nothing, SHORT_MS);
	CHECK(!c.answers && strstr(c.why, "statistics does not come within 150 ms"));
	c = ask(serve_close, serve_half_and_stay, SHORT_MS);
	CHECK(!c.answers && strstr(c.why, "statistics does not end within 150 ms"));
	c = ask(serve_garbage, NULL, LONG_MS);
	CHECK(!c.answers && strstr(c.why, "does not speak muster's protocol"));
}

/* ---- a muster worker ---- */

static int on_up(void *ctx, struct peer *p, const struct message_hello *h, struct err *e)
{
	(void)ctx;
	(void)p;
	(void)h;
	(void)e;
	return 0;
}

static int on_message(void *ctx, struct peer *p, unsigned type, const char *payload,
		      size_t n, struct err *e)
{
	(void)ctx;
	(void)p;
	(void)type;
	(void)payload;
	(void)n;
	(void)e;
	return 0;
}

static void on_down(void *ctx, struct peer *p, const struct err *why)
{
	(void)ctx;
	(void)p;
	(void)why;
}

static void *on_accept(void *ctx, struct peer *p, const char *from)
{
	(void)p;
	(void)from;
	return ctx;
}

/* In the child: its address goes to FD. */
static void be_worker(int fd)
{
	static const struct peer_self self = {
	    .name = "w", .slots = 12, .confined = 1, .timeout_ms = LONG_MS};
	static const struct peer_handler handler = {
	    .up = on_up, .message = on_message, .down = on_down};
	struct loop *l = loop_new();
	struct peer_server *s =
	    peer_listen(l, "127.0.0.1:0", &self, &handler, on_accept, &l, NULL);
	const char *address = peer_server_address(s);

	CHECK(write(fd, address, strlen(address) + 1) > 0);
	loop_run(l);
}

static void a_worker(void)
{
	int ends[2];
	char address[ADDRESS_TEXT] = "";

	CHECK(pipe(ends) == 0);
	pid_t pid = fork();

	if (pid == 0) {
		be_worker(ends[1]);
		_exit(0);
	}
	CHECK(read(ends[0], address, sizeof address - 1) > 0);
	struct capacity c = {.address = address};

	capacity_ask(&c, 1, LONG_MS);
	CHECK(c.answers && c.muster && c.slots == 12 && c.load < 0 && c.free_mb < 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* ---- many ---- */

static void names(void)
{
	char *const wrong[] = {(char[]){"nonsense"}, (char[]){":1"}, (char[]){"[]:1"}};

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct capacity c = {.address = wrong[i]};

		capacity_ask(&c, 1, LONG_MS);
		CHECK(!c.answers && *c.why);
	}
	capacity_ask(NULL, 0, LONG_MS);

	/* localhost has two addresses on most machines; one of them answers. */
	struct daemon d;

	daemon_start(&d, serve_close, serve_page);
	AUTO_FREE char *name = xasprintf("localhost:%s", strchr(d.address, ':') + 1);

	d.c.address = name;
	capacity_ask(&d.c, 1, LONG_MS);
	CHECK(is_page(&d.c) || strstr(d.c.why, "look up"));
	daemon_stop(&d);
}

/* More than are asked at once. */
static void many(void)
{
	enum {
		N = 500
	};

	struct daemon d;
	struct capacity *v = xcalloc(N, sizeof *v);
	unsigned answers = 0;

	daemon_start(&d, serve_close, serve_page);
	for (size_t i = 0; i < N; i++)
		v[i] = d.c;
	capacity_ask(v, N, LONG_MS);
	for (size_t i = 0; i < N; i++)
		if (is_page(&v[i]))
			answers++;
		else
			printf("# %zu: %s\n", i, v[i].why);
	CHECK(answers == N);
	daemon_stop(&d);
	free(v);
}

/* One that takes all the time does not keep the others from answering. */
static void side_by_side(void)
{
	struct daemon good, mute;

	daemon_start(&good, serve_close, serve_page);
	daemon_start(&mute, serve_nothing, NULL);
	struct capacity v[] = {mute.c, good.c, mute.c, good.c};

	capacity_ask(v, 4, 1000);
	CHECK(!v[0].answers && is_page(&v[1]) && !v[2].answers && is_page(&v[3]));
	daemon_stop(&good);
	daemon_stop(&mute);
}

TESTS({"a distccd", a_distccd}, {"a busy one", a_busy_distccd},
      {"one without a page", a_distccd_without_page}, {"nobody", nobody},
      {"bad pages", bad_pages}, {"slow ones", slow_ones}, {"a muster worker", a_worker},
      {"names", names}, {"many", many}, {"side by side", side_by_side})
