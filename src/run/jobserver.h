#pragma once
#include <stdbool.h>
#include <stddef.h>
/* GNU make's jobserver (GNU make manual 13 "Integrating GNU make", POSIX jobserver) with a number of tokens that changes while the build runs:
 * a pipe for make 4.3 and older, a fifo for 4.4 and newer. Each token is a byte; make itself holds one more that is not in the pipe. */
struct jobserver;
struct err;

/* FIFO_DIR: where to make a fifo; NULL: a pipe. LIMIT: how many tokens there can ever be; fewer if a pipe of this machine
 * cannot hold as many. */
struct jobserver *jobserver_new(const char *fifo_dir, unsigned limit, struct err *);
void jobserver_free(struct jobserver *); /* NULL is fine */
/* What MAKEFLAGS must hold for the make that is started: "-j --jobserver-auth=…". Valid until freed. */
const char *jobserver_makeflags(const struct jobserver *);
/* The two descriptors that the make must inherit (pipe), under these numbers: they are close-on-exec, which is to be
 * undone in the child only; -1 for a fifo. */
void jobserver_fds(const struct jobserver *, int *read_fd, int *write_fd);
/* So many jobs may run from now on (at least 1): adds tokens at once; takes tokens away as they come back. To be called
 * again while it returns false (not yet all taken), each time jobserver_watch_fd is readable: who only asks from time to
 * time finds that make was faster. */
bool jobserver_set(struct jobserver *, unsigned jobs);
/* Readable while a token is there that nobody holds; to be watched only while jobserver_set has returned false. Borrowed. */
int jobserver_watch_fd(const struct jobserver *);
/* Tokens that nobody holds: more than 0 for long means that the build has no more to do at once. */
unsigned jobserver_idle(const struct jobserver *);
/* To be called when no process of the build lives any more: what a killed make held is not waited for. jobserver_set then makes
 * the tokens as many as they should be. */
void jobserver_forget(struct jobserver *);
