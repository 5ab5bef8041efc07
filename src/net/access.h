#pragma once
#include <stdbool.h>
#include <sys/socket.h>
/* Who may connect: a list of networks, as distccd's --allow takes them (distccd(1)). Nobody, when it is empty. */
struct access;
struct err;

struct access *access_new(void);
void access_free(struct access *);
/* "1.2.3.4", "10.0.0.0/8", "fe80::/10", "::1", or a host name: all the addresses that the resolver, which may take
 * its time, has for it now. -1: it makes no sense, and nothing was added. */
int access_add(struct access *, const char *text, struct err *);
/* What --allow-private allows: 127/8 10/8 172.16/12 192.168/16 fe80::/10 fc00::/7 ::1. */
void access_add_private(struct access *);
bool access_is_empty(const struct access *);
/* An IPv4 address in IPv6 clothes (::ffff:1.2.3.4) is the IPv4 address: "::/0" does not let it in. */
bool access_allows(const struct access *, const struct sockaddr *);
