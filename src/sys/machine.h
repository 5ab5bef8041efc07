#pragma once
/* What this process may use of the machine. */

/* The cores it may run on (sched_getaffinity), at least 1. */
unsigned machine_cores(void);
/* Takes all the descriptors it may have: each job, blob and shim holds some. */
void machine_raise_files(void);
