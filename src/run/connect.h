#pragma once
/* One connect to one address, beside the loop. */
struct addrinfo;
struct connect;
struct loop;

/* To the address AT, with PORT instead of its own unless PORT is 0. DONE is called once,
 * from the loop: with a socket that does not block and is now the callee's, or with FD
 * -1 and the errno. */
struct connect *connect_start(struct loop *, const struct addrinfo *at, unsigned port,
			      void (*done)(void *ctx, int fd, int error), void *ctx);
void connect_free(struct connect *); /* also ends it; also in DONE; NULL is fine */
