#pragma once
#include <stdbool.h>
#include <stddef.h>
/* Our address as PEER (a name or an address, without a port) sees it, by the route there: nothing is sent. An IPv6 address stands in
 * brackets. */
struct err;
int face_towards(const char *peer, char *host, size_t size, struct err *);
/* HOST, likewise, or in brackets, is an address of this machine, or a name of one: it can be listened on. */
bool face_is_ours(const char *host);
