#pragma once
#include "run/autohosts.h"
/* Ways to hosts that only ssh reaches: the user's own ssh client with its configuration and agent, local ports of 127.0.0.1 chosen by chance,
 * alive for the whole build, made again when they drop, gone at the end. */
struct loop;
struct tunnels;
struct err;

/* Starts one for each ssh host of HOSTS. Never asks the user anything (BatchMode). */
struct tunnels *tunnels_open(struct loop *, const struct autohosts *hosts, struct err *);
void tunnels_close(struct tunnels *); /* ends and reaps them; NULL is fine */
/* Of host I: its local address "127.0.0.1:PORT" and the stats page's port; NULL with a reason in ERR: there is none (not an ssh host, ssh failed). */
const char *tunnels_address(const struct tunnels *, size_t i, unsigned *stats_port,
			    struct err *);
/* Runs LOOP until each stands or has failed, at most MS. */
void tunnels_wait(struct tunnels *, int ms);
