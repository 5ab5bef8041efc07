#pragma once
#include <stdbool.h>
#include <stddef.h>
/* What is announced at present, and the hosts that follow from it. One service is announced on each interface and
 * protocol that it can be reached by, so it has many addresses: it is one host all the same, at the best of them, and
 * stays at that one for as long as it is announced, however good others may be that come later.
 *
 * Pure. */
struct buf;
struct discover_line;
struct discover_set;

enum {
	DISCOVER_SET_MAX = 4096 /* announcements; more are not heard */
};

struct discover_set *discover_set_new(void);
void discover_set_free(struct discover_set *); /* NULL is fine */
/* SOURCE tells who said so: services of one name from two sources are two. True when the hosts may have become others. */
bool discover_set_apply(struct discover_set *, unsigned source,
			const struct discover_line *);
void discover_set_clear(struct discover_set *, unsigned source);
/* PRINT: only those of the farm with that fingerprint, "" being those that tell none; NULL: all. The hosts as words for net/hostlist.h, "ADDRESS:PORT/JOBS" with a blank between them, those of the lower
 * source first, else in an order of their own: the same hosts make the same text. */
void discover_set_hosts(struct discover_set *, const char *print, struct buf *text);
