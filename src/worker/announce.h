#pragma once
/* This machine's service, announced on the local network by mDNS (avahi) for as long as the object lives. */
struct announce;
struct loop;

struct announce_spec {
	const char *name;    /* for people, at most 63 bytes: "distcc@host" */
	const char *type;    /* "_distcc._tcp" */
	const char *subtype; /* "_x._sub._distcc._tcp", or NULL */
	unsigned port;
	char *const *txt; /* "key=value" words, then NULL */
};

/* NULL: it is not announced (avahi's tools are missing), and the log says why. */
struct announce *announce_start(struct loop *, const struct announce_spec *);
/* What distccd --zeroconf announces: a subtype for this machine's cc, under which distcc looks, and the number of
 * JOBS that may be sent at once. */
struct announce *announce_distccd(struct loop *, unsigned port, unsigned jobs);
void announce_free(struct announce *); /* NULL is fine */
