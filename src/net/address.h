#pragma once
#include <netdb.h>
#include <stdbool.h>
#include <sys/socket.h>
/* Names of places on the network: "HOST:PORT", "[IPV6]:PORT", HOST alone (then the port is ADDRESS_PORT). */
struct err;

enum {
	ADDRESS_TEXT = 80,
	ADDRESS_PORT = 3690
};

/* For freeaddrinfo; NULL with a sentence when it makes no sense or has no address. May ask the resolver.
 * PASSIVE: to listen on; an empty HOST is then every address of this machine. */
struct addrinfo *address_resolve(const char *text, bool passive, struct err *);
/* For what others tell: HOST:PORT or [IPV6]:PORT of nothing but letters, digits and ".-_%", so that no list of hosts, no
 * program's options and no terminal takes it for more than a place. Nothing is resolved. */
bool address_is_harmless(const char *text);
bool address_is_loopback(const struct sockaddr *);
/* The same of "HOST:PORT" or "[IPV6]:PORT" in numbers; names are not looked up. */
bool address_is_loopback_text(const char *text);
const char *address_text(const struct sockaddr *, char out[ADDRESS_TEXT]);
