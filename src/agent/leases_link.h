#pragma once
#include <stdbool.h>
#include <stdint.h>
/* The agent's connection to one scheduler of a list: the first that answers. One that is lost is followed by the next;
 * when none answers, they are tried again after pauses that grow. */
struct agent;
struct err;
struct leases_link;
struct message_budget;
struct message_held;
struct message_lease;
struct message_measured;
struct message_waiting;
struct message_want;

struct leases_talk {
	void (*welcome)(void *ctx); /* a scheduler took us in; it knows nothing of us */
	void (*lease)(void *ctx, const struct message_lease *);
	void (*budget)(void *ctx, const struct message_budget *);
	void (*waiting)(void *ctx, const struct message_waiting *);
	void (*lost)(void *ctx); /* it is gone, or the whole list was tried in vain */
};

/* NULL: the list makes no sense. FARM may be NULL. */
struct leases_link *leases_link_new(struct agent *, const char *schedulers,
				    const char *farm, const struct leases_talk *, void *ctx,
				    struct err *);
/* Of those schedulers only one of this very farm will do, which has no name when ours has none. */
void leases_link_only_own(struct leases_link *);
void leases_link_free(struct leases_link *); /* NULL is fine */
bool leases_link_up(const struct leases_link *);
/* Up, or not yet tried them all since it was. */
bool leases_link_hopeful(const struct leases_link *);
void leases_link_who(const struct leases_link *, const char **scheduler, const char **farm);
uint64_t leases_link_affinity(const struct leases_link *); /* names this agent's files */
/* Nothing is held: an earlier one of the list is tried again, once in a while. */
void leases_link_prefer_first(struct leases_link *);

/* While it is up. */
void leases_link_want(struct leases_link *, const struct message_want *);
void leases_link_held(struct leases_link *, const struct message_held *);
void leases_link_measured(struct leases_link *, const struct message_measured *);
