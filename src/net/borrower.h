#pragma once
#include "net/peer.h"
#include "wire/message.h"

#include <stdbool.h>
/* Who borrows slots, at a scheduler: the first of a list that answers. One that is lost is followed by the next; when none
 * answers, they are tried again after pauses that grow. An agent is one, and the scheduler of a site is. */
struct borrower;
struct buf;
struct err;
struct loop;
struct trust;

struct borrower_talk {
	void (*welcome)(void *ctx,
			const char *farm); /* it took us in, and knows nothing of us */
	void (*lease)(void *ctx, const struct message_lease *);
	void (*budget)(void *ctx, const struct message_budget *);
	void (*waiting)(void *ctx, const struct message_waiting *);
	void (*lost)(void *ctx); /* it is gone, or the whole list was tried in vain */
};

struct borrower_spec {
	struct loop *loop;
	struct trust *trust;
	const char *list;      /* of schedulers (net/schedulers.h) */
	const char *word;      /* what the log calls one */
	struct peer_self self; /* but for tls and admits */
	struct message_enroll
	    enroll;    /* what we say of ourselves, but for dialect and role */
	int dial_ms;   /* for one to answer, before the next is tried */
	bool only_own; /* one of another farm than enroll.farm will not do */
	const struct borrower_talk *talk;
	void *ctx; /* for TALK */
};

/* Texts are copied. It dials when the loop runs next. NULL: the list makes no sense. */
struct borrower *borrower_new(const struct borrower_spec *, struct err *);
void borrower_free(struct borrower *); /* NULL is fine */
bool borrower_up(const struct borrower *);
/* Up, or not yet tried them all since it was. */
bool borrower_hopeful(const struct borrower *);
/* The scheduler that took us in; NULL: none. */
const char *borrower_lender(const struct borrower *);
/* Nothing is held: an earlier one of the list is tried again, once in a while. */
void borrower_prefer_first(struct borrower *);
/* A message; while it is up. */
void borrower_send(struct borrower *, struct buf *);
