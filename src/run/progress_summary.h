#pragma once
#include "run/progress.h"

/* The diagnosis as a sentence without its end: "held back by …". */
void progress_verdict(struct buf *, const struct progress *);
