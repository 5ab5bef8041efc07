#pragma once
#include <stdbool.h>
/* A scheduler that stands before another one, for a site. To its site it is the scheduler; to the one behind it, upstream, it
 * is one agent, which wants what the site's own workers cannot give and passes on what it is lent:
 *
 *   site's agents ──WANT──► this farm ──missing──► WANT ──► upstream
 *   site's agents ◄─LEASE── this farm ◄──place──── LEASE ◄─ upstream
 *
 * A host that upstream lends is a place of this farm with so many slots; when upstream takes slots back the place shrinks, and
 * the farm recalls them. Agents connect to that host themselves. So each of the two keeps its own books, and a site shares
 * one user's part upstream among its users by its own rules. */
struct borrowed;
struct err;
struct message_measured;
struct place;
struct server;
struct upstream;

/* What a site's scheduler is called in ENROLL: others that have one behind them do not take it in, so that no ring is made. */
#define UPSTREAM_SITE "site:"

/* LIST: "HOST[:PORT][,…]". NULL: it makes no sense. */
struct upstream *upstream_start(struct server *, const char *list, struct err *);
void upstream_free(struct upstream *);  /* NULL is fine; the places stay */
void upstream_moved(struct upstream *); /* something happened in the farm */
/* Something may come from there for who waits here. */
bool upstream_is_hopeful(const struct upstream *);
/* A job ended on a host of theirs: they learn from it as well. */
void upstream_measured(struct upstream *, const struct place *,
		       const struct message_measured *);
