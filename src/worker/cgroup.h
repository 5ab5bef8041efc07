#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
/* Control groups for jobs: how much memory and how many processes each may have, enforced by the kernel, of version 2 or 1,
 * where this process may make them. A few groups are made and used again and again. */
struct cgroups;
struct cgroup;
struct err;

struct cgroup_limits {
	uint64_t memory_bytes; /* of one job, its scratch files included */
	uint64_t all_bytes;    /* of all jobs together; 0: none */
	unsigned pids;
};

/* NULL: ERR says why none can be made. First removes what dead workers left. */
struct cgroups *cgroups_open(const struct cgroup_limits *, struct err *);
void cgroups_close(struct cgroups *); /* NULL is fine; removes them all */
/* What the worker PID has left, which is dead. */
void cgroups_tidy(pid_t);
/* Root gives them to the user who goes on with them, but for what limits all of them together. */
void cgroups_hand_over(struct cgroups *, uid_t, gid_t);
const char *cgroups_kind(const struct cgroups *); /* "cgroup v2", "cgroup v1" */

/* One for one job; NULL: none can be had. */
struct cgroup *cgroup_take(struct cgroups *);
void cgroup_give(struct cgroup *); /* all its processes are gone; NULL is fine */
/* For struct sandbox_spec: descriptors, borrowed; returns how many. *INTO: the first is of version 2. */
unsigned cgroup_files(const struct cgroup *, int files[2], bool *into);
/* Whether the kernel killed a process of it for memory since it was taken. */
bool cgroup_out_of_memory(const struct cgroup *);
/* Whether it was refused a process since it was taken. */
bool cgroup_out_of_pids(const struct cgroup *);
