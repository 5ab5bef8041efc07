#pragma once
#include <stdbool.h>
/* A name looked up by the C library's own threads: a resolver may take longer than its
 * user has time. */
struct addrinfo;
struct err;
struct lookup;

/* ADDRESS: "HOST:PORT", "[IPV6]:PORT". NULL: it makes no sense. A numeric address is
 * there at once. */
struct lookup *lookup_start(const char *address, struct err *);
bool lookup_is_done(const struct lookup *);
/* When it is done: what was found, for freeaddrinfo, once; NULL: there is none. */
struct addrinfo *lookup_take(struct lookup *, struct err *);
/* Also while it goes on: then it is left to itself. NULL is fine. */
void lookup_free(struct lookup *);
