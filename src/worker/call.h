#pragma once
/* A worker that calls: it connects to an agent's door (agent/callers.h) in place of listening, and is a worker like any other on that
 * connection. */
struct call;
struct err;
struct peer_self;
struct worker;

struct call_spec {
	const char *address; /* HOST:PORT of the door; borrowed */
	unsigned
	    grace_s; /* it tries so long to get the connection, at first and when it was lost */
	unsigned idle_s; /* without a job for so long it ends; 0: never */
};

/* Calls from the loop, and ends that (loop_stop) with 0 when there is nothing more to do, with 1 when it was never let in. NULL: the
 * address makes no sense. */
struct call *call_start(struct worker *, const struct peer_self *, const struct call_spec *,
			struct err *);
void call_free(struct call *); /* before worker_shut; NULL is fine */
