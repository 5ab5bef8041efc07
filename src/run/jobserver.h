#pragma once
#include <stdbool.h>
#include <stddef.h>
/* GNU make's jobserver (GNU make manual 13 "Integrating GNU make", POSIX jobserver) with a number of tokens that changes while the build runs:
 * a pipe for make 4.3 and older, a fifo for 4.4 and newer. Each token is a byte; make itself holds one more that is not in the pipe. */
struct jobserver;
struct err;

/* FIFO_DIR: where to make a fifo; NULL: a pipe. LIMIT: how many tokens there can ever be. */
struct jobserver *jobserver_new(const char *fifo_dir, unsigned limit, struct err *);
void jobserver_free(struct jobserver *); /* NULL is fine */
/* What MAKEFLAGS must hold for the make that is started: "-j --jobserver-auth=…". Valid until freed. */
const char *jobserver_makeflags(const struct jobserver *);
/* The two descriptors that the make must inherit (pipe); -1 for a fifo. */
void jobserver_fds(const struct jobserver *, int *read_fd, int *write_fd);
/* So many jobs may run from now on (at least 1): adds tokens at once; takes tokens away as they come back. To be called again from time to
 * time while it returns false: not yet all taken. */
bool jobserver_set(struct jobserver *, unsigned jobs);
