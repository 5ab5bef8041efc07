#pragma once
#include "run/autohosts.h"
/* Ways to hosts that only ssh reaches: the user's own ssh client with its configuration
 * and agent, local ports of 127.0.0.1 chosen by chance, alive for the whole build, made
 * again when they drop, gone at the end. */
struct loop;
struct tunnels;
struct err;

enum {
	TUNNELS_TRIES = 5, /* with other local ports, when the chosen ones were taken */
	TUNNELS_WORDS = 64 /* most words of SSH */
};

/* Starts one for each ssh host of HOSTS, which is borrowed. Never asks the user anything
 * (BatchMode). SSH: the client and its first options between blanks (DISTCC_SSH); NULL
 * or empty: "ssh". NULL: an ssh host is there, but no such client. */
struct tunnels *tunnels_open(struct loop *, const struct autohosts *hosts, const char *ssh,
			     struct err *);
void tunnels_close(struct tunnels *); /* ends and reaps them; NULL is fine */
/* Of host I: its local address "127.0.0.1:PORT" and the stats page's port, the same as
 * long as it lives; NULL with a reason in ERR: it has never stood (not an ssh host, ssh
 * failed, not yet). */
const char *tunnels_address(const struct tunnels *, size_t i, unsigned *stats_port,
			    struct err *);
/* Ends that of host I, which is not used after all. */
void tunnels_drop(struct tunnels *, size_t i);
/* Runs LOOP until each stands or has failed, at most MS; those that do not stand then
 * have failed. */
void tunnels_wait(struct tunnels *, int ms);
