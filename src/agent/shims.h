#pragma once
#include <stddef.h>
#include <stdint.h>
/* The agent's side of the unix socket: shims and `muster` come in, requests go to tasks, answers go out. */
struct agent;
struct shim;
struct shims;
struct err;
struct task;

/* Listens in the agent's state folder. */
struct shims *shims_new(struct agent *, struct err *);
void shims_free(struct shims *);
size_t shims_count(const struct shims *);

void shim_reply(struct shim *, const void *out, size_t nout, const void *err, size_t nerr,
		uint32_t status);
/* Another task answers from now on. */
void shim_follow(struct shim *, struct task *);
/* A line, newline included, for the user beside the compiler's words. Before the reply. */
void shim_log(struct shim *, const char *line);
/* One line of a watch (agent/watch.h); dropped when too much already waits for the socket. */
void shim_line(struct shim *, const char *text);
int shim_pid(const struct shim *);
/* Run PROGRAM (NULL: find it) yourself; SLOT: your connection is the lease of a local slot, for FILE. */
void shim_run_local(struct shim *, const char *program, int slot, const char *file,
		    const char *why);
/* Those that hold a local slot, and since when (loop_now). */
void shims_each_local(const struct shims *,
		      void (*call)(void *ctx, int pid, const char *file, int64_t since),
		      void *ctx);
