#pragma once
#include <stdbool.h>
#include <sys/types.h>
/* Whether FROM ("127.0.0.1:40000", "[::1]:40000"), the far end of a connection, is a process of our own user on this machine:
 * the kernel's list of sockets tells. What cannot be read is nobody of ours. */
bool own_user_is(const char *from);
/* Whoever started us, and whom we are no more, counts as well. */
void own_user_started_by(uid_t);
