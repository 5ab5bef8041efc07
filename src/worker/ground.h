#pragma once
#include <stddef.h>
#include <sys/types.h>
/* What the worlds of a cage's jobs are built on: a mount namespace whose root is a small tmpfs of ours, where nothing of
 * the machine is but what jobs see anyway.
 *
 *   /at/N            folders of the machine: the client's view, its compiler; read-only
 *   /dev/null …      bound from the machine
 *   /skeleton        the lowest layer of each job: the empty mount points /proc and /dev/…, and /tmp with mode 1777
 *   /scratch /root   empty; where a job mounts its own
 *
 * A job takes a copy of it, which is cheap, as there are few mounts. The machine's own mounts it never has. */
struct err;
struct ground;

enum {
	GROUND_DEVICES = 5
};

extern const char *const ground_devices[GROUND_DEVICES];

/* A folder of the machine: its path, and which one it was when the worker looked. */
struct ground_folder {
	const char *path;
	dev_t dev;
	ino_t ino;
};

/* In the cage, once: leaves the process in a copy of the machine's mounts. NULL: why not. Never freed. */
struct ground *ground_new(struct err *);
/* In the cage: N such that the folder is /at/N, mounted now if it was not; -1. N is good until ground_tidy. */
int ground_find(struct ground *, const struct ground_folder *, struct err *);
/* In the cage, between two jobs: takes away what was not asked for lately, when there is much. */
void ground_tidy(struct ground *);
/* In a job: it has a copy of its own from here on, and stands at its root. */
int ground_enter(const struct ground *, struct err *);
