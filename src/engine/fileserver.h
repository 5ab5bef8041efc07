#pragma once
/* One file over HTTP, for whoever knows its name: how agents of Mesos fetch the worker. GET and HEAD, one request a connection. */
struct err;
struct fileserver;
struct loop;

/* HOST: the address to listen on. OUTSIDE: HOST:PORT by which others reach that and its port, or NULL: any free port, and HOST is good
 * for all. NULL with ERR. */
struct fileserver *fileserver_new(struct loop *, const char *host, const char *outside,
				  const char *path, struct err *);
/* "http://HOST:PORT/NAME"; NAME has the file's digest in it, so that it never means other bytes. */
const char *fileserver_url(const struct fileserver *);
void fileserver_free(struct fileserver *); /* NULL is fine */
