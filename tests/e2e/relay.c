/* relay: a bad network in a box, for the tests of faults.
 *
 *   client ──► relay ──► target
 *
 * Forwards every connection to one target, and counts the bytes that the client sent on it (with --down:
 * those that the target sent). At the given count it cuts both sides, or stops forwarding but keeps both
 * open, or turns one bit over. Each connection counts for itself; with --once only the first one suffers.
 *
 * Happy path: accept, connect, poll, copy. A side that has ended is passed on as an end; when both have, the
 * connection is forgotten. A target that cannot be reached closes the client. Anything wrong with the
 * relay's own arguments or sockets ends it with a sentence. SIGTERM ends it.
 *
 * The target may be unix:PATH, so that a shell can speak to a unix socket through /dev/tcp. */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	MAX_CONNECTIONS = 256,
	CHUNK = 16384,
	NEVER = -1
};

struct fault {
	const char *target;
	long cut_after, stall_after, flip_at; /* counts of bytes, or NEVER */
	bool down;                            /* count what the target sends */
	bool once;                            /* only the first connection */
};

struct connection {
	int fd[2];     /* the client's, the target's; -1 when the slot is free */
	bool ended[2]; /* that side will send no more */
	long counted;  /* bytes that have passed in the counted direction */
	bool stalled;  /* nothing is forwarded any more, in either direction */
	bool spared;   /* suffers no fault */
};

static void die(const char *what, const char *about)
{
	fprintf(stderr, "relay: %s %s: %s\n", what, about, strerror(errno));
	exit(1);
}

