#pragma once
#include "net/peer.h"
/* One connected agent: its view, the blobs it owes us, its jobs, and the results on their way to it. */
struct worker;
struct client;

extern const struct peer_handler client_handler;
/* For peer_listen: CTX is the struct worker. */
void *client_accept(void *ctx, struct peer *, const char *from);
void client_close(struct client *); /* ends its jobs and its connection, and frees it */
