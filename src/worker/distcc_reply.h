#pragma once
#include <stdbool.h>
#include <stdint.h>
/* The reply to one job of distcc's protocol, made a piece at a time: no more of it is in memory than one packed
 * body. */
struct buf;
struct distcc_reply;
struct err;
struct run;

enum {
	DISTCC_NO_FILE = 0, /* outputs of a run are numbered; 0 and 1 are what it said */
	DISTCC_REPLY_BODY_MAX = 1 << 30
};

struct distcc_reply_spec {
	uint32_t version;      /* the one asked with */
	int status;            /* as waitpid gives it */
	const char *said;      /* SERR, when there is no RUN; borrowed */
	struct run *run;       /* borrowed; NULL: nothing was run */
	unsigned object, deps; /* outputs of the run, DISTCC_NO_FILE: it wrote none */
};

struct distcc_reply *distcc_reply_new(const struct distcc_reply_spec *);
void distcc_reply_free(struct distcc_reply *); /* NULL is fine */
/* Appends the next piece: 0, 1 when it was the last one, -1 when it cannot be read. */
int distcc_reply_some(struct distcc_reply *, struct buf *, struct err *);
/* True when all was appended that every client waits for: some of distcc's leave when they have the object and did
 * not ask for dependencies. */
bool distcc_reply_may_end(const struct distcc_reply *);
