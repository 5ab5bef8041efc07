#pragma once
#include "base/buf.h"
/* A question to the user's agent, if one runs. */
struct err;
/* Appends the answer to OUT. 0; 1 when no agent runs; -1 with a sentence. */
int ask_agent(const char *what, struct buf *out, struct err *);
