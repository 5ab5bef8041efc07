#pragma once
/* This scheduler, announced on the local network by mDNS (avahi) for as long as the object lives: agents whose list of
 * hosts has +zeroconf find it, if they belong to the same farm. */
struct announce;
struct loop;

enum {
	ANNOUNCE_NAME = 63 /* bytes of a service's name */
};

/* NULL: it is not announced (avahi's tools are missing), and the log says why. */
struct announce *announce_start(struct loop *, const char *name, const char *farm,
				const char *print, unsigned port);
void announce_free(struct announce *); /* NULL is fine */
