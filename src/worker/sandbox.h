#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
/* A compile in a world of its own: the root is an overlay of read-only lower folders (the client's
 * files, the toolchain) under a private tmpfs that takes everything written; own mount and pid
 * namespace, and the user, network, ipc and uts namespaces of its client's cage; no new privileges;
 * only the system calls that compilers need; nothing inherited but stdio; dies with its last parent.
 * As root or as an ordinary user with user namespaces.
 *
 *   worker ──► cage ──clone──► init (pid 1: mounts, pivots, forks, reaps) ──fork──► compiler
 *          ◄──socketpair: {ready, upper folder's fd}, {exit status, rusage}
 */
struct cage;
struct err;

/* A folder of the machine that is seen in the sandbox too, with all below it, read-only. */
struct sandbox_bind {
	const char *from; /* absolute, no links in it */
	const char *to;   /* canonical; a folder of the lower ones, reached without links */
};

struct sandbox_spec {
	const char *const *lower; /* folders, topmost first, absolute */
	size_t nlower;
	const struct sandbox_bind *binds; /* none lies in another one */
	size_t nbinds;
	const char *cwd;     /* inside; must exist in the lower folders */
	const char *program; /* absolute path inside */
	char *const *argv;
	char *const *env;
	int stdio[3];           /* borrowed; become 0, 1, 2 */
	uint64_t memory_bytes;  /* RLIMIT_AS; 0: none */
	uint64_t scratch_bytes; /* size of the tmpfs */
	unsigned cpu_s;         /* RLIMIT_CPU; 0: none */
	unsigned umask;
	int groups[2];    /* borrowed: of control groups to be in (worker/cgroup) … */
	unsigned ngroups; /* … this many */
	bool into_group;  /* the first is one of version 2 */
	bool self_test;   /* of sandbox_check: our own test in place of the program */
};

struct sandbox;

struct sandbox_end {
	bool started; /* false: the world could not be made; WHY says at which step */
	char why[256];
	int status; /* of the compiler, as waitpid gives it */
	uint64_t user_us, sys_us, maxrss_kb;
	uint64_t tried[2]; /* what was refused: a set of worker/filter */
};

/* Starts it; never blocks on the compiler. NULL: could not even fork. */
struct sandbox *sandbox_start(struct cage *, const struct sandbox_spec *, struct err *);
int sandbox_fd(const struct sandbox *); /* becomes readable when all of it is gone */
/* Readable when it says something, as a rule milliseconds before sandbox_fd: then ask sandbox_hear, and sandbox_end. */
int sandbox_report_fd(const struct sandbox *);
/* Takes what it says; false: it says no more, so do not wait for that any longer. */
bool sandbox_hear(struct sandbox *);
/* 1 and *END when it has ended, 0 when not yet: of all that could write, nothing is left then. */
int sandbox_end(struct sandbox *, struct sandbox_end *);
/* What was written is needed no more; true: its last process too is reaped. */
bool sandbox_let_go(struct sandbox *);
/* A folder descriptor on what was written (the overlay's upper layer), borrowed; -1 when there is
 * none. Read it only after the end; open below it with openat2 RESOLVE_BENEATH|RESOLVE_NO_SYMLINKS. */
int sandbox_written(const struct sandbox *);
void sandbox_kill(struct sandbox *); /* all its processes, at once; its end still comes */
void sandbox_free(struct sandbox *); /* kills and reaps first if need be */

/* Tries the whole thing once with a trivial program that tries the doors, in the control groups of LIKE if that is given. 0; -1: ERR
 * says what is missing and what to do. */
int sandbox_check(const char *scratch_dir, const struct sandbox_spec *like, struct err *);
/* The same test, in the sandbox. */
int sandbox_self_test(struct err *);
