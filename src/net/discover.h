#pragma once
/* Machines that announce a service by mDNS (avahi), as a list of hosts that is kept up to date.
 *
 * Whoever is on the local network can announce anything: this is for networks whose every machine may see what is compiled. */
struct discover;
struct hostlist;
struct loop;

enum {
	DISCOVER_TYPES = 4 /* most types to look for */
};

/* Begins to look for services of TYPES ("_distcc._tcp" …, then NULL). CHANGED is called from the loop whenever
 * the hosts are others than before; in it the object must not be freed. When nothing can be looked for (avahi's tools are
 * missing) the log says so, and there are no hosts. */
struct discover *discover_start(struct loop *, const char *const *types,
				void (*changed)(void *ctx), void *ctx);
/* From now on only those of the farm with that fingerprint (TXT print=), "" being those that tell none; NULL: all. */
void discover_only(struct discover *, const char *print);
/* Each service once, as HOST_TCP, at an address that is numeric; in the order of their types. Valid until CHANGED is
 * called next. */
const struct hostlist *discover_hosts(const struct discover *);
void discover_free(struct discover *); /* NULL is fine */
