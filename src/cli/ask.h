#pragma once
#include "base/buf.h"
/* A question to the user's agent, if one runs. */
struct err;
/* Appends the answer to OUT. 0; 1 when no agent runs; -1 with a sentence. */
int ask_agent(const char *what, struct buf *out, struct err *);
/* What it would do with the command ARGV in this folder and environment: a JSON object. 0; 1 and -1 as above. */
int ask_to_explain(char **argv, struct buf *out, struct err *);
