#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* This machine and this shell: memory, limits, what a worker's sandbox would need, the
 * environment. */
struct arena;
struct doctor;

/* A file system that something of ours, or ccache, writes to. */
struct disk_facts {
	const char *what, *path;
	int64_t free_mb;
};

enum {
	MACHINE_UNKNOWN = -1,
	MACHINE_DISKS = 3
};

struct machine_facts {
	unsigned cores;
	int64_t free_mb;                           /* < 0: unknown */
	int64_t files_soft, files_hard, processes; /* limits; INT64_MAX: none */
	struct disk_facts disks[MACHINE_DISKS];
	size_t ndisks;
	unsigned kernel_major, kernel_minor;
	bool root;
	int namespaces_error; /* errno of making user and mount namespaces; 0: it works */
	long max_user_namespaces, userns_clone, apparmor_restricts; /* or MACHINE_UNKNOWN */
};

/* Both are pure. ENV: "NAME=value" strings, NULL-terminated. */
void doctor_machine_judge(struct doctor *, const struct machine_facts *);
void doctor_environment_judge(struct doctor *, const char *const env[]);
/* STATE: the agent's folder. */
void doctor_machine_look(struct machine_facts *, const char *state, struct arena *);
