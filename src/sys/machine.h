#pragma once
#include <stddef.h>
#include <stdint.h>
/* What this process may use of the machine. */

/* The cores it may run on (sched_getaffinity), at least 1. */
unsigned machine_cores(void);
/* What this machine runs, as "x86_64-linux"; malloc'ed. */
char *machine_platform(void);
/* MiB of memory that programs started now can have without swapping: what the kernel
 * calls available, or what the limits of the control groups (versions 1 and 2) of this
 * process leave, whichever is less. < 0: unknown. */
int64_t machine_free_mb(void);
/* The same of the machine whose /proc and /sys are below ROOT ("": this one). */
int64_t machine_free_mb_at(const char *root);
/* Takes all the descriptors it may have: each job, blob and shim holds some. */
void machine_raise_files(void);
/* How many descriptors this process may hold at once; RLIM_INFINITY counts as 2^20. */
size_t machine_files(void);
