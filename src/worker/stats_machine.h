#pragma once
#include "sys/loop.h"
#include "worker/stats.h"
/* The state of the machine for the page of statistics, from /proc and statvfs. */
struct stats_eye;

/* PROC is "/proc"; TMPDIR is where free space is asked for. Both are borrowed. */
struct stats_eye *stats_eye_new(const char *proc, const char *tmpdir);
void stats_eye_free(struct stats_eye *);
/* Looks at every process of the machine, but at most once in STATS_EYE_REST: in between
 * it answers what it saw then. Rates are since the look before, unknown at the first. */
const struct stats_machine *stats_eye_look(struct stats_eye *, nsec now);
#define STATS_EYE_REST LOOP_MS(2000)
