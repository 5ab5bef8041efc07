#pragma once
#include "cas/entry.h"
/* What this machine has anyway: a client's file below the usual system folders is very often byte for byte
 * our own file of the same path, and then need not travel. Hashed when first asked for, remembered by
 * identity. Only the system folders are ever looked at. */
struct own;
struct err;

struct own *own_new(void);
void own_free(struct own *);
/* Copies our file of that path, size and digest to the empty file FD: 1; 0 when we have none such
 * (FD may then hold some bytes); -1 when FD cannot be written. */
int own_copy(struct own *, const struct entry *, int fd, struct err *);
