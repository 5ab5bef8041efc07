#include "engine/face.h"

#include "base/err.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* 0 when A is reached from HOST. */
static int try_address(const struct addrinfo *a, char *host, size_t size)
{
	struct sockaddr_storage own;
	socklen_t n = sizeof own;
	char text[NI_MAXHOST];
	int fd = socket(a->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	int failed = connect(fd, a->ai_addr, a->ai_addrlen) ||
		     getsockname(fd, (struct sockaddr *)&own, &n) ||
		     getnameinfo((struct sockaddr *)&own, n, text, sizeof text, NULL, 0,
				 NI_NUMERICHOST);

	close(fd);
	if (failed)
		return -1;
	bool v6 = own.ss_family == AF_INET6;

	return (size_t)snprintf(host, size, v6 ? "[%s]" : "%s", text) < size ? 0 : -1;
}

int face_towards(const char *peer, char *host, size_t size, struct err *e)
{
	struct addrinfo *all, hints = {.ai_socktype = SOCK_DGRAM};
	int code = getaddrinfo(peer, "9", &hints, &all);

	if (code)
		return err_set(e, 0, "find %s: %s", peer, gai_strerror(code));
	int found = -1;

	for (const struct addrinfo *a = all; a && found; a = a->ai_next)
		found = try_address(a, host, size);
	freeaddrinfo(all);
	return found ? err_set(e, EHOSTUNREACH, "find our address towards %s", peer) : 0;
}

bool face_is_ours(const char *host)
{
	struct addrinfo *all, hints = {.ai_socktype = SOCK_STREAM};
	char plain[NI_MAXHOST];
	bool ours = false;

	snprintf(plain, sizeof plain, "%s", *host == '[' ? host + 1 : host);
	plain[strcspn(plain, "]")] = 0;
	if (getaddrinfo(plain, "0", &hints, &all))
		return false;
	for (const struct addrinfo *a = all; a && !ours; a = a->ai_next) {
		int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd < 0)
			continue;
		ours = bind(fd, a->ai_addr, a->ai_addrlen) == 0;
		close(fd);
	}
	freeaddrinfo(all);
	return ours;
}
