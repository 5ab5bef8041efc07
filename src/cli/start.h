#pragma once
#include <stddef.h>
/* The user's agent, started where none runs. */
struct err;
/* 0: an agent listens now, and its state folder is in DIR. -1 with a sentence; DIR is set all the same when
 * its text is known. */
int start_agent(char *dir, size_t size, struct err *);
