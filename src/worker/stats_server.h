#pragma once
#include "sys/loop.h"
/* Serves the page of statistics (worker/stats) to everybody who may connect. */
struct access;
struct err;
struct stats;
struct stats_server;

enum {
	STATS_CONNECTIONS_MAX = 64,
	STATS_CONNECTION_MS = 10000
};

struct stats_server_spec {
	struct loop *loop;
	int fd;                      /* listens; becomes the server's */
	const struct access *access; /* whom else but these it turns away */
	const struct stats *stats;
	const char *tmpdir;     /* whose free space it tells */
	unsigned connection_ms; /* how long one may last; 0: STATS_CONNECTION_MS */
};

/* A socket that listens on ADDRESS, as net/address reads it; -1 when it cannot. */
int stats_server_listen(const char *address, struct err *);
/* What SPEC points to must live as long as the server. */
struct stats_server *stats_server_new(const struct stats_server_spec *);
void stats_server_free(struct stats_server *); /* NULL is fine */
