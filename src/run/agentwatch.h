#pragma once
#include "run/progress.h"

#include <stdint.h>
/* The agent's story of one build, line by line (agent/watch.h), as events. */
struct agentwatch;
struct loop;
struct err;

struct agentwatch_now {
	/* Without agent_cpu and machine_cpu; its bytes are all since the agent's start. */
	struct progress_now now;
	nsec at;               /* CLOCK_MONOTONIC */
	uint64_t agent_cpu_ms; /* so far */
	const char *slowest;   /* file under way for longest, or NULL */
	nsec slowest_since;
};

struct agentwatch_handler {
	void (*job)(void *ctx,
		    const struct progress_job *); /* its times are of CLOCK_MONOTONIC */
	void (*now)(void *ctx, const struct agentwatch_now *);
	void (*lost)(void *ctx); /* the agent hung up; nothing comes any more */
};

/* DIR: the agent's state folder. RUN: what MUSTER_RUN is in the build's environment. */
struct agentwatch *agentwatch_open(struct loop *, const char *dir, const char *run,
				   const struct agentwatch_handler *, void *ctx,
				   struct err *);
void agentwatch_close(struct agentwatch *); /* NULL is fine */
