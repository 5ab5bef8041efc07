#pragma once
#include <stddef.h>
/* Running a program to the end and keeping what it prints: for questions to a compiler, not for
 * compiles. Standard input is empty; other descriptors stay behind if they are close-on-exec. */
struct buf;
struct err;

/* Runs ARGV[0] (a path; PATH is not searched) with exactly ENV in CWD (NULL: here), in a process
 * group of its own, and appends its output to OUT and ERR_OUT (NULL: thrown away). *STATUS is as
 * waitpid gives it. -1 when it cannot be started, prints more than LIMIT bytes on one stream or
 * has not ended after TIMEOUT_MS: its whole group is killed then. */
int spawn_capture(char *const argv[], char *const env[], const char *cwd, size_t limit,
		  int timeout_ms, struct buf *out, struct buf *err_out, int *status,
		  struct err *);

/* Only starts ARGV[0], in the same way, with STDIO (three descriptors, borrowed) as its 0, 1, 2: 0 and *PID, to be reaped by the
 * caller. -1 when it cannot be started. */
int spawn_start(char *const argv[], char *const env[], const char *cwd, const int stdio[3],
		int *pid, struct err *);

/* NAME as execvp would find it: itself when it has a '/', else the first on PATH that may be run. Malloc'ed; NULL: none. */
char *spawn_find(const char *name);
/* A pipe for a child's stdio: its ends are above 2, so that neither is in the way there, and our reading end ENDS[0]
 * does not block. -1 with errno. */
int spawn_pipe(int ends[2]);
