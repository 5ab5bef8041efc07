#pragma once
#include <stdbool.h>
#include <stdint.h>
/* The worker's other language: distcc's protocol 1 to 3 (wire/distcc.h), for old clients. Their compiles take the same slots and run in the
 * same sandbox as everybody's. A connection is one job:
 *
 *   reading ─► waiting (for a slot) ─► running ─► replying ─► gone
 *
 * Whoever is not allowed is closed without a byte, as distccd does, but the log and the statistics say why. The client's hang-up
 * ends it from every state and kills its compile. */
struct access;
struct distcc_server;
struct stats;
struct worker;
struct sockaddr;

struct distcc_settings {
	const struct access *allow; /* borrowed */
	bool
	    insecure; /* --enable-tcp-insecure: any compiler of PATH may be named, also by its path */
	unsigned
	    io_timeout_s; /* of silence while reading or replying; distcc's default is 300 */
	unsigned job_lifetime_s; /* of a compile; 0: none */
};

struct distcc_server *distcc_server_new(struct worker *, const struct distcc_settings *,
					struct stats *); /* STATS borrowed, may be NULL */
void distcc_server_free(struct distcc_server *);         /* ends its jobs */
/* For peer_server_divert: CTX is the struct distcc_server; FD is consumed. */
void distcc_server_accept(void *ctx, int fd, const struct sockaddr *from);
/* One job over IN and OUT (consumed; the same socket, or the two pipes of --inetd under ssh), let in without a look at
 * its address if TRUSTED; DONE is called when it has been answered or given up. */
void distcc_server_serve(struct distcc_server *, int in, int out, bool trusted,
			 void (*done)(void *ctx), void *ctx);
