#pragma once
#include "net/hostlist.h"

#include <stdbool.h>
#include <stdint.h>
/* The lists of hosts that compiles came with. A compile goes only to workers of its own list, however many builds with
 * other lists use the agent at the same time: the scheduler knows a toolchain once for each list (compilers.h). */
struct lists;

struct lists *lists_new(void);
void lists_free(struct lists *);
/* The number of the list with this text: from 1, never used again; the oldest are forgotten. A list that makes no sense has one as
 * well, and names nobody. */
uint32_t lists_id(struct lists *, const char *text, unsigned default_port);
/* Does list ID name H? FOUND, by zeroconf, or NULL, and LENT, by a scheduler, count for lists that ask for it. */
bool lists_have(const struct lists *, uint32_t id, const struct host *h,
		const struct hostlist *found, const struct hostlist *lent);
/* The schedulers of list ID, as written; "": those that are found by zeroconf; NULL: none. */
const char *lists_schedulers(const struct lists *, uint32_t id);
