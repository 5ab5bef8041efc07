#pragma once
#include <netdb.h>
#include <stddef.h>

/* Which of many hosts listen: looked up and connected to side by side, within limits of time. */
struct knock {
	char *name; /* host name or address, without brackets; borrowed */
	unsigned port;
	struct addrinfo
	    *found; /* its addresses; NULL when it has none, or the time was over */
	const struct addrinfo *at; /* the one that answered, or NULL: none listens */
	long latency_ms;           /* of the connect */
	/* The rest is knock's own. */
	const struct addrinfo *trying;
	long began_ms;
};

long knock_now_ms(void); /* monotonic */
/* Fills FOUND of all; returns at END_MS at the latest. */
void knock_lookup(struct knock *, size_t n, long end_ms);
/* Connects to those that were FOUND, each for at most LIMIT_MS, and closes again. A host with several
 * addresses is tried at one after the other. */
void knock_connect(struct knock *, size_t n, long limit_ms);
void knock_free(struct knock *, size_t n); /* what was found */
