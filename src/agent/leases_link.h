#pragma once
#include "net/borrower.h"

#include <stdbool.h>
#include <stdint.h>
/* What an agent says of itself to schedulers, as a borrower of theirs. */
struct agent;
struct err;

/* SCHEDULERS: a list (net/schedulers.h). FARM may be NULL; ONLY_OWN: a scheduler of another one will not do. NULL: the list
 * makes no sense. */
struct borrower *leases_link_new(struct agent *, const char *schedulers, const char *farm,
				 bool only_own, const struct borrower_talk *, void *ctx,
				 struct err *);
/* Names this user's files on this machine. */
uint64_t leases_link_affinity(void);

/* While it is up. */
void leases_link_want(struct borrower *, const struct message_want *);
void leases_link_held(struct borrower *, const struct message_held *);
void leases_link_measured(struct borrower *, const struct message_measured *);
