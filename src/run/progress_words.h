#pragma once
#include "run/progress.h"

/* Numbers for people. Pure, and the same in every locale. */

void words_time(struct buf *, nsec); /* "0.4 s", "21 s", "1 min 12 s", "2 h 5 min" */
void words_left(struct buf *, nsec); /* the same, as coarse as a guess may be */
void words_bytes(struct buf *, uint64_t bytes); /* "12.4 MB" */
void words_tenths(struct buf *, double);        /* "11.7" */
/* "1 compile", "3 compiles" */
void words_count(struct buf *, uint64_t n, const char *one, const char *many);
