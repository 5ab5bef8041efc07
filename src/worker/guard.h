#pragma once
#include "farm/print.h"

#include <stdbool.h>
/* Who is let in: what this worker proves itself with, and whether it may listen where it was told to without any of it. */
struct err;
struct guard;
struct loop;
struct tls;

/* KEY_FILE, or NULL: then $MUSTER_WORKER_KEY_FD (a descriptor to read the key from), $MUSTER_WORKER_KEY_FILE, and what net/trust.h
 * finds. NULL: what there is cannot be used, and going on without would be worse. */
struct guard *guard_new(struct loop *, const char *key_file, struct err *);
/* The folder of a farm's files that a worker finds, nothing of them read, to be freed; NULL: it is in none. */
char *guard_farm(void);
void guard_free(struct guard *);                   /* after all connections */
const struct tls *guard_tls(const struct guard *); /* NULL: it has nothing */
/* May it listen at ADDRESS? ALLOWS: networks are named that may come without (--allow). -1: the ways to go on. */
int guard_listen(const struct guard *, const char *address, bool allows, struct err *);
/* The fingerprint of the farm that it is of (farm/print.h); CERTIFIED: by a certificate, so that nobody else can be taken for one of
 * it. */
void guard_print(const struct guard *, char out[FARM_PRINT], bool *certified);