static int unix_connect(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof a.sun_path)
		return -1;
	strcpy(a.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* A TCP socket for HOST:PORT, bound and listening, or connected. */
static int tcp_open(const char *address, bool listening)
{
	char host[256];
	const char *colon = strrchr(address, ':');
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;

	if (!colon || (size_t)(colon - address) >= sizeof host)
		return -1;
	memcpy(host, address, (size_t)(colon - address));
	host[colon - address] = '\0';
	if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
		return -1;
	int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool good = fd >= 0;
	if (good && listening)
		good =
		    bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, 64) == 0;
	else if (good)
		good = connect(fd, found->ai_addr, found->ai_addrlen) == 0;
	freeaddrinfo(found);
	if (!good && fd >= 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int target_connect(const char *target)
{
	if (strncmp(target, "unix:", 5) == 0)
		return unix_connect(target + 5);
	return tcp_open(target, false);
}

/* Tells the bound address by a file that is complete as soon as it is there. */
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
	if (!f)
		die("write", new_name);
	fprintf(f, "%s:%s\n", host, port);
	if (fclose(f) != 0 || rename(new_name, file) < 0)
		die("write", file);
}

static void connection_close(struct connection *c)
{
	for (int side = 0; side < 2; side++) {
		if (c->fd[side] >= 0)
			close(c->fd[side]);
		c->fd[side] = -1;
	}
}

static bool write_all(int fd, const char *data, size_t n)
{
	while (n > 0) {
		ssize_t w = write(fd, data, n);
		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return false;
		data += w;
		n -= (size_t)w;
	}
	return true;
}

/* Applies the fault to N bytes about to be forwarded; returns how many of them still are. */
static size_t fault_apply(const struct fault *f, struct connection *c, char *data, size_t n)
{
	long before = c->counted, limit = NEVER;

	c->counted += (long)n;
	if (c->spared)
		return n;
	if (f->flip_at >= before && f->flip_at < c->counted)
		data[f->flip_at - before] ^= 0x10;
	if (f->cut_after != NEVER)
		limit = f->cut_after;
	else if (f->stall_after != NEVER)
		limit = f->stall_after;
	if (limit == NEVER || c->counted < limit)
		return n;
	c->stalled = true;
	return limit > before ? (size_t)(limit - before) : 0;
}

/* One readable side: copies what is there to the other. False when the connection is over. */
static bool connection_copy(const struct fault *f, struct connection *c, int side)
{
	char data[CHUNK];
	ssize_t n = read(c->fd[side], data, sizeof data);

	if (n < 0)
		return errno == EINTR;
	if (n == 0) {
		c->ended[side] = true;
		shutdown(c->fd[!side], SHUT_WR);
		return !c->ended[!side];
	}
	size_t pass = (size_t)n;
	if (side == (f->down ? 1 : 0))
		pass = fault_apply(f, c, data, pass);
	if (!write_all(c->fd[!side], data, pass))
		return false;
	return !(c->stalled && f->cut_after != NEVER);
}

static void connection_open(const struct fault *f, struct connection *all, int fd,
			    long number)
{
	for (int i = 0; i < MAX_CONNECTIONS; i++) {
		if (all[i].fd[0] >= 0)
			continue;
		int target = target_connect(f->target);
		if (target < 0)
			break;
		all[i] = (struct connection){
		    .fd = {fd, target},
                      .spared = f->once && number > 0
                };
		all[i].stalled = !all[i].spared && f->stall_after == 0;
		return;
	}
	close(fd);
}

static void serve(const struct fault *f, int listener)
{
	static struct connection all[MAX_CONNECTIONS];
	static struct pollfd polled[1 + 2 * MAX_CONNECTIONS];

	for (int i = 0; i < MAX_CONNECTIONS; i++)
		all[i].fd[0] = all[i].fd[1] = -1;
	for (long accepted = 0;;) {
		polled[0] = (struct pollfd){.fd = listener, .events = POLLIN};
		for (int i = 0; i < 2 * MAX_CONNECTIONS; i++) {
			struct connection *c = &all[i / 2];
			bool mute = c->stalled || c->ended[i % 2];
			polled[1 + i] = (struct pollfd){.fd = mute ? -1 : c->fd[i % 2],
							.events = POLLIN};
		}
		if (poll(polled, 1 + 2 * MAX_CONNECTIONS, -1) < 0 && errno != EINTR)
			die("wait for", "the connections");
		for (int i = 0; i < 2 * MAX_CONNECTIONS; i++) {
			struct connection *c = &all[i / 2];
			if (c->fd[i % 2] >= 0 && polled[1 + i].revents &&
			    !connection_copy(f, c, i % 2))
				connection_close(c);
		}
		if (polled[0].revents) {
			int fd = accept(listener, NULL, NULL);
			if (fd >= 0)
				connection_open(f, all, fd, accepted++);
		}
	}
}

static long number(const char *text)
{
	char *end;
	errno = 0;
	long n = strtol(text, &end, 10);

	if (*end || end == text || n < 0 || errno) {
		fprintf(stderr, "relay: %s is not a count of bytes\n", text);
		exit(2);
	}
	return n;
}

int main(int argc, char **argv)
{
	struct fault f = {.cut_after = NEVER, .stall_after = NEVER, .flip_at = NEVER};
	const char *address = "127.0.0.1:0", *port_file = NULL;

	for (int i = 1; i < argc; i++) {
		const char *option = argv[i], *value = i + 1 < argc ? argv[i + 1] : "";
		bool flag = true;
		if (strcmp(option, "--down") == 0)
			f.down = true;
		else if (strcmp(option, "--once") == 0)
			f.once = true;
		else
			flag = false;
		if (flag)
			continue;
		i++;
		if (strcmp(option, "--listen") == 0)
			address = value;
		else if (strcmp(option, "--port-file") == 0)
			port_file = value;
		else if (strcmp(option, "--to") == 0)
			f.target = value;
		else if (strcmp(option, "--cut-after") == 0)
			f.cut_after = number(value);
		else if (strcmp(option, "--stall-after") == 0)
			f.stall_after = number(value);
		else if (strcmp(option, "--flip-at") == 0)
			f.flip_at = number(value);
		else
			f.target = NULL, i = argc;
	}
	if (!f.target) {
		fprintf(
		    stderr,
		    "usage: relay --to HOST:PORT|unix:PATH [--listen HOST:PORT] [--port-file F]\n"
		    "  [--cut-after N | --stall-after N | --flip-at N] [--down] [--once]\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	int listener = tcp_open(address, true);
	if (listener < 0)
		die("listen on", address);
	if (port_file)
		port_write(listener, port_file);
	serve(&f, listener);
}
