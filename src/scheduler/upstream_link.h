#pragma once
#include <stdbool.h>
/* A site's connection to the scheduler behind it: the first of a list that answers, as one agent. One that is lost is
 * followed by the next, after pauses that grow when none answers. */
struct buf;
struct err;
struct message_budget;
struct message_lease;
struct message_waiting;
struct server;
struct upstream_link;

struct upstream_talk {
	void (*welcome)(void *ctx); /* it knows nothing of us */
	void (*lease)(void *ctx, const struct message_lease *);
	void (*budget)(void *ctx, const struct message_budget *);
	void (*waiting)(void *ctx, const struct message_waiting *);
	void (*lost)(void *ctx); /* it took us in, and is gone */
};

/* What a site's scheduler is called in ENROLL: others that have one behind them do not take it in, so that no ring is made. */
#define UPSTREAM_SITE "site:"

/* NULL: the list makes no sense. */
struct upstream_link *upstream_link_new(struct server *, const char *list,
					const struct upstream_talk *, void *ctx,
					struct err *);
void upstream_link_free(struct upstream_link *); /* NULL is fine */
bool upstream_link_up(const struct upstream_link *);
void upstream_link_send(struct upstream_link *, struct buf *); /* while it is up */
