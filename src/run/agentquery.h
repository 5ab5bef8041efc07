#pragma once
#include <stddef.h>
/* A question to the agent, beside the loop: what it answers comes as lines, for as long as it has something to say. */
struct agentquery;
struct err;
struct loop;

enum {
	AGENTQUERY_LINE = 4 << 20 /* most bytes of a line */
};

struct agentquery_handler {
	void (*line)(void *ctx, const char *line, size_t n); /* without its end */
	/* Once, last; to be closed then or later. WHY: NULL when it has answered; else what is wrong. */
	void (*done)(void *ctx, const char *why);
};

/* DIR: the agent's state folder. NULL with ERR: it cannot be asked. */
struct agentquery *agentquery_open(struct loop *, const char *dir, const char *what,
				   const struct agentquery_handler *, void *ctx,
				   struct err *);
void agentquery_close(struct agentquery *); /* NULL is fine */
