#pragma once
#include <stddef.h>
/* The schedulers that a worker, an agent or a person knows, in the order of preference:
 * "HOST[:PORT][,HOST[:PORT]]…", where HOST may be [IPV6] and the port is TALK_PORT (wire/talk.h) when none is given. */
struct err;

enum {
	SCHEDULERS_MAX = 16
};

struct schedulers {
	char *v[SCHEDULERS_MAX]; /* "HOST:PORT", each once */
	size_t n;
};

/* -1: it makes no sense, or names none; LIST is then empty. Nothing is resolved. */
int schedulers_parse(struct schedulers *list, const char *text, struct err *);
void schedulers_free(struct schedulers *); /* its content */
