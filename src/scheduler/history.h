#pragma once
#include <stdbool.h>
#include <stdint.h>
/* What is nice to keep over a restart, in one SQLite file that may be deleted at any time: hosts that were added,
 * which are drained, how fast each was, what jobs of a project took. The only doorway to libsqlite3. */
struct history;
struct err;

/* A file that is damaged or none of ours is renamed to PATH.bad, with a line in the log, and begun anew.
 * NULL: the folder cannot be written. */
struct history *history_open(const char *path, struct err *);
void history_close(struct history *); /* saves; NULL is fine */
/* What was noted since the last time goes into the file. What fails is logged once. */
void history_save(struct history *);

void history_host(struct history *, const char *name, const char *url); /* NULL: no more */
void history_each_host(struct history *,
		       void (*each)(void *ctx, const char *name, const char *url),
		       void *ctx);
void history_drain(struct history *, const char *name, bool on);
bool history_drained(struct history *, const char *name);
void history_speed(struct history *, const char *name, double speed);
double history_speed_of(struct history *, const char *name); /* 0: unknown */

/* What a job took, for the project of that number (WANT.affinity). */
void history_job(struct history *, uint64_t project, uint64_t cpu_us, uint64_t maxrss_kb);
/* What its next jobs will take: CPU time on average, memory near the most seen of late. Unknown: both 0. */
void history_predict(struct history *, uint64_t project, uint64_t *cpu_us,
		     unsigned *memory_mib);
