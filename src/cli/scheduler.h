#pragma once
#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>
/* A person's, or gethost's, connection to a scheduler. */
struct arena;
struct err;
struct loop;
struct peer;
struct scheduler;

enum {
	SCHEDULER_ANSWER_MS =
	    5000 /* for one scheduler to answer, before the next is asked */
};

struct scheduler_talk {
	void (*welcome)(void *ctx, const char *scheduler);
	/* A message: 0, or -1: malformed, or none that it may send. */
	int (*message)(void *ctx, unsigned type, const char *p, size_t n);
	/* None took us in, or the one that did is gone. Called once, last. */
	void (*lost)(void *ctx, const struct err *why);
};

/* Which schedulers: NAMED, else MUSTER_SCHEDULER, else the +scheduler= of the file of hosts, else the one of this
 * machine. Malloc'ed. */
char *scheduler_list(const char *named);
/* What is said there, without what a terminal would obey. */
const char *scheduler_words(struct arena *, const char *text);
/* ROLE: enum talk_role. The first of LIST that takes us in. NULL: the list makes no sense. */
struct scheduler *scheduler_dial(struct loop *, const char *list, unsigned role,
				 const struct scheduler_talk *, void *ctx, struct err *);
void scheduler_send(struct scheduler *, struct buf *); /* after welcome() */
/* What the one that took us in is, as arena texts without what a terminal would obey. */
void scheduler_who(const struct scheduler *, struct arena *, const char **software,
		   const char **farm, const char **name);
void scheduler_close(struct scheduler *); /* NULL is fine; lost() is not called */

/* Asks one QUESTION (a message) as a person, and hands each answer to ANSWER: 1 it was the last, 0 more follow, -1 it
 * makes no sense. 0 or -1. LIST as scheduler_list gave it. */
int scheduler_ask(const char *list, struct buf *question,
		  int (*answer)(void *ctx, unsigned type, const char *p, size_t n),
		  void *ctx, struct err *);
