#pragma once
#include <stddef.h>
/* A few bytes of one size, and at most one descriptor, over a unix socket between processes of the sandbox (unix(7), SCM_RIGHTS). */

/* FD: -1 for none; borrowed. Interrupted by a signal it goes on; what cannot be sent is lost, and the reader learns it from the
 * socket's end. */
void parcel_send(int socket, const void *p, size_t n, int fd);
/* Reads once, with FLAGS of recvmsg(2). *FD: the caller's, or -1. What recvmsg gives. */
long parcel_receive(int socket, void *p, size_t n, int flags, int *fd);
