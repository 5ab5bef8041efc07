#pragma once
#include <stdbool.h>
/* What makes a process a daemon. In this order: daemon_detach, pidfile_open,
 * daemon_soften, daemon_drop_root, daemon_move, then all that can fail, pidfile_write,
 * daemon_serves. */
struct err;

enum {
	DAEMON_EXIT_BIND = 102, /* distccd's exit status when it cannot listen */
	DAEMON_EXIT_USER = 112  /* … when it cannot become another user */
};

/* Goes on in a new process with a session of its own. The old one stays until
 * daemon_serves, and exits with 0 then; when the new one ends before, with its status.
 * Returns what daemon_serves wants, or -1. */
int daemon_detach(struct err *);
/* Lets the old process go; standard input and output, and standard error unless
 * KEEP_STDERR, lead nowhere from now on. */
void daemon_serves(int detached, bool keep_stderr);

/* Goes on in a new process, whose standard input and output are one socket. The old one
 * carries bytes between that and its own, and exits with the status of the new one. 0 or -1. */
int daemon_join_pipes(struct err *);

/* Adds NICE to the niceness, and sets the adjustment by which the kernel picks what it
 * kills when memory is short, unless OOM_SCORE_ADJ is INT_MIN. What is not allowed is
 * logged and left. */
void daemon_soften(int nice, int oom_score_adj);
/* As root: becomes USER, or when that is NULL the first there is of "distcc", "distccd",
 * "nobody" and 65534, with no other groups. A number is fine for USER. In any case
 * nothing that is run gets more rights than we have (no_new_privs). 0 or -1; after that
 * the process must not go on. */
int daemon_drop_root(const char *user, struct err *);
/* Into the folder TMPDIR; NULL or empty: /tmp. */
int daemon_move(const char *tmpdir, struct err *);
/* Where compilers are looked for, malloc'ed: DISTCCD_PATH as it is; else PATH without
 * the folders in which links of compilers' names lead to a distributor of compiles,
 * which would run us again. */
char *daemon_path(const char *distccd_path, const char *path);
