#pragma once
#include "base/buf.h"

#include <jansson.h>
#include <stdbool.h>

/* Mesos' v1 scheduler API, the messages: calls as JSON, and what an offer holds. Nothing is sent here. */
struct mesos_task {
	char id[128];
	char agent[128];
	unsigned slots;
	bool running, killed;
};

struct mesos_settings {
	const char *name, *user, *role, *principal; /* PRINCIPAL, USER: or NULL */
	double cpus, mem;                           /* of one slot; MB */
	double failover_s;
};

/* Room of a command task's own executor, which the agent adds to it. */
#define MESOS_EXECUTOR_CPUS 0.1
#define MESOS_EXECUTOR_MB   32.0

/* ID: of the framework, when it had one; else NULL. */
json_t *mesos_subscribe(const struct mesos_settings *, const char *id);
json_t *mesos_call(const char *type, const char *id); /* those without a body */
json_t *mesos_decline(const char *id, const char *offer, double refuse_s);
json_t *mesos_kill(const char *id, const struct mesos_task *);
json_t *mesos_reconcile(const char *id);
/* Of the STATUS of an update; NULL: it has no uuid, and is not to be acknowledged. */
json_t *mesos_acknowledge(const char *id, const json_t *status);

/* How many slots fit into an offer. */
unsigned mesos_fits(const json_t *offer, const struct mesos_settings *);
/* Launches TASK with its slots on OFFER: SCRIPT is run by a shell beside the file URL. */
json_t *mesos_accept(const char *id, const json_t *offer, const struct mesos_task *,
		     const struct mesos_settings *, const char *script, const char *url);

/* "TASK_RUNNING" → what it means for us. */
enum mesos_state {
	MESOS_COMING,
	MESOS_RUNNING,
	MESOS_GONE
};
enum mesos_state mesos_state(const char *text);
const char *mesos_text(const json_t *o, const char *a, const char *b); /* o.a.b or "" */
