#pragma once
#include "base/buf.h"

#include <stdbool.h>
/* The request of protocol 3 for a compile: its command, and all files it may read, from the agent's own scan. */
struct agent;
struct task;

/* Can its files be sent so that they have the same names there? Looks at names only. */
bool foreign_sources_fit(const struct task *);
/* Appends the request. NULL, or why it cannot be made. */
const char *foreign_sources_put(const struct task *, struct buf *request);
