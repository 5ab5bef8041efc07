#pragma once
#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>

/* Which servers close before they have heard what is asked of them. A distccd that lets
 * us in waits for the rest of a request; one that does not closes as soon as it has
 * accepted. */
struct door {
	const struct addrinfo *at; /* borrowed; NULL: not to be tried */
	bool slammed;
	/* The rest is door's own. */
	int fd;
	bool knocked;
};

/* All side by side; returns after LIMIT_MS, or sooner when all have closed. */
void door_try(struct door *, size_t n, int limit_ms);
