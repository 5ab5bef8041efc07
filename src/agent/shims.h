#pragma once
#include <stddef.h>
#include <stdint.h>
/* The agent's side of the unix socket: shims and `muster` come in, requests go to tasks, answers go out. */
struct agent;
struct shim;
struct shims;
struct err;

/* Listens in the agent's state folder. */
struct shims *shims_new(struct agent *, struct err *);
void shims_free(struct shims *);
size_t shims_count(const struct shims *);

void shim_reply(struct shim *, const void *out, size_t nout, const void *err, size_t nerr,
		uint32_t status);
/* Run PROGRAM (NULL: find it) yourself; SLOT: your connection is the lease of a local slot. */
void shim_run_local(struct shim *, const char *program, int slot);
