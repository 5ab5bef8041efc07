#pragma once
#include <arpa/inet.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

/* One line of `avahi-browse --parsable --resolve`, taken apart. Fields stand between ';':
 *
 *   +;INTERFACE;PROTOCOL;NAME;TYPE;DOMAIN                          it is there; not yet where
 *   =;INTERFACE;PROTOCOL;NAME;TYPE;DOMAIN;HOST;ADDRESS;PORT;TXT    where it is, and what it says of itself
 *   -;INTERFACE;PROTOCOL;NAME;TYPE;DOMAIN                          it is gone from there
 *
 * NAME and DOMAIN have \DDD (decimal) and \C for bytes that are not plain. TXT is any number of "words" in quotes, with
 * blanks between them; in a word \", \\ and \DDD, while ';' stands for itself.
 *
 * Pure. What the fields hold comes from whoever is on the network: everything is bounded and checked. */
enum {
	DISCOVER_NAME = 63,     /* bytes of a label of DNS */
	DISCOVER_DOMAIN = 255,  /* … and of a name */
	DISCOVER_TXT = 255,     /* … and of a word of TXT */
	DISCOVER_PRINT = 64,    /* … and of a farm's fingerprint */
	DISCOVER_SLOTS = 10000, /* a larger number of jobs does not count */
	/* "fe80::1%eth0" */
	DISCOVER_ADDRESS = INET6_ADDRSTRLEN + IF_NAMESIZE + 1
};

enum discover_sign {
	DISCOVER_THERE,
	DISCOVER_RESOLVED,
	DISCOVER_GONE
};

/* Better ones first. Loopback is last: a list of who may connect names networks. */
enum discover_reach {
	DISCOVER_IPV4,
	DISCOVER_IPV6,
	DISCOVER_LINK_LOCAL,
	DISCOVER_LOOPBACK
};

struct discover_line {
	enum discover_sign sign;
	/* Which announcement: one service makes one on each interface and protocol. */
	char interface[IF_NAMESIZE];
	bool ipv6;
	char name[DISCOVER_NAME + 1]; /* as it was given: any bytes but NUL */
	char domain[DISCOVER_DOMAIN + 1];
	/* For RESOLVED only, from here on. */
	char address[DISCOVER_ADDRESS]; /* numeric; link-local IPv6 with its %INTERFACE */
	enum discover_reach reach;
	unsigned port;
	unsigned slots;                 /* TXT jobs= or slots=; 0: none that makes sense */
	char print[DISCOVER_PRINT + 1]; /* TXT print=, which farm it is of; "": none */
};

/* LINE[0..N) has no end of line. False: it makes no sense, or names a place where nobody can be reached. */
bool discover_line_parse(struct discover_line *, const char *line, size_t n);
