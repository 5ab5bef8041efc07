#pragma once
/* A program that runs while the loop goes on. */
struct child;
struct loop;
struct err;

/* As spawn_start. DONE is called once, from the loop, with the status as waitpid gives it; the child is to be
 * freed then or later. */
struct child *child_start(struct loop *, char *const argv[], char *const env[],
			  const char *cwd, const int stdio[3],
			  void (*done)(void *ctx, int status), void *ctx, struct err *);
/* In our own environment and folder; ends with us: when this process is gone, however that came (kill -9), it gets SIGTERM. STDIO must be
 * above 2. That it cannot be run is told by its status 127 and a sentence on its standard error. */
struct child *child_start_bound(struct loop *, char *const argv[], const int stdio[3],
				void (*done)(void *ctx, int status), void *ctx,
				struct err *);
/* Kills what still runs of it, its whole process group, and reaps it; DONE is not called any more. NULL is fine. */
void child_free(struct child *);
