#pragma once
#include "core/job.h"

#include <stdint.h>
/* A second copy of a compile that is late, on another worker. Two tasks stand for one request then, each the other's twin: the
 * first that was, which the shim knows, and its copy. Who has the result first goes on alone, with the shim; of the other
 * nothing stays. Nothing is written before that. */
struct agent;
struct remote;
struct task;

/* The scheduler has a slot on REMOTE for a copy of OF; ID is the copy's own. */
void twin_start(struct task *of, struct remote *, uint64_t id);
/* EVENT is about to happen to one of two: who goes on with it, alone; NULL: the event ended that one, the other goes on. */
struct task *twin_part(struct task *, enum job_event event);
