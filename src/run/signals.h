#pragma once
#include <sys/types.h>
/* SIGINT, SIGTERM, SIGHUP and SIGQUIT while a build runs: what a process sends us is meant for the build and passed on to all of it;
 * what the terminal sends has reached the build without us. */
struct loop;
struct signals;

/* From now on they do not end us. To be called before the command is started. */
struct signals *signals_open(struct loop *);
void signals_close(struct signals *); /* they end us again; NULL is fine */
/* In the command's process: as it was before signals_open. */
void signals_restore(const struct signals *);
/* The command runs as PID, and each process of the build has MUSTER_RUN=RUN in its environment; RUN is borrowed. */
void signals_direct(struct signals *, pid_t pid, const char *run);
/* The command has ended and is reaped: what a signal was meant for and is still there gets it once more. */
void signals_sweep(struct signals *);
