#pragma once
#include "base/buf.h"

/* The request of protocol 3 for a compile: its command, and all files it may read, from the agent's own scan. */
struct task;

/* Appends it, with the compiler called PROGRAM. NULL, or why its files cannot be sent so that they have the same names there. */
const char *foreign_sources_put(const struct task *, const char *program,
				struct buf *request);
